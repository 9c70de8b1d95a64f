"""Scenarios for the tests that depend on more than their choices, and some that only look so; importable by name."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import os
import random
import time
import uuid
from typing import Any

from acpool_spec import choose

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FACES = itertools.count()


class Thing:
    """An object of the default hash, which is its address."""

    number = 0


async def reads_the_time() -> None:
    """A clock whose answer makes no difference this time."""
    if time.time() < 0:
        raise ValueError("before 1970")


async def keeps_the_time() -> None:
    """A clock whose answer is kept over an await."""
    started = time.monotonic()
    await asyncio.sleep(0)
    assert started


async def reads_the_date() -> None:
    """A clock in other clothes."""
    assert datetime.datetime.now(datetime.UTC) > datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


async def draws() -> None:
    """The generator of the process, which goes on from run to run."""
    await asyncio.sleep(random.random())


async def draws_from_its_own() -> None:
    """A generator of its own, seeded by nobody."""
    drawn = random.Random()
    await asyncio.sleep(0)
    assert drawn.random() < 1


async def draws_entropy() -> None:
    """Bytes that nobody can draw twice."""
    assert len(os.urandom(8)) == 8


async def draws_an_id() -> object:
    """The same, in a library."""
    return uuid.uuid4()


async def keeps_an_address() -> None:
    """A number that is the address of something."""
    address = id(object())
    await asyncio.sleep(0)
    assert address


async def walks_through_strings() -> None:
    """One order in this process, another one in the next."""
    for letter in set(LETTERS):
        await asyncio.sleep(0)
        assert letter


async def joins_strings() -> str:
    """The same, and nothing but the result shows it."""
    return "".join(set(LETTERS))


async def fails_by_order() -> None:
    """Fails in one process and not in the next: what is violated here may hold there."""
    assert "".join(set(LETTERS)) == LETTERS


async def walks_through_objects() -> None:
    """An order that is decided by addresses."""
    things = [Thing() for _ in range(32)]
    for number, thing in enumerate(set(things)):
        thing.number = number
    await asyncio.sleep(0)
    assert things


async def counts_runs() -> None:
    """Carries something from one run to the next."""
    if next(FACES) % 2:
        await asyncio.sleep(0)


async def one_choice_differently() -> None:
    """The same number of steps, alternatives and findings, at other places: only where a task stands tells them apart."""
    if next(FACES) % 2:
        await asyncio.sleep(0)
    else:
        await asyncio.sleep(0)


async def asks_for_members() -> None:
    """A set of strings and one of objects, and nobody looks at their orders."""
    letters, things = set(LETTERS), {Thing() for _ in range(32)}
    await asyncio.sleep(0)
    assert "a" in letters
    assert len(things) == 32


async def draws_from_a_seed() -> None:
    """Random numbers that are the same in every run."""
    random.seed(5)
    drawn = random.Random(3)
    await asyncio.sleep(drawn.random() + random.random())


async def gathers() -> None:
    """Tasks, a group, a timeout, a queue: nothing that a machine would decide."""
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def put(number: int) -> None:
        await queue.put(number)

    try:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(put(number))
            assert sorted([await queue.get() for _ in range(3)]) == [0, 1, 2]
    except TimeoutError:
        return
    assert choose((True, False)) in (True, False)


def closed_over(letters: Any) -> Any:
    """A scenario that no other process can find."""

    async def scenario() -> str:
        return "".join(letters)

    return scenario


PAIRS = [f"{number}" for number in range(128)]


async def walks_through_pairs() -> str:
    """Many sets of two strings, each of which has one order in half of all interpreters."""
    pairs = zip(PAIRS[::2], PAIRS[1::2], strict=True)
    return "".join("".join({one, other}) for one, other in pairs)
