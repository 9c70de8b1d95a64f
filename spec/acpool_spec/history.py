"""History files: JSON lines in the manner of Jepsen, one event a line, read as a stream and never trusted.

A first line ``{"type": "pool", "max_sessions": 4}`` may say what was judged. Members of other names are
ignored, a member that is null is one that was left out, and blank lines are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any, TextIO, TypeVar

from acpool_spec.calls import Call, Pairing, calls_of
from acpool_spec.events import (
    ANY,
    EVENT_TYPES,
    NAMES_A_SESSION,
    POOL,
    Event,
    EventType,
    History,
    HistoryError,
    PoolFacts,
    Vocabulary,
)
from acpool_spec.strict_json import Malformed, describe, parse_object

__all__ = [
    "ANY",
    "MAX_LINE",
    "POOL",
    "Call",
    "Event",
    "EventType",
    "History",
    "HistoryError",
    "PoolFacts",
    "Vocabulary",
    "calls_of",
    "iter_events",
    "iter_history",
    "numbered_history",
    "read_history",
    "write_history",
]

MAX_LINE = 16 * 2**20
"""Bytes, or characters of a text stream, that one line may have."""

T = TypeVar("T")
N = TypeVar("N", bound=str)
Source = str | PathLike[str] | TextIO


def read_history(source: Source, *, vocabulary: Vocabulary = POOL) -> History:
    """Read a whole history from a path or an open text stream.

    Raises ``HistoryError`` with the line, what was found there and what was expected; ``OSError`` where the
    file cannot be read.
    """
    pool: PoolFacts | None = None
    events: list[Event] = []
    for record in iter_history(source, vocabulary=vocabulary):
        if isinstance(record, PoolFacts):
            pool = record
        else:
            events.append(record)
    return History(tuple(events), pool)


def iter_events(source: Source, *, vocabulary: Vocabulary = POOL) -> Iterator[Event]:
    """Yield the events one by one, without holding the history; errors as ``read_history``, when reached."""
    return (record for record in iter_history(source, vocabulary=vocabulary) if isinstance(record, Event))


def iter_history(source: Source, *, vocabulary: Vocabulary = POOL) -> Iterator[PoolFacts | Event]:
    """Yield the facts about the pool, where given, and then the events; errors as ``read_history``."""
    return (record for _, record, _ in numbered_history(source, vocabulary=vocabulary))


def numbered_history(
    source: Source, *, vocabulary: Vocabulary = POOL
) -> Iterator[tuple[int, PoolFacts | Event, Event | None]]:
    """As ``iter_history``: each record with the number of its line, and an answer with the invocation that it answers."""
    pairing = Pairing()
    empty = True
    for number, line in _lines(source):
        try:
            text = _decode(line)
            if not text or text.isspace():
                continue
            members = parse_object(text)
            invocation: Event | None = None
            if members.get("type") == "pool":
                if not empty:
                    raise Malformed('a line of type "pool"', "it only as the first line")
                record: PoolFacts | Event = _pool_facts(members)
            else:
                record = _event(members, vocabulary)
                invocation = pairing.follow(record)
        except Malformed as error:
            raise HistoryError(f"line {number}", error.found, error.expected, line=number) from error
        empty = False
        yield number, record, invocation
    if empty:
        raise HistoryError("line 1", "an empty file", "a history: one JSON object a line", line=1)


def write_history(history: History, target: str | PathLike[str] | TextIO) -> None:
    """Write ``history`` as a file or to an open text stream; reading it gives the same history.

    Raises ``ValueError`` or ``TypeError`` for a value that JSON has no form for, before anything is written.
    """
    lines = [
        json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n" for record in _records(history)
    ]
    if isinstance(target, str | PathLike):
        Path(target).write_text("".join(lines), encoding="utf-8", newline="\n")
    else:
        target.writelines(lines)


def _records(history: History) -> Iterator[dict[str, Any]]:
    if history.pool is not None:
        pool = history.pool
        slots = {} if pool.max_sessions is None else {"max_sessions": pool.max_sessions}
        yield {"type": "pool", **slots, **pool.others}
    for event in history.events:
        members = ((name, getattr(event, name)) for name in _EVENT_FIELDS)
        yield {name: value for name, value in members if value is not None}


_EVENT_FIELDS = tuple(field.name for field in fields(Event))


def _lines(source: Source) -> Iterator[tuple[int, str | bytes]]:
    """Yield numbered lines, no more of each than shows that it is too long.

    A path is read as bytes: so an undecodable line has a number, and only a line feed ends a line.
    """
    if isinstance(source, str | PathLike):
        with Path(source).open("rb") as stream:
            yield from enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1)
    else:
        yield from _text_lines(source)


def _text_lines(source: TextIO) -> Iterator[tuple[int, str]]:
    for number in count(1):
        try:
            line = source.readline(MAX_LINE + 1)
        except UnicodeDecodeError as error:
            # A text stream decodes ahead of the line it hands out.
            found, expected = "bytes that are not text", f"text in {error.encoding}"
            raise HistoryError(f"line {number} or after", found, expected, line=number) from error
        if not line:
            return
        yield number, line


def _decode(line: str | bytes) -> str:
    if len(line) > MAX_LINE:
        raise Malformed(f"a line longer than {MAX_LINE}", "one event a line")
    if isinstance(line, str):
        return line
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"bytes that are not UTF-8 at column {error.start + 1}", "text in UTF-8") from error


def _pool_facts(members: dict[str, Any]) -> PoolFacts:
    slots = _integer(members, "max_sessions")
    if slots is not None and slots < 1:
        raise Malformed(f'"max_sessions" {slots}', "at least 1")
    others = {name: value for name, value in members.items() if name not in ("type", "max_sessions")}
    return PoolFacts(slots, others)


def _event(members: dict[str, Any], vocabulary: Vocabulary) -> Event:
    types = f"one of {', '.join(EVENT_TYPES)}"
    kind = _one_of("type", _required("type", _string(members, "type"), types), EVENT_TYPES)
    known = vocabulary.events if kind == "event" else vocabulary.operations
    name = _required("f", _string(members, "f"), "the name of an operation or event")
    return Event(
        index=_required("index", _integer(members, "index"), "an integer"),
        time=_required("time", _integer(members, "time"), "an integer, in nanoseconds"),
        type=kind,
        f=name if known is None else _one_of("f", name, sorted(known)),
        process=_integer(members, "process"),
        key=_string(members, "key"),
        connection=_string(members, "connection"),
        session_id=_session_id(name, members) if kind == "event" else _string(members, "session_id"),
        ttl=_seconds(members, "ttl"),
        value=members.get("value"),
        error=_string(members, "error"),
    )


def _session_id(name: str, members: dict[str, Any]) -> str | None:
    """Where the event is about a session, find its id in ``session_id``, in ``value``, or inside it."""
    given = _string(members, "session_id")
    if name not in NAMES_A_SESSION:
        return given
    match members.get("value"):
        case str(value) | {"session_id": str(value)}:
            if given is not None and given != value:
                raise Malformed(
                    f'"session_id" {describe(given)} and "value" {describe(value)}', "one session id"
                )
            return value
        case _:
            return given


def _required(name: str, value: T | None, expected: str) -> T:
    if value is None:
        raise Malformed(f'no "{name}"', expected)
    return value


def _one_of(name: str, value: str, known: Sequence[N]) -> N:
    for candidate in known:
        if candidate == value:
            return candidate
    raise Malformed(f'"{name}" {describe(value)}', f"one of {', '.join(known)}")


def _string(members: dict[str, Any], name: str) -> str | None:
    match members.get(name):
        case None | str() as value:
            return value
        case other:
            raise Malformed(f'"{name}" {describe(other)}', "a string")


def _integer(members: dict[str, Any], name: str) -> int | None:
    match members.get(name):
        case bool() as value:
            raise Malformed(f'"{name}" {describe(value)}', "an integer")
        case None | int() as value:
            return value
        case other:
            raise Malformed(f'"{name}" {describe(other)}', "an integer")


def _seconds(members: dict[str, Any], name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Malformed(f'"{name}" {describe(value)}', "a number of seconds, at least 0")
    return float(value)
