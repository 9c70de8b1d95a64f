"""How every one of these pools starts and ends one agent process, so that none has a race in here.

``merged`` starts in its own way, since its start is part of what is wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import SessionRefused, SessionStartError

START_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0


async def end(*connections: Connection) -> None:
    """Kill the processes of ``connections`` and wait until each is confirmed dead or is given up on (still ``alive``).

    Waits :data:`CLOSE_TIMEOUT_S` at most, also when cancelled: the cancellation is passed on when the processes are gone,
    so that no slot and no key looks free while its process is dying.
    """
    for connection in connections:
        connection.kill()
    closing = [asyncio.create_task(_close(connection)) for connection in connections]
    interrupted: asyncio.CancelledError | None = None
    while not all(task.done() for task in closing):
        try:
            await asyncio.wait(closing)
        except asyncio.CancelledError as cancellation:
            interrupted = cancellation
    if interrupted is not None:
        raise interrupted


async def _close(connection: Connection) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await connection.close()
    except Exception:  # noqa: BLE001 it was killed; how or whether its closing failed is nobody's answer
        return


async def start(
    connector: Connector,
    key: str,
    saved_id: str | None,
    bound: asyncio.Timeout,
    given_up: Callable[[], None],
) -> tuple[Connection, SessionInfo]:
    """Open a process for ``key`` and load ``saved_id``, or establish a new session where there is none or it is refused.

    Raises SessionStartError when a stage fails or ``bound`` (entered here) ends; no process outlives a start that failed
    or was cancelled, but for one that will not die. ``given_up`` is called where that one may own ``saved_id``.
    """
    stage = "open"
    connection: Connection | None = None
    claims = False
    try:
        async with bound:
            connection = await connector.open(key)
            stage = "initialize"
            await connection.initialize()
            if saved_id is not None and connection.supports_load:
                stage, claims = "load", True
                try:
                    await connection.load_session(saved_id)
                    return connection, SessionInfo(saved_id, resumed=True, session_reset=False)
                except SessionRefused:
                    claims = False  # the same process gets a new session
            stage = "new"
            session_id = await connection.new_session()
            return connection, SessionInfo(session_id, resumed=False, session_reset=saved_id is not None)
    except BaseException as cause:  # whatever ended the start, cancellation included: its process goes too
        if connection is not None:
            try:
                await end(connection)
            finally:
                if connection.alive and claims:
                    given_up()
        if isinstance(cause, Exception):
            raise SessionStartError(key, stage, cause) from cause
        raise
