"""Where a violation happens: the line of the pool's own code, and the run as a readable interleaving.

The schedule is replayed once more, with a trace function that notes, for each lane, the last line of the pool's own files
that ran in it. At the instant at which the violation is seen the offending step is that of the lane that runs; where the
outside world acts, it is that of the task that waited for it; where everything has come to a stop, that of the client whose
operation the violation is about, and else of whoever moved last. Where a history has no linearization, it is the step of what
cannot follow.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

from acpool_spec.events import Event
from acpool_spec.lanes import Lane
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Schedule, broken, run_schedule
from acpool_spec.sources import files_of
from acpool_spec.targets import Target
from acpool_spec.timeline import Watcher, render
from acpool_spec.world import DIRECTED, World

_CLIENT = re.compile(r"\bclient (\d+)\b")
_STUCK = re.compile(r"^  cannot follow: (?:event (\d+) |(.*?\)) (?:answering|failing))", re.MULTILINE)
_Spot: TypeAlias = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source code: ``file`` as :func:`shown_path` has it."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a replay shows: the place of the offending step, None where no line of the pool's own ran, and the interleaving."""

    place: Place | None
    timeline: tuple[str, ...]


class Footsteps:
    """The last line of some ``files`` that ran in each lane, the lane that moved last at the end; used as a trace function."""

    def __init__(self, files: frozenset[str]) -> None:
        self._files = files
        self._lane: Lane | None = None
        self.stood: dict[Lane, _Spot] = {}

    def stepped(self, lane: Lane) -> None:
        """``lane`` runs from now on."""
        self._lane = lane

    def __call__(self, frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any] | None:
        """Follow ``frame`` if it is of one of the files."""
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any]:
        if event == "line" and self._lane is not None:
            self.stood.pop(self._lane, None)
            self.stood[self._lane] = (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        return self._line

    @contextmanager
    def tracing(self) -> Generator[None, None, None]:
        """Be the trace function inside; a debugger's comes back afterwards."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


class _Witness:
    """Sees the violation happen in one replay, and where."""

    def __init__(self, schedule: Schedule, steps: Footsteps) -> None:
        self._schedule = schedule
        self._steps = steps
        self._seen = False
        self._world: World | None = None
        self._at: dict[int, _Spot] = {}
        self.place: _Spot | None = None

    def watch(self, world: World) -> None:
        self._world = world
        world.loop.on_step = self._steps.stepped
        world.recorder.listeners.append(self.event)

    def event(self, event: Event) -> None:
        """Something was recorded: by the lane that runs, or by the outside world."""
        lane = self._here.loop.current
        if lane in self._steps.stood:
            self._at[event.index] = self._steps.stood[lane]
        self.look([lane] if lane is not None else [])

    def look(self, lanes: list[Lane]) -> None:
        """If the violation is there for the first time, take the place of one of ``lanes``, or else the likeliest."""
        violation = self._here.judgement.violations.get(self._schedule.property_id)
        if self._seen or violation is None:
            return
        self._seen = True
        stuck = [self._at[index] for index in self._stuck(violation.message) if index in self._at]
        if stuck:
            self.place = stuck[0]
            return
        stood = self._steps.stood
        lasts = [lane for lane in reversed(stood) if lane.task is None or not lane.task.done()]
        named = [lane for lane in lasts if lane.name in _clients(violation.message)]
        for lane in (*lanes, *named, *lasts, *reversed(stood)):
            if lane in stood:
                self.place = stood[lane]
                return

    def _stuck(self, message: str) -> list[int]:
        """The events that cannot follow in the longest partial linearization, which ``message`` tells of."""
        found: list[int] = []
        for number, call in _STUCK.findall(message):
            ends = [event.index for event in self._here.recorder.events if event.type in ("ok", "fail")]
            said = [index for index in ends if _call(self._here.recorder.events[index]) == call]
            found += [int(number)] if number else said[-1:]
        return found

    def waiting_for(self, decision: str) -> list[Lane]:
        """The lane of the task that waits for the call that ``decision`` answers."""
        verb, _, rest = decision.partition(" ")
        call = self._here.outside.calls.get(rest.rpartition(" ")[0]) if verb == "answer" else None
        return (
            []
            if call is None
            else [task.lane for task in self._here.loop.tasks if _awaits(task, call.future)]
        )

    @property
    def _here(self) -> World:
        assert self._world is not None
        return self._world


def _call(event: Event) -> str:
    return f"{event.f}({event.key!r})" if event.key is not None else f"{event.f}()"


def _clients(message: str) -> set[str]:
    return {f"client-{number}" for number in _CLIENT.findall(message)}


def _awaits(task: asyncio.Task[Any], future: object) -> bool:
    return getattr(task, "_fut_waiter", None) is future


def look_again(schedule: Schedule, target: Target) -> Sight:
    """Replay ``schedule`` of ``target`` and look where it goes wrong. Raises what :meth:`World.apply` raises.

    A directed run has no lanes, so that it has no place.
    """
    if schedule.scope.mode == DIRECTED:
        watcher = Watcher()
        with quiet():
            directed = run_schedule(schedule, target, watcher.watch)
        return Sight(None, tuple(render(watcher, directed, broken(directed, schedule))))
    files = files_of([target.name.partition(":")[0]])
    own = frozenset(file for name, file in files.items() if name.partition(".")[0] != "acpool")
    place, timeline = _replayed(schedule, target, own)
    if place is None:  # no line but those of acpool, which then is the pool
        place, timeline = _replayed(schedule, target, frozenset(files.values()))
    return Sight(None if place is None else Place(shown_path(place[0]), *place[1:]), timeline)


def _replayed(
    schedule: Schedule, target: Target, files: frozenset[str]
) -> tuple[_Spot | None, tuple[str, ...]]:
    steps, watcher = Footsteps(files), Watcher()
    witness = _Witness(schedule, steps)
    with quiet(), World(target.factory, schedule.scope, watch=watcher.watch) as world, steps.tracing():
        witness.watch(world)
        for decision in schedule.decisions:
            lanes = witness.waiting_for(decision)
            world.apply(decision)
            witness.look(lanes)
        world.finish(linearize=schedule.property_id == "S12")
        witness.look([])
    return witness.place, tuple(render(watcher, world, broken(world, schedule)))


def shown_path(file: str) -> str:
    """``file`` with slashes, relative to the checkout that GitHub Actions works in, else to the working directory, where it lies
    below it."""
    path = Path(file).resolve()
    for root in (os.environ.get("GITHUB_WORKSPACE"), Path.cwd()):
        if root and path.is_relative_to(Path(root).resolve()):
            return path.relative_to(Path(root).resolve()).as_posix()
    return path.as_posix()
