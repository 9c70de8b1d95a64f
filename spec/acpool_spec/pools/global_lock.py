"""A pool with one lock, held across everything: the start, the initialization and the whole prompt.

Design: every operation takes the one lock of the pool first and gives it back when it is done. No two operations ever
overlap, so nothing can be evicted while busy and nothing is started twice.
Race: none in the strict sense; the lock itself is the fault. One agent that takes long to start, or one prompt that
streams for minutes, stops every other conversation, ``cleanup_idle`` and ``shutdown`` included; one that hangs stops them
for ever.
Breaks: L1 (an operation waits for another key's start or prompt), L2 (no bound holds once something hangs).
Avoided by: deciding in one synchronous step and doing the slow work outside, with no lock held across it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.pools._sessions import Sessions

T = TypeVar("T")


class GlobalLockPool:
    """At most ``max_sessions`` sessions behind one lock."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self._sessions = Sessions(connector, max_sessions)
        self._lock = asyncio.Lock()

    async def get_or_create(self, key: str) -> SessionInfo:
        """Return the session of ``key``, starting it where there is none; waits for whoever has the lock."""
        sessions = self._sessions
        async with self._lock:
            sessions.check_open()
            entry = sessions.live.get(key)
            if entry is not None and entry.usable:
                sessions.touch(entry)
                return sessions.info(entry)
            if entry is not None:
                await sessions.remove([entry])
            with sessions.reservation(key):
                if len(sessions.live) >= sessions.max_sessions:
                    # Under the lock nobody leases: every session is idle, and the first is the least recently used.
                    await sessions.remove([next(iter(sessions.live.values()))])
                connection, info = await sessions.start(key)
                return sessions.install(key, connection, info)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` on the connection of ``key``, under the lock from its first byte to its last."""
        async with self._lock:
            return await self._sessions.use(key, fn, None)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the sessions not used for ``ttl`` seconds and return their keys; waits for whoever has the lock."""
        async with self._lock:
            self._sessions.check_open()
            stale = self._sessions.expired(ttl)
            await self._sessions.remove(stale)
            return [entry.key for entry in stale]

    async def shutdown(self, timeout: float = 10.0) -> None:
        """End every session; waits for whoever has the lock, whatever ``timeout`` (seconds) says."""
        async with self._lock:
            await self._sessions.shutdown(timeout)


def factory(connector: Connector, *, max_sessions: int) -> GlobalLockPool:
    """Make the pool for the checker."""
    return GlobalLockPool(connector, max_sessions=max_sessions)
