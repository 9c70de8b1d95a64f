"""How a process is ended within a bound, whatever its connection does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from acpool.contract import Connection

log = logging.getLogger("acpool")

_FIRST_PAUSE_S = 0.05

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


async def tell_agent(connection: Connection, key: str, timeout_s: float, spawn: Spawn) -> None:
    """Ask the agent to end its prompt, within ``timeout_s`` seconds; a failure is logged, since nothing depends on it."""
    error = await _ended_within(spawn(connection.cancel(), f"acpool-cancel-{key}"), timeout_s)
    if error is not None:
        log.info("the agent of %r could not be told that its prompt is over: %r", key, error)


async def end_process(
    connection: Connection, *, key: str, kill: bool, close_timeout_s: float, spawn: Spawn
) -> bool:
    """Close ``connection``; True when its process is confirmed dead, False when it has to be given up on.

    Asks first unless ``kill``; kills what has not closed after ``close_timeout_s`` seconds, and waits as long again for the
    confirmation. Bound: twice ``close_timeout_s``, once with ``kill``. A caller that is cancelled must kill the process.
    """
    if not kill:
        error = await _ended_within(spawn(connection.close(), f"acpool-close-{key}"), close_timeout_s)
        if error is None:
            return True
        log.warning("closing the agent process of %r failed, and it is killed: %r", key, error)
    kill_process(connection, key)
    return await _confirmed_dead(connection, key, close_timeout_s, spawn)


def kill_process(connection: Connection, key: str) -> None:
    """Kill the process of ``connection``; what ``kill()`` raises is logged."""
    try:
        connection.kill()
    except Exception:
        log.exception("the agent process of %r could not be killed", key)


async def _confirmed_dead(connection: Connection, key: str, timeout_s: float, spawn: Spawn) -> bool:
    """Whether ``close()`` confirms the death of a killed process in time; one that raises is asked again, ever less often."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + timeout_s, _FIRST_PAUSE_S
    while True:
        left = deadline - loop.time()
        error = await _ended_within(spawn(connection.close(), f"acpool-close-{key}"), left)
        if error is None:
            return True
        left = deadline - loop.time()
        if left <= 0:
            log.warning(
                "the killed agent process of %r was not confirmed dead in %s s: %r", key, timeout_s, error
            )
            return False
        await asyncio.sleep(min(pause, left))
        pause *= 2


async def _ended_within(task: asyncio.Task[None], timeout_s: float) -> BaseException | None:
    """Wait for ``task``, cancelling it after ``timeout_s`` seconds or with the caller; why it did not end well, or None.

    The task is not awaited itself: what it does with its cancellation is its own affair and cannot hold up the caller.
    """
    try:
        await asyncio.wait([task], timeout=max(0.0, timeout_s))
    finally:
        if not task.done():
            task.cancel()
    if not task.done():
        return TimeoutError(f"no answer within {timeout_s:g} s")
    return asyncio.CancelledError("it cancelled itself") if task.cancelled() else task.exception()
