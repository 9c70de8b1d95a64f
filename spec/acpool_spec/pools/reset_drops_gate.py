"""A pool whose ``reset`` throws away the key's creation gate, so that the next request need not wait for an old start.

Design: one gate per key, held across the start, so a key starts once; whoever finds the key taken at insertion gives way.
``reset`` ends the live session, forgets the saved id and drops the gate: a start in flight is left to itself.
Race: the next request makes a gate of its own and starts beside the old start: two processes of one key. If the old one
is ready first it is installed after the reset that should have ended it, with the id it had read before, and the new one
gives way to it: the caller who asked for a reset talks to the old session.
Breaks: S2 (two live processes of one key), S11 (a start begun before the reset installs a session after it).
Avoided by: a reset that defeats the creation in flight itself, by identity, and leaves it unable to install anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.pools._sessions import LEASE_TIMEOUT_S, Sessions
from acpool_spec.pools._start import end

T = TypeVar("T")

CANCEL_TIMEOUT_S = 5.0


class ResetDropsGatePool:
    """At most ``max_sessions`` keys at a time; a gate per key, gone when nobody holds it or when the key is reset."""

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
                    await sessions.remove([victim])
                connection, info = await sessions.start(key)
                winner = sessions.live.get(key)
                if winner is not None and winner.usable:
                    await end(connection)
                    return sessions.info(winner)
                # The race: nothing here asks whether the key was reset since this start began.
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

    async def cancel(self, key: str) -> bool:
        """Ask the agent of ``key`` to end its prompt, for ``CANCEL_TIMEOUT_S`` at most; tell whether there was one."""
        self._sessions.check_open()
        entry = self._sessions.live.get(key)
        if entry is None or not entry.usable or not entry.lock.locked():
            return False
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await entry.connection.cancel()
        except Exception:  # noqa: BLE001 the prompt was there, and that is the answer
            return True
        return True

    async def reset(self, key: str) -> bool:
        """End the session of ``key`` and forget its id; tell whether there was anything to forget."""
        sessions = self._sessions
        sessions.check_open()
        entry = sessions.live.get(key)
        known = sessions.saved.pop(key, None) is not None
        sessions.untold.discard(key)
        self._gates.pop(key, None)
        if entry is not None:
            await sessions.remove([entry])
        return known or entry is not None

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Abandon the starts, let leases finish for ``timeout`` seconds, and end every session."""
        await self._sessions.shutdown(timeout)


def factory(connector: Connector, *, max_sessions: int) -> ResetDropsGatePool:
    """Make the pool for the checker."""
    return ResetDropsGatePool(connector, max_sessions=max_sessions)
