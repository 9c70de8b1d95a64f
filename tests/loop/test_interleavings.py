"""How many runs a tiny program has, derived by hand; brute force over all choices finds exactly these."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import permutations

import pytest

from acpool_spec.oracles import FirstOracle
from acpool_spec.outside import choose, happens, offer
from acpool_spec.simulation import Mode, Run, Scenario, simulate

AllRuns = Callable[[Scenario, Mode], list[Run]]


async def _race(tasks: int, steps: int) -> str:
    """``tasks`` tasks of ``steps`` steps each; the last step of all wakes the scenario. The order of the steps."""
    order: list[str] = []
    finished = asyncio.get_running_loop().create_future()

    async def walk(name: str) -> None:
        for step in range(steps):
            if step:
                await asyncio.sleep(0)
            order.append(name)
        if len(order) == tasks * steps:
            finished.set_result(None)

    walkers = [asyncio.create_task(walk("abc"[index])) for index in range(tasks)]
    await finished
    assert all(walker.done() for walker in walkers)
    return "".join(order)


@pytest.mark.parametrize(
    ("tasks", "steps", "count"),
    [
        (2, 1, 2),  # 2!/(1! 1!)
        (2, 3, 20),  # 6!/(3! 3!)
        (3, 2, 90),  # 6!/(2! 2! 2!)
        (3, 3, 1680),  # 9!/(3! 3! 3!)
    ],
)
def test_every_order_of_independent_steps_once(all_runs: AllRuns, tasks: int, steps: int, count: int) -> None:
    """A multinomial: the tasks' steps in any order, each task's own in sequence; no order twice, none missing."""
    runs = all_runs(lambda: _race(tasks, steps), "reordered")
    orders = [run.result for run in runs]
    assert len(orders) == count
    assert all(run.passed for run in runs)
    if tasks * steps <= 6:
        assert sorted(orders) == sorted({"".join(order) for order in permutations("abc"[:tasks] * steps)})


def test_fifo_has_one_order(all_runs: AllRuns) -> None:
    """Nothing outside, nothing to choose: round robin, as stock asyncio."""
    assert [run.result for run in all_runs(lambda: _race(3, 3), "fifo")] == ["abcabcabc"]


def test_plain_callbacks_of_one_task_keep_their_order(all_runs: AllRuns) -> None:
    """x before y, always (one origin); z of the other task anywhere; so 3 orders of the 6."""

    async def scenario() -> str:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        finished = loop.create_future()

        def add(name: str) -> None:
            order.append(name)
            if len(order) == 3:
                finished.set_result(None)

        async def schedule(names: str) -> None:
            for name in names:
                loop.call_soon(add, name)

        tasks = [asyncio.create_task(schedule(names)) for names in ("xy", "z")]
        await finished
        assert all(task.done() for task in tasks)
        return "".join(order)

    assert {run.result for run in all_runs(scenario, "reordered")} == {"xyz", "xzy", "zxy"}
    assert {run.result for run in all_runs(scenario, "fifo")} == {"xyz"}


def test_a_callback_of_a_callback_stays_in_its_lane(all_runs: AllRuns) -> None:
    """The origin of what a plain callback schedules is its own lane: x y, then what x scheduled."""

    async def scenario() -> str:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        finished = loop.create_future()

        def first() -> None:
            order.append("x")
            loop.call_soon(last)

        def last() -> None:
            order.append("w")
            finished.set_result(None)

        loop.call_soon(first)
        loop.call_soon(order.append, "y")
        await finished
        return "".join(order)

    assert {run.result for run in all_runs(scenario, "reordered")} == {"xyw"}


def test_fifo_offers_and_time(all_runs: AllRuns) -> None:
    """Two offers p, q and a timer t, all waited for by one task: 16 runs, in all 6 orders.

    The choice points are between iterations: "go on" (where something is ready), each open offer, time. After time has
    passed no offer is open until the next iteration. Let R(S) count the runs with S to come and nothing ready, r(S) those
    with something ready. Then R() = r() = 1 and
    R(p) = r() = 1, r(p) = R(p) + r() = 2; R(t) = R() = 1, r(t) = R(t) + R() = 2;
    R(pq) = r(q) + r(p) = 4; R(pt) = r(t) + R(p) = 3, r(pt) = R(pt) + r(t) + R(p) = 6;
    R(pqt) = r(qt) + r(pt) + R(pq) = 6 + 6 + 4 = 16.
    """

    async def scenario() -> str:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        finished = loop.create_future()

        def add(name: str) -> None:
            order.append(name)
            if len(order) == 3:
                finished.set_result(None)

        offer(add, "p")
        offer(add, "q")
        loop.call_later(1.0, add, "t")
        await finished
        return "".join(order)

    runs = all_runs(scenario, "fifo")
    assert {run.result for run in runs} == {"".join(order) for order in permutations("pqt")}
    assert len(runs) == 16


def test_time_may_pass_while_callbacks_are_ready(all_runs: AllRuns) -> None:
    """A timeout may expire although its body is ready to finish: both modes see both ends."""

    async def scenario() -> str:
        try:
            async with asyncio.timeout(1.0):
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        except TimeoutError:
            return "expired"
        return "finished"

    modes: tuple[Mode, ...] = ("fifo", "reordered")
    for mode in modes:
        runs = all_runs(scenario, mode)
        assert {run.result for run in runs} == {"expired", "finished"}
        assert runs[0].result == "finished"


def test_the_outside_world_may_come_before_or_after_a_cancellation(all_runs: AllRuns) -> None:
    """The answer may come, be queued as a wake-up, and be lost to a cancellation: the hand-off nobody sees."""

    async def scenario() -> tuple[str, bool]:
        answered: list[bool] = []

        async def wait() -> None:
            future = asyncio.get_running_loop().create_future()

            def answer() -> None:
                if not future.done():
                    future.set_result(None)
                    answered.append(True)

            offered = offer(answer, name="answer")
            try:
                await future
            finally:
                offered.cancel()

        waiter = asyncio.create_task(wait())
        cancellation = offer(waiter.cancel, name="cancel")
        try:
            await waiter
        except asyncio.CancelledError:
            return "cancelled", bool(answered)
        finally:
            cancellation.cancel()
        return "returned", bool(answered)

    lost_and_found = {("cancelled", False), ("cancelled", True), ("returned", True)}
    assert {run.result for run in all_runs(scenario, "fifo")} == lost_and_found
    assert {run.result for run in all_runs(scenario, "reordered")} == lost_and_found


def test_what_happens_may_be_withdrawn(all_runs: AllRuns) -> None:
    """``happens`` ends when the outside lets it, and its offer goes when its waiter is cancelled."""

    async def scenario() -> str:
        waiter = asyncio.create_task(happens("answer"))
        offer(waiter.cancel, name="cancel")
        await asyncio.wait([waiter])
        return "cancelled" if waiter.cancelled() else "happened"

    runs = all_runs(scenario, "fifo")
    assert {run.result for run in runs} == {"cancelled", "happened"}
    assert all(run.passed for run in runs)


def test_choose_takes_every_value_and_no_more(all_runs: AllRuns) -> None:
    """1,000 values are 1,000 runs, whatever their number; one value is no choice."""

    async def scenario() -> int:
        assert choose(["only"]) == "only"
        return choose(range(1000))

    runs = all_runs(scenario, "fifo")
    assert [run.result for run in runs] == list(range(1000))
    assert runs[7].choices == ((7, 1000),)


def test_choose_refuses_what_it_cannot_number() -> None:
    """A set has no order, and no value is no alternative."""

    async def from_set() -> str:
        return choose({"a", "b"})

    async def from_nothing() -> object:
        return choose(())

    async def from_iterator() -> str:
        return choose(iter("ab"))

    assert isinstance(simulate(from_set, FirstOracle()).exception, TypeError)
    assert isinstance(simulate(from_nothing, FirstOracle()).exception, ValueError)
    assert simulate(from_iterator, FirstOracle()).result == "a"
