"""A pool whose slots are handed to a waiter that may be cancelled already, and are lost with it."""

from __future__ import annotations

import asyncio
import contextlib

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool
from acpool_spec.races.pools.turns import Turns


class LosingTurns(Turns):
    """The classic of asyncio's pools: the wake-up was queued, then its task was cancelled."""

    def _leave(self, mine: asyncio.Future[None]) -> None:
        with contextlib.suppress(ValueError):
            self.queue.remove(mine)
        # The race: a place that was handed over already is nobody's now.


class LostHandoverPool(BasePool):
    """As the base, with such places for its processes."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._places = LosingTurns(max_sessions)


def factory(connector: Connector, *, max_sessions: int) -> LostHandoverPool:
    """Make the pool for the checker."""
    return LostHandoverPool(connector, max_sessions=max_sessions)
