"""Requests that were sent and not answered yet: each is kept to its end, whether or not its caller waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Outstanding:
    """Strong references to the tasks of one connection, in the order they began."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``call`` to its end; to wait for it without owning it, use ``asyncio.wait``."""
        task = asyncio.create_task(call)
        self._tasks[task] = None
        task.add_done_callback(self._settled)
        return task

    async def finish(self, timeout_s: float) -> bool:
        """Wait for all, at most ``timeout_s`` seconds, then cancel the rest; returns whether all ended."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=timeout_s)
        rest = tuple(self._tasks)
        for task in rest:
            task.cancel()
        return not rest

    def _settled(self, task: asyncio.Task[Any]) -> None:
        del self._tasks[task]
        if not task.cancelled():
            task.exception()  # marks it as seen: the caller may be gone
