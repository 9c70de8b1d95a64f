"""Cutting known states off changes how many runs there are, and nothing else: brute force finds the same ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.exploration.programs import program, race

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.verdict import Outcome

Walk = Callable[..., tuple[Counter[str], Certificate]]


LARGE = {1, 3, 9, 11, 14, 16, 23, 24, 30, 34}
"""Programs with more than 2,000 orders."""


@pytest.mark.parametrize("number", sorted({*range(36)} - LARGE))
def test_the_same_ends_with_and_without(walk: Walk, number: int) -> None:
    scenario = program(number)
    for mode, cancellations in (("reordered", 0), ("fifo", 0), ("fifo", 1), ("fifo", 2)):
        cut, certificate = walk(scenario, mode=mode, cancellations=cancellations)
        whole, brute = walk(scenario, mode=mode, cancellations=cancellations, prune=False)
        assert set(cut) == set(whole)
        assert certificate.outcome() == brute.outcome() == Outcome.HOLDS
        assert certificate.executions <= brute.executions
        assert not certificate.not_canonical
        assert brute.states == 0


@pytest.mark.parametrize("number", [0, 2, 5, 8])
@pytest.mark.no_cover
def test_the_same_ends_where_tasks_are_cancelled_in_any_order(walk: Walk, number: int) -> None:
    scenario = program(number)
    cut, _ = walk(scenario, cancellations=1)
    whole, _ = walk(scenario, cancellations=1, prune=False)
    assert set(cut) == set(whole)


def test_the_runs_of_a_race_are_counted(walk: Walk) -> None:
    """Each task takes two steps, after which gather's callback is ready, which may run before or after what the other task still
    has to do: 6!/(3! 3!) = 20 orders. How many are left when known states are cut off was found by counting."""
    whole, brute = walk(race, prune=False)
    cut, certificate = walk(race)
    assert set(whole) == set(cut)
    assert {end.split()[1] for end in whole} == {"1", "2"}
    assert (brute.executions, certificate.executions, certificate.states) == COUNTS


COUNTS = (20, 16, 15)


async def ends_before_the_other() -> None:
    """The task left alone comes to its end in time, unless the scenario ends early in an iteration: then what asyncio still runs
    before it stops is not enough for it."""
    over = asyncio.Event()

    async def left_alone() -> None:
        for _ in range(2):
            if not over.is_set():
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    task = asyncio.create_task(left_alone())
    for _ in range(3):
        await asyncio.sleep(0)
    over.set()
    del task


def test_what_is_left_of_an_iteration_is_part_of_a_state(walk: Walk) -> None:
    cut, _ = walk(ends_before_the_other)
    whole, _ = walk(ends_before_the_other, prune=False)
    assert set(cut) == set(whole)
    assert {"leftover" in end for end in whole} == {False, True}


async def opaque() -> None:
    """As ``race``, with something among the locals into which nobody can look."""
    secret: Any = memoryview(bytearray(b"secret"))

    async def pause() -> None:
        await asyncio.sleep(0)
        assert secret

    await asyncio.gather(pause(), pause())


def test_what_cannot_be_compared_is_not_cut(walk: Walk) -> None:
    whole, brute = walk(opaque, prune=False)
    kept, certificate = walk(opaque)
    assert kept == whole
    assert certificate.executions == brute.executions
    assert certificate.pruned == 0
    assert list(certificate.not_canonical) == ["builtins.memoryview"]
    assert certificate.outcome() == Outcome.HOLDS
