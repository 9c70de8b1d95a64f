"""The invariant that every step preserves: the properties, and what has to be said besides so that they carry each other.

``inductive`` holds between steps. ``between`` is what is left of it inside a step, after what the action does and before and
while creations in line are served: everything but that nothing is left to give. So a step is proved in parts, each with one
set of cases: ``inductive`` and an enabled action give ``between``; a round of serving preserves ``between``; where a round
has nothing to give, ``between`` is ``inductive``. Rounds end, since each lowers ``ungiven``.

Branch-free for the same reason as ``invariants.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Final

from acpool_model.invariants import (
    INVARIANTS,
    every,
    implies,
    nothing_left_to_give,
    promises_are_sound,
    spare_slots,
    well_typed,
)
from acpool_model.state import Answer, Dying, Key, Phase, Stage, State, Want, is_live, slots


def ticks_are_past(state: State) -> bool:
    """No instant on record is in the future, and no two processes began to die at once: whose turn it is, is never a tie."""
    dying = [
        implies(
            (one.dying != Dying.NOTHING) & (other.dying != Dying.NOTHING),
            one.dying_since != other.dying_since,
        )
        for one, other in combinations(state.keys, 2)
    ]
    return every([key.used < state.now for key in state.keys]) & every(dying)


def ids_belong_to_one_key(state: State) -> bool:
    """No id is known under two keys, or may still be owned by what was given up on; S3, where S6 and S10 hold."""
    within = [
        ((key.established == 0) | (key.established != key.relic))
        & every([session < state.fresh for session in _ids(key)])
        for key in state.keys
    ]
    between_keys = [
        (mine == 0) | (mine != theirs)
        for one, other in combinations(state.keys, 2)
        for mine in _ids(one)
        for theirs in _ids(other)
    ]
    return every(within) & every(between_keys)


def nothing_is_left_over(state: State) -> bool:
    """What is no longer so has left no trace that a later step could take for something."""
    keys = [
        implies(key.stage < Stage.IDLE, (key.flag == 0) & (key.resumed == 0))
        & implies((key.stage == Stage.ABSENT) & (key.dying == Dying.NOTHING), key.alive == 0)
        & implies(key.dying == Dying.STOPPING, key.dying_session == 0)
        for key in state.keys
    ]
    clients = [
        implies(client.phase != Phase.OUT, (client.want >= Want.ANSWER) & (client.answer == Answer.NONE))
        & implies(client.phase >= Phase.GRANTED, client.want != Want.ANSWER)
        for client in state.clients
    ]
    return every(keys) & every(clients)


def answers_wait_for_creations(state: State) -> bool:
    """Who wants no lease waits for none."""
    return every(
        [
            implies(
                (client.phase == Phase.WAITING) & (client.key == at) & is_live(key),
                client.want != Want.ANSWER,
            )
            for client in state.clients
            for at, key in enumerate(state.keys, 1)
        ]
    )


def nobody_queues_where_nobody_may(state: State) -> bool:
    """Where a creation may not wait for capacity, no more are in line without a promise than are about to get one."""
    queued = sum([key.stage == Stage.QUEUED for key in state.keys])
    return (state.queueing != 0) | (queued <= state.capacity - slots(state) + spare_slots(state))


def promises_are_in_order(state: State) -> bool:
    """Nobody in line is promised another key's slot while who came earlier is promised none. It follows from ``inductive``."""
    return _passed_over(state) == 0


def who_is_passed_over_is_served(state: State) -> bool:
    """Of creations without a promise, those that one with another key's slot came after are no more than can be served."""
    return _passed_over(state) <= state.capacity - slots(state) + spare_slots(state)


AUXILIARY: Final[dict[str, Callable[[State], bool]]] = {
    "well typed": well_typed,
    "ticks are past": ticks_are_past,
    "ids belong to one key": ids_belong_to_one_key,
    "nothing is left over": nothing_is_left_over,
    "answers wait for creations": answers_wait_for_creations,
    "nobody queues where nobody may": nobody_queues_where_nobody_may,
    "who is passed over is served": who_is_passed_over_is_served,
}
"""What the properties need besides, by name."""
CONJUNCTS: Final = {name: holds for name, holds in INVARIANTS.items() if name != "S3"}
"""The properties that are conjuncts themselves; S3, which says the same of more ids, follows."""

BETWEEN: Final[dict[str, Callable[[State], bool]]] = AUXILIARY | CONJUNCTS | {"L3": promises_are_sound}
"""The conjuncts that hold inside a step, too; of L3 only a part does."""

INDUCTIVE: Final[dict[str, Callable[[State], bool]]] = (
    AUXILIARY | CONJUNCTS | {"promises are in order": promises_are_in_order}
)
"""The conjuncts that hold between steps."""


def inductive(state: State) -> bool:
    """Whether every conjunct of ``INDUCTIVE`` holds; that promises are in order follows from the others."""
    return between(state) & nothing_left_to_give(state)


def between(state: State) -> bool:
    """Whether every conjunct of ``BETWEEN`` holds."""
    return every([holds(state) for holds in BETWEEN.values()])


def ungiven(state: State) -> int:
    """How much is still to be given to creations in line, at most: what each round of serving lowers."""
    return sum(
        [
            3 * (key.stage == Stage.QUEUED) + 2 * ((key.stage == Stage.PROMISED) & (key.source != at))
            for at, key in enumerate(state.keys, 1)
        ]
    )


def _passed_over(state: State) -> int:
    """How many creations in line have no promise although one that came later has another key's slot promised."""
    late = [(key.stage == Stage.PROMISED) & (key.source != at) for at, key in enumerate(state.keys, 1)]
    return sum(
        [
            (key.stage == Stage.QUEUED)
            & (
                sum(
                    [
                        promised & (key.arrival < other.arrival)
                        for promised, other in zip(late, state.keys, strict=True)
                    ]
                )
                != 0
            )
            for key in state.keys
        ]
    )


def _ids(key: Key) -> tuple[int, ...]:
    """Every id that is known under a key, once; ``session`` and ``kept`` are ``established`` or 0 (S6, S10)."""
    return key.established, key.dying_session, key.relic
