"""Somebody else's pool: one lock, no `cancel`, no `reset`, no `session`, and exceptions of its own.

PYTHONPATH=docs/pools acpool check --pool small:factory
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from acpool import SessionInfo
from acpool.contract import Connection, Connector


class Full(Exception):
    """No slot is free; this pool's own word for it."""


class SmallPool:
    """At most `max_sessions` sessions, never evicted, started one at a time."""

    def __init__(self, connector: Connector, max_sessions: int) -> None:
        self._connector = connector
        self._max = max_sessions
        self._sessions: dict[str, Connection] = {}
        self._lock = asyncio.Lock()

    async def get_or_create(self, key: str) -> SessionInfo:
        """The session of `key`; raises `Full`."""
        async with self._lock:
            connection = self._sessions.get(key)
            if connection is None or not connection.alive:
                if len(self._sessions) >= self._max:
                    raise Full(key)
                connection = await self._connector.open(key)
                await connection.initialize()
                await connection.new_session()
                self._sessions[key] = connection
            assert connection.session_id is not None
            return SessionInfo(connection.session_id, resumed=False, session_reset=False)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[Any]]) -> Any:
        """What `fn` returns for the session of `key`."""
        async with self._lock:
            return await fn(self._sessions[key])

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Nothing is ever idle for too long here."""
        return []

    async def shutdown(self) -> None:
        """Close everything."""
        async with self._lock:
            for connection in self._sessions.values():
                await connection.close()
            self._sessions.clear()


def factory(connector: Connector, *, max_sessions: int) -> SmallPool:
    """What `--pool` names."""
    return SmallPool(connector, max_sessions)
