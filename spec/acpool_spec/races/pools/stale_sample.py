"""A pool that looks for a victim only where it needs one when it is asked, and not when it turns out to need one."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import PoolExhausted
from acpool_spec.pools._start import end
from acpool_spec.races.pools.base import BasePool
from acpool_spec.races.pools.stampede import MANY
from acpool_spec.races.pools.turns import Turns


class StaleSamplePool(BasePool):
    """``_alone``: the keys for which there was room when they were asked for."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._alone: set[str] = set()
        self._places = Turns(MANY)

    def _make_room(self, key: str) -> None:
        self._alone.discard(key)
        if not self._full():
            self._alone.add(key)

    async def _started(self, key: str, bound: asyncio.Timeout) -> tuple[Connection, SessionInfo]:
        connection, info = await super()._started(key, bound)
        if self._full():
            victim = None if key in self._alone else self._victim()  # the race: the sample is old
            if victim is None:
                await end(connection)
                raise PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")
            self._end(victim)
        return connection, info

    def _full(self) -> bool:
        return sum(entry.ending is None for entry in self.live.values()) >= self.max_sessions


def factory(connector: Connector, *, max_sessions: int) -> StaleSamplePool:
    """Make the pool for the checker."""
    return StaleSamplePool(connector, max_sessions=max_sessions)
