"""Lanes, bars and marks of a history whose events have places on the axis of steps; and the state after each step.

Everything is read off the events, so that it can be drawn of any history, a recorded run or a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from acpool_spec.events import Event
from acpool_spec.picture.story import Bar, BarKind, Group, Lane, Mark, Section
from acpool_spec.properties.ledger import Ledger, Process

_ENDS = ("died", "closed", "open_failed")
_FAULTS = {
    "died": "the process dies",
    "given_up": "never confirmed dead: given up on",
    "open_failed": "the process did not start",
    "refused": "the agent refuses to load the session",
}


def call_words(event: Event) -> str:
    """The operation that ``event`` is about, as a call."""
    return f"{event.f}({event.key!r})" if event.key is not None else f"{event.f}()"


def answer_words(event: Event) -> str:
    """What ``event``, the end of an operation, says, in a few words."""
    if event.type != "ok":
        return event.error or ("not known" if event.type == "info" else "failed")
    value: Any = event.value
    if not isinstance(value, dict):
        return repr(value) if value is not None else "done"
    described = cast("dict[str, object]", value)
    flags = [name for name in ("resumed", "session_reset") if described.get(name) is True]
    session_id = described.get("session_id")
    return ", ".join([session_id, *flags]) if isinstance(session_id, str) else repr(described)


@dataclass(slots=True)
class Canvas:
    """What has been drawn so far. ``place``: of each event, by its index in the history; ``end``: of the axis."""

    events: Sequence[Event]
    place: Mapping[int, float]
    end: float
    lanes: dict[str, Lane] = field(default_factory=dict[str, Lane])
    bars: list[Bar] = field(default_factory=list[Bar])
    marks: list[Mark] = field(default_factory=list[Mark])
    rows: dict[str, int] = field(default_factory=dict[str, int])

    def lane(self, group: Group, name: object, label: str) -> str:
        """The id of a lane, made where there is none yet."""
        lane = f"{group} {name}"
        self.lanes.setdefault(lane, Lane(lane, group, label))
        return lane

    def bar(
        self,
        lane: str,
        begin: float,
        end: float | None,
        kind: BarKind,
        text: str,
        detail: str = "",
        row: int = 0,
    ) -> None:
        """Draw a bar; ``end`` None: it was not over."""
        to = self.end if end is None else end
        self.bars.append(Bar(lane, begin, max(begin, to), kind, text, detail, row, open=end is None))
        self.rows[lane] = max(self.rows.get(lane, 1), row + 1)

    def finished(self) -> tuple[Lane, ...]:
        """The lanes, clients first, with as many rows as they turned out to need."""
        order: tuple[Group, ...] = ("client", "task", "key", "connection")
        return tuple(
            Lane(lane.id, lane.group, lane.label, self.rows.get(lane.id, 1))
            for group in order
            for lane in self.lanes.values()
            if lane.group == group
        )


def draw(canvas: Canvas, word: str = "client") -> None:
    """Draw operations, leases, keys and connections; ``word``: what callers are called."""
    _operations(canvas, word)
    _leases(canvas)
    connections = _Connections(canvas)
    for event in canvas.events:
        if event.type == "event" and event.connection is not None:
            connections.see(event)
    connections.finish()


def client_lane(canvas: Canvas, number: int | None, word: str = "client") -> str:
    """The lane of client ``number``."""
    return canvas.lane("client", number, f"{word} {number}")


def _operations(canvas: Canvas, word: str) -> None:
    open_at: dict[int, Event] = {}
    numbers = sorted({e.process for e in canvas.events if e.process is not None and e.type != "event"})
    for number in numbers:
        client_lane(canvas, number, word)
    for event in canvas.events:
        if event.process is None or event.type == "event":
            continue
        if event.type == "invoke":
            open_at[event.process] = event
            continue
        called = open_at.pop(event.process, None)
        if called is not None:
            _operation(canvas, called, event)
    for called in open_at.values():
        _operation(canvas, called, None)


def _operation(canvas: Canvas, called: Event, ended: Event | None) -> None:
    assert called.process is not None
    lane, begin, call = client_lane(canvas, called.process), canvas.place[called.index], call_words(called)
    ttl = f", ttl {called.ttl:g} s" if called.ttl is not None else ""
    if ended is None:
        canvas.bar(lane, begin, None, "pending", call, f"{call}{ttl}: not answered yet")
        return
    kinds: dict[str, BarKind] = {"ok": "operation", "fail": "failed"}
    answer, end = answer_words(ended), canvas.place[ended.index]
    kind = kinds.get(ended.type, "unknown")
    canvas.bar(lane, begin, end, kind, f"{call} → {answer}", f"{call}{ttl} → {answer}")
    canvas.marks.append(Mark(lane, end, "answer", answer))


def _leases(canvas: Canvas) -> None:
    held: dict[tuple[int | None, str | None], Event] = {}
    for event in canvas.events:
        whose = (event.process, event.connection)
        if event.type != "event":
            continue
        if event.f == "acquire":
            held[whose] = event
        elif event.f == "release" and whose in held:
            _lease(canvas, held.pop(whose), canvas.place[event.index])
    for event in held.values():
        _lease(canvas, event, None)


def _lease(canvas: Canvas, event: Event, end: float | None) -> None:
    session = f", session {event.session_id}" if event.session_id else ""
    if event.process is not None:
        lane = client_lane(canvas, event.process)
        text = f"lease of {event.connection}{session}"
        canvas.bar(lane, canvas.place[event.index], end, "lease", text, f"holds the {text}")


@dataclass(slots=True)
class _Life:
    """One connection as it is drawn: the stage it is in, and since when; the phase of its key, and since when."""

    lane: str
    key_lane: str
    key: str
    row: int
    stage: BarKind = "opening"
    since: float = 0.0
    phase: BarKind = "creating"
    phase_since: float = 0.0
    session: str = ""
    holder: str = ""
    holders: int = 0
    prompts: int = 0
    closing: bool = False
    over: bool = False


class _Connections:
    """Draws the lanes of connections and keys, event by event."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._lives: dict[str, _Life] = {}

    def see(self, event: Event) -> None:
        canvas, at = self._canvas, self._canvas.place[event.index]
        assert event.connection is not None
        life = self._lives.get(event.connection) or self._begin(event, at)
        if event.f in _FAULTS:
            canvas.marks.append(Mark(life.lane, at, "fault", _FAULTS[event.f]))
        if life.over:
            return
        if event.session_id is not None and event.f in ("created", "loaded"):
            life.session = event.session_id
        life.holders += {"acquire": 1, "release": -1}.get(event.f, 0)
        life.prompts += {"prompt_begin": 1, "prompt_end": -1}.get(event.f, 0)
        if event.f == "acquire" and event.process is not None:
            life.holder = f" by client {event.process}"
        life.closing = life.closing or event.f == "closing"
        if event.f in _ENDS:
            self._end(life, event.connection, at)
            return
        stage, phase = self._stage(life, event), self._phase(life)
        if stage != life.stage:
            self._stage_bar(life, event.connection, at)
            life.stage, life.since = stage, at
        if phase != life.phase:
            self._phase_bar(life, event.connection, at)
            life.phase, life.phase_since = phase, at

    def finish(self) -> None:
        for name, life in self._lives.items():
            if not life.over:
                self._end(life, name, None)

    def _begin(self, event: Event, at: float) -> _Life:
        canvas, key = self._canvas, event.key or ""
        name = str(event.connection)
        key_lane = canvas.lane("key", key, f"key {key!r}")
        lane = canvas.lane("connection", name, f"{name} of {key!r}")
        taken = {life.row for life in self._lives.values() if life.key == key and not life.over}
        row = next(row for row in range(len(taken) + 1) if row not in taken)
        life = _Life(lane, key_lane, key, row, since=at, phase_since=at)
        self._lives[name] = life
        return life

    def _stage(self, life: _Life, event: Event) -> BarKind:
        if life.closing:
            return "closing"
        if life.prompts > 0:
            return "prompt"
        if life.session and event.f != "loading":
            return "live"
        stages: dict[str, BarKind] = {
            "opened": "initialize",
            "initialized": "new",
            "loading": "load",
            "refused": "new",
        }
        return stages.get(event.f, life.stage)

    def _phase(self, life: _Life) -> BarKind:
        if life.closing:
            return "closing"
        if life.holders > 0 or life.prompts > 0:
            return "leased"
        return "idle" if life.session else "creating"

    def _end(self, life: _Life, name: str, at: float | None) -> None:
        self._stage_bar(life, name, at)
        self._phase_bar(life, name, at)
        life.over = True

    def _stage_bar(self, life: _Life, name: str, at: float | None) -> None:
        words = {"live": life.session, "prompt": f"{life.session} prompt", "opening": "open"}
        text = words.get(life.stage, life.stage)
        detail = f"{name} of {life.key!r}: {life.stage}" + (
            f", session {life.session}" if life.session else ""
        )
        self._canvas.bar(life.lane, life.since, at, life.stage, text, detail)

    def _phase_bar(self, life: _Life, name: str, at: float | None) -> None:
        if life.phase == "creating":
            text = f"starting on {name}"
        else:
            text = f"{life.session} on {name}" if life.session else name
            text += {"leased": f", leased{life.holder}", "closing": ", closing"}.get(life.phase, "")
        detail = f"key {life.key!r}: {text}"
        self._canvas.bar(life.key_lane, life.phase_since, at, life.phase, text, detail, life.row)


def state_of(ledger: Ledger, waits: Mapping[int, str], remembers: Sequence[str]) -> tuple[Section, ...]:
    """The state as the events of ``ledger`` show it.

    ``waits``: what each client waits for; ``remembers``: the pool's own words.
    """
    taken = [p for p in ledger.processes.values() if p.running]
    of = "" if ledger.max_sessions is None else f" of max_sessions={ledger.max_sessions}"
    slots = f"{len(taken)}{of}: {', '.join(p.name for p in taken) or 'none'}"
    keys = sorted({p.key for p in ledger.processes.values()})
    lives = tuple(_key_line(key, [p for p in taken if p.key == key]) for key in keys)
    calls = tuple(
        f"client {call.process}: {call.f}"
        + (f"({call.key!r})" if call.key is not None else "()")
        + (f", holds {call.holds.name}" if call.holds is not None else "")
        + (f", waits for {waits[call.process]}" if waits.get(call.process) else "")
        for call in sorted(ledger.pending.values(), key=lambda call: call.process)
    )
    found = [
        Section("processes", (slots,)),
        Section("keys", lives or ("none yet",)),
        Section("operations in progress", calls or ("none",)),
    ]
    if remembers:
        found.append(Section("what the pool remembers", tuple(remembers)))
    return tuple(found)


def _key_line(key: str, processes: Sequence[Process]) -> str:
    if not processes:
        return f"{key!r}: no process"
    return f"{key!r}: " + " AND ".join(f"{p.name} {_process_words(p)}" for p in processes)


def _process_words(process: Process) -> str:
    session = f" {process.session_id}" if process.session_id is not None else ""
    if process.opened is None:
        return "opening"
    if process.closing is not None:
        return f"closing{session}"
    if process.session_id is None:
        return "starting"
    if process.holder is not None:
        return f"live{session}, leased by client {process.holder}"
    return f"live{session}" + (", prompted" if process.prompts else ", idle")
