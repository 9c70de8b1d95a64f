"""A run as a readable interleaving: one line for each run of steps of one task, with what was seen meanwhile under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType

from acpool_spec.events import Event
from acpool_spec.folding import fold
from acpool_spec.properties import Violation
from acpool_spec.refinement.direction import DirectedWorld, told
from acpool_spec.tasks import Location
from acpool_spec.world import Moment, World

WIDTH = 100


@dataclass(slots=True)
class Row:
    """A run of consecutive steps of ``who``, or one decision of the outside world."""

    time: float
    who: str
    steps: int
    where: Location | None = None
    waits_for: str = ""
    events: list[int] = field(default_factory=list[int])


class Watcher:
    """Collects the moments of a run; give :meth:`watch` to the world."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.calm_from: int | None = None

    def watch(self, moment: Moment) -> None:
        """Take note of one moment. Plain callbacks are plumbing of asyncio: shown only where something was seen in them."""
        who = moment.lane or describe_decision(moment.decision)
        plumbing = who.startswith(("callbacks of ", "timer "))
        if plumbing and not moment.events:
            return
        last = self.rows[-1] if self.rows else None
        if last is not None and moment.lane and last.who == who and last.time == moment.time:
            last.steps += 1
            last.where, last.waits_for = moment.where, moment.waits_for
            last.events.extend(moment.events)
        else:
            self.rows.append(
                Row(
                    moment.time,
                    who,
                    1 if moment.lane else 0,
                    moment.where,
                    moment.waits_for,
                    list(moment.events),
                )
            )


def render(
    watcher: Watcher,
    world: World | DirectedWorld,
    violation: Violation | None,
    width: int = WIDTH,
    notes: Mapping[int, Sequence[str]] = MappingProxyType({}),
) -> Iterator[str]:
    """The lines of the timeline, at most ``width`` columns wide; it ends with the row in which ``violation`` was seen.

    ``notes``: what is to be said after the events of these indices.
    """
    yield f"{'time/s':>9}  what happened"
    operations: dict[str, str] = {}
    events = world.recorder.events
    for number, row in enumerate(watcher.rows):
        for index in row.events:
            event = events[index]
            if event.type == "invoke":
                operations[f"client-{event.process}"] = _call(event)
        yield from _lines(row, operations.get(row.who, ""), width)
        for index in row.events:
            yield from _folded(f"{'':>9}      · ", describe_event(events[index]), width)
            for note in notes.get(index, ()):
                yield from _folded(f"{'':>9}      ", note, width)
        if violation is not None and row.events and row.events[-1] >= violation.index:
            seen_all = number + 1 == len(watcher.rows)
            if not seen_all:
                yield f"{'':>9}  … {len(watcher.rows) - number - 1} more rows, after the violation"
            return


def _lines(row: Row, operation: str, width: int) -> Iterator[str]:
    if not row.steps:
        yield from _folded(f"{row.time:9.3f}  » ", row.who, width)
        return
    who = f"{row.who}: {operation}" if operation else row.who
    count = f" ({row.steps} steps)" if row.steps > 1 else ""
    lead = f"{row.time:9.3f}    "
    if row.where is None:
        ends = ", ends" if not row.who.startswith("callbacks") else ""
        yield from _folded(lead, f"{who}{count}{ends}", width)
        return
    place, waits = (
        f"now at {PurePath(row.where.filename).name}:{row.where.line}",
        f"waits for {row.waits_for}",
    )
    below = f"{'':{len(lead) + 2}}"
    if len(lead) + len(f"{who}{count}, {place}, {waits}") <= width:
        yield f"{lead}{who}{count}, {place}, {waits}"
    elif len(lead) + len(f"{who}{count}, {place},") <= width < len(below) + len(f"{place}, {waits}"):
        yield f"{lead}{who}{count}, {place},"
        yield from _folded(below, waits, width)
    else:
        yield from _folded(lead, f"{who}{count},", width)
        yield from _folded(below, f"{place}, {waits}", width)


def _folded(lead: str, text: str, width: int) -> list[str]:
    """``text`` after ``lead``, on three lines at most, which begin below each other; what is longer is clipped."""
    return fold(text, width, lead, " " * (len(lead) + 2), 3)


_OUTSIDE = {
    "die": "the process {0} dies",
    "dead": "the killed process {0} is dead",
    "outlive": "the killed process {0} will never be confirmed dead",
    "cancel": "client {0} is cancelled",
    "advance": "time passes until the next timer",
}


def describe_decision(decision: str) -> str:
    """One decision of the world in words."""
    verb, *words = decision.split(" ")
    if verb == "answer":
        name, how = words
        return {
            "ok": f"{name} is answered",
            "fail": f"{name} fails",
            "refuse": f"{name} is refused by the agent",
            "hang": f"{name} will never be answered",
        }.get(how, decision)
    if verb == "start":
        client, f, key = words[0], words[1], " ".join(words[2:-1])
        return f"client {client} calls {f}" + (f"({key!r})" if key != "-" else "")
    return _OUTSIDE[verb].format(*words) if verb in _OUTSIDE else told(decision)


def _call(event: Event) -> str:
    return f"{event.f}({event.key!r})" if event.key is not None else f"{event.f}()"


def describe_event(event: Event) -> str:
    """One event in words."""
    if event.type == "invoke":
        return f"client {event.process} calls {_call(event)}"
    if event.type == "ok":
        return f"client {event.process}: {_call(event)} answers {_value(event)}"
    if event.type in ("fail", "info"):
        return f"client {event.process}: {_call(event)} ends with {event.error}"
    session = f" session {event.session_id!r}" if event.session_id is not None else ""
    if event.f in ("acquire", "release", "answered"):
        verb = {"acquire": "holds the lease of", "release": "gives back", "answered": "got its answer from"}[
            event.f
        ]
        return f"client {event.process} {verb} {event.connection} ({event.key!r},{session})"
    return f"{event.connection} ({event.key!r}): {event.f.replace('_', ' ')}{session}"


def _value(event: Event) -> str:
    if isinstance(event.value, dict):
        items: Sequence[tuple[object, object]] = list(event.value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType, reportUnknownVariableType]
        return ", ".join(f"{name}={value!r}" for name, value in items)
    return repr(event.value)
