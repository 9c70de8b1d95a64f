"""Histories as short scripts, so that a test shows one defect and nothing else.

A line is an event: ``0 > get_or_create a`` (client 0 calls), ``0 < get_or_create a s1`` (answers; ``resumed`` and ``reset``
after the id raise these members), ``0 ! get_or_create a PoolExhausted``, ``0 ? reset a`` (cancelled), ``c1 opening a``,
``c1 acquire a 0`` (client 0), ``@30`` (seconds), ``?`` as an answer
(not recorded). Four shorthands: ``0 creates c1 a s1``, ``0 leases c1 a``,
``0 ends c1 a``, ``c1 leaves a``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.events import Event, EventType, History, PoolFacts
from acpool_spec.pool_spec import judge_history
from acpool_spec.verdict import Verdict

_SIGNS: dict[str, EventType] = {">": "invoke", "<": "ok", "!": "fail", "?": "info"}
_WITHOUT_KEY = ("cleanup_idle", "shutdown")


def _expand(line: str) -> list[str]:
    words = line.split()
    match words[1:2]:
        case ["creates"]:
            client, _, name, key, session = words
            call = f"{client} > get_or_create {key}"
            begun = [f"{name} {f} {key}" for f in ("opening", "opened", "initialized")]
            return [
                call,
                *begun,
                f"{name} created {key} {session}",
                f"{client} < get_or_create {key} {session}",
            ]
        case ["leases"]:
            client, _, name, key = words
            return [f"{client} > with_connection {key}", f"{name} acquire {key} {client}"]
        case ["ends"]:
            client, _, name, key = words
            return [f"{name} release {key} {client}", f"{client} < with_connection {key}"]
        case ["leaves"]:
            return [f"{words[0]} closing {words[2]}", f"{words[0]} closed {words[2]}"]
        case _:
            return [line]


def _value(name: str, words: list[str]) -> Any:
    match name:
        case "get_or_create":
            flags = {"resumed": "resumed" in words, "session_reset": "reset" in words}
            return {"session_id": words[0], **flags}
        case "cleanup_idle":
            return None if words == ["?"] else words
        case "reset" | "cancel":
            return {"True": True, "False": False}.get(words[0])
        case _:
            return {"session_id": words[0]} if words else None


def _event(index: int, time: int, line: str) -> Event:
    who, sign, *words = line.split()
    if sign not in _SIGNS:
        key, *rest = words
        process = int(rest[0]) if sign in ("acquire", "release", "answered") else None
        session = rest[0] if rest and process is None and sign != "prompt_end" else None
        value = {"answered": rest[0] == "True"} if sign == "prompt_end" else None
        return Event(
            index=index,
            time=time,
            type="event",
            f=sign,
            key=key,
            connection=who,
            session_id=session,
            process=process,
            value=value,
        )
    kind, name, *rest = _SIGNS[sign], *words
    key_of = None if name in _WITHOUT_KEY else rest.pop(0)
    return Event(
        index=index,
        time=time,
        type=kind,
        f=name,
        process=int(who),
        key=key_of,
        ttl=float(rest[0]) if kind == "invoke" and name == "cleanup_idle" and rest else None,
        value=_value(name, rest) if kind == "ok" else None,
        error=rest[0]
        if kind == "fail"
        else ("CancelledError" if not rest else rest[0])
        if kind == "info"
        else None,
    )


def _script(text: str, slots: int | None = 2, **others: Any) -> History:
    events: list[Event] = []
    time = 0
    for line in (part.strip() for part in text.replace("\n", ";").split(";")):
        if line.startswith("@"):
            time = round(float(line[1:]) * 1e9)
        elif line:
            for one in _expand(line):
                events.append(_event(len(events), time, one))
    return History(tuple(events), PoolFacts(slots, others))


@pytest.fixture
def script() -> Callable[..., History]:
    """Make a history of lines separated by newlines or semicolons; slots and other facts of the pool by keyword."""
    return _script


@pytest.fixture
def judge() -> Callable[..., Verdict]:
    """Judge such a script."""

    def judged(text: str, **facts: Any) -> Verdict:
        return judge_history(_script(text, **facts))

    return judged
