"""What an exploration keeps for each run that it makes: the state, where it is a new one, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from acpool_spec import choose, happens
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.repetition import Repetition
from acpool_spec.exploration.setting import Setting
from acpool_spec.simulation import Mode, simulate

Scenario = Callable[[], Coroutine[Any, Any, object]]
RUNS = 500
STATE = 56 + 2 * 64
"""Bytes at most for a new state: its digest, and a set's table, which has at most 64 bytes for each member when it has just
grown; so many states were known before as are new, or a few more."""
ROOM = 32 * RUNS
"""Bytes for what comes and goes, such as free lists: less than an empty tuple for each run."""


async def many_values() -> None:
    """A new state in each run, a task that is cancelled, a timer that is, and an exception that is caught."""
    value = choose(range(100_000))

    async def work() -> int:
        async with asyncio.timeout(1):
            await happens("work")
            return value

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    if value % 2:
        task.cancel()
    try:
        await task
    except (asyncio.CancelledError, TimeoutError):
        pass


async def no_states() -> None:
    """Values only, and no state to be known again."""
    assert choose(range(100_000)) >= 0


def kept(scenario: Scenario, mode: Mode, *, traced: bool = False) -> tuple[int, int]:
    """Bytes that ``RUNS`` runs leave behind, after as many that warm up, and how many states they found."""
    certificate = Certificate(exhaustive=True)
    walk = DepthFirst(certificate, prune=True)
    repetition = Repetition(Setting(scenario, mode, max_steps=1_000), certificate, paranoid=False)

    def runs() -> None:
        for _ in range(RUNS):
            if traced:
                repetition.run(walk)
            else:
                simulate(scenario, walk, mode=mode)
            certificate.executions += 1
        gc.collect()

    runs()
    states = certificate.states
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        runs()
        return tracemalloc.get_traced_memory()[0] - before, certificate.states - states
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("traced", [False, True])
def test_a_run_leaves_nothing_behind(traced: bool) -> None:
    size, states = kept(no_states, "fifo", traced=traced)
    assert states == 0
    assert size < ROOM


@pytest.mark.no_cover
@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_a_state_leaves_its_digest_behind(mode: Mode) -> None:
    size, states = kept(many_values, mode)
    assert states > RUNS / 2
    assert size < ROOM + STATE * states
