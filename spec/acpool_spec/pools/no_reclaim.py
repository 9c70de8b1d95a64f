"""A pool that sees only the sessions whose lock it can have at once, so a prompt that hangs is out of its sight.

Design: one gate per key, a slot taken before the start, entries compared by identity. Eviction and cleanup pass over
every session that somebody holds, which protects the busy ones; no lease has an age and no wait for one has a bound.
Race: none is needed, only an agent that never answers. Its holder waits for ever and so does every later caller of the
key; ``cleanup_idle`` passes it over each time; its slot is gone for good, even when the process itself has died.
Breaks: L2 (callers of that key never get an answer), S8 (``PoolExhausted`` though the slot's process is dead).
Avoided by: a bound on waiting for the lease, and a cleanup that takes back leases older than ``max_lease``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.pools._sessions import Entry, Sessions

T = TypeVar("T")


class NoReclaimPool:
    """At most ``max_sessions`` sessions; a gate per key, gone when nobody holds it."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self._sessions = Sessions(connector, max_sessions)
        self._gates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get_or_create(self, key: str) -> SessionInfo:
        """Return the session of ``key``, starting it where there is none; raises PoolExhausted, SessionStartError."""
        sessions = self._sessions
        async with self._gates.setdefault(key, asyncio.Lock()):
            sessions.check_open()
            entry = sessions.live.get(key)
            if entry is not None and entry.usable:
                sessions.touch(entry)
                return sessions.info(entry)
            if entry is not None:
                await sessions.remove([entry])
            victim = self._unlocked_victim() if sessions.must_evict(key) else None
            if victim is None and sessions.must_evict(key):
                raise sessions.exhausted(key)
            with sessions.reservation(key):
                if victim is not None:
                    await sessions.remove([victim])
                connection, info = await sessions.start(key)
                return sessions.install(key, connection, info)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` under the lease of ``key``; waits for the lease without bound."""
        return await self._sessions.use(key, fn, None)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the sessions that nobody holds and that were not used for ``ttl`` seconds; return their keys."""
        self._sessions.check_open()
        stale = self._sessions.expired(ttl)
        await self._sessions.remove(stale)
        return [entry.key for entry in stale]

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Abandon the starts, let leases finish for ``timeout`` seconds, and end every session."""
        await self._sessions.shutdown(timeout)

    def _unlocked_victim(self) -> Entry | None:
        # What is wrong here: a session that somebody holds is never looked at, whatever became of its process.
        unlocked = [entry for entry in self._sessions.live.values() if entry.idle]
        return next((entry for entry in unlocked if not entry.connection.alive), next(iter(unlocked), None))


def factory(connector: Connector, *, max_sessions: int) -> NoReclaimPool:
    """Make the pool for the checker."""
    return NoReclaimPool(connector, max_sessions=max_sessions)
