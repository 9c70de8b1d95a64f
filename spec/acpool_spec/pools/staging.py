"""An outside world staged by hand: agent processes in memory, each call of which can be held, failed or let through.

It shows a race on any event loop by events alone: hold a call, wait until a pool has reached it, do something else
meanwhile, release it. What the connections saw is in ``Outside.log``, in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from acpool.contract import Connection
from acpool.errors import ConnectionLost, SessionRefused


class Hold:
    """One call that stops where it is until it is released; ``reached`` is set when a pool has made the call."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def reach(self) -> None:
        """Give way until a pool has made the call; a pool that never makes it fails the test instead of hanging it."""
        for _ in range(100):
            if self.reached.is_set():
                return
            await asyncio.sleep(0)
        raise AssertionError("the held call was never made")

    def release(self) -> None:
        """Let the call go on."""
        if not self._outcome.done():
            self._outcome.set_result(None)

    def lose(self) -> None:
        """Fail the call, since its process is gone."""
        if not self._outcome.done():
            self._outcome.set_exception(ConnectionLost("the process is gone"))

    async def wait(self) -> None:
        """Stop here until released; raises ConnectionLost when the process goes first."""
        self.reached.set()
        await self._outcome


class StagedConnection:
    """One agent process in memory; ``name`` tells it from the others of the same key."""

    def __init__(self, outside: Outside, key: str, name: str) -> None:
        self.key = key
        self.name = name
        self.alive = True
        self.stubborn = False
        self.session_id: str | None = None
        self._outside = outside
        self._held: list[Hold] = []

    @property
    def supports_load(self) -> bool:
        """Whether the agents of this outside can load."""
        return self._outside.supports_load

    async def initialize(self) -> None:
        """Shake hands."""
        await self._call("initialize")

    async def new_session(self) -> str:
        """Establish a session with a fresh id."""
        await self._call("new")
        self.session_id = self._outside.fresh_id()
        return self.session_id

    async def load_session(self, session_id: str) -> None:
        """Load ``session_id``; raises SessionRefused for an id that no agent of this outside has established."""
        self._outside.log.append(("loading", self.name, session_id))
        await self._call("load")
        if session_id not in self._outside.established:
            raise SessionRefused(f"unknown session {session_id!r}")
        self.session_id = session_id

    async def prompt(self, content: Any) -> Any:
        """Answer with the session and the content."""
        await self._call("prompt")
        return f"{self.session_id}: {content}"

    async def cancel(self) -> None:
        """Take note of a ``session/cancel``."""
        await self._call("cancel")

    async def close(self) -> None:
        """Die, when the hold on it allows."""
        await self._outside.act("close", self)
        self._end()

    def kill(self) -> None:
        """Die now, unless ``stubborn``; what this process was asked and has not answered fails."""
        if not self.stubborn:
            self._end()

    def _end(self) -> None:
        self.alive = False
        for hold in self._held:
            hold.lose()

    async def _call(self, call: str) -> None:
        if not self.alive:
            raise ConnectionLost(f"{call}: the process is gone")
        await self._outside.act(call, self, self._held)
        if not self.alive:
            raise ConnectionLost(f"{call}: the process died meanwhile")


class Outside:
    """A connector, the processes it started and the session ids their agents know."""

    def __init__(self) -> None:
        self.supports_load = True
        self.connections: list[StagedConnection] = []
        self.established: set[str] = set()
        self.log: list[tuple[str, ...]] = []
        self._opened: Counter[str] = Counter()
        self._holds: dict[tuple[str, str], list[Hold]] = {}
        self._failures: dict[tuple[str, str], list[Callable[[], Exception]]] = {}

    async def open(self, key: str) -> StagedConnection:
        """Start a process for ``key``; one whose open fails or is cancelled was never there."""
        self._opened[key] += 1
        connection = StagedConnection(self, key, f"{key}{self._opened[key]}")
        await self.act("open", connection)
        self.connections.append(connection)
        return connection

    def hold(self, call: str, key: str) -> Hold:
        """Stop the next ``call`` of ``key``; its further ones are let through."""
        hold = Hold()
        self._holds.setdefault((call, key), []).append(hold)
        return hold

    def fail(self, call: str, key: str, error: Callable[[], Exception]) -> None:
        """Fail the next ``call`` of ``key`` with ``error()``."""
        self._failures.setdefault((call, key), []).append(error)

    def running(self, key: str | None = None) -> list[str]:
        """The names of the processes alive, of one key or of all."""
        return [c.name for c in self.connections if c.alive and key in (None, c.key)]

    def owners(self, session_id: str) -> list[str]:
        """The names of the processes alive that hold ``session_id``."""
        return [c.name for c in self.connections if c.alive and c.session_id == session_id]

    def latest(self, key: str) -> StagedConnection:
        """The process of ``key`` that was started last."""
        return [c for c in self.connections if c.key == key][-1]

    def fresh_id(self) -> str:
        """A session id that was never given out."""
        session_id = f"s{len(self.established) + 1}"
        self.established.add(session_id)
        return session_id

    async def act(self, call: str, connection: StagedConnection, held: list[Hold] | None = None) -> None:
        """Log one call, then hold or fail it as staged; what is in ``held`` ends with the process."""
        where = (call, connection.key)
        self.log.append((call, connection.name))
        if self._holds.get(where):
            hold = self._holds[where].pop(0)
            if held is not None:
                held.append(hold)
            await hold.wait()
        if self._failures.get(where):
            failure = self._failures[where].pop(0)
            raise failure()


async def settle() -> None:
    """Give way until everything that can go on has come to a hold; no time passes."""
    for _ in range(50):
        await asyncio.sleep(0)


async def hello(connection: Connection) -> Any:
    """A prompt, to be run under a lease."""
    return await connection.prompt("hello")
