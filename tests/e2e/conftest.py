"""Pools of real agent processes, and proof after each test that nothing of them is left.

Every agent is started by a shell that leaves a ``sleep`` in the agent's process group: a grandchild which holds
the pipes and never ends by itself, as the tools of real agents do.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import os
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from acpool import PoolEvent, SessionPool
from acpool.acp import AcpConnection, AcpConnector

HERE = Path(__file__).parent
AGENTS = HERE.parent / "acp" / "agents"
GUARD_S = float(os.environ.get("ACPOOL_TEST_GUARD_S", "120"))
WITH_A_COMPANION = ["/bin/sh", "-c", 'sleep 600 & exec "$@"', "agent"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put a generous bound on every asynchronous test of this folder: a hang is a failure, not a hang."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(HERE):
            test: Any = item.obj
            if inspect.iscoroutinefunction(test):
                item.obj = _guarded(test)


def _guarded(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    @functools.wraps(test)
    async def guarded(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(GUARD_S):
            await test(*args, **kwargs)

    return guarded


def open_descriptors() -> dict[str, str]:
    """What each descriptor of this process refers to."""
    found: dict[str, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the one that listed the directory
    return found


def living_processes(leaders: set[int]) -> dict[int, list[int]]:
    """leader → the living processes of its group or its session, zombies aside."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        try:
            stat = Path("/proc", name, "stat").read_text()
        except OSError:
            continue
        state, _parent, group, session = stat.rpartition(")")[2].split()[:4]
        for leader in {int(group), int(session)} & leaders:
            if state not in "ZX":
                found.setdefault(leader, []).append(int(name))
    return found


class Journal:
    """What the pool reported, in order, and who waits to see something in it."""

    def __init__(self) -> None:
        self.events: list[PoolEvent] = []
        self._more = asyncio.Event()

    def __call__(self, event: PoolEvent) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, action: str, **facts: object) -> PoolEvent:
        """The first event of this action and these facts, past or to come."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event.action == action and all(getattr(event, name) == facts[name] for name in facts):
                    return event
            seen = len(self.events)
            self._more.clear()
            await self._more.wait()


class Agents:
    """A connector whose command can be another one for each key; it remembers what it opened.

    ``at_once`` is the largest number of agents that had a living process when one more had just been started.
    """

    def __init__(self, command: list[str], options: Mapping[str, Any]) -> None:
        self.default = command
        self.commands: dict[str, list[str]] = {}
        self.options = options
        self.opened: list[AcpConnection] = []
        self.at_once = 0

    async def open(self, key: str) -> AcpConnection:
        command = [*WITH_A_COMPANION, *self.commands.get(key, self.default)]
        connection = await AcpConnector(command, **self.options).open(key)
        self.opened.append(connection)
        self.at_once = max(self.at_once, len(self.living()))
        return connection

    def living(self) -> dict[int, list[int]]:
        """pid of an agent → the processes it consists of, for all of them that live."""
        return living_processes({connection.pid for connection in self.opened})


class Workshop:
    """Pools, what their agents are, and what became of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watched: list[tuple[SessionPool, Agents]] = []

    def agents_of(self, pool: SessionPool) -> Agents:
        return next(agents for known, agents in self._watched if known is pool)

    def real(self, max_sessions: int, **options: Any) -> SessionPool:
        """A pool of the agent that nobody here wrote; its conversations last as long as the test."""
        # A folder for each key: whenever this agent starts, it deletes what others are just writing into theirs.
        command = [sys.executable, str(AGENTS / "pydantic_agent.py"), "sessions", "waiting"]
        return self._pool(Agents(command, {"cwd": self._folder_of}), max_sessions, options)

    def hostile(
        self,
        max_sessions: int,
        *traits: str,
        connector: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> SessionPool:
        """A pool of the agent that misbehaves to order."""
        agents = Agents(self.hostile_command(*traits), {"cwd": self._folder} | dict(connector or {}))
        return self._pool(agents, max_sessions, options)

    def hostile_command(self, *traits: str) -> list[str]:
        return [sys.executable, str(AGENTS / "hostile_agent.py"), *traits]

    def _folder_of(self, key: str) -> Path:
        folder = self._folder / key
        folder.mkdir(exist_ok=True)
        return folder

    def _pool(self, agents: Agents, max_sessions: int, options: Mapping[str, Any]) -> SessionPool:
        pool = SessionPool(agents, max_sessions=max_sessions, **options)
        self._watched.append((pool, agents))
        return pool

    async def leave(self) -> None:
        """Shut what a failed test left open; then nothing may live and the pools have kept to their size."""
        for pool, agents in self._watched:
            await pool.shutdown(0)
            assert agents.living() == {}
            assert agents.at_once <= pool.stats().max_sessions
            assert all(not connection.alive for connection in agents.opened)


@pytest_asyncio.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    """Pools to order; afterwards no process, descriptor or task is left, and nothing was left to the collector."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    gc.collect()
    descriptors, tasks = open_descriptors(), asyncio.all_tasks()
    shop = Workshop(tmp_path)
    yield shop
    await shop.leave()
    del shop
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    assert complaints == []
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    assert open_descriptors() == descriptors


@pytest.fixture(autouse=True)
def agents_are_not_traced(untraced_children: None) -> None:
    """None of them is part of this project's packages."""


@pytest.fixture
def journal() -> Journal:
    """What a pool reports that got it as ``on_event``."""
    return Journal()


@pytest_asyncio.fixture
async def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass at once, for the loop and all its timers, the guard's too; to be had before the pool is used."""
    loop = asyncio.get_running_loop()
    real, passed_s = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: real() + passed_s)

    def jump_on(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    return jump_on


@pytest.fixture
def hold() -> Callable[..., Awaitable[asyncio.Task[Any]]]:
    """Start a prompt in a task of its own; return the task once the agent streams its first update."""

    async def begin(pool: SessionPool, key: str, text: str) -> asyncio.Task[Any]:
        streaming = asyncio.Event()

        def on_update(_update: Any) -> None:
            streaming.set()

        async def holder() -> Any:
            async with pool.session(key) as connection:
                return await connection.prompt(text, on_update=on_update)

        task = asyncio.create_task(holder())
        first = asyncio.create_task(streaming.wait())
        await asyncio.wait((task, first), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            first.cancel()
            pytest.fail(f"the prompt of {key!r} ended before it streamed: {task!r}")
        return task

    return begin


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Whether a process has ended; a zombie that its parent has not reaped counts as ended."""

    def gone(pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return stat.rpartition(")")[2].split()[0] in "ZX"

    return gone
