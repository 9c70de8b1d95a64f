"""A killed process whose ``close()`` raises is asked again, ever less often, up to the bound and not beyond."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, cast

from acpool.closing import end_process
from acpool.contract import Connection

ASKED = [0.0, 0.05, 0.15, 0.35, 0.75, 1.55, 3.15, 6.35]
"""At which second, while there is time: after a pause that doubles."""


class Unwilling:
    """A connection that remembers when it was asked to close, and does so from the second ``willing`` on, or asked so often."""

    def __init__(self, willing: float, patience: int = 100) -> None:
        self.asked: list[float] = []
        self._willing = willing
        self._patience = patience

    def kill(self) -> None:
        """It may be dead by now."""

    async def close(self) -> None:
        """Raises before it is willing."""
        now = asyncio.get_running_loop().time()
        self.asked.append(round(now, 6))
        if now < self._willing and len(self.asked) < self._patience:
            raise OSError("not yet")


async def ended(connection: Unwilling, close_timeout_s: float) -> bool:
    def spawn(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine, name=name)

    return await end_process(
        cast(Connection, connection), key="a", kill=True, close_timeout_s=close_timeout_s, spawn=spawn
    )


async def test_it_is_asked_again_ever_less_often_and_at_the_bound_for_the_last_time() -> None:
    connection = Unwilling(100.0)
    assert not await ended(connection, 7.0)
    assert connection.asked == [*ASKED, 7.0] and asyncio.get_running_loop().time() == 7.0


async def test_who_is_willing_at_last_is_confirmed_dead() -> None:
    connection = Unwilling(6.9)
    assert await ended(connection, 7.0)
    assert connection.asked == [*ASKED, 7.0]


def test_a_clock_that_has_gone_beyond_the_bound_ends_it_too() -> None:
    # Stock asyncio's clock: it goes on between two looks at it, so what is left is less than nothing.
    connection = Unwilling(math.inf)
    assert not asyncio.run(ended(connection, 0.0))
    assert len(connection.asked) == 1
