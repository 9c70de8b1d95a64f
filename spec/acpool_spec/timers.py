"""Virtual time: timers by deadline, those of one deadline in the order in which they were set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any


class Timer(asyncio.TimerHandle):
    """What ``call_later`` and ``call_at`` return."""

    __slots__ = ("_due_at", "_gone", "_runs_in", "arguments", "function", "handle")

    def __init__(
        self, due_at: float, function: Callable[..., object], arguments: tuple[Any, ...], runs_in: Context
    ) -> None:
        # asyncio.TimerHandle's own fields are left unset on purpose: every method that reads them is overridden.
        self._due_at = due_at
        self._gone = False
        self._runs_in = runs_in
        self.function = function
        self.arguments = arguments
        self.handle: asyncio.Handle | None = None

    def __repr__(self) -> str:
        return f"<Timer at={self._due_at} cancelled={self._gone}>"

    def __hash__(self) -> int:
        return hash(self._due_at)

    def __eq__(self, other: object) -> bool:
        return self is other

    def when(self) -> float:
        """The deadline, in seconds of virtual time."""
        return self._due_at

    def cancel(self) -> None:
        """Take the timer back, also when it is due already and its callback is ready but has not run."""
        self._gone = True
        if self.handle is not None:
            self.handle.cancel()

    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._gone

    def get_context(self) -> Context:
        """The context the callback runs in."""
        return self._runs_in


class Timers:
    """The timers of one loop; cancelled ones are dropped when they come to the top of the ``heap``: (deadline, serial, timer)."""

    __slots__ = ("_set", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Timer]] = []
        self._set = 0

    def add(self, timer: Timer) -> None:
        """Set ``timer``."""
        self._set += 1
        heappush(self.heap, (timer.when(), self._set, timer))

    def next_deadline(self) -> float | None:
        """The earliest deadline of a live timer, in seconds of virtual time; None when there is none."""
        heap = self.heap
        while heap:
            if not heap[0][2].cancelled():
                return heap[0][0]
            heappop(heap)
        return None

    def live(self) -> list[Timer]:
        """The live timers, in order."""
        return [timer for _, _, timer in sorted(self.heap) if not timer.cancelled()]

    def pop_due(self, now: float) -> list[tuple[int, Timer]]:
        """Remove the live timers due at ``now``, in order, each with its serial number."""
        due: list[tuple[int, Timer]] = []
        heap = self.heap
        while heap and heap[0][0] <= now:
            _, serial, timer = heappop(heap)
            if not timer.cancelled():
                due.append((serial, timer))
        return due

    def clear(self) -> None:
        """Forget all timers."""
        self.heap.clear()
