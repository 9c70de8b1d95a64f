"""Ready callbacks as lanes: FIFO queues of which any one may go next.

A lane is what a scheduler chooses among. The steps and wake-ups of a task form its lane; the plain callbacks that
one origin (a task, a timer, the outside) has scheduled form one lane of their own, because asyncio promises that
``call_soon`` callbacks run in the order in which they were scheduled. The promise is kept within an origin only:
between origins, and between a task's steps and the plain callbacks it has scheduled, the order is the scheduler's.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Callable
from contextvars import Context
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from acpool_spec.tasks import SimulatedTask

Entry: TypeAlias = tuple[int, Callable[..., object], tuple[Any, ...], Context]
"""A ready callback: its place in stock asyncio's ready queue, the callback, its arguments, its context."""


class Lane:
    """One FIFO queue of ready callbacks; ``task`` is None for plain callbacks, timers and the outside.

    ``head`` is the callback that :meth:`DeterministicLoop.run_lane` would run, or None when the lane is empty.
    """

    __slots__ = ("context", "head", "name", "plain", "rest", "task")

    def __init__(self, name: str, task: SimulatedTask | None = None, context: Context | None = None) -> None:
        self.name = name
        self.task = task
        self.context = context
        self.head: Entry | None = None
        self.rest: deque[Entry] | None = None
        self.plain: Lane | None = None if task is not None else self

    def __repr__(self) -> str:
        return f"<Lane {self.name}>"

    @property
    def head_order(self) -> int:
        """The place of the head in stock asyncio's ready queue. Raises ``LookupError`` on an empty lane."""
        if self.head is None:
            raise LookupError(f"lane {self.name!r} is empty")
        return self.head[0]

    def origin(self) -> Lane:
        """The lane of the plain callbacks that a callback of this lane schedules."""
        if self.plain is None:
            self.plain = Lane(f"callbacks of {self.name}")
        return self.plain


_by_order = attrgetter("head_order")


def push(runnable: list[Lane], lane: Lane, entry: Entry) -> None:
    """Append ``entry`` to ``lane``; ``runnable`` stays sorted because an entry is younger than all before it."""
    if lane.head is None:
        lane.head = entry
        runnable.append(lane)
    elif lane.rest is None:
        lane.rest = deque((entry,))
    else:
        lane.rest.append(entry)


def promote(runnable: list[Lane], lane: Lane) -> None:
    """After the head of ``lane`` was taken (and the lane out of ``runnable``): its next callback, if any, is head."""
    if lane.rest:
        lane.head = lane.rest.popleft()
        insort(runnable, lane, key=_by_order)
    else:
        lane.head = None


class LaneHandle(asyncio.Handle):
    """What ``call_soon`` returns. A cancelled callback leaves its lane at once, so it is never an alternative."""

    __slots__ = ("_entry", "_lane", "_runnable")

    def __init__(self, runnable: list[Lane], lane: Lane, entry: Entry) -> None:
        # asyncio.Handle's own fields are left unset on purpose: every method that reads them is overridden here.
        self._runnable = runnable
        self._lane = lane
        self._entry: Entry | None = entry

    def __repr__(self) -> str:
        return f"<LaneHandle cancelled={self._entry is None} of {self._lane!r}>"

    def cancel(self) -> None:
        """Take the callback back; nothing happens when it has run or was cancelled."""
        entry, self._entry = self._entry, None
        lane = self._lane
        if entry is None:
            return
        if lane.head is entry:
            self._runnable.remove(lane)
            promote(self._runnable, lane)
        elif lane.rest is not None and entry in lane.rest:
            lane.rest.remove(entry)

    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._entry is None

    @property
    def entry(self) -> Entry | None:
        """The callback as it stands in its lane, whether or not it has run; None when it was cancelled."""
        return self._entry

    def get_context(self) -> Context:
        """The context the callback runs in. Raises ``LookupError`` when it was cancelled."""
        if self._entry is None:
            raise LookupError("the callback was cancelled")
        return self._entry[3]


class _Probe:
    """As much of a loop as a new task needs; keeps what the task schedules."""

    def __init__(self) -> None:
        self.scheduled: list[object] = []

    def call_soon(self, callback: object, *_args: object, context: Context | None = None) -> None:
        self.scheduled.append(callback)

    def get_debug(self) -> bool:
        return False


def _step_type() -> type:
    """The type of the callback by which a new C task schedules its steps (asyncio does not export it)."""

    async def nothing() -> None:
        """The body of the probe; it is closed, never run."""

    probe = _Probe()
    coroutine = nothing()
    task = asyncio.Task(coroutine, loop=cast("asyncio.AbstractEventLoop", probe), name="probe")
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - the attribute is there and untyped
    coroutine.close()
    return type(probe.scheduled[0])


STEP_TYPE = _step_type()
BUILTIN_TYPE = type(len)
WAKEUP_NAME = "task_wakeup"
