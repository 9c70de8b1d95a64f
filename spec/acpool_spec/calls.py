"""Pairing the events of a history: which invocation was answered, by what, and which is still pending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from acpool_spec.events import Event, HistoryError
from acpool_spec.strict_json import Malformed

Status = Literal["ok", "fail", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation of a history, from its invocation to its answer.

    ``status``: ``ok``, ``fail`` (it certainly had no effect) or ``pending`` (answered by nothing, or by
    ``info``). ``argument``: the value of the invocation; ``response``: the value of the answer, None unless
    ``ok``. ``error``: why it failed or is not known. ``invoked_at`` and ``returned_at`` are indices of
    events; ``returned_at`` is None when pending.
    """

    name: str
    process: int
    key: str | None
    ttl: float | None
    argument: Any
    status: Status
    response: Any
    error: str | None
    invoked_at: int
    returned_at: int | None


class Pairing:
    """Follows a history and says when an event cannot follow those before it."""

    def __init__(self) -> None:
        self._open: dict[int, Event] = {}
        self._ended: dict[int, Event] = {}
        self._last: Event | None = None

    def follow(self, event: Event) -> Event | None:
        """Take the next event; for ok, fail and info return the invocation that it answers.

        Raises ``Malformed`` for an index or a time out of order, an answer to nothing or to another
        operation, and a process with two operations at a time. An operation that ended in ``info`` is pending
        for ever: so is its process.
        """
        last = self._last
        if last is not None and event.index <= last.index:
            raise Malformed(f"index {event.index}", f"an index above {last.index}, that of the event before")
        if last is not None and event.time < last.time:
            raise Malformed(f"time {event.time}", f"a time of at least {last.time}, that of the event before")
        self._last = event
        if event.type == "event":
            return None
        process = event.process
        if process is None:
            raise Malformed(f'an event of type "{event.type}" without "process"', 'an integer "process"')
        if process in self._ended:
            raise Malformed(
                f"process {process} again after its info at index {self._ended[process].index}",
                "a new process number, since that operation stays pending",
            )
        if event.type == "invoke":
            self._invoke(process, event)
            return None
        return self._answer(process, event)

    def _invoke(self, process: int, event: Event) -> None:
        before = self._open.get(process)
        if before is not None:
            raise Malformed(
                f"a second operation of process {process}",
                f"first the answer to its {before.f} invoked at index {before.index}",
            )
        self._open[process] = event

    def _answer(self, process: int, event: Event) -> Event:
        invocation = self._open.pop(process, None)
        if invocation is None:
            raise Malformed(f"{event.type} of {event.f} by process {process}", "an invoke of it before")
        if event.f != invocation.f:
            raise Malformed(
                f"{event.type} of {event.f}", f"the answer to {invocation.f} of process {process}"
            )
        if event.key is not None and invocation.key is not None and event.key != invocation.key:
            raise Malformed(f"{event.type} for key {event.key!r}", f"key {invocation.key!r}, as invoked")
        if event.type == "info":
            self._ended[process] = event
        return invocation


def calls_of(events: Iterable[Event]) -> tuple[Call, ...]:
    """Pair invocations with their answers; one call for each invocation, in order of invocation.

    Raises ``HistoryError`` where the events cannot follow each other.
    """
    pairing = Pairing()
    calls: dict[int, Call] = {}
    for event in events:
        try:
            invocation = pairing.follow(event)
        except Malformed as error:
            raise HistoryError(f"event {event.index}", error.found, error.expected) from error
        if event.type == "invoke":
            calls[event.index] = _call(event, None)
        elif invocation is not None:
            calls[invocation.index] = _call(invocation, event)
    return tuple(calls.values())


def _call(invocation: Event, answer: Event | None) -> Call:
    # Pairing has seen to it that an invocation has a process.
    assert invocation.process is not None
    key = invocation.key
    status: Status = "pending"
    if answer is not None:
        key = answer.key if key is None else key
        status = "ok" if answer.type == "ok" else "fail" if answer.type == "fail" else "pending"
    known = answer is not None and status != "pending"
    return Call(
        name=invocation.f,
        process=invocation.process,
        key=key,
        ttl=invocation.ttl,
        argument=invocation.value,
        status=status,
        response=answer.value if answer is not None and status == "ok" else None,
        error=None if answer is None else answer.error,
        invoked_at=invocation.index,
        returned_at=answer.index if answer is not None and known else None,
    )
