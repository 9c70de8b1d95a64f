"""A pool that cleans up after every failure of a start, and not after its cancellation."""

from __future__ import annotations

from acpool.contract import Connection, Connector
from acpool_spec.races.pools.base import BasePool


class OrphanedStartPool(BasePool):
    """``except Exception`` was thought to be everything."""

    async def _undo(self, key: str, connection: Connection, cause: BaseException, *, claims: bool) -> None:
        if isinstance(
            cause, Exception
        ):  # the race: CancelledError is none, and the process lives on, known to nobody
            await super()._undo(key, connection, cause, claims=claims)


def factory(connector: Connector, *, max_sessions: int) -> OrphanedStartPool:
    """Make the pool for the checker."""
    return OrphanedStartPool(connector, max_sessions=max_sessions)
