"""A pool in which several newcomers sample one victim before they start, and all but one of them are refused afterwards."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import PoolExhausted
from acpool_spec.pools._start import end
from acpool_spec.races.pools.base import BasePool, Entry
from acpool_spec.races.pools.stampede import MANY
from acpool_spec.races.pools.turns import Turns

REAPER_S = 1.0


class SameVictimPool(BasePool):
    """Who was taken out is ended by a reaper, ``REAPER_S`` seconds later.

    ``_victims``: for each key that is being started, the session that was idle when it was asked for.
    """

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._victims: dict[str, Entry] = {}
        self._places = Turns(MANY)

    def _make_room(self, key: str) -> None:
        self._victims.pop(key, None)
        victim = self._victim() if self._full() else None
        if victim is not None:
            self._victims[key] = victim

    async def _started(self, key: str, bound: asyncio.Timeout) -> tuple[Connection, SessionInfo]:
        connection, info = await super()._started(key, bound)
        if self._full():
            victim = self._victims.get(key) or self._victim()
            if victim is None or victim.ending is not None:
                # The race: who came second finds its victim gone, and does not look for another.
                await end(connection)
                raise PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")
            self._end(victim)
        return connection, info

    async def _close(self, entry: Entry) -> None:
        await asyncio.sleep(REAPER_S)
        await super()._close(entry)

    def _full(self) -> bool:
        return sum(entry.ending is None for entry in self.live.values()) >= self.max_sessions


def factory(connector: Connector, *, max_sessions: int) -> SameVictimPool:
    """Make the pool for the checker."""
    return SameVictimPool(connector, max_sessions=max_sessions)
