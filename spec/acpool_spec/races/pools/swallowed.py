"""A pool that goes on waiting for a creation when its caller is cancelled, since it is on its way anyway."""

from __future__ import annotations

import asyncio

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool, Creation


class SwallowedPool(BasePool):
    """A creation is seen to its end, always."""

    async def _over(self, creation: Creation) -> None:
        while not creation.task.done():
            try:
                await super()._over(creation)
            except asyncio.CancelledError:
                continue  # the race: whoever cancelled, a timeout for example, waits in vain


def factory(connector: Connector, *, max_sessions: int) -> SwallowedPool:
    """Make the pool for the checker."""
    return SwallowedPool(connector, max_sessions=max_sessions)
