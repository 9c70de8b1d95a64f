"""How a process is ended within a bound, whatever its connection does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from acpool.contract import Connection

log = logging.getLogger("acpool")

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


async def tell_agent(connection: Connection, timeout_s: float) -> None:
    """Ask the agent to end its prompt, within ``timeout_s`` seconds; a failure is logged, since the process ends anyway."""
    try:
        async with asyncio.timeout(timeout_s):
            await connection.cancel()
    except Exception as error:  # noqa: BLE001 - whatever an agent does, its process ends next
        log.info("the agent could not be told that its prompt is over: %r", error)


async def end_process(
    connection: Connection, *, key: str, kill: bool, close_timeout_s: float, spawn: Spawn
) -> bool:
    """Close ``connection``; True when its process is confirmed dead, False when it has to be given up on.

    Asks first unless ``kill``; kills what has not closed after ``close_timeout_s`` seconds, and waits as long again for the
    confirmation. Bound: twice ``close_timeout_s``, once with ``kill``. ``close()`` runs in a task of its own (``spawn`` keeps
    it), so that one which ignores its cancellation cannot hold the slot either.
    """
    if not kill:
        confirmed = False
        try:
            confirmed = await _closed_within(connection, key, close_timeout_s, spawn)
        finally:
            # Also when this task is cancelled, as at the end of ``asyncio.run``: no process outlives the pool.
            if not confirmed:
                _kill(connection, key)
        if confirmed:
            return True
        log.warning("the agent process of %r did not close within %s s and was killed", key, close_timeout_s)
    else:
        _kill(connection, key)
    return await _closed_within(connection, key, close_timeout_s, spawn)


def _kill(connection: Connection, key: str) -> None:
    try:
        connection.kill()
    except Exception:
        log.exception("the agent process of %r could not be killed", key)


async def _closed_within(connection: Connection, key: str, timeout_s: float, spawn: Spawn) -> bool:
    closing = spawn(connection.close(), f"acpool-close-{key}")
    try:
        await asyncio.wait([closing], timeout=timeout_s)
    finally:
        if not closing.done():
            closing.cancel()
    if not closing.done() or closing.cancelled():
        return False
    error = closing.exception()
    if error is not None:
        log.warning("closing the agent process of %r failed: %r", key, error)
    return error is None
