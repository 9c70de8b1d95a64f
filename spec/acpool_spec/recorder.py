"""Writes down what can be seen from outside while a pool runs: calls, answers, and what the connections saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from acpool_spec.events import Event, EventType, History, PoolFacts


class Named(Protocol):
    """What the recorder needs of a connection."""

    @property
    def name(self) -> str:
        """Its name in the history."""
        ...

    @property
    def key(self) -> str:
        """The key it was opened for."""
        ...


class Recorder:
    """A growing history; every listener hears each event at once, in order.

    ``clock`` gives seconds of one monotonic clock; events carry nanoseconds.
    """

    def __init__(self, clock: Callable[[], float], pool: PoolFacts) -> None:
        self._clock = clock
        self._pool = pool
        self.events: list[Event] = []
        self.rests: set[int] = set()
        self.listeners: list[Callable[[Event], None]] = []

    def event(
        self,
        f: str,
        connection: Named,
        *,
        session_id: str | None = None,
        process: int | None = None,
        value: object = None,
    ) -> None:
        """Something happened at ``connection``."""
        self._add(
            type="event",
            f=f,
            key=connection.key,
            connection=connection.name,
            session_id=session_id,
            process=process,
            value=value,
        )

    def invoke(self, process: int, f: str, key: str | None, *, ttl: float | None = None) -> None:
        """``process`` calls an operation."""
        self._add(type="invoke", f=f, process=process, key=key, ttl=ttl)

    def ok(self, process: int, f: str, key: str | None, value: object) -> None:
        """The operation that ``process`` called answered ``value``."""
        self._add(type="ok", f=f, process=process, key=key, value=value)

    def fail(self, process: int, f: str, key: str | None, error: str) -> None:
        """The operation that ``process`` called failed with the error class ``error``."""
        self._add(type="fail", f=f, process=process, key=key, error=error)

    def info(self, process: int, f: str, key: str | None, error: str) -> None:
        """What became of the operation that ``process`` called is not known."""
        self._add(type="info", f=f, process=process, key=key, error=error)

    def history(self) -> History:
        """Everything so far. Who goes on after an operation of unknown outcome goes on as a new process, as in Jepsen."""
        return History(tuple(_renumbered(self.events)), self._pool, frozenset(self.rests))

    def rest(self) -> None:
        """Everything has come to a stop: what was seen so far has been heard of by all whom it concerns."""
        self.rests.add(len(self.events))

    def _add(
        self,
        *,
        type: EventType,
        f: str,
        process: int | None = None,
        key: str | None = None,
        connection: str | None = None,
        session_id: str | None = None,
        ttl: float | None = None,
        value: object = None,
        error: str | None = None,
    ) -> None:
        event = Event(
            index=len(self.events),
            time=round(self._clock() * 1e9),
            type=type,
            f=f,
            process=process,
            key=key,
            connection=connection,
            session_id=session_id,
            ttl=ttl,
            value=value,
            error=error,
        )
        self.events.append(event)
        for listener in self.listeners:
            listener(event)


def _renumbered(events: list[Event]) -> Iterator[Event]:
    known = {event.process for event in events if event.process is not None}
    unused = max(known, default=-1) + 1
    names = {process: process for process in known}
    for event in events:
        if event.process is None:
            yield event
            continue
        yield replace(event, process=names[event.process])
        if event.type == "info":
            names[event.process], unused = unused, unused + 1
