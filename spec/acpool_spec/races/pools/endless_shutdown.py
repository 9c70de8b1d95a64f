"""A pool whose ``shutdown`` waits for every lease to end, whatever its timeout says."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool


class EndlessShutdownPool(BasePool):
    """A busy connection is left alone, always."""

    async def _leases_over(self, timeout: float) -> None:
        for entry in list(self.live.values()):
            await entry.lease.take()  # the race: a prompt that hangs is never over
            entry.lease.give()


def factory(connector: Connector, *, max_sessions: int) -> EndlessShutdownPool:
    """Make the pool for the checker."""
    return EndlessShutdownPool(connector, max_sessions=max_sessions)
