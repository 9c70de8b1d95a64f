"""A pool whose ``reset`` knows what is remembered and what is live, and nothing of the start in between."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool, Creation


class StaleIdPool(BasePool):
    """A start reads the saved id once, when it begins."""

    async def _defeated(self, creation: Creation) -> None:
        """The race: nothing, so the start goes on with the id that it has read, and installs it after the reset."""


def factory(connector: Connector, *, max_sessions: int) -> StaleIdPool:
    """Make the pool for the checker."""
    return StaleIdPool(connector, max_sessions=max_sessions)
