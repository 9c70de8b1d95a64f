"""What of the specification a step exercises: its action, which branch of it was taken, and what must happen sometimes.

A *goal* is a text: ``commit`` for an action, ``commit: loaded`` for a branch of it, ``sometimes: evicted`` for what several
actions can bring about. A check that has not seen one of ``GOALS`` says nothing about it, and so it is undecided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from acpool_model import Action, Client, Dying, Key, Kind, Phase, Stage, State
from acpool_model.places import heir_of, waiters
from acpool_model.state import is_creating, is_live, is_starting
from acpool_spec.refinement.actions import KINDS

_QUEUES: Final = (Stage.QUEUED, Stage.PROMISED)


class Seen:
    """One step, and the questions that branches ask of it."""

    def __init__(self, before: State, action: Action, after: State) -> None:
        self.before = before
        self.action = action
        self.after = after
        self.at = action.key or (before.clients[action.client - 1].key if action.client else 0)
        self.key = before.keys[self.at - 1] if self.at else Key()
        self.next = after.keys[self.at - 1] if self.at else Key()
        self.client = before.clients[action.client - 1] if action.client else Client()
        self.seated = after.clients[action.client - 1] if action.client else Client()

    @property
    def open(self) -> bool:
        """Whether the pool was open."""
        return self.before.open != 0

    @property
    def found_dead(self) -> bool:
        """Whether the session that a caller asks for was found dead."""
        return self.open and is_live(self.key) and not self.key.alive

    @property
    def begins(self) -> bool:
        """Whether a caller made the pool create a session."""
        waits = self.seated.phase == Phase.WAITING
        return self.open and waits and not is_creating(self.key) and self.next.stage < Stage.IDLE

    @property
    def granted(self) -> bool:
        """Whether somebody was handed the lease of this key."""
        return self.next.holder not in (0, self.key.holder) and self.next.stage == Stage.LEASED

    def became(self, found: Callable[[Key, Key, int], bool]) -> bool:
        """Whether any key changed so: before, after, and its number."""
        pairs = zip(self.before.keys, self.after.keys, strict=True)
        return any(found(old, new, at) for at, (old, new) in enumerate(pairs, 1))

    def told(self) -> int:
        """How many clients had an answer."""
        pairs = zip(self.before.clients, self.after.clients, strict=True)
        return sum(old.phase == Phase.WAITING and new.phase == Phase.OUT for old, new in pairs)

    def held_by(self, phase: int) -> bool:
        """Whether the lease of this key is held by somebody in this phase."""
        return self.key.holder != 0 and self.before.clients[self.key.holder - 1].phase == phase

    def taken_back(self, phase: int) -> bool:
        """Whether somebody in this phase had lost a lease."""
        pairs = zip(self.before.clients, self.after.clients, strict=True)
        return any(old.phase == phase != new.phase for old, new in pairs)


Question: TypeAlias = Callable[[Seen], bool]

BRANCHES: Final[dict[str, dict[str, Question]]] = {
    "ask": {
        "refused, the pool is shut": lambda s: not s.open,
        "found dead": lambda s: s.found_dead,
        "answered": lambda s: s.open and s.action.arg == 1 and is_live(s.key) and s.key.alive != 0,
        "leased": lambda s: s.seated.phase == Phase.HOLDING,
        "waits for the lease": lambda s: s.seated.phase == Phase.WAITING and s.next.stage == Stage.LEASED,
        "joins a creation": lambda s: s.seated.phase == Phase.WAITING and is_creating(s.key),
        "no session": lambda s: s.open and s.action.arg == 2 and s.seated.phase == Phase.OUT,
        "no room": lambda s: s.open and s.action.arg != 2 and s.seated.answer == 2,
        "creates in a free slot": lambda s: s.begins and s.next.stage == Stage.OPENING,
        "creates in a promised slot": lambda s: s.begins and s.next.stage == Stage.PROMISED,
        "gets in line": lambda s: s.begins and s.next.stage == Stage.QUEUED,
    },
    "leave": {
        "after the hand-over": lambda s: s.client.phase == Phase.GRANTED,
        "a queue": lambda s: s.client.phase == Phase.WAITING and is_live(s.key),
        "others still wait": lambda s: is_creating(s.key) and len(waiters(s.before, s.at)) > 1,
        "abandons a start": lambda s: is_starting(s.key) and len(waiters(s.before, s.at)) == 1,
        "abandons a place in line": lambda s: s.key.stage in _QUEUES and len(waiters(s.before, s.at)) == 1,
    },
    "begin": {},
    "release": {
        "taken back before": lambda s: s.client.phase == Phase.REVOKED,
        "of a dead process": lambda s: _gives_back(s) and not s.key.alive,
        "after the shut": lambda s: _gives_back(s) and not s.open,
        "under a prompt": lambda s: _gives_back(s) and s.client.prompt != 0,
        "handed on": lambda s: s.granted,
        "rests": lambda s: s.next.stage == Stage.IDLE,
        "is evicted": lambda s: _rests(s) and s.next.stage != Stage.IDLE and not s.granted,
    },
    "prompt": {},
    "answered": {
        "lowers the flag": lambda s: s.key.flag != 0 and s.client.phase == Phase.HOLDING,
        "to its holder": lambda s: s.client.phase == Phase.HOLDING,
        "after its lease": lambda s: s.client.phase == Phase.REVOKED,
        "after its cancellation": lambda s: s.client.prompt == 2,
    },
    "unanswered": {
        "to its holder": lambda s: s.client.phase == Phase.HOLDING,
        "after its lease": lambda s: s.client.phase == Phase.REVOKED,
    },
    "opened": {"": lambda s: s.key.stage == Stage.OPENING},
    "initialized": {
        "loads": lambda s: s.next.stage == Stage.LOADING,
        "cannot load": lambda s: s.key.kept != 0 and s.next.stage == Stage.NEW,
        "nothing to load": lambda s: s.key.kept == 0,
    },
    "refused": {},
    "commit": {
        "loaded": lambda s: s.key.stage == Stage.LOADING,
        "new": lambda s: s.key.stage == Stage.NEW,
        "raises the flag": lambda s: s.next.flag > s.key.kept_flag,
        "keeps the flag up": lambda s: s.next.flag != 0 and s.key.kept_flag != 0,
        "rests": lambda s: s.next.stage == Stage.IDLE,
        "handed to the first": lambda s: s.granted,
        "is evicted": lambda s: s.next.dying != 0,
    },
    "fail": {
        "no process": lambda s: s.key.stage == Stage.OPENING,
        "no handshake": lambda s: s.key.stage == Stage.INITIALIZING,
        "in transit": lambda s: s.key.stage == Stage.LOADING,
        "no session": lambda s: s.key.stage == Stage.NEW,
        "dead": lambda s: s.key.stage > Stage.OPENING and not s.key.alive,
    },
    "die": {
        "starting": lambda s: is_starting(s.key),
        "idle": lambda s: s.key.stage == Stage.IDLE,
        "leased": lambda s: s.key.stage == Stage.LEASED,
    },
    "stopped": {},
    "closed": {
        "for its own key": lambda s: s.key.source == s.at,
        "for another": lambda s: heir_of(s.before, s.at) not in (0, s.at),
        "for nobody": lambda s: heir_of(s.before, s.at) == 0,
    },
    "give_up": {
        "with its id": lambda s: s.key.dying_session != 0 and s.key.kept != 0,
        "without": lambda s: s.key.dying_session == 0,
    },
    "exhaust": {"": lambda s: s.told() > 0, "several": lambda s: s.told() > 1},
    "cancel": {},
    "expire": {
        "of age": lambda s: s.key.alive != 0,
        "dead": lambda s: not s.key.alive,
    },
    "reclaim": {
        "held": lambda s: s.held_by(Phase.HOLDING),
        "handed over": lambda s: s.held_by(Phase.GRANTED),
    },
    "reset": {
        "idle": lambda s: s.key.stage == Stage.IDLE,
        "leased": lambda s: s.key.stage == Stage.LEASED,
        "a start": lambda s: is_starting(s.key),
        "in line": lambda s: s.key.stage in _QUEUES,
        "suspended": lambda s: s.key.stage == Stage.ABSENT and s.key.kept != 0,
        "nothing": lambda s: s.key.stage == Stage.ABSENT and not s.key.kept and not s.key.kept_flag,
    },
    "shut": {
        "with callers": lambda s: s.told() > 0,
        "with starts": lambda s: any(map(is_starting, s.before.keys)),
        "with idle sessions": lambda s: any(key.stage == Stage.IDLE for key in s.before.keys),
        "with leases": lambda s: any(key.stage == Stage.LEASED for key in s.before.keys),
    },
    "revoke": {
        "held": lambda s: s.taken_back(Phase.HOLDING),
    },
}
"""Of each action its branches; an action that has none is one itself."""

SOMETIMES: Final[dict[str, Question]] = {
    "evicted": lambda s: _taken_for_another(s, alive=True),
    "a dead session made room": lambda s: _taken_for_another(s, alive=False),
    "promised its own dying process": lambda s: s.became(
        lambda old, new, at: new.source == at and old.source != at and old.dying != 0
    ),
    "promised the longest dying": lambda s: s.became(
        lambda old, new, at: (
            new.source not in (0, old.source, at) and s.before.keys[new.source - 1].dying != Dying.NOTHING
        )
    ),
    "served earlier than promised": lambda s: s.became(
        lambda old, new, at: old.source not in (0, at, s.at) and new.stage == Stage.OPENING
    ),
    "waits for its own process beside a free slot": lambda s: _beside_a_free_slot(s.after),
    "started over in the slot of its own process": lambda s: s.became(
        lambda old, new, at: is_live(old) and new.source == at
    ),
    "started over by a reset": lambda s: s.became(lambda old, new, at: is_starting(old) and new.source == at),
    "in line": lambda s: any(key.stage == Stage.QUEUED for key in s.after.keys),
    "two in line": lambda s: sum(key.stage in _QUEUES for key in s.after.keys) > 1,
    "two wait for one lease": lambda s: any(
        key.stage == Stage.LEASED and len(waiters(s.after, at)) > 1 for at, key in enumerate(s.after.keys, 1)
    ),
    "lost the lease before it began": lambda s: any(
        old.phase == Phase.GRANTED and new.phase == Phase.WAITING
        for old, new in zip(s.before.clients, s.after.clients, strict=True)
    ),
    "flag on a live session": lambda s: any(key.flag for key in s.after.keys),
    "flag suspended with its session": lambda s: any(key.kept_flag and key.kept for key in s.after.keys),
    "flag left of a session given up on": lambda s: any(
        key.kept_flag and not key.kept for key in s.after.keys
    ),
    "opened after its start was defeated": lambda s: (
        s.action.kind == Kind.OPENED and s.key.dying == Dying.STOPPING
    ),
}
"""What several actions can bring about, and what nothing would hold without: an ``always`` is worth what these are."""

_NAMES: Final = {kind: name for name, kind in KINDS.items()} | {Kind.DIE: "die"}
_OF_A_KIND: Final = {
    kind: tuple((f"{name}: {branch}", question) for branch, question in BRANCHES[name].items() if branch)
    for kind, name in _NAMES.items()
}
_ALWAYS: Final = tuple((f"sometimes: {name}", question) for name, question in SOMETIMES.items())

GOALS: Final[tuple[str, ...]] = (
    *(
        goal
        for kind, name in sorted(_NAMES.items())
        for goal in (name, *(known for known, _ in _OF_A_KIND[kind]))
    ),
    *(known for known, _ in _ALWAYS),
)
"""Every goal, in the order of the actions."""


def goals_of(before: State, action: Action, after: State) -> frozenset[str]:
    """The goals that the step from ``before`` to ``after`` reaches."""
    seen = Seen(before, action, after)
    found = [name for name, question in (*_OF_A_KIND[action.kind], *_ALWAYS) if question(seen)]
    return frozenset([_NAMES[action.kind], *found])


def _gives_back(seen: Seen) -> bool:
    return seen.key.holder == seen.action.client


def _rests(seen: Seen) -> bool:
    return _gives_back(seen) and seen.key.alive != 0 and seen.open and not seen.client.prompt


def _taken_for_another(seen: Seen, *, alive: bool) -> bool:
    """An idle session was taken out, and another key was promised its slot."""
    return seen.became(
        lambda old, new, at: (
            old.stage == Stage.IDLE
            and bool(old.alive) is alive
            and new.dying != 0
            and heir_of(seen.after, at) not in (0, at)
        )
    )


def _beside_a_free_slot(state: State) -> bool:
    taken = sum((key.stage >= Stage.OPENING) + (key.dying != 0) for key in state.keys)
    return taken < state.capacity and any(key.source == at for at, key in enumerate(state.keys, 1))
