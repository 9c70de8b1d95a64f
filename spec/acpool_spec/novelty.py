"""What is new in a run: the transitions that it takes, told apart as coarsely as is of use. Equal in every process.

Of a pool that tells of its steps, a *transition* is what the step exercises (its action, the branches taken of it, what it
brought about: the goals of :mod:`~acpool_spec.refinement.coverage`) and a small picture of the model's state before it: of the
key that it is about, where it is and who waits; of each other key where it is; how many slots are left; what the clients do.
Names, numbers and orders are not in it. Of any other pool it is what was seen from outside: an event, and a small picture of
the processes and calls that are known of (:mod:`~acpool_spec.properties.ledger`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable
from typing import Final

from acpool_model import Key
from acpool_model.state import slots
from acpool_spec.events import Event
from acpool_spec.properties.ledger import Ledger, Process
from acpool_spec.refinement.transition import Transition
from acpool_spec.world import World

_MANY: Final = 2
"""More than so many waiters, slots or processes are like so many."""
_MOST: Final = 40_000


class Novelty:
    """Listens to one run from its beginning on.

    ``transitions``: those that it took so far, as digests; of each, how many decisions had been made before the one in which it
    was taken first.
    """

    def __init__(self, world: World) -> None:
        self.transitions: dict[int, int] = {}
        self._decisions = world.decisions
        self._ledger = world.judgement.ledger
        if world.follower is not None:
            world.follower.taken = self._of_the_model
        else:
            world.recorder.listeners.append(self._from_outside)

    def _of_the_model(self, transition: Transition) -> None:
        self.transitions.setdefault(_of_transition(transition), len(self._decisions))

    def _from_outside(self, event: Event) -> None:
        self.transitions.setdefault(_number(seen_from_outside(event, self._ledger)), len(self._decisions))


_numbers: dict[int, tuple[Transition, int]] = {}
_digests: dict[Hashable, int] = {}


def _of_transition(transition: Transition) -> int:
    # Transitions that recur are the very same object: see ``refinement.transition``.
    known = _numbers.get(id(transition))
    if known is None:
        if len(_numbers) >= _MOST:
            _numbers.clear()
        known = _numbers[id(transition)] = transition, _number(seen_in_the_model(transition))
    return known[1]


def _number(seen: Hashable) -> int:
    number = _digests.get(seen)
    if number is None:
        if len(_digests) >= _MOST:
            _digests.clear()
        digest = hashlib.blake2b(repr(seen).encode(), digest_size=8).digest()
        number = _digests[seen] = int.from_bytes(digest, "big")
    return number


# -- the model ---------------------------------------------------------------------------------------------------------


def seen_in_the_model(transition: Transition) -> Hashable:
    """What tells ``transition`` from others."""
    before, action = transition.before, transition.action
    at = action.key or (before.clients[action.client - 1].key if action.client else 0)
    waiting = Counter((client.key, client.phase) for client in before.clients)
    others = sorted(_place(key) for number, key in enumerate(before.keys, 1) if number != at)
    mine = (
        (_detail(before.keys[at - 1]), tuple(min(waiting[at, phase], _MANY) for phase in range(1, 5)))
        if at
        else ()
    )
    return (
        tuple(sorted(transition.goals)),
        mine,
        tuple(others),
        before.open,
        before.queueing,
        min(before.capacity - slots(before), _MANY),
    )


def _detail(key: Key) -> tuple[int, ...]:
    return (key.stage, key.alive, key.flag, int(key.kept > 0), key.kept_flag, key.dying, int(key.source > 0))


def _place(key: Key) -> tuple[int, ...]:
    return (key.stage, key.alive, key.dying, int(key.kept > 0))


# -- from outside ------------------------------------------------------------------------------------------------------


def seen_from_outside(event: Event, ledger: Ledger) -> Hashable:
    """What tells ``event`` from others, ``ledger`` being what is known after it."""
    of_keys: dict[str, list[int]] = {}
    for process in ledger.processes.values():
        if process.running:
            of_keys.setdefault(process.key, []).append(_standing(process))
    mine = tuple(sorted(of_keys.pop(event.key, []))) if event.key is not None else ()
    calls = Counter(
        (call.f, call.holds is not None) for call in ledger.pending.values() if call.key == event.key
    )
    others = tuple(sorted(tuple(sorted(standing)) for standing in of_keys.values()))
    free = (ledger.max_sessions or 0) - len(mine) - sum(map(len, others))
    return (
        (event.type, event.f, event.error),
        mine,
        tuple(sorted((call, min(count, _MANY)) for call, count in calls.items())),
        others,
        min(free, _MANY),
        ledger.shutdown_called is not None,
    )


def _standing(process: Process) -> int:
    if process.closing is not None:
        return 5
    if process.holder is not None:
        return 4
    if process.established:
        return 3
    if process.session_id is not None:
        return 2
    return int(process.opened is not None)
