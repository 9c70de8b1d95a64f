"""A run of the world, written down step by step for a picture: who ran, what was seen, what broke, what the pool remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acpool_spec.events import Event, History
from acpool_spec.picture.contents import contents, whereabouts_of_keys
from acpool_spec.picture.story import MarkKind
from acpool_spec.properties import Violation
from acpool_spec.tasks import Location
from acpool_spec.timeline import describe_decision
from acpool_spec.world import Moment, NotEnabled, PoolFactory, Scope, World

PLUMBING = ("callbacks of ", "timer ")
TASKS = "task pool"
"""The lane of all the pool's own tasks."""
NEXT_CALL = "the outside, to call"
"""What a client waits for that is in no operation."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One step: in ``words``; ``about``: the id of the lane that it belongs to, empty: none.

    ``runs``: it is the step of a task, else a decision of the outside, of ``kind``. ``number``: of the decision that made it,
    from 1. ``events``: what was seen in it, as places in the history. ``where`` a task stands after it, and ``waits_for``
    what. ``time``: virtual seconds. ``remembers``: the pool's contents after it; ``containers``: for each key, where it is.
    """

    number: int
    words: str
    about: str
    runs: bool
    events: range
    where: Location | None
    waits_for: str
    time: float
    kind: MarkKind = "step"
    remembers: tuple[str, ...] = ()
    containers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Recording:
    """A run. ``decisions``: those made of the schedule, without the calm that follows; ``broken``: each violation with the place
    in ``steps`` at which it was first known; ``scheduled``: how many steps the schedule's own decisions took."""

    keys: Sequence[str]
    max_sessions: int | None
    steps: list[Taken] = field(default_factory=list[Taken])
    events: list[Event] = field(default_factory=list[Event])
    broken: dict[str, tuple[Violation, int]] = field(default_factory=dict[str, tuple[Violation, int]])
    decisions: list[str] = field(default_factory=list[str])
    skipped: int = 0
    scheduled: int = 0
    audit_from: int | None = None
    history: History = field(default_factory=lambda: History(()))

    def violation(self, property_id: str) -> tuple[Violation, int] | None:
        """The violation of ``property_id`` and its step, None where it holds."""
        return self.broken.get(property_id)


def record(factory: PoolFactory, scope: Scope, decisions: Sequence[str], *, linearize: bool) -> Recording:
    """Run ``decisions``, skipping those that cannot be made, and the calm after them, to the end.

    ``linearize``: judge S12 too.
    """
    recording = Recording(scope.keys, scope.max_sessions)
    watch = _Watch(recording)
    with World(factory, scope, watch=watch) as world:
        watch.world = world
        for decision in decisions:
            try:
                world.apply(decision)
            except NotEnabled:
                recording.skipped += 1
            else:
                recording.decisions.append(decision)
                watch.look()
        recording.scheduled = len(recording.steps)
        world.finish(linearize=linearize)
        watch.look()
        recording.events = list(world.recorder.events)
        recording.history = world.recorder.history()
    return recording


def _words(moment: Moment) -> str:
    if not moment.lane:
        return describe_decision(moment.decision)
    return f"{moment.lane.replace('client-', 'client ')} runs"


def _about(moment: Moment) -> str:
    if moment.lane.startswith("client-"):
        return f"client {moment.lane.removeprefix('client-')}"
    if moment.lane:
        return TASKS
    verb, *words = moment.decision.split(" ")
    if verb in ("start", "cancel"):
        return f"client {words[0]}"
    return f"connection {words[0].partition('.')[0]}" if words else ""


def _kind(decision: str) -> MarkKind:
    verb, *words = decision.split(" ")
    if verb == "cancel":
        return "cancel"
    return "fault" if verb in ("die", "outlive") or (verb == "answer" and words[-1] != "ok") else "decision"


class _Watch:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.world: World | None = None

    def __call__(self, moment: Moment) -> None:
        world, recording = self.world, self._recording
        if moment.lane.startswith(PLUMBING) and not moment.events:
            return
        assert world is not None
        self.look(before=moment.events.start)
        if recording.audit_from is None and moment.lane == f"client-{world.auditor.number}":
            recording.audit_from = len(recording.steps)
        number = len(world.decisions) + (1 if moment.lane else 0)
        recording.steps.append(
            Taken(
                number=number,
                words=_words(moment),
                about=_about(moment),
                runs=bool(moment.lane),
                events=moment.events,
                where=moment.where,
                waits_for=moment.waits_for,
                time=moment.time,
                kind="step" if moment.lane else _kind(moment.decision),
                remembers=contents(world.pool),
                containers=whereabouts_of_keys(world.pool, world.scope.keys),
            )
        )
        self.look()

    def look(self, before: int | None = None) -> None:
        """Take note of what has come to be broken: in the step taken last. ``before``: only what the event of that place, and
        later ones, have no part in."""
        assert self.world is not None
        for known, violation in self.world.judgement.violations.items():
            if known not in self._recording.broken and (before is None or violation.index < before):
                place = max(0, len(self._recording.steps) - 1)
                self._recording.broken[known] = (violation, place)
