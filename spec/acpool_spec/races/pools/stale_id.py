"""A pool whose ``reset`` forgets what is saved, and not that a start in flight has read it already."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.races.pools.base import BasePool, Creation


class StaleIdPool(BasePool):
    """A start reads the saved id once, when it begins. ``_resuming``: the keys whose start has read one."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._resuming: set[str] = set()

    async def _started(self, key: str, bound: asyncio.Timeout) -> tuple[Connection, SessionInfo]:
        if key in self.saved:
            self._resuming.add(key)
        try:
            return await super()._started(key, bound)
        finally:
            self._resuming.discard(key)

    async def _defeated(self, creation: Creation) -> None:
        if creation.key not in self._resuming:
            await super()._defeated(creation)
        # The race: of a session that is being resumed nothing is saved any more, but the start has read its id.


def factory(connector: Connector, *, max_sessions: int) -> StaleIdPool:
    """Make the pool for the checker."""
    return StaleIdPool(connector, max_sessions=max_sessions)
