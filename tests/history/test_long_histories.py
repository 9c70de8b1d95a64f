"""Retired processes: what an event costs does not depend on how many came before it. And they are judged
as if they were still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise
from random import Random
from typing import Any

import pytest

from acpool_spec.events import Event
from acpool_spec.properties.judgement import Judgement
from acpool_spec.properties.ledger import Ledger, Process

KINDS = ("plain", "silent", "dies", "held", "resets", "cleanups", "unanswered")
ROUNDS = 600
SLOTS = 2
KEYS = ("a", "b", "c")


class Walked(dict[Any, Any]):
    """A dictionary that counts what is taken out of it by a walk."""

    steps = 0

    def values(self) -> Any:
        """Counted."""
        return self._counted(super().values())

    def items(self) -> Any:
        """Counted."""
        return self._counted(super().items())

    def _counted(self, inside: Any) -> _Counted:
        return _Counted(self, inside)


class _Counted:
    def __init__(self, of: Walked, inside: Any) -> None:
        self._of, self._inside = of, inside

    def __iter__(self) -> Iterator[Any]:
        yield from self._each(iter(self._inside))

    def __reversed__(self) -> Iterator[Any]:
        yield from self._each(reversed(self._inside))

    def _each(self, every: Iterator[Any]) -> Iterator[Any]:
        for each in every:
            self._of.steps += 1
            yield each


def rounds(kind: str) -> Iterator[list[Event]]:
    """A session a round, of one key after the other, each in the place of the oldest, which is suspended.

    ``silent``: the beginnings of closings are not recorded. ``dies``: every fifth session dies and is not closed. ``held``:
    with a lease whose end is not seen. ``resets`` and ``cleanups``: every third round has one. ``unanswered``: the prompt of
    every fourth session does not end.
    """
    place = 0
    live: list[tuple[str, str]] = []

    def event(type_: Any, f: str, **members: Any) -> None:
        nonlocal place
        made.append(Event(index=place, time=place, type=type_, f=f, **members))
        place += 1

    def seen(f: str, of: tuple[str, str], **members: Any) -> None:
        event("event", f, key=of[1], connection=of[0], **members)

    def call(f: str, **members: Any) -> None:
        event("invoke", f, **members)
        event("ok", f, **members)

    for number in range(ROUNDS):
        made: list[Event] = []
        process, key = (f"c{number}", KEYS[number % len(KEYS)]), KEYS[number % len(KEYS)]
        event("invoke", "with_connection", key=key, process=1)
        if len(live) == SLOTS:
            victim = live.pop(0)
            if kind != "silent":
                seen("closing", victim)
            seen("closed", victim)
        for f in ("opening", "opened", "initialized"):
            seen(f, process)
        seen("created", process, session_id=f"s{number}")
        seen("acquire", process, process=1)
        seen("prompt_begin", process, process=1)
        if kind != "unanswered" or number % 4:
            seen("prompt_end", process, process=1)
        if kind == "held" and number % 5 == 0:
            seen("died", process)
        else:
            seen("release", process, process=1)
        event("ok", "with_connection", key=key, process=1)
        if kind == "dies" and number % 5 == 0:
            seen("died", process)
        elif kind != "held" or number % 5:
            live.append(process)
        if kind == "resets" and number % 3 == 0:
            event("invoke", "reset", key=key, process=2)
            seen("closing", live[-1])
            seen("closed", live.pop())
            event("ok", "reset", key=key, process=2)
        if kind == "cleanups" and number % 3 == 0:
            call("cleanup_idle", process=2)
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_the_work_for_an_event_does_not_grow(kind: str) -> None:
    judgement = Judgement(SLOTS, reclaims=True, agents_load=None)
    ledger = judgement.ledger
    ledger.processes, ledger.present, ledger.evictors = Walked(), Walked(), Walked()
    walks = (ledger.processes, ledger.present, ledger.evictors)
    costs: list[int] = []
    for each in rounds(kind):
        before = sum(walk.steps for walk in walks)
        for event in each:
            judgement.see(event)
        costs.append(sum(walk.steps for walk in walks) - before)
    assert len(ledger.processes) == ROUNDS and ledger.processes.steps == 0
    assert sum(costs[-60:]) > 0 and len(ledger.present) < 10 and len(ledger.evictors) < 200
    # Periods of sixty rounds, of which each has as many of everything.
    periods = [sum(costs[start : start + 60]) for start in range(60, ROUNDS, 60)]
    assert all(later <= 1.1 * earlier for earlier, later in pairwise(periods)), periods
    assert periods[-1] <= 1.1 * periods[0], periods


def mangled(events: list[Event], random: Random) -> list[Event]:
    """``events`` with some left out, some said once more, later, and some changed."""
    found = list(events)
    for _ in range(len(events) // random.choice((20, 60, 200))):
        at = random.randrange(len(found))
        match random.randrange(5):
            case 0:
                del found[at]
            case 1:
                found.insert(at + random.randrange(80), found[at])
            case 2 if found[at].type == "event":
                found[at] = replace(found[at], connection=f"c{random.randrange(ROUNDS // 10)}")
            case 3 if found[at].type == "event":
                f = random.choice(("loaded", "created", "prompt_begin", "acquire", "died"))
                found[at] = replace(found[at], f=f)
            case _:
                found[at] = replace(found[at], session_id=f"s{random.randrange(ROUNDS // 10)}")
    return [replace(event, index=place, time=place) for place, event in enumerate(found)]


def judged(events: list[Event]) -> tuple[Judgement, object]:
    judgement = Judgement(SLOTS, reclaims=True, agents_load=None)
    slots: list[int] = []
    for event in events:
        judgement.see(event)
        slots.append(judgement.ledger.occupied())
    return judgement, (judgement.violations, judgement.tested, slots)


def nobody_is_over(_ledger: Ledger, _process: Process) -> bool:
    return True


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS)
def test_the_retired_are_judged_as_if_they_were_present(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(kind)
    whole = list(
        chain.from_iterable(each for each, _ in zip(rounds(kind), range(ROUNDS // 10), strict=False))
    )
    histories = [mangled(whole, random) for _ in range(12)]
    found = [judged(history) for history in histories]
    assert all(len(judgement.ledger.present) < len(judgement.ledger.processes) for judgement, _ in found)
    assert len({known for judgement, _ in found for known in judgement.violations}) >= 4
    monkeypatch.setattr(Ledger, "_perhaps_prompted", nobody_is_over)
    kept = [judged(history) for history in histories]
    assert all(judgement.ledger.present == judgement.ledger.processes for judgement, _ in kept)
    assert [verdict for _, verdict in found] == [verdict for _, verdict in kept]


def test_a_session_of_long_ago_is_remembered() -> None:
    judgement, _ = judged(list(chain.from_iterable(rounds("plain"))))
    assert not judgement.violations
    value = {"session_id": "s0", "resumed": True, "session_reset": False}
    late = Event(index=1 << 20, time=1 << 20, type="invoke", f="get_or_create", key="a", process=1)
    judgement.see(late)
    judgement.see(replace(late, index=late.index + 1, type="ok", value=value))
    assert judgement.violations["S12"].message.endswith(
        "answered 's0', whose process was dead before the call"
    )


def test_a_session_that_nobody_was_told_of_may_have_been_lost_long_ago() -> None:
    events: list[Event] = []

    def add(type_: Any, f: str, key: str, **members: Any) -> None:
        events.append(Event(index=len(events), time=len(events), type=type_, f=f, key=key, **members))

    def started(name: str, key: str) -> None:
        for f in ("opening", "opened", "initialized"):
            add("event", f, key, connection=name)
        add("event", "created", key, connection=name, session_id=f"of-{name}")

    def answered(client: int, key: str, name: str, *, reset: bool) -> None:
        value = {"session_id": f"of-{name}", "resumed": False, "session_reset": reset}
        add("ok", "get_or_create", key, process=client, value=value)

    add("invoke", "get_or_create", "a", process=1)
    started("c1", "a")
    add("info", "get_or_create", "a", process=1)
    add("event", "closed", "a", connection="c1")
    add("invoke", "get_or_create", "b", process=2)
    started("c2", "b")
    answered(2, "b", "c2", reset=False)
    add("invoke", "get_or_create", "a", process=3)
    started("c3", "a")
    answered(3, "a", "c3", reset=True)
    judgement, _ = judged(events)
    assert judgement.ledger.processes["c1"].retired
    assert not judgement.violations
