"""The shell of the pool: performs in asyncio what the core decided. Decides nothing, and never waits itself.

Whatever talks to a process on the pool's behalf runs in a task that is kept here, never in a caller's.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from acpool.bounds import Bounds
from acpool.closing import end_process, kill_process, tell_agent
from acpool.contract import Connector
from acpool.core import Core
from acpool.errors import ConnectionLost, SessionRefused
from acpool.observe import report
from acpool.records import Close, Creation, Entry, Interrupt, PoolEvent, Queued, Served, Start, Stop, Wake

log = logging.getLogger("acpool")

T = TypeVar("T")


class Shell:
    """The tasks and timers of one pool."""

    def __init__(
        self, core: Core, connector: Connector, bounds: Bounds, on_event: Callable[[PoolEvent], None] | None
    ) -> None:
        self._core = core
        self._connector = connector
        self._bounds = bounds
        self._on_event = on_event
        self._tasks: set[asyncio.Task[Any]] = set()
        self._starts: dict[int, asyncio.Task[None]] = {}
        self._capacity_timers: dict[int, asyncio.TimerHandle] = {}
        self._gone: dict[int, asyncio.Event] = {}
        self._drained: asyncio.Event | None = None
        # Of whoever made the pool; a task of the pool must not run in the context of the caller that happened to cause it.
        self._context = copy_context()

    def perform(self) -> None:
        """Do what the decisions since the last call asked for; never waits."""
        effects = self._core.effects
        if not effects:
            return
        # One by one from the queue itself: what a hook does in between joins the end, and nothing is lost if one raises.
        while effects:
            effect = effects.popleft()
            match effect:
                case Wake(waiter):
                    if waiter.wake is not None:
                        waiter.wake()
                case PoolEvent():
                    report(effect, self._on_event)
                case Start(entry):
                    task = self.spawn(self._start(entry), f"acpool-start-{entry.key}")
                    self._starts[entry.serial] = task
                    # Not a ``finally`` of the task: one cancelled before its first step would never reach it.
                    task.add_done_callback(partial(self._start_ended, entry))
                case Stop(entry):
                    self._starts[entry.serial].cancel()
                case Close(entry, kill, tell):
                    ending = self.spawn(self._close(entry, kill, tell), f"acpool-end-{entry.key}")
                    ending.add_done_callback(partial(self._close_ended, entry))
                case Interrupt(token, reason):
                    token.interrupt(reason)
                case Queued(creation):
                    self._bound_queueing(creation)
                case Served(creation):
                    timer = self._capacity_timers.pop(creation.serial, None)
                    if timer is not None:
                        timer.cancel()
        self._tell_who_waits_for_slots()

    def _tell_who_waits_for_slots(self) -> None:
        if self._gone:
            for serial in [serial for serial in self._gone if serial not in self._core.entries]:
                self._gone.pop(serial).set()
        if self._drained is not None and not self._core.entries:
            self._drained.set()

    async def until_gone(self, entry: Entry) -> None:
        """Wait until ``entry`` has given up its slot. No bound of its own."""
        if entry.serial in self._core.entries:
            await self._gone.setdefault(entry.serial, asyncio.Event()).wait()

    async def until_drained(self) -> None:
        """Wait until no slot is taken. No bound of its own."""
        if self._drained is None:
            self._drained = asyncio.Event()
        if self._core.entries:
            await self._drained.wait()

    def _bound_queueing(self, creation: Creation) -> None:
        if self._bounds.capacity_timeout < math.inf:
            loop = asyncio.get_running_loop()
            self._capacity_timers[creation.serial] = loop.call_later(
                self._bounds.capacity_timeout, self._capacity_ran_out, creation
            )

    def _capacity_ran_out(self, creation: Creation) -> None:
        del self._capacity_timers[creation.serial]
        self._core.capacity_ran_out(creation)
        self.perform()

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run ``coroutine`` in a task of the pool, kept until it ends; how it fails is logged."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(coroutine, name=name, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())

    async def _start(self, entry: Entry) -> None:
        """Turn the slot of ``entry`` into a session; what comes of it after the core defeated it is not looked at."""
        core = self._core
        timer = asyncio.timeout(self._bounds.start_timeout)
        try:
            async with timer:
                connection = await self._connector.open(entry.key)
                if not core.opened(entry, connection):
                    return
                await connection.initialize()
                session_id = core.initialized(entry, can_load=connection.supports_load)
                resumed = False
                if session_id is not None:
                    try:
                        await connection.load_session(session_id)
                        resumed = True
                    except SessionRefused:
                        core.refused(entry)
                if session_id is None or not resumed:
                    session_id = await connection.new_session()
                    if not isinstance(session_id, str) or not session_id:  # pyright: ignore[reportUnnecessaryIsInstance]  # connectors may be untyped
                        raise TypeError(f"new_session() returned {session_id!r}: expected a session id")
        except Exception as error:  # noqa: BLE001 - it goes to every caller as the cause of SessionStartError
            cause = (
                TimeoutError(f"start_timeout={self._bounds.start_timeout} s ran out")
                if timer.expired()
                else error
            )
            core.fail(entry, cause)
        else:
            core.commit(entry, session_id, resumed=resumed, now=asyncio.get_running_loop().time())

    def _start_ended(self, entry: Entry, _: asyncio.Task[None]) -> None:
        del self._starts[entry.serial]
        # Only a task cancelled by others, as at the end of ``asyncio.run``, ends without a decision about its entry.
        self._core.fail(entry, ConnectionLost("the start was cancelled from outside the pool"))
        self._core.stopped(entry)
        self.perform()

    async def _close(self, entry: Entry, kill: bool, tell: bool) -> bool:
        if tell:
            await tell_agent(entry.connection, entry.key, self._bounds.cancel_timeout, self.spawn)
        return await end_process(
            entry.connection,
            key=entry.key,
            kill=kill,
            close_timeout_s=self._bounds.close_timeout,
            spawn=self.spawn,
        )

    def _close_ended(self, entry: Entry, task: asyncio.Task[bool]) -> None:
        confirmed = not task.cancelled() and task.exception() is None and task.result()
        if not confirmed:
            kill_process(entry.connection, entry.key)  # also where the task was cancelled before it could
        self._core.closed(entry, confirmed=confirmed)
        self.perform()
