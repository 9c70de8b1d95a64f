"""A pool that looks at its capacity when a session is to be written down, and not when its process is started."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import PoolExhausted
from acpool_spec.pools._start import end
from acpool_spec.races.pools.base import BasePool
from acpool_spec.races.pools.turns import Turns

MANY = 1_000_000


class StampedePool(BasePool):
    """Starts cost nothing here, and sessions do."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._places = Turns(MANY)

    def _make_room(self, key: str) -> None:
        """Nothing to do: the start takes no slot."""

    async def _started(self, key: str, bound: asyncio.Timeout) -> tuple[Connection, SessionInfo]:
        connection, info = await super()._started(key, bound)
        if sum(entry.ending is None for entry in self.live.values()) >= self.max_sessions:
            victim = self._victim()
            if victim is None:
                await end(connection)
                raise PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")
            self._end(victim)
        return connection, info


def factory(connector: Connector, *, max_sessions: int) -> StampedePool:
    """Make the pool for the checker."""
    return StampedePool(connector, max_sessions=max_sessions)
