"""Histories as short scripts for the judgement, and a driven loop with an outside world.

A line is an event: ``0 > reset a`` (client 0 calls), ``0 < s1 reset`` (it is answered; ``resumed`` and ``reset`` raise these
members, ``True`` and ``False`` stand for themselves), ``0 ! PoolExhausted``, ``0 ?`` (cancelled), ``c1 opening a``,
``c1 created a s1``, ``c1 acquire a 0`` (client 0). Shorthands: ``c1 starts a s1``, ``c1 loads a s1``, ``c1 leaves a``,
``0 creates c1 a s1``, ``0 leases c1 a``, ``0 ends c1 a``. Questions put to the run: ``-- stopped``, ``-- restless``,
``-- rest hung=c1 holding=0 knows=a``, ``-- end leftover swallowed unexpected``, ``-- linearize``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from acpool_spec.events import Event, EventType, PoolFacts
from acpool_spec.fakes import FakeConnector, Outside
from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop
from acpool_spec.properties.judgement import Judgement, Remains
from acpool_spec.recorder import Recorder

_SIGNS: dict[str, EventType] = {">": "invoke", "<": "ok", "!": "fail", "?": "info"}


def _expand(line: str) -> list[str]:
    match line.split():
        case [name, "starts", key, session]:
            begun = [f"{name} {f} {key}" for f in ("opening", "opened", "initialized")]
            return [*begun, f"{name} created {key} {session}"]
        case [name, "loads", key, session]:
            begun = [f"{name} {f} {key}" for f in ("opening", "opened", "initialized")]
            return [*begun, f"{name} loading {key} {session}", f"{name} loaded {key} {session}"]
        case [name, "leaves", key]:
            return [f"{name} closing {key}", f"{name} closed {key}"]
        case [client, "creates", name, key, session]:
            return [
                f"{client} > get_or_create {key}",
                *_expand(f"{name} starts {key} {session}"),
                f"{client} < {session}",
            ]
        case [client, "leases", name, key]:
            return [f"{client} > with_connection {key}", f"{name} acquire {key} {client}"]
        case [client, "ends", name, key]:
            return [f"{name} release {key} {client}", f"{client} <"]
        case _:
            return [line]


def _answer(f: str, words: list[str]) -> Any:
    if f == "get_or_create":
        return {"session_id": words[0], "resumed": "resumed" in words, "session_reset": "reset" in words}
    return words[0] == "True" if words else None


class _Told:
    """A judgement that is told a script."""

    def __init__(self, judgement: Judgement, slots: int | None) -> None:
        self.judgement = judgement
        self.recorder = Recorder(lambda: len(self.recorder.events) * 1e-3, PoolFacts(max_sessions=slots))
        self.recorder.listeners.append(judgement.see)
        self.calls: dict[int, tuple[str, str | None]] = {}

    def tell(self, line: str) -> None:
        match line.split():
            case ["--", question, *words]:
                self.ask(question, words)
            case [client, sign, *words] if sign in _SIGNS:
                self.call(int(client), _SIGNS[sign], words)
            case [name, f, key, *words]:
                self.event(name, f, key, words)
            case _:
                raise ValueError(f"no such line: {line!r}")

    def call(self, client: int, type_: EventType, words: list[str]) -> None:
        recorder = self.recorder
        if type_ == "invoke":
            f, key = words[0], words[1] if len(words) > 1 else None
            self.calls[client] = f, key
            recorder.invoke(client, f, key, ttl=0.0 if f == "cleanup_idle" else None)
            return
        f, key = self.calls.pop(client)
        if type_ == "ok":
            recorder.ok(client, f, key, _answer(f, words))
        elif type_ == "fail":
            recorder.fail(client, f, key, words[0])
        else:
            recorder.info(client, f, key, "CancelledError")

    def event(self, name: str, f: str, key: str, words: list[str]) -> None:
        named = _Named(name, key)
        if f in ("acquire", "release"):
            self.recorder.event(f, named, process=int(words[0]))
        elif f == "prompt_end":
            self.recorder.event(f, named, session_id=words[0], value={"answered": words[1] == "answered"})
        else:
            self.recorder.event(f, named, session_id=words[0] if words else None)

    def ask(self, question: str, words: list[str]) -> None:
        values = dict(word.split("=") for word in words if "=" in word)
        remains = Remains(
            busy=set(self.judgement.ledger.pending),
            holding=set(map(int, values["holding"].split(","))) if "holding" in values else set(),
            swallowed=["reset a 0"] if "swallowed" in words else [],
            unexpected=["reset('a') raised KeyError: 'a'"] if "unexpected" in words else [],
            hung=tuple(values["hung"].split(",")) if "hung" in values else (),
            known_keys={values["knows"]: "Pool.gates"} if "knows" in values else {},
        )
        match question:
            case "stopped":
                self.recorder.rest()
                self.judgement.stopped()
            case "restless":
                self.judgement.restless(7)
            case "rest":
                self.judgement.at_rest(remains)
            case "end":
                leftover = Finding("leftover task", "t", "not done at the end of the run")
                self.judgement.at_the_end(remains, [leftover] if "leftover" in words else [])
            case "linearize":
                history = self.recorder.history()
                self.judgement.linearize(replace(history, rests=history.rests or None))
            case _:
                raise ValueError(f"no such question: {question!r}")


class _Named:
    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.key = key


def _judged(
    script: str,
    *,
    slots: int | None = 1,
    reclaims: bool = False,
    agents_load: bool | None = True,
    sees_rest: bool = False,
) -> Judgement:
    judgement = Judgement(slots, reclaims=reclaims, agents_load=agents_load, sees_rest=sees_rest)
    told = _Told(judgement, slots)
    for line in filter(str.strip, script.splitlines()):
        for simple in _expand(line.strip()):
            told.tell(simple)
    return told.judgement


@pytest.fixture
def judged() -> Callable[..., Judgement]:
    """The judgement of a script; keywords ``slots``, ``reclaims``, ``agents_load``, ``sees_rest``."""
    return _judged


@pytest.fixture
def loop() -> Iterator[DeterministicLoop]:
    """A deterministic loop that is running and driven by the test; disposed of afterwards."""
    driven = DeterministicLoop()
    with driven.running():
        try:
            yield driven
        finally:
            driven.dispose()


@pytest.fixture
def outside(loop: DeterministicLoop) -> Outside:
    """An outside world that answers when the test says so; its agents can load sessions."""
    return Outside(Recorder(loop.time, PoolFacts(max_sessions=1)), agents_load=True)


@pytest.fixture
def connector(outside: Outside) -> FakeConnector:
    """The connector of that world."""
    return FakeConnector(outside)


@pytest.fixture
def seen(outside: Outside) -> Callable[[], list[str]]:
    """The names of what was recorded so far, in order."""

    def names() -> list[str]:
        events: list[Event] = outside.recorder.events
        return [event.f for event in events]

    return names
