"""The deterministic event loop: asyncio's promises kept, every other decision left to a scheduler above it.

The loop owns no thread, no socket and no clock, and nothing here knows what is simulated. The scheduler's side is in
``driven``; this is asyncio's side, and the end of a run. The same decisions give the same run under any hash seed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any, SupportsIndex, TypeAlias, TypeVar, TypeVarTuple

from acpool_spec.driven import DrivenLoop
from acpool_spec.findings import Finding, close_leftovers, leftover_tasks, reported, unretrieved
from acpool_spec.lanes import BUILTIN_TYPE, STEP_TYPE, WAKEUP_NAME, Lane, LaneHandle, push
from acpool_spec.refusals import LoopRefusal
from acpool_spec.tasks import SimulatedFuture, SimulatedTask
from acpool_spec.timers import Timer

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
ExceptionHandler: TypeAlias = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


class DeterministicLoop(DrivenLoop):
    """An asyncio event loop whose every decision is made by the scheduler that drives it.

    ``tasks`` holds every task in order of creation. Raises :class:`LoopRefusal` for whatever needs a thread, a socket, a
    process, a signal or a file. One loop is for one run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[SimulatedTask] = []
        self._futures: list[SimulatedFuture] = []
        self._created = 0
        self._outside = Lane("outside")
        self._running = False
        self._closed = False
        self._debug = False
        self._thread = 0
        self._reports: list[Finding] = []
        self._handler: ExceptionHandler | None = None
        self._generators: list[weakref.ref[AsyncGenerator[Any, Any]]] = []
        self._hooks: Any = None

    @contextmanager
    def running(self) -> Generator[DeterministicLoop, None, None]:
        """Be the running loop for a whole run. Raises :class:`LoopRefusal` inside another loop or after close."""
        self.enter()
        try:
            yield self
        finally:
            self.leave()

    def enter(self) -> None:
        """What :meth:`running` does on entry, for a caller that pays for every microsecond."""
        if self._closed:
            raise LoopRefusal("the deterministic loop is closed: make a new one for each run")
        if asyncio._get_running_loop() is not None:
            raise LoopRefusal(
                "a loop is running in this thread already: one simulation at a time, none inside another"
            )
        self._thread = threading.get_ident()
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self._generator_started, self._generator_dropped)
        asyncio._set_running_loop(self)
        time.sleep = _sleep
        self._running = True

    def leave(self) -> None:
        """What :meth:`running` does on exit."""
        asyncio._set_running_loop(None)
        time.sleep = _SLEEP
        sys.set_asyncgen_hooks(*self._hooks)
        self._running = False

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong so far: errors reported, exceptions nobody retrieved, tasks not done.

        An exception counts as retrieved once it has been found here.
        """
        self._reports += unretrieved(self.tasks)
        self._reports += unretrieved(self._futures)
        return (*self._reports, *leftover_tasks(self.tasks))

    def dispose(self) -> tuple[Finding, ...]:
        """Abandon the run and close the loop: nothing of it runs, or prints, ever after.

        The coroutines of unfinished tasks are closed, youngest first, each in its own context with this loop running,
        so that their ``finally`` blocks cannot reach another run; what those blocks schedule is dropped. An
        asynchronous generator that is suspended then is closed on Python 3.13, and dropped without its clean-up before
        that. Returns what they raised. Exceptions nobody retrieved count as retrieved. Raises :class:`LoopRefusal` from
        inside a callback.
        """
        if self._current is not None:
            raise LoopRefusal("dispose() from inside a callback: the run must come to rest first")
        if self._closed:
            return ()
        if not self._running:
            with self.running():
                return self.dispose()
        for future in (*self.tasks, *self._futures):
            if getattr(future, "_log_traceback", False):
                future.exception()
        found = close_leftovers(self.tasks)
        self._closed = True
        self._futures.clear()
        self._runnable.clear()
        self._timers.clear()
        self._offers.clear()
        self.chooser = None
        return tuple(found)

    # What asyncio asks of a loop, from here on.

    def time(self) -> float:
        """Virtual time, in seconds since the start of the run."""
        return self._time

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> LaneHandle:
        """Make ``callback(*args)`` ready, in the lane of its task or of the callback that schedules it."""
        kind: object = type(callback)
        if kind is STEP_TYPE or (kind is BUILTIN_TYPE and callback.__name__ == WAKEUP_NAME):
            task: Any = getattr(callback, "__self__", None)
            if type(task) is not SimulatedTask:
                raise self.refusal(
                    "a task was made without create_task(): its name and hash differ from run to run"
                )
            if context is not None:
                # A task asks from C, always with a context, and drops the handle: most callbacks come this way.
                self._order += 1
                push(self._runnable, task.lane, (self._order, callback, args, context))
                return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # nobody gets it
            lane = task.lane
        else:
            origin = self._current
            lane = self._outside if origin is None else origin.plain or origin.origin()
        return self._enqueue(lane, callback, args, context if context is not None else copy_context())

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> LaneHandle:
        """As :meth:`call_soon`. Raises :class:`LoopRefusal` from another thread."""
        if threading.get_ident() != self._thread:
            raise self.refusal(
                "call_soon_threadsafe from another thread: a thread runs when it likes; use offer()"
            )
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Timer:
        """Make ``callback(*args)`` ready when ``delay`` seconds of virtual time have passed."""
        return self.call_at(self._time + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Timer:
        """Make ``callback(*args)`` ready when virtual time is ``when`` seconds."""
        timer = Timer(when, callback, args, context if context is not None else copy_context())
        self._timers.add(timer)
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        future = SimulatedFuture(loop=self)
        self._futures.append(future)
        future.serial = len(self._futures)
        return future

    def create_task(
        self,
        coro: Coroutine[Any, Any, _T] | Generator[Any, None, _T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]:
        """A task of this loop, called ``Task-1``, ``Task-2``, … unless ``name`` is given."""
        self._created = serial = self._created + 1
        if context is None:
            context = copy_context()
        text = f"Task-{serial}" if name is None else str(name)
        # Lane and serial must be there before __init__, which schedules the first step and puts the task into a set.
        task = SimulatedTask.__new__(SimulatedTask)
        task.serial = serial
        task.lane = Lane(text, task, context)
        SimulatedTask.__init__(task, coro, loop=self, name=text, context=context)
        self.tasks.append(task)
        return task

    def refusal(self, sentence: str) -> LoopRefusal:
        """The exception to raise for what is refused; a finding as well, since simulated code may catch it."""
        error = LoopRefusal(sentence)
        self._reports.append(Finding("refused", "event loop", sentence, error))
        return error

    def get_task_factory(self) -> None:
        """None: tasks are always made by this loop."""

    def get_debug(self) -> bool:
        """What :meth:`set_debug` was told."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """Kept for those who ask; it changes nothing."""
        self._debug = enabled

    def is_running(self) -> bool:
        """Whether the loop is between :meth:`enter` and :meth:`leave`."""
        return self._running

    def is_closed(self) -> bool:
        """Whether the run was disposed of."""
        return self._closed

    def close(self) -> None:
        """As :meth:`dispose`. Raises :class:`LoopRefusal` from inside a callback."""
        self.dispose()

    def get_exception_handler(self) -> ExceptionHandler | None:
        """What :meth:`set_exception_handler` was told."""
        return self._handler

    def set_exception_handler(self, handler: ExceptionHandler | None) -> None:
        """Call ``handler`` for every error reported; the error is a finding nevertheless."""
        self._handler = handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Nothing more: :meth:`call_exception_handler` has made a finding of it already."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Make a finding of ``context``, unless the run was disposed of."""
        if self._closed:
            return
        self._reports.append(reported(context))
        if self._handler is None:
            return
        try:
            self._handler(self, context)
        except Exception as error:  # noqa: BLE001 - as asyncio does: a failing handler never stops the loop
            self._reports.append(reported({"message": "Exception in exception handler", "exception": error}))

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing: there is no executor."""

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators still open, in the order in which they were first iterated."""
        references, self._generators = self._generators, []
        for reference in references:
            generator = reference()
            if generator is not None:
                await generator.aclose()

    def _generator_started(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators.append(weakref.ref(generator))

    def _generator_dropped(self, generator: AsyncGenerator[Any, Any]) -> None:
        # As stock asyncio does, except that aclose() is made when it runs: one that never runs would warn.
        if not self._closed:
            self.call_soon(self._close_generator, generator)

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        self.create_task(generator.aclose())


_SLEEP = time.sleep


def _sleep(seconds: SupportsIndex | float, /) -> None:
    """What ``time.sleep`` is while a loop runs: refused to what it runs, and to nobody else."""
    loop = asyncio._get_running_loop()
    if isinstance(loop, DeterministicLoop) and loop.inside_callback:
        raise loop.refusal(
            "the deterministic loop has no time.sleep: it holds up every task; use asyncio.sleep"
        )
    _SLEEP(seconds)


def running_loop() -> DeterministicLoop:
    """The deterministic loop this code runs on. Raises :class:`LoopRefusal` on any other loop, or on none."""
    loop = asyncio._get_running_loop()
    if isinstance(loop, DeterministicLoop):
        return loop
    raise LoopRefusal("this works inside a simulation only: run the scenario with simulate()")
