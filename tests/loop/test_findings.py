"""What a run is found guilty of: tasks left over, exceptions nobody looked at, errors reported."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import FirstOracle
from acpool_spec.simulation import Outcome, Run, Scenario, simulate


def run_of(scenario: Scenario) -> Run:
    """The run that stock asyncio would make."""
    return simulate(scenario, FirstOracle(), mode="fifo")


async def fail() -> None:
    """Raises at once."""
    raise ValueError("no")


async def hang() -> None:
    """Never ends."""
    await asyncio.get_running_loop().create_future()


def test_a_clean_run_has_no_findings() -> None:
    async def scenario() -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
        with pytest.raises(ValueError, match="no"):
            await asyncio.create_task(fail())
        return "done"

    run = run_of(scenario)
    assert (run.outcome, run.result, run.findings, run.passed) == (Outcome.RETURNED, "done", (), True)
    assert run.time == 1.0


def test_leftover_tasks_in_order_of_creation_with_where_they_wait() -> None:
    async def scenario() -> None:
        kept.append(asyncio.create_task(hang(), name="zeta"))
        kept.append(asyncio.create_task(hang(), name="alpha"))
        await asyncio.sleep(0)

    kept: list[asyncio.Task[None]] = []
    run = run_of(scenario)
    assert [(finding.kind, finding.subject) for finding in run.findings] == [
        ("leftover task", "zeta"),
        ("leftover task", "alpha"),
    ]
    place = run.findings[0].where[-1]
    assert (place.filename, place.function) == (__file__, "hang")
    assert place.line == hang.__code__.co_firstlineno + 2
    assert str(run.findings[0]).endswith(f"{place.filename}:{place.line}")
    assert not run.passed


def test_what_stock_asyncio_runs_before_it_stops_is_not_left_over() -> None:
    """The scenario's own end and one more iteration: a task one step from its end ends."""

    async def scenario() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(0)))
        await asyncio.sleep(0)

    kept: list[asyncio.Task[None]] = []
    assert run_of(scenario).passed
    assert kept[0].done()


def test_an_exception_nobody_retrieved() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        kept.append(asyncio.create_task(fail(), name="failing"))
        future: asyncio.Future[None] = loop.create_future()
        future.set_exception(KeyError("lost"))
        kept.append(future)
        await asyncio.sleep(0)

    kept: list[asyncio.Future[None]] = []
    run = run_of(scenario)
    assert [(finding.kind, finding.subject) for finding in run.findings] == [
        ("unretrieved exception", "failing"),
        ("unretrieved exception", "future 1 of the run"),
    ]
    assert isinstance(run.findings[0].exception, ValueError)
    assert run.findings[0].detail == "ValueError: no"


def test_errors_of_callbacks_are_reported_and_the_run_goes_on() -> None:
    async def scenario() -> str:
        asyncio.get_running_loop().call_soon([].pop)
        await asyncio.sleep(0)
        return "went on"

    run = run_of(scenario)
    assert run.result == "went on"
    assert [finding.kind for finding in run.findings] == ["reported error"]
    assert isinstance(run.findings[0].exception, IndexError)


def test_a_handler_hears_of_errors_and_cannot_stop_the_run() -> None:
    heard: list[str] = []

    def handler(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        heard.append(context["message"])
        raise RuntimeError("the handler fails too")

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(handler)
        assert loop.get_exception_handler() is handler
        loop.call_exception_handler({"message": "told", "task": asyncio.current_task()})
        loop.default_exception_handler({"message": "unheard"})

    run = run_of(scenario)
    assert heard == ["told"]
    assert run.findings == (
        Finding("reported error", "Task-1", "told"),
        Finding(
            "reported error",
            "event loop",
            "Exception in exception handler: RuntimeError: the handler fails too",
            run.findings[1].exception,
        ),
    )
    assert str(run.findings[0]) == "reported error: Task-1: told"


def test_outcomes() -> None:
    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    run = run_of(fail)
    assert (run.outcome, type(run.exception), run.findings) == (Outcome.RAISED, ValueError, ())
    run = run_of(cancelled)
    assert (run.outcome, type(run.exception)) == (Outcome.RAISED, asyncio.CancelledError)
    run = run_of(hang)
    assert (run.outcome, run.exception, run.findings[0].subject) == (Outcome.DEADLOCK, None, "Task-1")


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_a_bound_is_hit_only_when_more_steps_are_needed(mode: Any) -> None:
    """Four steps: exactly four are enough, three are not, and the bound has a name."""

    async def scenario() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    assert simulate(scenario, FirstOracle(), mode=mode, max_steps=4).outcome is Outcome.RETURNED
    run = simulate(scenario, FirstOracle(), mode=mode, max_steps=3)
    assert (run.outcome, run.steps, run.passed) == (Outcome.STEP_BOUND, 3, False)


def test_a_bound_inside_an_iteration() -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(asyncio.sleep(0))

    run = simulate(scenario, FirstOracle(), mode="fifo", max_steps=3)
    assert (run.outcome, run.steps) == (Outcome.STEP_BOUND, 3)


def test_a_deadlock_at_the_bound_is_a_deadlock() -> None:
    assert simulate(hang, FirstOracle(), max_steps=1).outcome is Outcome.DEADLOCK


def test_findings_clear_the_flag_so_that_nothing_is_printed_later(loop: DeterministicLoop) -> None:
    task = loop.create_task(fail())
    loop.run_iteration()
    assert [finding.kind for finding in loop.findings()] == ["unretrieved exception"]
    assert not getattr(task, "_log_traceback", True)
    assert len(loop.findings()) == 1
