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
from acpool_spec.exploration import reduction
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.footprints import Observer, SourceSets
from acpool_spec.exploration.footprints.cells import Footprint
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

first_variable = second_variable = third_variable = 0
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
            return int(container[place])

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
        global first_variable  # noqa: PLW0603 - that is the point
        first_variable = value

    def put_second(value: int) -> None:
        global second_variable  # noqa: PLW0603 - that is the point
        second_variable = value

    def put_third(value: int) -> None:
        global third_variable  # noqa: PLW0603 - that is the point
        third_variable = value

    for put in (put_first, put_second, put_third):
        put(0)
    return [
        (lambda: first_variable, put_first),
        (lambda: second_variable, put_second),
        (lambda: third_variable, put_third),
    ]


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
    """How many classes there are: orders are equivalent where all pairs of steps in conflict come in the same order."""

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
@pytest.mark.parametrize("number", range(40))
def test_as_many_runs_as_classes(number: int) -> None:
    scripts = scripts_of(number)
    _, certificate, unfit = classes(accesses(scripts))
    assert not unfit
    assert (certificate.classes, certificate.blocked) == (counted(scripts), 0)
    assert certificate.open == 0


# Nothing is lost.

BIG = {2, 12, 14, 23, 26, 37}
"""Programs with more than 1,200 orders, as far as brute force is asked."""
LARGE = {14, 37}
"""Those that take more than a second, whichever way."""
CUT_OFF = {20}
"""Those whose end cuts something off: footprints are no use there."""


@watched
@pytest.mark.parametrize("number", sorted({*range(40)} - LARGE - CUT_OFF))
def test_the_same_ends_whichever_way(walk: Walk, number: int) -> None:
    scenario = meeting.program(number)
    ends, certificate, unfit = classes(scenario)
    assert not unfit
    assert certificate.open == 0
    assert set(ends) == set(walk(scenario)[0])
    if number not in BIG:
        assert set(ends) == set(walk(scenario, prune=False)[0])


@watched
def test_the_programs_are_worth_it() -> None:
    """Tasks do meet in them: classes and different ends of the first 24 together."""
    found = [classes(meeting.program(number)) for number in sorted({*range(24)} - LARGE - CUT_OFF)]
    assert (
        sum(certificate.classes for _, certificate, _ in found),
        sum(len(ends) for ends, _, _ in found),
    ) == WORTH


WORTH = (75, 31)


def nothing(*_: object) -> None:
    """In the place of what is left out."""


def no_step(*_: object) -> int:
    return 0


def all_or_nothing(one: Footprint, other: Footprint) -> bool:
    return one.everything or other.everything


def lost(walk: Walk) -> list[int]:
    """Programs some of whose ends are missed."""
    missed: list[int] = []
    for number in LOSABLE:
        scenario = meeting.program(number)
        ends, _, unfit = classes(scenario)
        if not unfit and set(ends) != set(walk(scenario)[0]):
            missed.append(number)
    return missed


LOSABLE = sorted({*range(32)} - BIG - CUT_OFF)


@watched
def test_reads_that_are_not_seen_are_missed(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison with known states is no formality: without this, or what the next tests leave out, it fails."""
    assert not lost(walk)
    monkeypatch.setattr(Notes, "read", nothing)
    assert lost(walk)


@watched
def test_a_conflict_that_is_not_seen_is_missed(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Footprint, "conflicts", all_or_nothing)
    assert lost(walk)


@watched
def test_a_sleeper_that_nobody_wakes_is_missed(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Footprint, "may_conflict", nothing)
    assert lost(walk)


@watched
def test_who_was_made_ready_by_whom_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a race between a step and one that it made ready would have to be reversed, which nothing can do."""
    monkeypatch.setattr(HappensBefore, "_made_ready", no_step)
    _, certificate, unfit = classes(three(gathered, attributes, one=True))
    assert unfit or certificate.classes + certificate.blocked != 36


# What is concluded.


async def lost_update() -> None:
    """Two tasks read one variable, pause, and write it back."""
    box = Attribute()

    async def add() -> None:
        seen = box.value
        await asyncio.sleep(0)
        box.value = seen + 1

    await asyncio.gather(add(), add())
    assert box.value == 2


async def crossed_locks() -> None:
    """Each of two tasks takes two locks, in its own order, without a pause between, but for the first lock's."""
    locks = asyncio.Lock(), asyncio.Lock()

    async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
        async with first:
            await asyncio.sleep(0)
            async with second:
                pass

    await asyncio.gather(take(*locks), take(*reversed(locks)))


async def cut_off() -> None:
    """Whether the task that is left alone comes to its end depends on the order: what is ready then is all that still runs."""
    box = Attribute()

    async def alone() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        box.value = 1

    asyncio.create_task(alone(), name="alone")  # noqa: RUF006 - that is the point
    for _ in range(3):
        await asyncio.sleep(0)


@watched
@pytest.mark.parametrize(
    ("scenario", "kind"),
    [(lost_update, "raised AssertionError"), (crossed_locks, "deadlock"), (cut_off, "leftover task")],
)
def test_failures_are_found_and_replay(scenario: Scenario, kind: str) -> None:
    report = explore(scenario, mode="reordered")
    assert report.verdict == "violated"
    assert report.failure is not None and report.failure.kind == kind
    assert report.schedule is not None
    again = failure_of(replay(scenario, report.schedule))
    assert again is not None and again.kind == kind
    assert explore(scenario, mode="reordered", footprints=False).verdict == "violated"


async def chooses() -> None:
    assert choose([1, 2]) > 0


async def sleeps() -> None:
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2))


async def looks_inside() -> None:
    box = Attribute()

    async def change() -> None:
        vars(box)["value"] += 1

    await asyncio.gather(change(), change())


async def unpacks() -> None:
    async def change() -> None:
        bytearray(b"unknown").reverse()

    await asyncio.gather(change(), change())


async def cancels_a_callback() -> None:
    async def change() -> None:
        asyncio.get_running_loop().call_soon(print).cancel()

    await asyncio.gather(change(), change())


@watched
@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        (chooses, "lanes are not all that there is to choose among"),
        (sleeps, "lanes are not all that there is to choose among"),
        (looks_inside, "a call of builtins.vars"),
        (unpacks, "an attribute of builtins.bytearray"),
        (cancels_a_callback, "LaneHandle.cancel of the checker is called"),
    ],
)
def test_what_is_not_known_puts_an_end_to_it(scenario: Scenario, why: str) -> None:
    """Known states are cut off instead, and the run made before counts as one that was made for nothing."""
    report = explore(scenario, mode="reordered")
    plain = explore(scenario, mode="reordered", footprints=False)
    assert dict(report.certificate.no_footprints) == {why: 1}
    assert report.verdict == plain.verdict == "holds"
    assert 1 < report.executions <= plain.executions + report.certificate.abandoned
    assert (report.certificate.classes, report.certificate.abandoned) == (0, 1)


@watched
@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        (1, "a run was cut after max_steps=2000 (2×)"),
        (2, "every run came back to a state that it had been in, and none to an end"),
    ],
)
def test_a_run_without_an_end_is_left_to_others(tasks: int, why: str) -> None:
    """To compare each of its steps with every other would take hours. And it is no pass that no state is new."""

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    async def scenario() -> None:
        await asyncio.gather(*(spins() for _ in range(tasks)))

    report = explore(scenario, mode="reordered", max_steps=2_000)
    assert list(report.certificate.no_footprints) == ["a run has more than 500 steps"]
    assert (report.verdict, report.why) == ("undecided", why)


@watched
def test_a_budget_that_runs_out_is_no_verdict() -> None:
    report = explore(three(gathered, attributes, one=True), mode="reordered", budget=Budget(executions=20))
    assert report.verdict == "undecided"
    assert "the budget executions=20 ran out" in report.why
    assert report.certificate.open > 0


@watched
def test_known_states_get_their_turns_and_may_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks write one variable four times each: 8! / 4!² = 70 orders of the writes, each its own class; it takes fewer runs
    to come to every state."""

    async def scenario() -> None:
        box = Attribute()

        async def write() -> None:
            for _ in range(4):
                box.put(0)
                await asyncio.sleep(0)

        await asyncio.gather(write(), write())

    assert explore(scenario, mode="reordered").certificate.classes == 70
    monkeypatch.setattr(reduction, "ALONE", 4)
    report = explore(scenario, mode="reordered")
    assert (report.verdict, report.certificate.open) == ("holds", 0)
    assert report.states > 0
    assert 4 < report.certificate.classes < 70


@watched
def test_footprints_may_win_though_known_states_have_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """30 runs alone, then every ninth: 36 classes are known after 6 more, and 8 runs with known states before each."""
    scenario = three(gathered, attributes, one=True)
    explore(scenario, mode="reordered", budget=Budget(executions=1))  # caches are full now
    monkeypatch.setattr(reduction, "ALONE", 30)
    report = explore(scenario, mode="reordered")
    account = report.certificate
    assert (report.verdict, account.classes, account.abandoned, report.executions) == (
        "holds",
        36,
        0,
        36 + 6 * 8,
    )
    assert account.pruned > 0
    assert (account.open, account.why()) == (0, "")


@pytest.mark.skipif(sys.version_info[:2] == (3, 11), reason="steps can be watched here")
def test_elsewhere_it_is_off_and_says_so() -> None:
    report = explore(three(gathered, attributes, one=False), mode="reordered")
    assert report.verdict == "holds"
    assert report.states > 0
    assert list(report.certificate.no_footprints) == [
        "steps cannot be watched on this Python, or beside this debugger"
    ]


def test_beside_a_debugger_it_is_off() -> None:
    before = sys.gettrace()
    sys.settrace(nothing)
    try:
        assert not Observer.available()
    finally:
        sys.settrace(before)


PRINTS = """
from tests.exploration import meeting
from tests.exploration.test_footprints import classes
for number in (2, 23, 26):
    ends, certificate, unfit = classes(meeting.program(number))
    print(sorted(ends.items()), certificate.classes, certificate.blocked, certificate.alternatives, unfit)
"""


@watched
def test_the_same_under_any_hash_seed() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", PRINTS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    }
    assert len(told) == 1
    assert told.pop().strip()
