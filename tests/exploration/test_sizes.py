"""Which of two failing runs is easier to understand: fewer context switches, then fewer decisions, then fewer faults."""

from __future__ import annotations

import asyncio

import pytest

from acpool_spec import choose, explore
from acpool_spec.exploration.recording import Decision, Recorded
from acpool_spec.simulation import Outcome, Run

RUN = Run(Outcome.RETURNED, (), 0, 0.0, None, None, ())
SLOW, QUICK, CANCEL = "step slow", "step quick", "cancel slow"


def size(*chosen: str | int) -> tuple[int, int, int, int]:
    """Of a run in which ``slow`` comes first wherever it can; a number is a value, among three."""
    offered = (SLOW, QUICK, CANCEL)
    made = [
        Decision(each, 3, ()) if isinstance(each, int) else Decision(offered.index(each), 3, offered)
        for each in chosen
    ]
    return Recorded(RUN, tuple(made)).size


def test_what_stock_asyncio_does_is_the_least() -> None:
    assert size() == (0, 0, 0, 0)
    assert size(SLOW, SLOW, 0) == (0, 3, 0, 0)


def test_one_preemption_held_for_six_steps_is_one() -> None:
    assert size(*[QUICK] * 6) == (1, 6, 0, 6)
    assert size(QUICK, SLOW, QUICK) == (2, 3, 0, 2)


def test_a_value_is_no_switch_and_ends_none() -> None:
    assert size(QUICK, 0, QUICK) == (1, 3, 0, 2)
    assert size(QUICK, 2, QUICK) == (1, 3, 1, 4)


def test_a_cancellation_is_a_fault_and_ends_no_switch() -> None:
    assert size(CANCEL) == (0, 1, 1, 2)
    assert size(QUICK, CANCEL, QUICK) == (1, 3, 1, 4)


@pytest.mark.parametrize(
    ("name", "faults"), [("c1 dies", 1), ("c1.open fails", 1), ("c1.open ends", 0), ("dieselling", 0)]
)
def test_what_fails_outside_is_a_fault_by_its_name(name: str, faults: int) -> None:
    made = Decision(1, 2, ("iterate", f"let {name} happen"))
    assert Recorded(RUN, (made,)).size == (1 - faults, 1, faults, 1)


def test_to_pass_over_another_one_is_another_switch() -> None:
    made = [Decision(1, 2, (first, "step third")) for first in (SLOW, QUICK, QUICK)]
    assert Recorded(RUN, tuple(made)).size[0] == 2


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        pytest.param(
            (QUICK,) * 6, (QUICK, SLOW, QUICK), id="one switch of six decisions before two of three"
        ),
        pytest.param((CANCEL, CANCEL), (QUICK,), id="two faults before one switch"),
        pytest.param((CANCEL,), (SLOW, SLOW), id="one decision with a fault before two without"),
        pytest.param((SLOW, SLOW), (SLOW, CANCEL), id="as many decisions with fewer faults"),
        pytest.param((1,), (2,), id="the nearer value"),
    ],
)
def test_the_order_of_preference(smaller: tuple[str | int, ...], larger: tuple[str | int, ...]) -> None:
    assert size(*smaller) < size(*larger)


async def two_ways_to_fail() -> None:
    """Fails where ``slow`` is held back over both steps of ``quick``, and where it is let in between and then a value is odd."""
    steps: list[str] = []

    async def quick() -> None:
        steps.append("quick")
        await asyncio.sleep(0)
        steps.append("quick")

    async def slow() -> None:
        steps.append("slow")

    await asyncio.gather(asyncio.create_task(slow(), name="slow"), asyncio.create_task(quick(), name="quick"))
    if steps == ["quick", "slow", "quick"] and choose("abc") == "c":
        raise LookupError("late")
    if steps == ["quick", "quick", "slow"]:
        raise LookupError("late")


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_is_one_switch_and_no_fault_wherever_the_search_began(seed: int) -> None:
    report = explore(two_ways_to_fail, mode="reordered", seed=seed)
    assert report.schedule is not None
    switches, _, faults, _ = Recorded(RUN, report.schedule.decisions).size
    assert (switches, faults) == (1, 0)
