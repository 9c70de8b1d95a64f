"""A pool that bounds its waiting as ``asyncio.wait_for`` did up to CPython 3.11, which may hide a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from acpool.contract import Connector
from acpool_spec.races.pools.base import BasePool, Creation

T = TypeVar("T")


async def wait_for(work: Coroutine[Any, Any, T], timeout: float) -> T:
    """What ``work`` returns; raises ``TimeoutError`` after ``timeout`` seconds. As it was: the work is a task of its own."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=timeout)
    except asyncio.CancelledError:
        if task.done():
            return task.result()  # the race: both happened, and the cancellation is the one that is forgotten
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        raise TimeoutError
    return task.result()


class HiddenCancellationPool(BasePool):
    """It waits for a creation with a bound of its own."""

    async def _over(self, creation: Creation) -> None:
        await wait_for(super()._over(creation), 60.0)


def factory(connector: Connector, *, max_sessions: int) -> HiddenCancellationPool:
    """Make the pool for the checker."""
    return HiddenCancellationPool(connector, max_sessions=max_sessions)
