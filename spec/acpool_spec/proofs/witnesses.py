"""Reachable states that satisfy the premises: a proof from a premise that nothing satisfies says nothing.

Found by walks of the model from its initial states, at random but always the same ones, which also look inside the steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from acpool_model import machine, transitions
from acpool_model.actions import Action, Kind
from acpool_model.state import Scope, State
from acpool_spec.proofs.obligations import Obligation
from acpool_spec.proofs.shapes import Size

_WALKS: Final = 4_000
_STEPS: Final = 40
_RARE: Final[dict[int, float]] = dict.fromkeys(
    (Kind.DIE, Kind.FAIL, Kind.RESET, Kind.RECLAIM, Kind.SHUT, Kind.LEAVE), 0.05
)
"""Kinds of action that a walk takes seldom: reset or shut at every turn it would lead nowhere."""


@dataclass(frozen=True)
class Witness:
    """``actions`` lead from ``start`` to ``state``, or to a step within which it lies."""

    start: State
    actions: tuple[Action, ...]
    state: State


def witnesses(wanted: Iterable[Obligation], size: Size, walks: int = _WALKS) -> dict[str, Witness]:
    """A witness for each obligation about whole steps, by name; those for which none was found in so many walks are missing."""
    left = {obligation.name: obligation for obligation in wanted if obligation.whole}
    found: dict[str, Witness] = {}
    for number in range(walks):
        for witness in _walk(size, number):
            for name, obligation in list(left.items()):
                state = witness.state
                if _is_witness(obligation, state):
                    found[name] = witness
                    del left[name]
        if not left:
            break
    return found


def _is_witness(obligation: Obligation, state: State) -> bool:
    """Whether the obligation is about ``state``, and something changes where it says that something happens."""
    if obligation.arrange(state) != state or not obligation.premise(state):
        return False
    return not obligation.happens or obligation.after(state) != state


def _walk(size: Size, number: int) -> Iterator[Witness]:
    """The states of one walk, in steps and between them; later walks have other capacities."""
    chance = random.Random(number)
    scope = Scope(size.keys, size.clients, 1 + number // 2 % size.keys, queueing=number % 2)
    start = state = chance.choice(machine.initial(scope))
    actions: list[Action] = []
    yield Witness(start, (), start)
    for _ in range(_STEPS):
        possible = machine.enabled(state)
        action = chance.choice(
            [one for one in possible if chance.random() < _RARE.get(one.kind, 1)] or possible
        )
        actions.append(action)
        parts = list(within(state, action))
        for part in parts:
            yield Witness(start, tuple(actions), part)
        state = parts[-1]


def within(state: State, action: Action) -> Iterator[State]:
    """The states of a step after the first: what the action does, and then what each round of serving does."""
    state = transitions.EFFECTS[action.kind](state, action)
    yield state
    while (served := transitions.serve_one(state)) is not state:
        state = served
        yield state
