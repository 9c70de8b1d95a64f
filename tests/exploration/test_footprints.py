"""One run of each class of equivalent ones: as many as there are by an independent count, and no outcome is lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest
from tests.exploration import meeting
from tests.exploration.conftest import Walk

from acpool_spec import Budget, choose, explore, replay
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.footprints import Observer, SourceSets
from acpool_spec.exploration.footprints.cells import ITEM, Footprint
from acpool_spec.exploration.footprints.happens_before import HappensBefore
from acpool_spec.exploration.footprints.notes import Notes
from acpool_spec.simulation import Outcome, Scenario, simulate

pytestmark = pytest.mark.no_cover  # beside coverage, which traces as well, footprints are off
watched = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="steps are watched on CPython 3.11 only")


def classes(scenario: Scenario, most: int = 3_000) -> tuple[Counter[str], Certificate, str]:
    """Every run with footprints by how it ended, the account, and why they cannot be used, if so."""
    certificate = Certificate(exhaustive=True)
    oracle = SourceSets(certificate)
    ends: Counter[str] = Counter()
    try:
        while not oracle.finished and not oracle.unfit and certificate.executions < most:
            run = simulate(scenario, oracle, mode="reordered")
            certificate.executions += 1
            if run.outcome is not Outcome.PRUNED:
                findings = sorted(f"{finding.kind} {finding.subject}" for finding in run.findings)
                ends[f"{run.outcome.value} {run.result!r} {run.exception!r} {run.time} {findings}"] += 1
    finally:
        oracle.observer.stop()
    assert oracle.finished or oracle.unfit
    return ends, certificate, oracle.unfit


# Variables of every kind, one for all tasks or one each.

FIRST = SECOND = THIRD = 0
Variable = tuple[Callable[[], int], Callable[[int], None]]


class Attribute:
    def __init__(self) -> None:
        self.value = 0

    def get(self) -> int:
        return self.value

    def put(self, value: int) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def get(self) -> int:
        return self.value

    def put(self, value: int) -> None:
        self.value = value


def attributes() -> list[Variable]:
    return [(each.get, each.put) for each in (Attribute(), Attribute(), Attribute())]


def slots() -> list[Variable]:
    return [(each.get, each.put) for each in (Slotted(), Slotted(), Slotted())]


def items_of(container: Any, places: Sequence[Any]) -> list[Variable]:
    def of(place: Any) -> Variable:
        def get() -> int:
            return container[place]

        def put(value: int) -> None:
            container[place] = value

        return get, put

    return [of(place) for place in places]


def list_items() -> list[Variable]:
    return items_of([0, 0, 0], range(3))


def dictionary_items() -> list[Variable]:
    return items_of({"a": 0, "b": 0, "c": 0}, "abc")


def closures() -> list[Variable]:
    def one() -> Variable:
        value = 0

        def get() -> int:
            return value

        def put(new: int) -> None:
            nonlocal value
            value = new

        return get, put

    return [one(), one(), one()]


def module_variables() -> list[Variable]:
    def put_first(value: int) -> None:
        global FIRST
        FIRST = value

    def put_second(value: int) -> None:
        global SECOND
        SECOND = value

    def put_third(value: int) -> None:
        global THIRD
        THIRD = value

    return [(lambda: FIRST, put_first), (lambda: SECOND, put_second), (lambda: THIRD, put_third)]


KINDS = (attributes, slots, list_items, dictionary_items, closures, module_variables)


async def read_and_write(get: Callable[[], int], put: Callable[[int], None]) -> None:
    seen = get()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    put(seen + 1)
    await asyncio.sleep(0)


async def gathered(bodies: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*bodies)


async def gathered_tasks(bodies: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*[asyncio.create_task(body) for body in bodies])


async def grouped(bodies: list[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for body in bodies:
            group.create_task(body)


async def waited_for(bodies: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.wait([asyncio.create_task(body) for body in bodies])


STARTS = (gathered, gathered_tasks, grouped, waited_for)


def three(
    start: Callable[[list[Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
    kind: Callable[[], list[Variable]],
    one: bool,
) -> Scenario:
    async def scenario() -> None:
        variables = kind()
        await start([read_and_write(*variables[0 if one else number]) for number in range(3)])

    return scenario


@watched
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", STARTS)
def test_three_tasks_on_one_variable(
    start: Callable[[list[Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
    kind: Callable[[], list[Variable]],
) -> None:
    """36 classes: the order of the three writes, 3!, and which of the earlier ones each task has read: nothing for the first, 2
    places for the read of the second, 3 for that of the third. Runs that were begun again since a cache filled come on top."""
    report = explore(three(start, kind, one=True), mode="reordered")
    assert (report.verdict, report.certificate.classes, report.certificate.blocked) == ("holds", 36, 0)
    assert report.executions <= 50
    assert report.executions == 36 + report.certificate.abandoned


@watched
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", STARTS)
def test_three_tasks_with_a_variable_each(
    start: Callable[[list[Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
    kind: Callable[[], list[Variable]],
) -> None:
    """Nobody touches what another touches: one order stands for all."""
    report = explore(three(start, kind, one=False), mode="reordered")
    assert (report.verdict, report.executions) == ("holds", 1)


# Programs of plain accesses, whose classes can be counted without running anything.

Access = tuple[str, int]
Script = list[list[Access]]
"""The steps of a task, each with what it reads or writes."""


def scripts_of(number: int) -> list[Script]:
    draw = random.Random(number)
    return [
        [
            [(draw.choice("rw"), draw.randrange(2)) for _ in range(draw.randrange(3))]
            for _ in range(draw.choice((1, 2, 3)))
        ]
        for _ in range(draw.choice((2, 3)))
    ]


def orders(lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every interleaving, as the task that takes each step."""
    left = list(lengths)
    if not any(left):
        yield ()
    for task, length in enumerate(left):
        if length:
            left[task] -= 1
            for rest in orders(left):
                yield (task, *rest)
            left[task] += 1


def counted(scripts: list[Script]) -> int:
    """How many classes there are: orders are equivalent where every pair of steps in conflict comes in the same order (Mazurkiewicz)."""

    def conflict(one: list[Access], other: list[Access]) -> bool:
        return any(
            place == there and "w" in how + their
            for (how, place), (their, there) in itertools.product(one, other)
        )

    found: set[frozenset[tuple[tuple[int, int], tuple[int, int]]]] = set()
    for order in orders([len(script) for script in scripts]):
        taken = [0] * len(scripts)
        steps: list[tuple[int, int]] = []
        for task in order:
            steps.append((task, taken[task]))
            taken[task] += 1
        found.add(
            frozenset(
                (one, other)
                for one, other in itertools.combinations(steps, 2)
                if one[0] != other[0] and conflict(scripts[one[0]][one[1]], scripts[other[0]][other[1]])
            )
        )
    return len(found)


def accesses(scripts: list[Script]) -> Scenario:
    async def scenario() -> str:
        cells = [0, 0]
        seen: list[list[int]] = [[] for _ in scripts]

        async def run(me: int, script: Script) -> None:
            for number, step in enumerate(script):
                if number:
                    await asyncio.sleep(0)
                for how, place in step:
                    if how == "r":
                        seen[me].append(cells[place])
                    else:
                        cells[place] = 10 * me + number + 1

        await asyncio.gather(*(run(me, script) for me, script in enumerate(scripts)))
        return f"{cells} {seen}"

    return scenario


@watched
@pytest.mark.parametrize("number", range(60))
def test_as_many_runs_as_classes(number: int) -> None:
    scripts = scripts_of(number)
    _, certificate, unfit = classes(accesses(scripts))
    assert not unfit
    assert (certificate.classes, certificate.blocked) == (counted(scripts), 0)
    assert certificate.open == 0


# Nothing is lost.

UNFIT = {
    "a coroutine or generator was dropped before its end",
    "something is ready when the scenario ends, and asyncio would still run it",
}
LARGE = {5, 7, 9}
"""Programs with more than 3,000 orders, as far as brute force is asked."""


@watched
@pytest.mark.parametrize("number", range(72))
def test_the_same_ends_as_with_known_states(walk: Walk, number: int) -> None:
    scenario = meeting.program(number)
    ends, certificate, unfit = classes(scenario)
    if unfit:
        assert unfit in UNFIT
        return
    cut, _ = walk(scenario)
    assert set(ends) == set(cut)
    assert certificate.open == 0
