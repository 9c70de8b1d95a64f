"""A pool that lowers the reset flag when a lease begins, before the prompt that carries the notice was sent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from acpool.contract import Connection, Connector
from acpool_spec.races.pools.base import BasePool, Entry


class EarlyNoticePool(BasePool):
    """Who has the lease counts as told."""

    @contextlib.asynccontextmanager
    async def _held(self, entry: Entry) -> AsyncGenerator[Connection, None]:
        # The race: the prompt may fail, or its caller be cancelled, and nobody will be told again.
        self._told(entry)
        async with super()._held(entry) as connection:
            yield connection


def factory(connector: Connector, *, max_sessions: int) -> EarlyNoticePool:
    """Make the pool for the checker."""
    return EarlyNoticePool(connector, max_sessions=max_sessions)
