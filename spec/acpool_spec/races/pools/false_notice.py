"""A pool that raises the reset flag for a start that failed, though there was no session that could have been lost."""

from __future__ import annotations

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool, Creation


class FalseNoticePool(BasePool):
    """Whatever fails counts as a loss."""

    def _undone(self, creation: Creation) -> None:
        super()._undone(creation)
        self.untold.add(creation.key)  # the race: it was never alive and had no session


def factory(connector: Connector, *, max_sessions: int) -> FalseNoticePool:
    """Make the pool for the checker."""
    return FalseNoticePool(connector, max_sessions=max_sessions)
