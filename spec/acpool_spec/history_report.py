"""Judges a recorded history file: every property that can be judged from what the recorder wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acpool_spec.events import History, HistoryError
from acpool_spec.history import read_history
from acpool_spec.properties import PROPERTIES, Property, Violation
from acpool_spec.properties.judgement import Judgement
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

_NEEDS_REST = ("S10", "L1", "L2", "L3", "L4", "L5")
_NEEDS_SLOTS = ("S1", "S8", "S9")
_NEEDS_PROCESSES = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S11")
_NEEDS_OPERATOR = ("S4", "S9")
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
    """The verdicts on one history."""

    lines: tuple[Line, ...]
    events: int

    @property
    def outcome(self) -> Outcome:
        """Violated if anything is, otherwise undecided if anything that could be judged is, or if nothing could be."""
        outcomes = [line.outcome for line in self.lines if line.outcome is not None]
        return next(
            (o for o in (Outcome.VIOLATED, Outcome.UNDECIDED, Outcome.HOLDS) if o in outcomes),
            Outcome.UNDECIDED,
        )


def judge_file(path: Path, *, max_sessions: int | None = None) -> HistoryReport:
    """Judge the history in ``path``; ``max_sessions`` counts where the file does not say it. Raises :class:`BadInput`."""
    try:
        history = read_history(path)
    except HistoryError as error:
        raise BadInput(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    return judge(history, max_sessions=max_sessions)


def judge(history: History, *, max_sessions: int | None = None) -> HistoryReport:
    """Judge ``history``."""
    slots = history.max_sessions if history.max_sessions is not None else max_sessions
    judgement = judgement_of(history, slots)
    lines = [_line(known, judgement, _missing(known.id, history, slots)) for known in PROPERTIES]
    return HistoryReport(tuple(lines), len(history.events))


def judgement_of(history: History, slots: int | None) -> Judgement:
    """Every property of ``history``, of a pool of ``slots`` slots, those included that cannot be judged from a file."""
    judgement = Judgement(slots, reclaims=True, agents_load=None)
    for event in history.events:
        judgement.see(event)
    judgement.linearize(history)
    return judgement


def violations_of(history: History, *, max_sessions: int | None = None) -> list[Violation]:
    """The violations in ``history``, of the properties that can be judged from it."""
    slots = history.max_sessions if history.max_sessions is not None else max_sessions
    judgement = judgement_of(history, slots)
    lines = [_line(known, judgement, _missing(known.id, history, slots)) for known in PROPERTIES]
    return [judgement.violations[line.id] for line in lines if line.outcome is Outcome.VIOLATED]


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


def _missing(property_id: str, history: History, slots: int | None) -> str:
    cleans_up = history.pool is not None and history.pool.others.get("idle_ttl") is not None
    if not history.events:
        return "the file has no events: there is nothing to judge"
    if property_id in _NEEDS_REST:
        return "a file does not say when nothing moved any more"
    if property_id in _NEEDS_SLOTS and slots is None:
        return "max_sessions is not known"
    if property_id in _NEEDS_PROCESSES and not any(event.type == "event" for event in history.events):
        return "the file has no events of connections"
    if property_id in _NEEDS_OPERATOR and cleans_up:
        return _BY_ITSELF
    return ""
