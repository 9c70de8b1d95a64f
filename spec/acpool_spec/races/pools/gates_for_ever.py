"""A pool that keeps the gate of every key that anybody ever asked for."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool


class GatesForEverPool(BasePool):
    """Gates are made and never thrown away."""

    def _deserted(self, key: str) -> None:
        # The race: the gate stays, also of a key that never had a session and will not be asked for again.
        if key in self.creations:
            self._abandon(self.creations[key])


def factory(connector: Connector, *, max_sessions: int) -> GatesForEverPool:
    """Make the pool for the checker."""
    return GatesForEverPool(connector, max_sessions=max_sessions)
