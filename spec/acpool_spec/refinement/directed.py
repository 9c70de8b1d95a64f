"""Runs of the real pool that are made on purpose, so that no goal depends on luck: a scope walked to the end, and some tours.

A tour is a list of the model's actions that leads to what the scope is too small for: more keys, clients or slots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from acpool import SessionPool
from acpool_model import Action, Kind, Scope, Want, describe, initial
from acpool_spec.minimise import Failure
from acpool_spec.properties import REFINEMENT, Violation
from acpool_spec.refinement.direction import decision
from acpool_spec.refinement.normal import normal
from acpool_spec.refinement.puppet import KEYS, CannotTake, Parted, Puppet
from acpool_spec.refinement.walks import walk
from acpool_spec.world import DIRECTED
from acpool_spec.world import Scope as WorldScope

WALKED: Final = Scope(1, 1, 1)
"""All transitions of the model in this scope are taken: half a second's work."""


def _ask(key: int, client: int, want: int = Want.ANSWER) -> Action:
    return Action(Kind.ASK, key, client, want)


def _live(key: int, client: int = 1, want: int = Want.ANSWER) -> list[Action]:
    """A client asks for a key, and its session is established."""
    start = [Action(Kind.OPENED, key), Action(Kind.INITIALIZED, key, arg=1), Action(Kind.COMMIT, key)]
    return [_ask(key, client, want), *start]


TOURS: Final[tuple[tuple[Scope, Sequence[Action]], ...]] = (
    # Two wait for one lease, and it goes from one to the other, who loses it before he has begun.
    (
        Scope(1, 3, 1),
        [
            *_live(1, 1, Want.BOTH),
            Action(Kind.BEGIN, client=1),
            _ask(1, 2, Want.BOTH),
            _ask(1, 3, Want.LEASE),
            Action(Kind.RELEASE, client=1),
            Action(Kind.RECLAIM, 1),
            Action(Kind.CLOSED, 1),
        ],
    ),
    # One leaves the queue of a lease, others join a creation and leave it.
    (
        Scope(1, 3, 1),
        [
            *_live(1, 1, Want.BOTH),
            Action(Kind.BEGIN, client=1),
            _ask(1, 2, Want.LEASE),
            Action(Kind.LEAVE, client=2),
            Action(Kind.RESET, 1),
            _ask(1, 2),
            _ask(1, 3, Want.LEASE),
            Action(Kind.LEAVE, client=3),
            Action(Kind.SHUT),
        ],
    ),
    # The least recently used makes room, for another key and for one in line whose turn comes at a commit and at a release.
    (Scope(2, 1, 1), [*_live(1), _ask(2, 1), Action(Kind.CLOSED, 1)]),
    (Scope(2, 1, 1), [*_live(1), Action(Kind.DIE, 1), _ask(2, 1), Action(Kind.LEAVE, client=1)]),
    (Scope(3, 1, 2), [*_live(1), *_live(2), Action(Kind.DIE, 2), _ask(3, 1)]),
    (Scope(2, 2, 1), [_ask(1, 1), _ask(2, 2), *_live(1)[1:], Action(Kind.CLOSED, 1), Action(Kind.OPENED, 2)]),
    (
        Scope(2, 2, 1),
        [*_live(1, 1, Want.BOTH), Action(Kind.BEGIN, client=1), _ask(2, 2), Action(Kind.RELEASE, client=1)],
    ),
    # Several wait for capacity in vain; some get in line and leave it, or are reset there.
    (Scope(2, 3, 1), [_ask(1, 1), _ask(2, 2), _ask(2, 3), Action(Kind.RESET, 2), Action(Kind.EXHAUST, 2)]),
    (Scope(2, 2, 1), [_ask(1, 1), _ask(2, 2), Action(Kind.LEAVE, client=2)]),
    (Scope(2, 2, 1, queueing=0), [_ask(1, 1), _ask(2, 2)]),
    # Nothing is free or idle: the slot of the process that has been dying for longest. Another comes free before it.
    (
        Scope(3, 3, 2),
        [*_live(1), _ask(2, 1), Action(Kind.EXPIRE, 1), _ask(3, 2), Action(Kind.FAIL, 2)],
    ),
    (Scope(3, 3, 1), [_ask(1, 1), _ask(2, 2), _ask(3, 3), Action(Kind.FAIL, 1)]),
    # Two slots come free in another order than they were promised: the first of them is for who waited first.
    (
        Scope(4, 2, 2),
        [*_live(1), *_live(2), _ask(3, 1), _ask(4, 2), Action(Kind.CLOSED, 2), Action(Kind.CLOSED, 1)],
    ),
    # The pool is shut, and a session is still leased: nobody is answered any more.
    (Scope(1, 2, 1), [*_live(1, 1, Want.BOTH), Action(Kind.BEGIN, client=1), Action(Kind.SHUT), _ask(1, 2)]),
    # A slot is free, and a key waits for the process that is dying in its own.
    (
        Scope(2, 2, 2),
        [
            *_live(1),
            _ask(2, 1),
            Action(Kind.EXPIRE, 1),
            _ask(1, 2),
            Action(Kind.FAIL, 2),
            Action(Kind.CLOSED, 1),
        ],
    ),
)


@dataclass
class Directed:
    """``runs`` made, ``goals``: how many of them reached each.

    ``parted``: those in which the pool left the model, which breaks R1; ``failures``: where it would not do what the model does,
    these and others.
    """

    runs: int = 0
    transitions: int = 0
    goals: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])
    parted: list[Parted] = field(default_factory=list[Parted])


def direct(kind: type[SessionPool] = SessionPool, *, to_the_end: bool = True) -> Directed:
    """Make the directed runs with pools of the class ``kind``; ``to_the_end``: also where one has failed."""
    made = Directed()
    walked = walk(WALKED, kind, to_the_end=to_the_end)
    made.runs, made.transitions = walked.runs, len(walked.taken)
    made.goals.update(walked.goals)
    made.parted += walked.parted
    for (at, action), why in sorted(walked.missed.items()):
        made.failures.append(f"in\n{describe(walked.states[at])}\n{describe(action)}: {why}")
    for scope, actions in TOURS:
        if made.failures and not to_the_end:
            break
        made.runs += 1
        with Puppet(normal(initial(scope)[0]), kind) as puppet:
            for action in actions:
                try:
                    puppet.take(action)
                except CannotTake as error:
                    made.failures.append(f"in\n{describe(puppet.state)}\n{describe(action)}: {error}")
                    break
            made.goals.update(puppet.follower.goals)
            if puppet.parted is not None:
                made.parted.append(puppet.parted)
    return made


def failure_of(parted: Parted) -> Failure:
    """A directed run that left the model, as a failure that replays."""
    start = parted.start
    scope = WorldScope(start.capacity, len(start.clients), KEYS[: len(start.keys)], DIRECTED)
    begin = [f"suspended {name}" for name, key in zip(KEYS, start.keys, strict=False) if key.kept]
    if not start.queueing:
        begin.append("impatient")
    taken = [decision(action, parted.keys) for action in parted.actions]
    return Failure(scope, (*begin, *taken), Violation(REFINEMENT.id, parted.message, -1))
