"""A pool whose ``shutdown`` ends what is written down, and not what is only about to be."""

from __future__ import annotations

import asyncio

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool


class LateStartPool(BasePool):
    """Nobody tells a start that the pool is shut down."""

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Let leases finish for ``timeout`` seconds and end every session; a start that is under way goes on (the race)."""
        self.closed = True
        await self._leases_over(timeout)
        for entry in self.live.values():
            self._end(entry)
        while self._endings:
            await asyncio.wait(self._endings)


def factory(connector: Connector, *, max_sessions: int) -> LateStartPool:
    """Make the pool for the checker."""
    return LateStartPool(connector, max_sessions=max_sessions)
