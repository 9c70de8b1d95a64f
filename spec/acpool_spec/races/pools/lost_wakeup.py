"""A pool whose waiters for a lease are notified as by ``asyncio.Condition`` up to CPython 3.12: one, which may be cancelled."""

from __future__ import annotations

import asyncio

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.races.pools.base import BasePool, Entry
from acpool_spec.races.pools.turns import Turns


class NotifyingTurns(Turns):
    """A place is free or not; who waits is told to look again."""

    async def take(self) -> None:
        """Wait for a place, without bound."""
        notified = False
        while not self.free or (self.queue and not notified):
            mine = asyncio.get_running_loop().create_future()
            self.queue.append(mine)
            try:
                await mine
            finally:
                if mine in self.queue:
                    self.queue.remove(mine)
                # The race: cancelled after it was notified, it tells nobody else to look.
            notified = True
        self.free -= 1

    def give(self) -> None:
        """Have a place free, and notify whoever waits first."""
        self.free += 1
        if self.queue:
            mine = self.queue.popleft()
            if not mine.done():
                mine.set_result(None)


class LostWakeupPool(BasePool):
    """As the base, with such leases, and no bound on waiting for them."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self.lease_timeout_s = None

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        entry = super()._install(key, connection, info)
        entry.lease = NotifyingTurns()
        return entry


def factory(connector: Connector, *, max_sessions: int) -> LostWakeupPool:
    """Make the pool for the checker."""
    return LostWakeupPool(connector, max_sessions=max_sessions)
