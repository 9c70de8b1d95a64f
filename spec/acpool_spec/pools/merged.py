"""A pool with a lock per connection and a creation gate per key that samples first, waits, and then acts on the sample.

Design: ``get_or_create`` takes the key's gate, reads the saved id, looks at the live entry under that connection's lock,
samples an eviction victim (a snapshot; who can be locked at once; oldest use first), starts outside the map's lock, and
at insertion looks at capacity and at the victim's identity, at nothing else. An entry struck from the map is shared with
those who still use it: its process ends with its last user. ``reset`` and ``shutdown`` know the map only.
Races, each left as it was:
  - a victim that became busy during the start is evicted, and its id is loaded again while it streams (S4, S3), and
    ``cleanup_idle`` has the same window;
  - any number of starts run at once (S1); several sample one victim and the losers are refused though others are idle,
    and so is who found nothing to evict before the start, whatever is idle after it (S8);
  - a stuck prompt holds the connection's lock, and so the next ``get_or_create`` of its key, and ``shutdown`` (L2);
  - a failed start leaves the dead entry in its slot, so that a newcomer evicts a live one (S8, S9); gates are never removed;
  - a start that was under way survives ``reset`` and ``shutdown`` (S11, S10); one whose caller is cancelled leaks (S10);
  - a load that failed in transit counts as refused, and the saved id is overwritten (S6, S7);
  - the reset flag is lowered before the prompt that carries it, lives only on the connection, and is lost with it (S7);
  - cancel handles survive the connection they belong to.
Avoided by: a slot reserved in the step that decides to create, the victim taken in that same step, creations that belong
to the pool and can be defeated, and no lock held across anything a connection does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import NoSession, PoolClosed, PoolExhausted, SessionStartError
from acpool_spec.pools._start import START_TIMEOUT_S, end

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Entry:
    """One connection, shared by the map and its users; ``used_at`` is loop time in seconds."""

    key: str
    connection: Connection
    info: SessionInfo
    used_at: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    struck: bool = False

    @property
    def locked(self) -> bool:
        """Whether a try-lock fails: somebody holds the lock, or it is being handed to somebody who waits."""
        return self.users > 0


class MergedPool:
    """``max_sessions`` sessions in the map, looked at on insertion."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self._connector = connector
        self._max_sessions = max_sessions
        self._active: dict[str, _Entry] = {}
        self._suspended: dict[str, str] = {}
        self._gates: dict[str, asyncio.Lock] = {}
        self._cancel_handles: dict[str, Connection] = {}
        self._closed = False

    async def get_or_create(self, key: str) -> SessionInfo:
        """Return the session of ``key``, starting it where there is none; waits for the key's prompt without bound.

        Raises PoolExhausted, SessionStartError, PoolClosed.
        """
        self._check_open()
        async with self._gates.setdefault(key, asyncio.Lock()):
            saved = self._suspended.get(key)
            existing = self._active.get(key)
            if existing is not None:
                async with self._locked(existing):
                    if existing.connection.alive:
                        existing.used_at = asyncio.get_running_loop().time()
                        return existing.info
                saved = existing.info.session_id
            victim = self._sample_victim()
            connection, info = await self._start(key, saved)
            return await self._insert(key, existing, victim, connection, info)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` under the connection's lock, on whatever connection ``key`` had when this was called."""
        self._check_open()
        entry = self._active.get(key)
        if entry is None:
            raise NoSession(f"no live session of {key!r}")
        async with self._locked(entry):
            entry.info = SessionInfo(entry.info.session_id, entry.info.resumed, session_reset=False)
            try:
                return await fn(entry.connection)
            finally:
                entry.used_at = asyncio.get_running_loop().time()

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the sessions that can be locked at once and were not used for ``ttl`` seconds; return their keys."""
        self._check_open()
        now = asyncio.get_running_loop().time()
        stale = [entry for entry in self._active.values() if not entry.locked and now - entry.used_at >= ttl]
        # Snapshot and removal were two sections under the map's lock, with other threads running in between.
        await asyncio.sleep(0)
        struck = [entry for entry in stale if self._active.get(entry.key) is entry]
        for entry in struck:
            self._suspend(entry)
        for entry in struck:
            await self._end_if_unused(entry)
        return [entry.key for entry in struck]

    async def cancel(self, key: str) -> bool:
        """Ask the agent to end the prompt of ``key``, through the handle left by its latest start."""
        self._check_open()
        handle = self._cancel_handles.get(key)
        entry = self._active.get(key)
        if handle is None:
            return False
        await handle.cancel()
        return entry is not None and entry.lock.locked()

    async def reset(self, key: str) -> bool:
        """Strike ``key`` from both maps; tell whether it was in one."""
        self._check_open()
        known = self._suspended.pop(key, None) is not None
        self._cancel_handles.pop(key, None)
        entry = self._active.pop(key, None)
        if entry is not None:
            entry.struck = True
            await self._end_if_unused(entry)
        return known or entry is not None

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Suspend every session of the map, each when its prompt is over, whatever ``timeout`` (seconds) says."""
        self._closed = True
        for entry in list(self._active.values()):
            async with self._locked(entry):
                if self._active.get(entry.key) is entry:
                    self._suspend(entry)

    # -- the parts of a creation, in order ---------------------------------------------------------------------------

    def _sample_victim(self) -> _Entry | None:
        if len(self._active) < self._max_sessions:
            return None
        unlocked = (entry for entry in self._active.values() if not entry.locked)
        return min(unlocked, key=lambda entry: entry.used_at, default=None)

    async def _start(self, key: str, saved: str | None) -> tuple[Connection, SessionInfo]:
        stage = "open"
        connection: Connection | None = None
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                connection = await self._connector.open(key)
            stage = "initialize"
            async with asyncio.timeout(START_TIMEOUT_S):
                await connection.initialize()
            if saved is not None and connection.supports_load and await self._loads(connection, saved):
                return connection, SessionInfo(saved, resumed=True, session_reset=False)
            stage = "new"
            async with asyncio.timeout(START_TIMEOUT_S):
                session_id = await connection.new_session()
        except Exception as cause:  # any failure; a cancellation passes by, and the process is left to itself
            if connection is not None:
                await end(connection)
            raise SessionStartError(key, stage, cause) from cause
        return connection, SessionInfo(session_id, resumed=False, session_reset=saved is not None)

    async def _loads(self, connection: Connection, saved: str) -> bool:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await connection.load_session(saved)
        except Exception:  # noqa: BLE001 the design does not tell a refusal from a failure in transit
            return False
        return True

    async def _insert(
        self,
        key: str,
        existing: _Entry | None,
        victim: _Entry | None,
        connection: Connection,
        info: SessionInfo,
    ) -> SessionInfo:
        if existing is not None and self._active.get(key) is existing:
            del self._active[key]
            existing.struck = True
        evicted: _Entry | None = None
        if len(self._active) >= self._max_sessions:
            if victim is None or self._active.get(victim.key) is not victim:
                await end(connection)
                raise PoolExhausted(f"no slot for {key!r}: all {self._max_sessions} sessions are in use")
            # The race: it is the entry that was sampled, but is it idle still?
            self._suspend(victim)
            evicted = victim
        self._suspended.pop(key, None)
        self._active[key] = _Entry(key, connection, info, asyncio.get_running_loop().time())
        self._cancel_handles[key] = connection
        for struck in (existing, evicted):
            if struck is not None:
                await self._end_if_unused(struck)
        return info

    # -- sharing a connection ----------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _locked(self, entry: _Entry) -> AsyncGenerator[None, None]:
        entry.users += 1
        try:
            async with entry.lock:
                yield
        finally:
            entry.users -= 1
            if entry.struck:
                await self._end_if_unused(entry)

    def _suspend(self, entry: _Entry) -> None:
        del self._active[entry.key]
        self._suspended[entry.key] = entry.info.session_id
        entry.struck = True

    async def _end_if_unused(self, entry: _Entry) -> None:
        if entry.struck and entry.users == 0:
            await end(entry.connection)

    def _check_open(self) -> None:
        if self._closed:
            raise PoolClosed("the pool is shutting down")


def factory(connector: Connector, *, max_sessions: int) -> MergedPool:
    """Make the pool for the checker."""
    return MergedPool(connector, max_sessions=max_sessions)
