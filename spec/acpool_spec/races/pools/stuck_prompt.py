"""A pool whose ``get_or_create`` looks at a session under its lease, and so waits for whoever has it."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool, Entry


class StuckPromptPool(BasePool):
    """The lease is also what protects the look at the connection."""

    async def _ready(self, key: str) -> Entry:
        while True:
            entry = await super()._ready(key)
            # The race: a prompt may hold it for ever, and the gate is held meanwhile.
            await entry.lease.take()
            entry.lease.give()
            if entry.usable:
                return entry


def factory(connector: Connector, *, max_sessions: int) -> StuckPromptPool:
    """Make the pool for the checker."""
    return StuckPromptPool(connector, max_sessions=max_sessions)
