"""What the tests of the pool share: agents in memory, a hand on the core, and the loop that every test runs on.

An ``async`` test of this folder without a marker runs on the deterministic loop, in stock asyncio's order and in virtual
time: a sleep costs nothing, so every bound is tested to the very second. When the test is over every pool it made is shut
down, and nothing may be left: no process, slot, task or timer.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import pytest

from acpool import SessionPool
from acpool.core import Core
from acpool.records import Close, Creation, Effect, Entry, PoolEvent, Start, Waiter, Want
from acpool_spec.lanes import Lane
from acpool_spec.loop import running_loop
from acpool_spec.oracles import FirstOracle, Oracle
from acpool_spec.simulation import Mode, Run, simulate

Behaviour = Callable[["Agent"], Awaitable[None]]


class Hold:
    """A call that waits until it is let go; ``reached`` once it was made."""

    def __init__(self) -> None:
        self.reached = False
        self._let_go = asyncio.Event()
        self._error: Exception | None = None

    async def __call__(self, _: Agent) -> None:
        self.reached = True
        await self._let_go.wait()
        if self._error is not None:
            raise self._error

    def release(self, error: Exception | None = None) -> None:
        """Let the call go on, or fail with ``error``."""
        self._error = error
        self._let_go.set()


class Deaf(Hold):
    """As a hold, but a cancellation does not end it."""

    cancellations = 0

    async def __call__(self, agent: Agent) -> None:
        while True:
            try:
                return await super().__call__(agent)
            except asyncio.CancelledError:
                self.cancellations += 1


class Agent:
    """One agent process in memory, of the contract's shape; ``stubborn`` ones outlive a kill."""

    def __init__(self, agents: Agents, key: str, number: int) -> None:
        self.agents = agents
        self.key = key
        self.name = f"{key}{number}"
        self.alive = True
        self.stubborn = False
        self.session_id: str | None = None
        self.supports_load = False
        self.told: list[Any] = []
        self.options: dict[str, Any] = {}

    async def initialize(self) -> None:
        await self.agents.act("initialize", self)
        self.supports_load = self.agents.load

    async def new_session(self) -> str:
        await self.agents.act("new", self)
        self.agents.established += 1
        self.session_id = f"s{self.agents.established}"
        return self.session_id

    async def load_session(self, session_id: str) -> None:
        self.agents.loads.append((self.name, session_id))
        await self.agents.act("load", self)
        self.session_id = session_id

    async def prompt(self, content: Any, **options: Any) -> str:
        self.told.append(content)
        self.options = options
        await self.agents.act("prompt", self)
        return f"{self.session_id}: {content}"

    async def cancel(self) -> None:
        await self.agents.act("cancel", self)

    async def close(self) -> None:
        if self.alive:
            await self.agents.act("close", self)
            self.alive = False

    def kill(self) -> None:
        self.agents.log.append(f"kill {self.name}")
        if self.agents.kill_error is not None:
            raise self.agents.kill_error
        if not self.stubborn:
            self.alive = False


class Agents:
    """The connector of a test: every process it started, every call made on them, and how the next ones are to end."""

    def __init__(self) -> None:
        self.load = True
        self.established = 0
        self.processes: list[Agent] = []
        self.log: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.kill_error: Exception | None = None
        self._script: dict[tuple[str, str], deque[Behaviour]] = {}

    async def open(self, key: str) -> Agent:
        agent = Agent(self, key, 1 + sum(known.key == key for known in self.processes))
        await self.act("open", agent)
        self.processes.append(agent)
        return agent

    def __getitem__(self, name: str) -> Agent:
        return next(agent for agent in self.processes if agent.name == name)

    def next(self, stage: str, key: str, *behaviours: Behaviour) -> None:
        """How the next calls of ``stage`` for ``key`` are to go; those after them succeed at once."""
        self._script.setdefault((stage, key), deque()).extend(behaviours)

    def hold(self, stage: str, key: str) -> Hold:
        """Stop the next call of ``stage`` for ``key``."""
        hold = Hold()
        self.next(stage, key, hold)
        return hold

    def fail(self, stage: str, key: str, error: BaseException) -> None:
        """Fail the next call of ``stage`` for ``key``."""

        async def failing(_: Agent) -> None:
            raise error

        self.next(stage, key, failing)

    def delay(self, stage: str, key: str, seconds: float) -> None:
        """Make the next call of ``stage`` for ``key`` take ``seconds``."""

        async def slow(_: Agent) -> None:
            await asyncio.sleep(seconds)

        self.next(stage, key, slow)

    async def act(self, stage: str, agent: Agent) -> None:
        """Note one call and let it go as the script says."""
        self.log.append(f"{stage} {agent.name}")
        script = self._script.get((stage, agent.key))
        if script:
            await script.popleft()(agent)

    def deaf(self, stage: str, key: str) -> Deaf:
        """Stop the next call of ``stage`` for ``key``, whoever cancels it."""
        hold = Deaf()
        self.next(stage, key, hold)
        return hold

    async def settle(self) -> None:
        """Give way until everything that can go on has come to a hold; no time passes."""
        for _ in range(40):
            await asyncio.sleep(0)

    def running(self) -> list[str]:
        """The names of the processes alive."""
        return [agent.name for agent in self.processes if agent.alive]


class Desk:
    """A core driven by hand: its clock, what it asked for and was not given yet, and everything it said."""

    def __init__(
        self, max_sessions: int = 1, *, queueing: bool = False, suspended: dict[str, str] | None = None
    ) -> None:
        self.core = Core(
            max_sessions,
            waits_for_capacity=queueing,
            times_leases=True,
            suspended=suspended or {},
            listening=True,
        )
        self.agents = Agents()
        self.now = 0.0

    def ask(self, key: str, want: Want = Want.ANSWER, token: object = None) -> Waiter:
        """One caller asks; ``token`` is its identity as a holder."""
        return self.core.ask(key, want, token if token is not None else object(), self.now)

    def drain(self) -> list[Effect]:
        """The effects since the last call."""
        effects = list(self.core.effects)
        self.core.effects.clear()
        return effects

    def starts(self) -> list[str]:
        """The keys whose process is to be started, since the last look."""
        return [effect.entry.key for effect in self.drain() if isinstance(effect, Start)]

    def said(self, action: str) -> list[PoolEvent]:
        """The events called ``action`` among the effects that nobody has taken yet."""
        events = [effect for effect in self.core.effects if isinstance(effect, PoolEvent)]
        return [event for event in events if event.action == action]

    def closes(self) -> list[tuple[str, bool, bool]]:
        """Key, ``kill`` and ``tell`` of the closings asked for and not taken yet."""
        return [(e.entry.key, e.kill, e.tell) for e in self.core.effects if isinstance(e, Close)]

    def creation(self, key: str) -> Creation:
        return self.core.creations[key]

    def starting(self, key: str) -> Entry:
        """The entry in which ``key`` is being started."""
        entry = self.core.creations[key].entry
        assert entry is not None
        return entry

    def agent(self, entry: Entry) -> Agent:
        """The process in ``entry``."""
        assert isinstance(entry.connection, Agent)
        return entry.connection

    def open(self, key: str) -> Agent:
        """The process of ``key`` runs."""
        agent = Agent(self.agents, key, 1)
        assert self.core.opened(self.starting(key), agent)
        return agent

    def commit(self, key: str, session_id: str = "", *, resumed: bool = False) -> Entry:
        """The start of ``key``, open already, is a session."""
        entry = self.starting(key)
        assert self.core.commit(entry, session_id or f"s-{key}", resumed=resumed, now=self.now)
        return entry

    def live(self, *keys: str) -> Entry:
        """Every one of ``keys`` has an idle session, the last of them being the most recently used; returns its entry."""
        for key in keys:
            self.ask(key)
            self.open(key)
            self.commit(key)
        self.drain()
        return self.core.live[keys[-1]]

    def lease(self, key: str, want: Want = Want.BOTH) -> tuple[Entry, object]:
        """The idle session of ``key`` is leased."""
        token = object()
        assert self.ask(key, want, token).entry is self.core.live[key]
        return self.core.live[key], token


class Make(Protocol):
    """The fixture ``make``: a pool over the test's agents, shut down and looked over at the end of the test."""

    def __call__(self, max_sessions: int = 1, **options: Any) -> SessionPool: ...


class Simulate(Protocol):
    """The fixture ``run``: a scenario of its own, for a test that needs many."""

    def __call__(
        self,
        scenario: Callable[[], Awaitable[object]],
        *,
        oracle: Oracle | None = None,
        mode: Mode = "fifo",
        on_step: Callable[[Lane], object] | None = None,
    ) -> Run: ...


def audit(pool: SessionPool) -> None:
    """Nothing is left of a pool that was shut down."""
    core = pool.core
    left = [core.entries, core.live, core.idle, core.dying, core.creations, core.waiting, core.effects]
    assert not any(left), left
    kept: set[asyncio.Task[Any]] = vars(vars(pool)["_shell"])["_tasks"]
    assert not [task.get_name() for task in kept if task.done()], "a task that ended is kept"
    assert running_loop().next_deadline() is None, "a timer is left"


def _run(
    scenario: Callable[[], Awaitable[object]],
    *,
    oracle: Oracle | None = None,
    mode: Mode = "fifo",
    on_step: Callable[[Lane], object] | None = None,
) -> Run:
    async def main() -> object:
        return await scenario()

    run = simulate(main, oracle or FirstOracle(), mode=mode, on_step=on_step)
    if run.exception is not None:
        raise run.exception
    assert run.passed, (run.outcome, [str(finding) for finding in run.findings])
    return run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an ``async`` test without a marker on the deterministic loop."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test) or pyfuncitem.get_closest_marker("asyncio") is not None:
        return None
    names = list(inspect.signature(test).parameters)
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pools = cast("list[SessionPool]", pyfuncitem.funcargs.get("pools", []))

    async def scenario() -> None:
        await test(**arguments)
        for pool in pools:
            await pool.shutdown(timeout=0)
            await asyncio.sleep(0)  # tasks that ended have said so
            audit(pool)

    _run(scenario)
    return True


@pytest.fixture
def run() -> Simulate:
    """Run scenarios on the deterministic loop; what they raise is raised, and whatever is left over fails the test."""
    return _run


@pytest.fixture
def agents() -> Agents:
    """The agents of one test."""
    return Agents()


@pytest.fixture
def pools() -> list[SessionPool]:
    """The pools of one test."""
    return []


@pytest.fixture
def make(agents: Agents, pools: list[SessionPool]) -> Make:
    """Make pools over ``agents``."""

    def make_pool(max_sessions: int = 1, **options: Any) -> SessionPool:
        pool = SessionPool(agents, max_sessions=max_sessions, **options)
        pools.append(pool)
        return pool

    return make_pool


@pytest.fixture
def desk() -> type[Desk]:
    """Make cores driven by hand: ``desk(max_sessions, queueing=…, suspended=…)``."""
    return Desk
