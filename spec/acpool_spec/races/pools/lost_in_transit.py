"""A pool that takes every load that fails for one that was refused."""

from __future__ import annotations

from acpool.contract import Connection, Connector
from acpool_spec.races.pools.base import BasePool


class LostInTransitPool(BasePool):
    """A load has two outcomes here: it worked, or it did not."""

    async def _loads(self, connection: Connection, saved: str) -> bool:
        try:
            await connection.load_session(saved)
        except Exception:  # noqa: BLE001 the race: the agent may not have been asked at all
            return False
        return True


def factory(connector: Connector, *, max_sessions: int) -> LostInTransitPool:
    """Make the pool for the checker."""
    return LostInTransitPool(connector, max_sessions=max_sessions)
