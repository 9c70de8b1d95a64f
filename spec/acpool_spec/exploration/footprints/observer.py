"""Watches the steps of a run, instruction by instruction, and says what each has read and written.

The scenario's frames are traced, the checker's own are not: what the loop does for the scenario is told by the few of its methods
that a scenario may call. Between two steps nothing is noted. Whatever is not known ends the matter: ``unfit`` says what it
was, and nothing that was noted may be used then.
"""

from __future__ import annotations

import gc
import sys
from bisect import bisect_left
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any, cast

from acpool_spec.exploration.footprints.calls import call
from acpool_spec.exploration.footprints.cells import (
    ATTRIBUTE,
    CONTROL,
    ITEM,
    LOOP,
    RESULT,
    TAIL,
    WHOLE,
    WRITE,
    Footprint,
    Names,
    Statics,
)
from acpool_spec.exploration.footprints.commuting import summaries
from acpool_spec.exploration.footprints.kinds import Kind, kind_of
from acpool_spec.exploration.footprints.notes import Notes
from acpool_spec.exploration.footprints.opcodes import At, table_of
from acpool_spec.exploration.footprints.stack import Stack, readable
from acpool_spec.lanes import BUILTIN_TYPE, STEP_TYPE, WAKEUP_NAME, Lane
from acpool_spec.loop import DeterministicLoop, running_loop
from acpool_spec.tasks import SimulatedFuture, SimulatedTask

_CHECKER = (
    "driven",
    "findings",
    "lanes",
    "loop",
    "oracles",
    "outside",
    "refusals",
    "simulation",
    "tasks",
    "timers",
)
_MODULES = frozenset(f"acpool_spec.{name}" for name in _CHECKER)
_ROOM = "acpool_spec.exploration."
Tracer = Callable[[FrameType, str, Any], Any]


def _touches_nothing(notes: Notes, frame: FrameType) -> None:
    """What it does is seen afterwards, or cannot be told apart."""


def _creates(notes: Notes, frame: FrameType) -> None:
    if frame.f_locals.get("context") is not None:
        notes.unknown("a task in a context that others may share")


def _reports(notes: Notes, frame: FrameType) -> None:
    notes.note(LOOP, ATTRIBUTE, "reports", WRITE)
    if frame.f_locals["self"].get_exception_handler() is not None:
        notes.unknown("an exception handler of the scenario's own")


def _renames(notes: Notes, frame: FrameType) -> None:
    notes.write(frame.f_locals["self"], CONTROL)


def _code(function: Any) -> CodeType:
    return cast("CodeType", function.__code__)


_PERMITTED: dict[CodeType, Callable[[Notes, FrameType], None]] = {
    **{
        _code(function): _touches_nothing
        for function in (
            *(DeterministicLoop.call_soon, DeterministicLoop.create_future),
            *(
                DeterministicLoop.time,
                DeterministicLoop.get_debug,
                DeterministicLoop.is_running,
                running_loop,
            ),
            *(DeterministicLoop.is_closed, DeterministicLoop.get_task_factory),
            *(SimulatedTask.__hash__, SimulatedFuture.__hash__),
        )
    },
    _code(DeterministicLoop.create_task): _creates,
    _code(DeterministicLoop.call_exception_handler): _reports,
    _code(SimulatedTask.set_name): _renames,
}
"""What a scenario may ask of the loop without ending the matter. Time stands still as long as there are no timers."""


class Observer:
    """Watches one run after another."""

    def __init__(self) -> None:
        self.unfit = ""
        self._statics = Statics()
        self._summaries = summaries()
        self._collecting = False
        self._loop: DeterministicLoop | None = None
        self._lane: Lane | None = None
        self._inside: FrameType | None = None
        self._known: dict[CodeType, bool] = {}

    @staticmethod
    def available() -> bool:
        """Whether steps can be watched here and now: CPython 3.11, and no debugger or coverage at work."""
        return sys.gettrace() is None and readable()

    def begin(self, loop: DeterministicLoop) -> None:
        """A run begins."""
        self.stop()
        self._loop = loop
        self.notes = Notes(Names(self._statics), self._give_up)
        self._starts: list[int] = []
        self._collecting = gc.isenabled()
        gc.disable()

    def stop(self) -> None:
        """Watch no longer."""
        if self._loop is not None:
            self._loop = self._lane = None
            sys.settrace(None)
            if self._collecting:
                gc.enable()

    def _give_up(self, why: str) -> None:
        self.unfit = self.unfit or why

    def begin_step(self, lane: Lane) -> int | None:
        """The head of ``lane`` is about to run; the number of the step that made it ready, None for the outside."""
        loop, entry = self._loop, lane.head
        assert loop is not None
        assert entry is not None
        enabler = bisect_left(self._starts, entry[0]) - 1
        self._starts.append(loop.order)
        notes = self.notes
        notes.footprint = Footprint()
        notes.names.begin_step(len(self._starts) - 1)
        gc.collect(0)  # what is young when the step ends was made in it
        self._before(lane, entry[1], entry[2])
        self._lane, self._inside = lane, None
        sys.settrace(self._trace)
        return enabler if enabler >= 0 else None

    def _before(self, lane: Lane, callback: Any, given: tuple[Any, ...]) -> None:
        notes = self.notes
        for value in given:
            if kind_of(value) is Kind.FUTURE:
                notes.read(value, RESULT)
        kind = cast("object", type(callback))
        if lane.task is not None and (
            kind is STEP_TYPE or (kind is BUILTIN_TYPE and callback.__name__ == WAKEUP_NAME)
        ):
            notes.write(lane.task, CONTROL)
            notes.write(lane.task.get_coro(), CONTROL)
            return
        called, _ = notes.unwrap(callback, list(given))
        if not isinstance(called, FunctionType):
            call(notes, callback, list(given))
        elif self._of_checker(called.__code__, called.__globals__):
            self._give_up(f"{called.__qualname__} of the checker is called back")

    def end_step(self) -> Footprint | None:
        """What the step that was begun last has touched; None where none is open."""
        sys.settrace(None)
        lane, loop, notes = self._lane, self._loop, self.notes
        self._lane = None
        if lane is None or loop is None:
            return None
        task = lane.task
        if task is not None:
            waiting: Any = getattr(task, "_fut_waiter", None)
            if waiting is not None:
                notes.write(waiting, RESULT)
            if task.done():
                notes.write(task, RESULT)
        for ready in loop.ready_lanes():
            youngest = ready.rest[-1] if ready.rest else ready.head
            if youngest is not None and youngest[0] > self._starts[-1]:
                notes.write(ready, TAIL)
        main = loop.tasks[0]
        if main.done():
            # What is not over by now may be cut off.
            notes.footprint.everything = True
            if loop.has_ready:
                self._give_up("something is ready when the scenario ends, and asyncio would still run it")
        if loop.has_timers or loop.offers() or loop.on_rest is not None:
            self._give_up("time may pass, or the outside may act")
        notes.names.end_step({id(value) for value in gc.get_objects(generation=0)})
        return notes.footprint

    def end(self) -> None:
        """The run is over."""
        ended = self._loop is not None and self._loop.tasks[0].done()
        for value in self.notes.names.alive if ended else ():
            if kind_of(value) is Kind.RUNNING and _cleans_up(value):
                # It was kept alive here; otherwise its clean-up might have been part of a step.
                self._give_up("a coroutine or generator was dropped before its end")
        self.stop()

    # The trace functions.

    def _of_checker(self, code: CodeType, names: dict[str, Any]) -> bool:
        known = self._known.get(code)
        if known is None:
            module = str(names.get("__name__", ""))
            known = self._known[code] = module in _MODULES or module.startswith(_ROOM)
        return known

    def _trace(self, frame: FrameType, event: str, _: Any) -> Tracer | None:
        """A frame is entered, or entered again."""
        if self._inside is not None or self.unfit:
            return None
        code = frame.f_code
        if self._of_checker(code, frame.f_globals):
            caller = frame.f_back
            if caller is not None and not self._of_checker(caller.f_code, caller.f_globals):
                permitted = _PERMITTED.get(code)
                if permitted is None:
                    self._give_up(f"{code.co_qualname} of the checker is called")
                else:
                    permitted(self.notes, frame)
            return self._skip(frame)
        if self._lane is None:
            return self._skip(frame)
        summary = self._summaries.get(code)
        if summary is not None and summary(self.notes, frame.f_locals):
            return self._skip(frame)
        return self._watch(frame)

    def _skip(self, frame: FrameType) -> Tracer:
        """Nothing that runs below ``frame`` is noted."""
        self._inside = frame
        frame.f_trace_opcodes = frame.f_trace_lines = False

        def leave(here: FrameType, event: str, _: Any) -> Tracer:
            if event == "return" and here is self._inside:
                self._inside = None
            return leave

        return leave

    def _watch(self, frame: FrameType) -> Tracer:
        notes = self.notes
        code = frame.f_code
        try:
            stack, table = Stack(frame), table_of(code)
        except RuntimeError as error:
            self._give_up(str(error))
            return self._skip(frame)
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

        def step(here: FrameType, event: str, given: Any) -> Tracer | None:
            if self.unfit:
                here.f_trace_opcodes = False
                return None
            try:
                if event == "opcode":
                    notes.see(stack.top())
                    found = table[here.f_lasti]
                    if found.effect is not None:
                        found.effect(notes, At(stack, here, found.number, found.meaning))
                elif event == "exception" and isinstance(given[1], BaseException):
                    notes.write(given[1], ITEM, WHOLE)
            except Exception as error:  # noqa: BLE001 - an error here must not become one of the scenario
                self._give_up(f"{type(error).__name__} in {code.co_qualname}: {error}")
            return step

        return step


def _cleans_up(running: object) -> bool:
    """Whether something that was suspended and is dropped has code that would run then."""
    frame = cast("FrameType | None", getattr(running, "gi_frame", None) or getattr(running, "cr_frame", None))
    return frame is not None and bool(frame.f_code.co_exceptiontable)
