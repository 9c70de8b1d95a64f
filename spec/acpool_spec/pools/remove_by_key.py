"""A pool whose eviction and cleanup strike out a *key* after an await, not the entry they had sampled before it.

Design: one gate per key, so a key starts once; a slot is taken before the start. To make room, and to clean up, the pool
picks an idle entry, ends its process, and when that is dead deletes the entry's key.
Race: ABA. While the old process is dying, the next request of that key finds it unusable, replaces it and inserts a fresh
session; then the deletion by key arrives and strikes out the fresh one. Its process lives on, owned by nobody, and the
key's next request starts another beside it.
Breaks: S10 (an orphaned process), S2 (two live processes of one key); S3 where the next start loads the orphan's id.
Avoided by: comparing the entry's identity before anything is done to it after an await.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from weakref import WeakValueDictionary

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.pools._sessions import LEASE_TIMEOUT_S, Entry, Sessions

T = TypeVar("T")


class RemoveByKeyPool:
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
            victim = sessions.victim() if sessions.must_evict(key) else None
            if victim is None and sessions.must_evict(key):
                raise sessions.exhausted(key)
            with sessions.reservation(key):
                if victim is not None:
                    await self._remove_keys([victim])
                connection, info = await sessions.start(key)
                return sessions.install(key, connection, info)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` under the lease of ``key``, waiting for it up to ``LEASE_TIMEOUT_S``."""
        return await self._sessions.use(key, fn, LEASE_TIMEOUT_S)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the idle sessions not used for ``ttl`` seconds and return their keys."""
        self._sessions.check_open()
        stale = self._sessions.expired(ttl)
        await self._remove_keys(stale)
        return [entry.key for entry in stale]

    async def shutdown(self, timeout: float = 10.0) -> None:
        """End every session that is written down, after letting leases finish for ``timeout`` seconds."""
        await self._sessions.shutdown(timeout)

    async def _remove_keys(self, entries: Sequence[Entry]) -> None:
        try:
            await self._sessions.end_all(entries)
        finally:
            for entry in entries:
                # The race: the key may have another entry by now.
                self._sessions.live.pop(entry.key, None)


def factory(connector: Connector, *, max_sessions: int) -> RemoveByKeyPool:
    """Make the pool for the checker."""
    return RemoveByKeyPool(connector, max_sessions=max_sessions)
