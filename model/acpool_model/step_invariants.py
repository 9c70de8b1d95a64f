"""What must hold of every step of the pool, by property id: of the state before, the action, and the state after.

Together with ``invariants.py`` this is all the model is held to. Branch-free for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Final

from acpool_model.actions import Action, Kind
from acpool_model.invariants import every, implies
from acpool_model.state import Answer, Phase, Stage, State, slots


def s4_busy_is_not_idle(before: State, action: Action, after: State) -> bool:
    """A living leased session keeps its holder until that one gives it back, or reset, max_lease or the shutdown takes it."""
    taken = (action.kind == Kind.RESET) | (action.kind == Kind.RECLAIM) | (action.kind == Kind.REVOKE)
    return every(
        [
            implies(
                (old.stage == Stage.LEASED) & (old.alive != 0),
                ((new.stage == Stage.LEASED) & (new.holder == old.holder))
                | taken
                | (action.client == old.holder),
            )
            for old, new in zip(before.keys, after.keys, strict=True)
        ]
    )


def s8_honest_exhaustion(before: State, action: Action, after: State) -> bool:
    """Whoever is refused for want of capacity is so while every slot is leased, creating or closing."""
    refused = [
        (new.answer == Answer.EXHAUSTED) & ((old.phase == Phase.WAITING) | (action.client == number))
        for number, (old, new) in enumerate(zip(before.clients, after.clients, strict=True), 1)
    ]
    idle = sum([(key.stage == Stage.IDLE) & (key.alive != 0) for key in before.keys])
    return implies(sum(refused) != 0, (slots(before) == before.capacity) & (idle == 0))


def s9_fair_victim(before: State, action: Action, after: State) -> bool:
    """Of the living sessions idle before the step, an evicted one was used before each that stays idle."""
    asked_for = (
        (action.kind == Kind.EXPIRE)
        | (action.kind == Kind.RESET)
        | (action.kind == Kind.SHUT)
        | (action.kind == Kind.REVOKE)
    )
    pairs = list(permutations(list(zip(before.keys, after.keys, strict=True)), 2))
    return every(
        [
            implies(
                (old.stage == Stage.IDLE)
                & (old.alive != 0)
                & (new.stage < Stage.IDLE)
                & (other_old.stage == Stage.IDLE)
                & (other_new.stage == Stage.IDLE),
                asked_for | (old.used < other_old.used),
            )
            for (old, new), (other_old, other_new) in pairs
        ]
    )


def l4_no_starvation(before: State, action: Action, after: State) -> bool:
    """No creation in line for capacity, and nobody who waits for a lease, is served while who came before is not."""
    pairs = list(permutations(list(zip(before.keys, after.keys, strict=True)), 2))
    callers = list(permutations(list(zip(before.clients, after.clients, strict=True)), 2))
    return every(
        [
            implies(
                (first.phase == Phase.WAITING)
                & (second.phase == Phase.WAITING)
                & (first.key == second.key)
                & (first.arrival < second.arrival)
                & (first_after.phase == Phase.WAITING),
                second_after.phase != Phase.GRANTED,
            )
            for (first, first_after), (second, second_after) in callers
        ]
        + [
            implies(
                (first.stage == Stage.QUEUED)
                & (second.stage == Stage.QUEUED)
                & (first.arrival < second.arrival)
                & (first_after.stage == Stage.QUEUED),
                second_after.stage <= Stage.QUEUED,
            )
            for (first, first_after), (second, second_after) in pairs
        ]
    )


STEP_INVARIANTS: Final[dict[str, Callable[[State, Action, State], bool]]] = {
    "S4": s4_busy_is_not_idle,
    "S8": s8_honest_exhaustion,
    "S9": s9_fair_victim,
    "L4": l4_no_starvation,
}
"""Property id → what it says of one step."""
