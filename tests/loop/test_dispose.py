"""Abandoning a run in mid-flight: nothing of it runs, prints, or reaches another run afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
from collections.abc import AsyncIterator

import pytest

from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import FirstOracle, ReplayDivergence, ReplayOracle
from acpool_spec.outside import choose
from acpool_spec.refusals import LoopRefusal
from acpool_spec.simulation import simulate

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def _silence(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> object:  # pyright: ignore[reportUnusedFunction] - a fixture
    """Nothing logged or printed by any test here, collections included."""
    yield
    gc.collect()
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def abandon(*bodies: object, iterations: int = 1) -> tuple[DeterministicLoop, list[str]]:
    """Start tasks, run a little, dispose; the loop and what closing raised."""
    loop = DeterministicLoop()
    with loop.running():
        for body in bodies:
            loop.create_task(body)  # type: ignore[arg-type]  # any coroutine will do
        for _ in range(iterations):
            loop.run_iteration()
        found = loop.dispose()
    return loop, [finding.detail for finding in found]


def test_clean_up_runs_youngest_first_in_its_own_context_with_its_own_loop() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    log: list[tuple[str, bool]] = []

    async def body(name: str) -> None:
        token = variable.set(name)
        try:
            await asyncio.sleep(1)
        finally:
            log.append((variable.get(), asyncio.get_running_loop().is_running()))
            variable.reset(token)
            asyncio.get_running_loop().call_soon(log.append, ("scheduled by clean-up", True))

    loop, raised = abandon(body("old"), body("young"))
    assert log == [("young", True), ("old", True)]
    assert raised == []
    assert loop.is_closed()
    assert not loop.has_ready
    assert loop.dispose() == ()
    with pytest.raises(LoopRefusal), loop.running():
        pass


def test_clean_up_that_waits_or_fails_is_collected() -> None:
    reached: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(1)
            reached.append("never")

    async def fails() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            raise ValueError("in clean-up")

    _, raised = abandon(waits(), fails())
    assert raised == ["ValueError: in clean-up", "RuntimeError: coroutine ignored GeneratorExit"]
    assert reached == []


def test_tasks_that_never_started_and_tasks_born_in_clean_up() -> None:
    async def spawns() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(1)))

    kept: list[object] = []
    loop, raised = abandon(spawns())
    assert (raised, loop.tasks, len(kept)) == ([], [], 1)
    loop, raised = abandon(asyncio.sleep(1), iterations=0)
    assert (raised, loop.tasks) == ([], [])


def test_nested_groups_locks_and_timeouts() -> None:
    async def body() -> None:
        lock = asyncio.Lock()
        async with lock, asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
            await lock.acquire()

    _, raised = abandon(body(), iterations=3)
    assert raised == ["RuntimeError: coroutine ignored GeneratorExit"]


def test_asynchronous_generators() -> None:
    closed: list[str] = []

    async def values() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(1)
            yield 2
        finally:
            closed.append("closed")

    async def iterates() -> None:
        async for _ in values():
            pass

    async def drops() -> None:
        generator = values()
        await anext(generator)
        del generator
        await asyncio.sleep(1)

    _, raised = abandon(iterates(), drops())
    assert raised == []
    closed.clear()

    async def drops_and_goes_on() -> None:
        generator = values()
        await anext(generator)
        del generator
        await asyncio.sleep(1)

    assert simulate(drops_and_goes_on, FirstOracle(), mode="fifo").passed
    assert closed == ["closed"]


def test_generators_left_open_are_closed_on_request_in_order() -> None:
    closed: list[int] = []

    async def values(number: int) -> AsyncIterator[int]:
        try:
            yield number
        finally:
            closed.append(number)

    async def scenario() -> None:
        generators = [values(number) for number in range(5)]
        for number in range(5):
            await anext(generators[number])
        del generators[2]
        await asyncio.sleep(1)
        await asyncio.get_running_loop().shutdown_asyncgens()

    assert simulate(scenario, FirstOracle()).passed
    assert sorted(closed) == [0, 1, 2, 3, 4]
    assert [number for number in closed if number != 2] == [0, 1, 3, 4]


def test_unretrieved_exceptions_stay_silent() -> None:
    async def fails() -> None:
        asyncio.get_running_loop().create_future().set_exception(KeyError())
        raise ValueError

    loop, raised = abandon(fails())
    assert raised == []
    loop.call_exception_handler({"message": "too late"})
    assert loop.findings() == ()


def test_nothing_reaches_a_loop_that_was_disposed_of() -> None:
    """Neither a generator dropped later nor a task that dies unfinished: the scenario's own handler stays unheard."""
    heard: list[object] = []
    kept: list[AsyncIterator[int]] = []

    async def values() -> AsyncIterator[int]:
        yield 1

    async def body() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: heard.append(context["message"])
        )
        generator = values()
        kept.append(generator)
        await anext(generator)
        try:
            # A future that nothing else refers to: with it goes the task, here while the older one is being closed.
            await asyncio.Future[None]()
        finally:
            gc.collect()

    loop, raised = abandon(body(), body(), body())
    kept.clear()
    gc.collect()
    assert (raised, heard, loop.has_ready) == ([], [], False)


def test_dispose_outside_running_and_inside_a_callback() -> None:
    loop = DeterministicLoop()
    refused: list[LoopRefusal] = []

    def inside() -> None:
        try:
            loop.close()
        except LoopRefusal as error:
            refused.append(error)

    with loop.running():
        loop.create_task(asyncio.sleep(1))
        loop.call_soon(inside)
        loop.run_iteration()
    assert len(refused) == 1
    loop.close()
    assert (loop.is_closed(), loop.is_running()) == (True, False)


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
@pytest.mark.parametrize("after", [False, True])
def test_an_oracle_that_fails_ends_the_run_whatever_the_scenario_catches(mode: str, after: bool) -> None:
    """Also when the scenario ends with it, and when it asks again."""

    async def scenario() -> str:
        for _ in range(2):
            with contextlib.suppress(ReplayDivergence):
                choose("ab")
            if not after:
                await asyncio.sleep(0)
        return "swallowed"

    with pytest.raises(ReplayDivergence):
        simulate(scenario, ReplayOracle([]), mode="fifo" if mode == "fifo" else "reordered")


def test_keyboard_interrupt_passes_through() -> None:
    async def scenario() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(scenario, FirstOracle())
    assert simulate(asyncio.Event().wait, FirstOracle()).result is None
