"""A pool that starts outside every lock and writes down what it started without looking again.

Design: look for the key, find nothing, take a slot, read the saved session id, start, insert. Slow starts disturb nobody,
which is what the design is for; but nothing tells a second request of the same key that a start is under way.
Race: two rapid requests of one key both find nothing, both read the same saved id, and both load it: two processes own
one session. The second insertion then covers the first, whose process nobody will ever end.
Breaks: S2 (two live processes of one key), S3 (one session id loaded by two connections); S10 follows.
Avoided by: writing the creation down in the step that decides it, so that whoever comes second joins it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.pools._sessions import LEASE_TIMEOUT_S, Sessions

T = TypeVar("T")


class UnlockedStartPool:
    """At most ``max_sessions`` keys at a time, each start in the task of whoever asked."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self._sessions = Sessions(connector, max_sessions)

    async def get_or_create(self, key: str) -> SessionInfo:
        """Return the session of ``key``, starting it where there is none; raises PoolExhausted, SessionStartError."""
        sessions = self._sessions
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
                await sessions.remove([victim])
            connection, info = await sessions.start(key)
            # The race: the key may have got a session during the start, and that one is covered here.
            return sessions.install(key, connection, info)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` under the lease of ``key``, waiting for it up to ``LEASE_TIMEOUT_S``."""
        return await self._sessions.use(key, fn, LEASE_TIMEOUT_S)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the idle sessions not used for ``ttl`` seconds and return their keys."""
        self._sessions.check_open()
        stale = self._sessions.expired(ttl)
        await self._sessions.remove(stale)
        return [entry.key for entry in stale]

    async def shutdown(self, timeout: float = 10.0) -> None:
        """End every session that is written down, after letting leases finish for ``timeout`` seconds."""
        await self._sessions.shutdown(timeout)


def factory(connector: Connector, *, max_sessions: int) -> UnlockedStartPool:
    """Make the pool for the checker."""
    return UnlockedStartPool(connector, max_sessions=max_sessions)
