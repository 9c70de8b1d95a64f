"""Hostile agents to order, and proof after each test that nothing of them is left."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from acpool.acp import AcpConnection, AcpConnector

AGENTS = Path(__file__).parent / "agents"
GUARD_S = float(os.environ.get("ACPOOL_TEST_GUARD_S", "60"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put a generous bound on every asynchronous test of this folder: a hang is a failure, not a hang."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(AGENTS.parent):
            test: Any = item.obj
            if inspect.iscoroutinefunction(test):
                item.obj = _guarded(test)


def _guarded(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    @functools.wraps(test)
    async def guarded(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(GUARD_S):
            await test(*args, **kwargs)

    return guarded


class StartHostile(Protocol):
    """Start the hostile agent with traits; with ``session`` it is initialized and has a session."""

    def __call__(self, *traits: str, session: bool = True, **options: Any) -> Awaitable[AcpConnection]: ...


def open_descriptors() -> dict[str, str]:
    """What each descriptor of this process refers to."""
    found: dict[str, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the one that listed the directory
    return found


def living_members(group: int) -> list[int]:
    """The processes of a group, zombies aside."""
    members: list[int] = []
    for name in os.listdir("/proc"):
        try:
            state, _parent, of_group = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(of_group) == group and state not in "ZX":
            members.append(int(name))
    return members


@pytest.fixture(autouse=True)
def agents_are_not_traced(untraced_children: None) -> None:
    """None of them is part of this project's packages."""


@pytest.fixture
def descriptors() -> Callable[[], dict[str, str]]:
    return open_descriptors


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


@pytest.fixture
def await_file() -> Callable[[Path], None]:
    """Wait for a file that an agent creates, holding up the loop meanwhile: what it wrote before stays in the
    pipe.
    """

    def wait(path: Path) -> None:
        deadline = time.monotonic() + GUARD_S
        while not path.exists():
            assert time.monotonic() < deadline, f"{path} never appeared"
            time.sleep(0.002)

    return wait


@pytest.fixture
def hostile_command() -> Callable[..., list[str]]:
    return lambda *traits: [sys.executable, str(AGENTS / "hostile_agent.py"), *traits]


@pytest.fixture
def pydantic_command() -> Callable[..., list[str]]:
    return lambda *arguments: [sys.executable, str(AGENTS / "pydantic_agent.py"), *map(str, arguments)]


@pytest_asyncio.fixture
async def start_hostile(
    tmp_path: Path, hostile_command: Callable[..., list[str]]
) -> AsyncIterator[StartHostile]:
    """Start hostile agents; afterwards all are closed, and no descriptor, task or process may be left."""
    gc.collect()
    descriptors_before = open_descriptors()
    tasks_before = asyncio.all_tasks()
    started: list[AcpConnection] = []

    async def start(*traits: str, session: bool = True, **options: Any) -> AcpConnection:
        options.setdefault("cwd", tmp_path)
        connection = await AcpConnector(hostile_command(*traits), **options).open("key")
        started.append(connection)
        if session:
            await connection.initialize()
            await connection.new_session()
        return connection

    yield start
    for connection in started:
        await connection.close()
        assert living_members(connection.pid) == []
    assert asyncio.all_tasks() - tasks_before - {asyncio.current_task()} == set()
    assert open_descriptors() == descriptors_before
