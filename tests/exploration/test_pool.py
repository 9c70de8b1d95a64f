"""Our own pool under every schedule of small scopes: the outside in any order, callers cancelled at every point of their lives.

The agents do nothing of their own: each call on them ends when the outside world lets it. What is asked of the pool can be seen
at once: never too many processes, never two of a key, nobody left waiting, nothing alive after the shutdown.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from acpool import PoolError, SessionPool
from acpool.core import Core
from acpool.records import Outcome, Waiter
from acpool_spec import explore, happens
from acpool_spec.quiet import quiet
from acpool_spec.simulation import Mode

# What it reaches the unit tests reach too; tracing branches would triple the time it takes.
pytestmark = pytest.mark.no_cover

Script = tuple[tuple[str, str], ...]
A, B, RESET = (("session", "a"),), (("session", "b"),), (("reset", "a"),)


class Agent:
    """One agent process: every call on it that may take time waits for the outside."""

    supports_load = True

    def __init__(self, agents: Agents, key: str) -> None:
        self.key = key
        self.session_id: str | None = None
        self.alive = True
        self._agents = agents
        agents.alive.append(self)

    async def initialize(self) -> None:
        """At once."""

    async def new_session(self) -> str:
        self._agents.made += 1
        self.session_id = f"s{self._agents.made}"
        return self.session_id

    async def load_session(self, session_id: str) -> None:
        self.session_id = session_id

    async def prompt(self, content: str) -> str:
        assert self.alive
        await happens(f"{self.key} answers")
        return content

    async def cancel(self) -> None:
        """At once."""

    async def close(self) -> None:
        if self.alive:
            await happens(f"{self.key} closes")
            self.kill()

    def kill(self) -> None:
        if self.alive:
            self.alive = False
            self._agents.alive.remove(self)


class Agents:
    """Starts them, and looks at how many there are."""

    def __init__(self, slots: int) -> None:
        self.alive: list[Agent] = []
        self.made = 0
        self._slots = slots

    async def open(self, key: str) -> Agent:
        await happens(f"{key} starts")
        agent = Agent(self, key)
        assert len(self.alive) <= self._slots
        assert len({each.key for each in self.alive}) == len(self.alive)
        return agent


def scope(*scripts: Script, slots: int = 1) -> Callable[[], Coroutine[Any, Any, None]]:
    """One client a script, on a pool of ``slots`` without any bound on waiting."""

    async def client(pool: SessionPool, script: Script) -> None:
        for operation, key in script:
            try:
                if operation == "session":
                    async with pool.session(key) as agent:
                        assert await agent.prompt("x") == "x"
                else:
                    await getattr(pool, operation)(key)
            except PoolError:
                pass  # an answer; whether it is the right one is for others to judge

    async def scenario() -> None:
        agents = Agents(slots)
        pool = SessionPool(
            agents,
            max_sessions=slots,
            capacity_timeout=math.inf,
            start_timeout=math.inf,
            lease_timeout=math.inf,
            cancel_timeout=math.inf,
            close_timeout=math.inf,
        )
        clients = [
            asyncio.create_task(client(pool, script), name=f"client {number}")
            for number, script in enumerate(scripts)
        ]
        for ended in await asyncio.gather(*clients, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        stats = pool.stats()
        assert stats.leased == stats.creating == stats.waiting_for_capacity == stats.waiting_for_lease == 0
        await pool.shutdown()
        assert agents.alive == []

    return scenario


def is_client(task: asyncio.Task[Any]) -> bool:
    """A caller may be cancelled; the pool's own tasks are nobody's business."""
    return task.get_name().startswith("client ")


# Found by this exploration; what they pin is that nobody changes what can happen without noticing.
@pytest.mark.parametrize(
    ("scripts", "mode", "cancellations", "counts"),
    [
        ((A, A), "fifo", 0, (51, 45)),
        ((A, A), "fifo", 1, (241, 194)),
        ((A, A), "fifo", 2, (737, 559)),
        ((A, B), "fifo", 1, (707, 590)),
        ((A, RESET), "fifo", 2, (776, 637)),
        ((A + B, A), "fifo", 1, (617, 504)),
        ((A, B, RESET), "fifo", 1, (1014, 836) if sys.version_info >= (3, 13) else (1049, 856)),
    ],
)
def test_every_schedule_of_a_small_scope_holds(
    scripts: tuple[Script, ...], mode: Mode, cancellations: int, counts: tuple[int, int]
) -> None:
    with quiet():
        report = explore(scope(*scripts), mode=mode, cancellations=cancellations, cancellable=is_client)
    assert report.verdict == "holds", report.why
    assert not report.certificate.not_canonical
    assert (report.executions, report.states) == counts


def test_a_slot_lost_at_the_hand_over_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio's classic: whoever is cancelled after the lease was handed over does not give it back."""
    leave = Core.leave

    def keeps(core: Core, waiter: Waiter, now: float) -> None:
        if waiter.outcome is not Outcome.GRANTED:
            leave(core, waiter, now)

    monkeypatch.setattr(Core, "leave", keeps)
    with quiet():
        report = explore(scope(A, A), cancellations=1, cancellable=is_client)
    assert report.verdict == "violated"
    assert report.schedule is not None
    assert report.schedule.feasible == "fifo"
    assert [str(made) for made in report.schedule.decisions if "cancel" in str(made)] == ["cancel client 1"]


def test_a_creation_that_nobody_abandons_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller cancelled during the start leaves the process behind."""

    def keeps(core: Core, creation: object, cause: str) -> None:
        """Leave it as it is."""

    monkeypatch.setattr(Core, "_abandon", keeps)
    with quiet():
        report = explore(scope(A), cancellations=1, cancellable=is_client)
    assert report.verdict == "violated"
