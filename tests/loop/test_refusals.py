"""What a simulated run cannot have is refused in one sentence, and is a finding even when it is swallowed."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.loop import DeterministicLoop, running_loop
from acpool_spec.oracles import FirstOracle
from acpool_spec.outside import choose, happens, offer
from acpool_spec.refusals import LoopRefusal, Refusals
from acpool_spec.simulation import Outcome, simulate


async def _nothing() -> None:
    """Ends at once."""


REFUSED = sorted(
    name
    for name, member in vars(asyncio.AbstractEventLoop).items()
    if callable(member) and not name.startswith("_") and name in vars(Refusals)
)


def test_every_method_of_a_loop_is_supported_or_refused() -> None:
    """Whatever asyncio's abstract loop declares, this Python's included, is not left to NotImplementedError."""
    declared = {name for name in vars(asyncio.AbstractEventLoop) if not name.startswith("_")}
    assert [
        name for name in declared if getattr(DeterministicLoop, name) is vars(asyncio.AbstractEventLoop)[name]
    ] == []
    assert len(REFUSED) >= 30


@pytest.mark.parametrize("name", REFUSED)
def test_refused(loop: DeterministicLoop, name: str) -> None:
    with pytest.raises(LoopRefusal, match=f"has no {name}"):
        getattr(loop, name)()
    assert [finding.kind for finding in loop.findings()] == ["refused"]


@pytest.mark.parametrize(
    "use",
    [
        lambda: asyncio.to_thread(print),
        lambda: asyncio.create_subprocess_exec("true", stdin=subprocess.DEVNULL),
        lambda: asyncio.open_connection("localhost", 1),
    ],
)
def test_what_asyncio_builds_on_them_is_refused_and_cannot_be_hidden(use: Callable[[], Any]) -> None:
    async def scenario() -> str:
        with contextlib.suppress(Exception):
            await use()
        return "hidden"

    run = simulate(scenario, FirstOracle())
    assert (run.outcome, run.result, run.passed) == (Outcome.RETURNED, "hidden", False)
    assert [finding.kind for finding in run.findings] == ["refused"]
    assert isinstance(run.findings[0].exception, LoopRefusal)


def test_a_task_not_made_by_the_loop_is_refused() -> None:
    async def scenario() -> None:
        coroutine = _nothing()
        try:
            asyncio.Task(coroutine)
        finally:
            coroutine.close()

    run = simulate(scenario, FirstOracle())
    assert isinstance(run.exception, LoopRefusal)
    assert [finding.kind for finding in run.findings] == ["refused"]


def test_a_thread_cannot_reach_in(loop: DeterministicLoop) -> None:
    caught: list[LoopRefusal] = []

    def reach() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except LoopRefusal as error:
            caught.append(error)

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert not loop.has_ready
    loop.call_soon_threadsafe(caught.clear)
    loop.run_iteration()
    assert caught == []


def test_one_simulation_at_a_time() -> None:
    async def scenario() -> None:
        simulate(_nothing, FirstOracle())

    assert isinstance(simulate(scenario, FirstOracle()).exception, LoopRefusal)
    with pytest.raises(LoopRefusal):
        asyncio.run(scenario())


def test_questions_to_the_outside_need_a_simulation() -> None:
    async def elsewhere() -> None:
        await happens("something")

    for ask in (lambda: choose("ab"), lambda: offer(print), running_loop):
        with pytest.raises(LoopRefusal):
            ask()
    with pytest.raises(LoopRefusal):
        asyncio.run(elsewhere())


def test_choose_needs_a_chooser(loop: DeterministicLoop) -> None:
    with pytest.raises(LoopRefusal, match="chooser"):
        choose("ab")
    loop.chooser = lambda count, _kind: count - 1
    assert choose("ab") == "b"


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="sideways"):
        simulate(_nothing, FirstOracle(), mode="sideways")  # type: ignore[arg-type]  # what this is about


def test_the_harmless_rest_of_a_loop(loop: DeterministicLoop) -> None:
    stock: asyncio.AbstractEventLoop = loop
    assert stock.get_task_factory() is None
    assert (loop.is_running(), loop.is_closed(), loop.get_debug()) == (True, False, False)
    loop.set_debug(True)
    assert loop.get_debug()
    task = loop.create_task(loop.shutdown_default_executor())
    loop.run_iteration()
    assert task.done()
