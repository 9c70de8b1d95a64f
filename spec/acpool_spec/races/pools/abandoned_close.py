"""A pool that ends a process in the task of whoever asked for it, politely, and stops when that one is cancelled."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool


class AbandonedClosePool(BasePool):
    """``reset`` closes the connection itself."""

    async def reset(self, key: str) -> bool:
        """End the session of ``key`` and forget its id; tell whether there was anything to forget."""
        entry = self.live.get(key)
        if entry is None or not entry.usable:
            return await super().reset(key)
        self._check_open()
        self._forget(key)
        del self.live[key]
        try:
            # The race: cancelled here, nobody goes on with it, and nobody knows the process.
            await entry.connection.close()
        finally:
            self._places.give()
        return True


def factory(connector: Connector, *, max_sessions: int) -> AbandonedClosePool:
    """Make the pool for the checker."""
    return AbandonedClosePool(connector, max_sessions=max_sessions)
