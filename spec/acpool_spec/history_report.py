"""Judges a recorded history file: every property that can be judged from what the recorder wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from acpool_spec.events import Event, History, HistoryError, PoolFacts
from acpool_spec.history import iter_history
from acpool_spec.properties import PROPERTIES, Property, Violation
from acpool_spec.properties.judgement import Judgement
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

_NEEDS_REST = ("S10", "L1", "L2", "L3", "L4", "L5")
_NEEDS_SLOTS = ("S1", "S8", "S9")
_NEEDS_PROCESSES = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S11")
_NEEDS_OPERATOR = ("S4", "S9")
LINEARIZED = 20_000
"""Events of a file for which a linearization is searched (S12); the other properties are judged to its end."""

_BY_ITSELF = "the pool cleans up by itself, and a file does not say when"


@dataclass(frozen=True, slots=True)
class Line:
    """One property of one history; ``outcome`` None: it cannot be judged from this file, and ``why`` says what is missing."""

    id: str
    name: str
    outcome: Outcome | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The verdicts on one history, and the ``violations`` that they are about."""

    lines: tuple[Line, ...]
    events: int
    violations: tuple[Violation, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Violated if anything is, otherwise undecided if anything that could be judged is, or if nothing could be."""
        outcomes = [line.outcome for line in self.lines if line.outcome is not None]
        return next(
            (o for o in (Outcome.VIOLATED, Outcome.UNDECIDED, Outcome.HOLDS) if o in outcomes),
            Outcome.UNDECIDED,
        )


def judge_file(path: Path, *, max_sessions: int | None = None) -> HistoryReport:
    """Judge the history in ``path``, as it is read; ``max_sessions`` counts where the file does not say it.

    Raises :class:`BadInput`. What is kept of a long file is the beginning, for S12, and what the pool has now.
    """
    try:
        return _judge(iter_history(path), max_sessions)
    except HistoryError as error:
        raise BadInput(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error


def judge(history: History, *, max_sessions: int | None = None) -> HistoryReport:
    """Judge ``history``."""
    return _judge(chain([] if history.pool is None else [history.pool], history.events), max_sessions)


def _judge(records: Iterable[PoolFacts | Event], max_sessions: int | None) -> HistoryReport:
    pool: PoolFacts | None = None
    beginning: list[Event] = []
    count, connected = 0, False
    judgement: Judgement | None = None
    for record in records:
        if isinstance(record, PoolFacts):
            pool = record
            continue
        if judgement is None:
            judgement = _judgement(pool, max_sessions)
        judgement.see(record)
        count += 1
        connected = connected or record.type == "event"
        if count <= LINEARIZED:
            beginning.append(record)
    if judgement is None:
        judgement = _judgement(pool, max_sessions)
    judgement.linearize(History(tuple(beginning), pool))
    if count > LINEARIZED and not {"S12"} & (judgement.violations.keys() | judgement.undecided.keys()):
        judgement.undecided["S12"] = (
            f"the first {LINEARIZED:,} of {count:,} events have a linearization; the others were not looked at"
        )
    seen = _Seen(count, connected, pool, _slots(pool, max_sessions))
    lines = [_line(known, judgement, _missing(known.id, seen)) for known in PROPERTIES]
    broken = tuple(judgement.violations[line.id] for line in lines if line.outcome is Outcome.VIOLATED)
    return HistoryReport(tuple(lines), count, broken)


def _slots(pool: PoolFacts | None, max_sessions: int | None) -> int | None:
    return pool.max_sessions if pool is not None and pool.max_sessions is not None else max_sessions


def _judgement(pool: PoolFacts | None, max_sessions: int | None) -> Judgement:
    return Judgement(_slots(pool, max_sessions), reclaims=True, agents_load=None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file had: the number of its events, whether any was of a connection, and what is known of the pool."""

    events: int
    connected: bool
    pool: PoolFacts | None
    slots: int | None


def _line(known: Property, judgement: Judgement, missing: str) -> Line:
    violation = judgement.violations.get(known.id)
    if missing and (violation is None or missing == _BY_ITSELF):
        return Line(known.id, known.name, None, missing)
    if violation is not None:
        why = f"event {violation.index}: {violation.message}"
        return Line(known.id, known.name, Outcome.VIOLATED, why)
    if known.id in judgement.undecided:
        return Line(known.id, known.name, Outcome.UNDECIDED, judgement.undecided[known.id])
    if not judgement.tested[known.id]:
        return Line(known.id, known.name, None, "nothing in this file puts it to the test")
    return Line(known.id, known.name, Outcome.HOLDS)


def _missing(property_id: str, seen: _Seen) -> str:
    cleans_up = seen.pool is not None and seen.pool.others.get("idle_ttl") is not None
    if not seen.events:
        return "the file has no events: there is nothing to judge"
    if property_id in _NEEDS_REST:
        return "a file does not say when nothing moved any more"
    if property_id in _NEEDS_SLOTS and seen.slots is None:
        return "max_sessions is not known"
    if property_id in _NEEDS_PROCESSES and not seen.connected:
        return "the file has no events of connections"
    if property_id in _NEEDS_OPERATOR and cleans_up:
        return _BY_ITSELF
    return ""
