"""Places that are taken in turn: a lock where there is one, a semaphore where there are more; first come, first served.

Who gives a place back hands it to whoever waits first, so that nobody overtakes. A place that was handed to somebody who is
cancelled before it could go on is handed on.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """``places`` to be taken; ``queue`` holds those who wait."""

    def __init__(self, places: int = 1) -> None:
        self.free = places
        self.queue: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a place, without bound."""
        if self.free:
            self.free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        self.queue.append(mine)
        try:
            await mine
        except BaseException:
            self._leave(mine)
            raise

    def give(self) -> None:
        """Hand a place to whoever waits first, else have it free."""
        if not self.queue:
            self.free += 1
            return
        mine = self.queue.popleft()
        if not mine.done():
            mine.set_result(None)

    def _leave(self, mine: asyncio.Future[None]) -> None:
        """Stop waiting: a place that was handed over already goes to the next one."""
        if mine in self.queue:
            self.queue.remove(mine)
        else:
            self.give()
