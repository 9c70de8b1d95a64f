"""The model explored to the end in tiny scopes: nothing is violated, and nothing holds because nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acpool_model import (
    Action,
    Answer,
    Dying,
    Exploration,
    Kind,
    Phase,
    Scope,
    Stage,
    State,
    Want,
)
from acpool_model.actions import SHAPES
from acpool_model.counts import Line
from acpool_model.state import is_live, slots

Look = Callable[..., Exploration[State, Action]]
Seen = Callable[[State, Action, State], bool]


def _some_key(found: Callable[[State, Action, State, int], bool]) -> Seen:
    def seen(before: State, action: Action, after: State) -> bool:
        return any(found(before, action, after, at) for at in range(1, len(before.keys) + 1))

    return seen


def _evicted(before: State, action: Action, after: State, at: int) -> bool:
    was, now = before.keys[at - 1], after.keys[at - 1]
    kinds = (Kind.ASK, Kind.RELEASE, Kind.COMMIT)
    return (
        action.kind in kinds and action.key != at and was.stage == Stage.IDLE and now.dying == Dying.CLOSING
    )


def _told(answer: int) -> Seen:
    def seen(before: State, action: Action, after: State) -> bool:
        return any(client.answer == answer for client in after.clients)

    return seen


def _client(found: Callable[[State, Action, State, int], bool]) -> Seen:
    def seen(before: State, action: Action, after: State) -> bool:
        return bool(action.client) and found(before, action, after, action.client - 1)

    return seen


ONE_KEY: dict[str, Seen] = {
    "answered": _told(Answer.ANSWERED),
    "failed": _told(Answer.FAILED),
    "no session": _told(Answer.NO_SESSION),
    "refused when shut": _told(Answer.CLOSED),
    "resumed": _some_key(lambda b, a, s, k: s.keys[k - 1].resumed == 1),
    "flag up on a live session": _some_key(lambda b, a, s, k: s.keys[k - 1].flag == 1),
    "flag suspended with its session": _some_key(
        lambda b, a, s, k: s.keys[k - 1].kept_flag == 1 and s.keys[k - 1].kept != 0
    ),
    "flag left of a session given up on": _some_key(
        lambda b, a, s, k: s.keys[k - 1].kept_flag == 1 and s.keys[k - 1].kept == 0
    ),
    "flag delivered": _some_key(lambda b, a, s, k: b.keys[k - 1].flag == 1 and a.kind == Kind.ANSWERED),
    "two wait": lambda b, a, s: sum(client.phase == Phase.WAITING for client in s.clients) == 2,
    "handed over": lambda b, a, s: (
        a.kind == Kind.RELEASE and any(c.phase == Phase.GRANTED for c in s.clients)
    ),
    "left after the hand-over": _client(
        lambda b, a, s, c: a.kind == Kind.LEAVE and b.clients[c].phase == Phase.GRANTED
    ),
    "taken back after the hand-over": lambda b, a, s: any(
        was.phase == Phase.GRANTED and now.phase == Phase.WAITING
        for was, now in zip(b.clients, s.clients, strict=True)
    ),
    "released after the lease was taken back": _client(
        lambda b, a, s, c: a.kind == Kind.RELEASE and b.clients[c].phase == Phase.REVOKED
    ),
    "started over in the slot of its own dying process": _some_key(
        lambda b, a, s, k: s.keys[k - 1].stage == Stage.PROMISED and s.keys[k - 1].source == k
    ),
    "found dead by a caller": _client(
        lambda b, a, s, c: (
            a.kind == Kind.ASK and is_live(b.keys[a.key - 1]) and s.keys[a.key - 1].dying == Dying.CLOSING
        )
    ),
    "opened after its start was defeated": lambda b, a, s: (
        a.kind == Kind.OPENED and b.keys[a.key - 1].dying == Dying.STOPPING
    ),
    "prompt outlived its lease": lambda b, a, s: (
        a.kind == Kind.RELEASE
        and b.open == 1
        and b.clients[a.client - 1].prompt != 0
        and s.keys[0].dying != 0
    ),
}
TWO_KEYS: dict[str, Seen] = {
    "evicted": _some_key(_evicted),
    "promised the slot of another key": _some_key(
        lambda b, a, s, k: s.keys[k - 1].stage == Stage.PROMISED and s.keys[k - 1].source != k
    ),
    "waits for its own dying process beside a free slot": _some_key(
        lambda b, a, s, k: s.keys[k - 1].source == k and slots(s) < s.capacity
    ),
    "in line for capacity": _some_key(lambda b, a, s, k: s.keys[k - 1].stage == Stage.QUEUED),
    "told that there is no capacity": _told(Answer.EXHAUSTED),
}


def _pinned(scope: str) -> tuple[int, int, int]:
    """What the table says of ``scope``: states, transitions, depth."""
    lines = (Path(__file__).parent / "counts.txt").read_text(encoding="utf-8").splitlines()
    line = next(line for line in map(Line.parse, lines) if line.scope == scope)
    return line.states, line.transitions, line.depth


def _explored(look: Look, scope: Scope, always: dict[str, Seen], unseen: set[str]) -> tuple[int, int, int]:
    missing = dict(always)

    def note(before: State, action: Action, after: State) -> bool:
        for name in [name for name, seen in missing.items() if seen(before, action, after)]:
            del missing[name]
        return True

    found = look(scope, seen=note)
    assert found.verdict == "holds", found.counterexample
    assert set(missing) == unseen
    return found.states, found.transitions, found.depth


# The counts pin that nobody changes what can happen without noticing.
def test_one_key_two_clients(look: Look) -> None:
    assert _explored(look, Scope(1, 2, 1), ONE_KEY, set()) == _pinned("1x2x1")


@pytest.mark.no_cover
def test_two_keys_two_clients(look: Look) -> None:
    assert _explored(
        look, Scope(2, 2, 1), ONE_KEY | TWO_KEYS, {"waits for its own dying process beside a free slot"}
    ) == _pinned("2x2x1")


def test_a_slot_that_came_free_while_the_own_process_dies(look: Look) -> None:
    # It takes a second slot: that of the other key comes free, and the key waits for its own dying process all the same.
    kinds = (Kind.ASK, Kind.OPENED, Kind.INITIALIZED, Kind.COMMIT, Kind.FAIL, Kind.CLOSED)
    seen: list[State] = []

    def note(before: State, action: Action, after: State) -> bool:
        own = any(key.source == at for at, key in enumerate(after.keys, 1))
        seen.extend([after] if own and slots(after) < after.capacity else [])
        return True

    found = look(Scope(2, 1, 2), kinds=kinds, wants=(Want.ANSWER,), seen=note)
    assert found.verdict == "holds"
    assert seen


def test_every_kind_of_action_happens(look: Look) -> None:
    without_queue = set(look(Scope(1, 2, 1)).taken)
    # On one key with as much capacity, no creation is ever in line.
    assert set(SHAPES) - without_queue == {Kind.EXHAUST}
    assert Kind.EXHAUST in look(Scope(2, 2, 1), kinds=(Kind.ASK, Kind.EXHAUST), wants=(Want.ANSWER,)).taken


def test_waiters_that_nothing_can_wake_are_found(look: Look) -> None:
    # A world in which no start ever ends: whoever waits for one waits for ever.
    found = look(Scope(1, 1, 1), kinds=(Kind.ASK, Kind.OPENED))
    assert found.verdict == "violated"
    assert found.counterexample is not None
    assert found.counterexample.violated == ("L3",)
    assert [action.kind for action in found.counterexample.actions] == [Kind.ASK]
