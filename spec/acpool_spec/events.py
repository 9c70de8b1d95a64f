"""What a history is made of: events, what they may be called, and the facts about the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

EventType = Literal["invoke", "ok", "fail", "info", "event"]
EVENT_TYPES: tuple[EventType, ...] = ("invoke", "ok", "fail", "info", "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a history; what the recorder did not know is None.

    ``index``: place in the history, strictly increasing. ``time``: nanoseconds of one monotonic clock, never
    decreasing. ``type``: ``invoke``, then one of ``ok``, ``fail`` (it certainly did not take effect, and
    ``error`` says why) or ``info`` (unknown: it stays pending); or ``event``: seen at a connection, or inside
    an operation. ``f``: which operation or event. ``process``: who invoked; one operation at a time. ``ttl``:
    seconds. ``value``: any JSON value.
    """

    index: int
    time: int
    type: EventType
    f: str
    process: int | None = None
    key: str | None = None
    connection: str | None = None
    session_id: str | None = None
    ttl: float | None = None
    value: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that ``f`` may have: of operations, and of events; None: any name."""

    operations: frozenset[str] | None = None
    events: frozenset[str] | None = None


POOL = Vocabulary(
    operations=frozenset(
        {"get_or_create", "with_connection", "session", "cleanup_idle", "cancel", "reset", "shutdown"}
    ),
    events=frozenset(
        {
            *("opened", "initialized", "created", "loaded", "refused"),
            *("prompt_begin", "prompt_end", "acquire", "release", "died", "closed", "given_up"),
            *("opening", "open_failed", "loading", "closing", "answered"),
        }
    ),
)
"""What is said about a session pool."""

ANY = Vocabulary()
"""Histories of other objects: every name will do."""

NAMES_A_SESSION = frozenset({"created", "loading", "loaded", "refused"})
"""Events about one session id, which recorders put into ``session_id`` or into ``value``."""


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What the first line of a history may say about the pool; ``others``: facts of other names."""

    max_sessions: int | None = None
    others: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, slots=True)
class History:
    """A whole history: its events in order, and the facts about the pool, or None.

    ``rests``: the number of events seen each time everything had come to a stop, so that the pool had heard of all of
    them; None where the recorder cannot know.
    """

    events: tuple[Event, ...]
    pool: PoolFacts | None = None
    rests: frozenset[int] | None = None

    @property
    def max_sessions(self) -> int | None:
        """The number of slots, where it is known."""
        return None if self.pool is None else self.pool.max_sessions


class HistoryError(ValueError):
    """The history cannot be used; correct the recorder, or the line.

    ``line``: counted from 1, None where the history did not come from a file. ``found`` and ``expected``: in
    words.
    """

    def __init__(self, where: str, found: str, expected: str, *, line: int | None = None) -> None:
        super().__init__(f"{where}: found {found}; expected {expected}")
        self.line = line
        self.found = found
        self.expected = expected
