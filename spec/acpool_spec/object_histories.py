"""Recorded histories of registers, maps, locks and queues, judged line by line as they are read.

Each key has an object of its own, and so has a history without keys; the objects are independent (M. Herlihy and J. Wing,
*Linearizability*, TOPLAS 12(3), 1990, theorem 1), so that each is judged alone, in sections (``sections``).
The index of a line is its time. Lines of type ``event`` and members of other names are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acpool_spec.events import Event, HistoryError, PoolFacts, Vocabulary
from acpool_spec.history import numbered_history
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register
from acpool_spec.sections import STATES, Sections, Window
from acpool_spec.sequential import Operation, SequentialSpec
from acpool_spec.strict_json import Malformed, describe
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Bound, Outcome


@dataclass(frozen=True, slots=True)
class Object:
    """What ``--spec`` may name: its specification, and how its lines are read.

    ``operations``: names of ``f``. ``asked``: the argument that an invocation tells of. ``answered``: the response, from the
    invocation and the answer.
    """

    spec: SequentialSpec[Any]
    operations: frozenset[str]
    asked: Callable[[Event], Any]
    answered: Callable[[Event, Event], Any]


def _value(event: Event) -> Any:
    return event.value


def _answer(_invocation: Event, answer: Event) -> Any:
    return answer.value


def _pair(event: Event) -> Any:
    if event.f != "cas":
        return event.value
    match event.value:
        case [_, _]:
            return event.value
        case other:
            raise Malformed(f'"value" {describe(other)} of a cas', "a list of two values: expected, new")


def _matched(invocation: Event, answer: Event) -> Any:
    """A compare-and-set that is ``ok`` has matched, unless its value is false."""
    return answer.value is not False if invocation.f == "cas" else answer.value


def _entry(event: Event) -> Any:
    if event.key is None:
        raise Malformed(f'{event.f} without "key"', 'the "key" of the map, a string')
    if event.f in ("get", "delete"):
        return event.key
    if event.f == "append" and not isinstance(event.value, str):
        found = f'"value" {describe(event.value)} of an append'
        raise Malformed(found, "a string, which is joined to the string there")
    return [event.key, event.value]


OBJECTS = {
    "register": Object(Register(), frozenset({"read", "write"}), _value, _answer),
    "cas-register": Object(CasRegister(), frozenset({"read", "write", "cas"}), _pair, _matched),
    "key-value": Object(KeyValue(), frozenset({"get", "put", "append", "delete"}), _entry, _answer),
    "lock": Object(Lock(), frozenset({"acquire", "release"}), _value, _answer),
    "queue": Object(Queue(), frozenset({"enqueue", "dequeue"}), _value, _answer),
}
"""By the name that ``--spec`` gives."""


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """The verdict on one history, and how much was looked at; *undecided* without a bound where nothing ``answered`` puts it to
    the test.

    ``violated``: the key that has no linearization, and the window of its history that shows it. ``undecided``: keys whose search
    ended at its bound. ``most_held``: operations in memory, at most. ``until``: the line at which the reading ended.
    """

    outcome: Outcome
    operations: int
    answered: int
    pending: int
    keys: int
    states: int
    most_held: int
    until: int
    bound: Bound | None = None
    undecided: tuple[str | None, ...] = ()
    violated: tuple[str | None, Window[Any]] | None = None


def judge_objects(path: Path, name: str, *, states: int = STATES) -> ObjectReport:
    """Judge the history in ``path`` against the object called ``name``; it ends at the first violation.

    ``states``: configurations that the search of one section may explore. Raises :class:`BadInput` for a file that cannot be
    read, or a line that cannot be used, with its number.
    """
    try:
        return _Judge(OBJECTS[name], states).judge(path)
    except HistoryError as error:
        raise BadInput(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error


def times_of(path: Path, name: str, operations: Iterable[Operation]) -> dict[int, int]:
    """Nanoseconds of the events of ``operations``, which were read from ``path``, by their index. Reads as far as it has to."""
    wanted = {index for op in operations for index in (op.invoked_at, op.returned_at) if index is not None}
    found: dict[int, int] = {}
    for _, record, _ in numbered_history(path, vocabulary=Vocabulary(OBJECTS[name].operations)):
        if isinstance(record, Event) and record.index in wanted:
            found[record.index] = record.time
            if len(found) == len(wanted):
                break
    return found


def first_object(path: Path, name: str, most: int) -> tuple[str | None, list[Operation], dict[int, int]]:
    """How the history in ``path`` begins: the first key, its first ``most`` operations, and the times of their events.

    What was answered after that is pending here, as at that instant. The file has been judged, so that it can be read.
    """
    judged, key = OBJECTS[name], None
    operations: dict[int, Operation] = {}
    calls: dict[int, int] = {}
    times: dict[int, int] = {}
    seen = False
    for _, record, invocation in numbered_history(path, vocabulary=Vocabulary(judged.operations)):
        if isinstance(record, PoolFacts) or record.type == "event" or record.process is None:
            continue
        if not seen:
            seen, key = True, record.key
        if record.process in calls and invocation is not None:
            begun = calls.pop(record.process)
            times[record.index] = record.time
            if record.type == "ok":
                response = judged.answered(invocation, record)
                operations[begun] = replace(operations[begun], response=response, returned_at=record.index)
            elif record.type == "fail":
                del operations[begun]
        elif invocation is None and record.key == key:
            if len(operations) == most:
                break
            calls[record.process] = record.index
            times[record.index] = record.time
            operations[record.index] = Operation(
                process=record.process,
                name=record.f,
                argument=judged.asked(record),
                response=None,
                invoked_at=record.index,
                returned_at=None,
            )
    return key, list(operations.values()), times


class _Judge:
    """Takes events one by one. ``broken``: the key that turned out to have no linearization."""

    def __init__(self, judged: Object, states: int) -> None:
        self._object = judged
        self._states = states
        self._keys: dict[str | None, Sections[Any]] = {}
        self._calls: dict[int, tuple[Sections[Any], Operation]] = {}
        self._operations = self._answered = self._lost = self._held = self._most = 0

    def judge(self, path: Path) -> ObjectReport:
        number = 0
        for number, record, invocation in numbered_history(
            path, vocabulary=Vocabulary(self._object.operations)
        ):
            if isinstance(record, PoolFacts) or record.type == "event":
                continue
            with _blaming(f"line {number}", number):
                sections = self._see(record, invocation)
            if sections.outcome is False:
                return self._report(number)
        self._lost += len(self._calls)
        for key, sections in self._keys.items():
            with _blaming("the file" if key is None else f"key {key!r}"):
                sections.end()
            if sections.outcome is False:
                break
        return self._report(number)

    def _see(self, event: Event, invocation: Event | None) -> Sections[Any]:
        process = event.process
        assert process is not None  # or the events could not have been paired
        if invocation is None:
            sections = self._keys.get(event.key)
            if sections is None:
                sections = self._keys[event.key] = Sections(self._object.spec, states=self._states)
            operation = Operation(
                process=process,
                name=event.f,
                argument=self._object.asked(event),
                response=None,
                invoked_at=event.index,
                returned_at=None,
            )
            self._calls[process] = sections, operation
            self._operations += 1
            if not sections.decided:
                sections.invoked(operation)
                self._held += 1
            self._most = max(self._most, self._held)
            return sections
        sections, operation = self._calls.pop(process)
        self._lost += event.type == "info"
        self._answered += event.type == "ok"
        if not sections.decided:
            before = sections.held
            if event.type == "ok":
                answer = self._object.answered(invocation, event)
                sections.returned(replace(operation, response=answer, returned_at=event.index))
            elif event.type == "info":
                sections.lost(operation.invoked_at)
            else:
                sections.failed(operation.invoked_at)
            self._held += sections.held - before
        return sections

    def _report(self, until: int) -> ObjectReport:
        violated = undecided = None
        for key, sections in self._keys.items():
            if sections.window is not None:
                violated = key, sections.window
            elif sections.bound is not None and undecided is None:
                undecided = sections.bound
        untested = undecided is not None or not self._answered
        outcome = Outcome.VIOLATED if violated else Outcome.UNDECIDED if untested else Outcome.HOLDS
        return ObjectReport(
            outcome=outcome,
            operations=self._operations,
            answered=self._answered,
            pending=self._lost,
            keys=len(self._keys),
            states=sum(sections.states for sections in self._keys.values()),
            most_held=self._most,
            until=until,
            bound=undecided if outcome is Outcome.UNDECIDED else None,
            undecided=tuple(key for key, sections in self._keys.items() if sections.bound is not None),
            violated=violated,
        )


@contextmanager
def _blaming(place: str, line: int | None = None) -> Generator[None, None, None]:
    """Name the place of what a line says and no object can do."""
    try:
        yield
    except Malformed as error:
        raise HistoryError(place, error.found, error.expected, line=line) from error
    except (TypeError, ValueError) as error:
        where = place if line is None else f"{place}, or before it"
        raise HistoryError(where, str(error), "what the object can do", line=line) from error
