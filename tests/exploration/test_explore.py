"""``explore``: the three verdicts, and that none of them is given for less than it says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from acpool_spec import Budget, Outcome, choose, explore, happens
from acpool_spec.refusals import LoopRefusal
from acpool_spec.simulation import Mode
from acpool_spec.verdict import Bound

Scenario = Callable[[], Coroutine[Any, Any, None]]


async def one_of_a_thousand() -> None:
    """Fails for one value among a thousand."""
    assert choose(range(1000)) != 777


async def any_of_a_thousand() -> None:
    """Fails for none."""
    assert choose(range(1000)) >= 0


async def any_of_fifty() -> None:
    """The same, where each run is made five times."""
    assert choose(range(50)) >= 0


def test_no_alternative_is_left_out_however_many_there_are() -> None:
    report = explore(one_of_a_thousand)
    assert report.verdict == "violated"
    assert report.executions == 778
    assert report.schedule is not None
    assert [str(made) for made in report.schedule.decisions] == ["value 777 of 1000"]


@pytest.mark.parametrize(
    ("executions", "verdict"), [(999, Outcome.UNDECIDED), (1000, Outcome.HOLDS), (1001, Outcome.HOLDS)]
)
def test_a_bound_counts_when_it_cuts_something_off(executions: int, verdict: Outcome) -> None:
    report = explore(any_of_a_thousand, budget=Budget(executions=executions))
    assert report.verdict == verdict
    assert ("executions=999 ran out; 1 alternatives" in report.why) is (verdict == Outcome.UNDECIDED)


def test_a_sample_never_holds() -> None:
    report = explore(any_of_a_thousand, strategy="random", budget=Budget(executions=5_000))
    assert report.verdict == "undecided"
    assert report.executions == 5_000
    assert "the strategy samples" in report.why


def test_seconds_are_those_of_the_clock_of_the_budget() -> None:
    ticks = itertools.count()
    report = explore(any_of_a_thousand, budget=Budget(seconds=10, clock=lambda: float(next(ticks))))
    assert report.verdict == "undecided"
    assert report.certificate.skips == {f"the budget {Bound('seconds', 10)} ran out": 1}


def test_a_run_that_is_cut_is_named() -> None:
    async def spin() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    report = explore(spin, max_steps=50)
    assert report.verdict == "undecided"
    assert report.why == "a run was cut after max_steps=50"


@pytest.mark.parametrize(("max_steps", "why"), [(9, "a run was cut after max_steps=9 (2×)"), (10, "")])
@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_a_step_bound_counts_when_it_cuts_something_off(mode: Mode, max_steps: int, why: str) -> None:
    """Ten steps: the first, and one after each of nine pauses."""

    async def pauses() -> None:
        assert choose("ab") in "ab"
        for _ in range(9):
            await asyncio.sleep(0)

    report = explore(pauses, mode=mode, max_steps=max_steps, footprints=False)
    assert report.executions == 2
    assert report.why == why
    assert report.verdict == ("undecided" if why else "holds")


def test_a_bound_on_states_counts_when_it_cuts_something_off() -> None:
    """Two tasks of one pause: as many states as there are, and one less."""

    async def two() -> None:
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

    states = explore(two, mode="reordered", footprints=False).states
    assert states > 2
    assert explore(two, mode="reordered", budget=Budget(states=states + 1)).verdict == "holds"
    report = explore(two, mode="reordered", budget=Budget(states=states - 1))
    assert report.verdict == "undecided"
    assert f"the budget states={states - 1} ran out" in report.why


async def deadlock() -> None:
    """Two tasks take two locks, each in its own order."""
    locks = asyncio.Lock(), asyncio.Lock()

    async def take(first: asyncio.Lock, second: asyncio.Lock) -> None:
        async with first:
            await asyncio.sleep(0)
            async with second:
                pass

    await asyncio.gather(take(*locks), take(*reversed(locks)))


async def leftover() -> None:
    """A task is still there when the scenario ends, if the outside is slow."""

    async def wait() -> None:
        await happens("answer")

    task = asyncio.create_task(wait(), name="forgotten")
    await happens("end")
    if task.done():
        return


async def unretrieved() -> None:
    """Nobody looks at how a task failed."""

    async def fail() -> None:
        raise LookupError("nobody sees this")

    asyncio.create_task(fail(), name="lonely")  # noqa: RUF006 - that is the point
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("scenario", "kind", "said"),
    [
        (deadlock, "deadlock", "nothing is left that could happen"),
        (leftover, "leftover task", "forgotten"),
        (unretrieved, "unretrieved exception", "LookupError: nobody sees this"),
    ],
)
def test_what_counts_as_a_failure(scenario: Scenario, kind: str, said: str) -> None:
    report = explore(scenario)
    assert report.verdict == "violated"
    assert report.failure is not None
    assert report.failure.kind == kind
    assert said in report.why
    assert str(report.failure).startswith(f"{kind}: ")
    assert str(report.failure).count(kind) == 1


def test_choices_that_differ_from_run_to_run_are_no_verdict() -> None:
    readings = itertools.count(2)

    async def reads_a_clock() -> None:
        choose(range(next(readings)))

    report = explore(reads_a_clock)
    assert report.verdict == "undecided"
    assert "not deterministic" in report.why


def test_a_paranoid_exploration_makes_every_run_twice() -> None:
    runs = itertools.count()

    async def now_and_then() -> None:
        choose(range(100))
        if next(runs) % 7 == 3:
            await asyncio.sleep(0)

    assert explore(any_of_fifty, paranoid=True).certificate.repeated == 50
    report = explore(now_and_then, paranoid=True)
    assert report.verdict == "undecided"
    assert "the same choices led to two runs that part" in report.why


def test_a_thread_is_refused_in_a_sentence() -> None:
    async def threaded() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(LoopRefusal, match="a thread runs when it likes"):
        explore(threaded)


@pytest.mark.parametrize("options", [{"strategy": "best"}, {"mode": "sideways"}])
def test_unknown_words_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        explore(any_of_a_thousand, **options)
