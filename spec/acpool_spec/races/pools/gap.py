"""A pool whose ``session`` is a ``get_or_create`` and then a lease, with an instant between the two."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from acpool.contract import Connection, Connector
from acpool.errors import NoSession
from acpool_spec.races.pools.base import BasePool


class GapPool(BasePool):
    """Right in each of the two operations, and wrong in their sum."""

    @contextlib.asynccontextmanager
    async def session(self, key: str) -> AsyncGenerator[Connection, None]:
        """Create, let go, and look for what was created."""
        # In a task, so that whoever else waits is not disturbed.
        await asyncio.create_task(self.get_or_create(key))
        async with self._gate(key):  # the race: when this caller goes on, the session may be evicted
            entry = self.live.get(key)
            if entry is None or not entry.usable:
                raise NoSession(f"no live session of {key!r}")
            entry.users += 1
        await self._acquire(entry)
        async with self._held(entry) as connection:
            yield connection


def factory(connector: Connector, *, max_sessions: int) -> GapPool:
    """Make the pool for the checker."""
    return GapPool(connector, max_sessions=max_sessions)
