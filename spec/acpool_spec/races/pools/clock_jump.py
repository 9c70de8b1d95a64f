"""A pool that reads the time of day, which somebody may set: here it is set forward by an hour at its third reading."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.races.pools.base import BasePool, Entry

JUMP_S = 3_600.0
JUMP_AT = 3


class TimeOfDay:
    """A clock in the place of ``time.time``: seconds, the loop's until its reading number ``JUMP_AT``."""

    def __init__(self) -> None:
        self._readings = 0

    def __call__(self) -> float:
        """Read it."""
        self._readings = min(JUMP_AT, self._readings + 1)
        return asyncio.get_running_loop().time() + (JUMP_S if self._readings == JUMP_AT else 0.0)


class ClockJumpPool(BasePool):
    """``used_at`` of every entry is a time of day."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._time = TimeOfDay()

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        entry = super()._install(key, connection, info)
        entry.used_at = self._time()
        return entry

    def _touch(self, entry: Entry) -> None:
        super()._touch(entry)
        entry.used_at = self._time()

    def _expired(self, entry: Entry, ttl: float) -> bool:
        return not entry.connection.alive or self._time() - entry.used_at >= ttl  # the race: by which clock?


def factory(connector: Connector, *, max_sessions: int) -> ClockJumpPool:
    """Make the pool for the checker."""
    return ClockJumpPool(connector, max_sessions=max_sessions)
