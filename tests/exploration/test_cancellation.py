"""Cancellations at every point of a task's life, the hand-over above all: a lost resource, and the classic repairs."""

from __future__ import annotations

import asyncio

import pytest
from tests.exploration.toys import Permit

from acpool_spec import explore
from acpool_spec.simulation import Mode


async def use(slot: Permit) -> None:
    """Hold the slot over one pause."""
    await slot.acquire()
    try:
        await asyncio.sleep(0)
    finally:
        slot.release()


async def handed_over_and_lost() -> None:
    """A waiter that is cancelled after its turn has come keeps the slot for ever."""
    slot = Permit(passes_on=False)
    await asyncio.gather(*(asyncio.create_task(use(slot)) for _ in range(2)), return_exceptions=True)
    assert slot.free


async def handed_over_and_passed_on() -> None:
    """The same, repaired."""
    slot = Permit(passes_on=True)
    await asyncio.gather(*(asyncio.create_task(use(slot)) for _ in range(2)), return_exceptions=True)
    assert slot.free


async def of_asyncio() -> None:
    """asyncio's own semaphore."""
    slot = asyncio.Semaphore(1)

    async def hold() -> None:
        async with slot:
            await asyncio.sleep(0)

    await asyncio.gather(*(asyncio.create_task(hold()) for _ in range(3)), return_exceptions=True)
    assert not slot.locked()


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_the_lost_hand_over_is_found_on_stock_asyncio(mode: Mode) -> None:
    report = explore(handed_over_and_lost, mode=mode, cancellations=1)
    assert report.verdict == "violated"
    assert report.schedule is not None
    assert report.schedule.feasible == "fifo"
    assert [str(made) for made in report.schedule.decisions if made.chosen] == ["cancel Task-3"]


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
@pytest.mark.parametrize("cancellations", [1, 2])
def test_the_repair_holds_under_every_cancellation(mode: Mode, cancellations: int) -> None:
    assert explore(handed_over_and_passed_on, mode=mode, cancellations=cancellations).verdict == "holds"


@pytest.mark.parametrize(("mode", "cancellations"), [("fifo", 1), ("fifo", 2), ("reordered", 1)])
def test_the_semaphore_of_asyncio_holds(mode: Mode, cancellations: int) -> None:
    report = explore(of_asyncio, mode=mode, cancellations=cancellations)
    assert report.verdict == "holds"
    assert report.states > 0


def test_a_second_cancellation_hits_the_clean_up_of_the_first() -> None:
    cleaned: list[bool] = []

    async def tidy() -> None:
        done = [False]

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                done[0] = True

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        cleaned.append(done[0])

    assert explore(tidy, cancellations=1).verdict == "holds"
    assert set(cleaned) == {True, False}


def test_a_scenario_that_the_outside_ends_has_not_failed() -> None:
    async def awaits() -> None:
        async def pause() -> None:
            await asyncio.sleep(0)

        first, second = asyncio.create_task(pause()), asyncio.create_task(pause())
        await first
        await second

    assert explore(awaits, cancellations=1).verdict == "holds"
    assert explore(awaits, cancellations=2).verdict == "holds"


def test_a_task_that_outlives_its_cancellation_is_found_at_the_end() -> None:
    async def stubborn() -> None:
        async def ignore() -> None:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue

        task = asyncio.create_task(ignore(), name="stubborn")
        victim = asyncio.create_task(asyncio.sleep(0))
        await victim
        assert not task.done()

    report = explore(stubborn, cancellations=1)
    assert report.verdict == "violated"
    assert "stubborn" in report.why
