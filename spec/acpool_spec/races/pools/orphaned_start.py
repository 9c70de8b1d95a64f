"""A pool that cleans up after every failure of a start, and not after its cancellation."""

from __future__ import annotations

from acpool.contract import Connection, Connector
from acpool_spec.races.pools.base import BasePool


class OrphanedStartPool(BasePool):
    """``except Exception`` was thought to be everything."""

    async def _undo(self, key: str, connection: Connection, cause: BaseException, *, claims: bool) -> None:
        # The race: CancelledError is no Exception, and the process lives on, known to nobody.
        if isinstance(cause, Exception):
            await super()._undo(key, connection, cause, claims=claims)


def factory(connector: Connector, *, max_sessions: int) -> OrphanedStartPool:
    """Make the pool for the checker."""
    return OrphanedStartPool(connector, max_sessions=max_sessions)
