"""A pool that tells its operator what it is about to clean up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from acpool import Connector
from acpool_spec.races.pools.base import BasePool, Entry


class BrokerPool(BasePool):
    """The rest of it is as it should be; this is the method that was changed last."""

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the idle sessions not used for ``ttl`` seconds and return their keys."""
        self._check_open()
        stale = [entry for entry in self.live.values() if self._idle(entry) and self._expired(entry, ttl)]
        await self._tell_the_operator(stale)
        for entry in stale:
            self._end(entry)
        return [entry.key for entry in stale]

    async def _tell_the_operator(self, entries: Sequence[Entry]) -> None:
        await asyncio.sleep(0)  # stands for a line that is written to somewhere else


def factory(connector: Connector, *, max_sessions: int) -> BrokerPool:
    """Make the pool for the checker."""
    return BrokerPool(connector, max_sessions=max_sessions)
