"""The second encoding is held to the model: for every state of a few keys and clients, each step is the same, field by field.

``any-...`` is proved of every choice of the numbers that the encoding leaves open (who is first of a queue, how many are told).
So it is enough that the model's step is the encoding's for one choice, which ``Chosen`` writes down; that it is one that the
encoding allows is part of what is proved. CrossHair follows the model's own functions. On each of its paths the symbolic
numbers before the step go into the encoding as terms, and what comes out has to be equal to the terms after it.

The premise is the invariant, and the order of names as in ``acpool_spec/proofs/obligations.py``. That the two sets of conjuncts
say the same is ``same-invariant`` and ``same-claims``.
"""

from __future__ import annotations

import importlib
from typing import Any

from acpool_model import machine, transitions
from acpool_model.actions import Action
from acpool_model.inductive import BETWEEN, between, inductive, ungiven
from acpool_model.invariants import every, implies, nothing_left_to_give
from acpool_model.state import State
from acpool_model.step_invariants import STEP_INVARIANTS
from acpool_spec.proofs.any_keys import capacity, claims, guards, step_claims, steps
from acpool_spec.proofs.any_keys.comparison import Encoded, number_term, said_of, said_of_two
from acpool_spec.proofs.formulas import all_hold, as_formula
from acpool_spec.proofs.obligations import (
    Obligation,
    actions,
    arrangement,
    in_order,
    in_order_of_arrival,
    name_of,
)

z3: Any = importlib.import_module("z3")  # it comes without types

LEFT_OUT = frozenset({"nobody queues where nobody may", "who is passed over is served"})
"""The conjuncts of the model's ``BETWEEN`` that are not said of any number of keys: they count who is in line."""


def same() -> dict[str, Obligation]:
    """What is to be proved of the encoding, by name."""
    table = [
        *(_of_action(action) for action in actions() if action.kind in steps.EFFECTS),
        _of_serving(),
        _of_the_invariant(),
        _of_the_claims(),
        _of_the_steps(),
        _of_nothing_left(),
        _of_what_is_ungiven(),
    ]
    return {obligation.name: obligation for obligation in table}


def _of_action(action: Action) -> Obligation:
    @as_formula
    def premise(before: State) -> bool:
        return inductive(before) & in_order(action, before)

    named = Action(action.kind, z3.IntVal(action.key), z3.IntVal(action.client), action.arg)
    encoded = Encoded(lambda view: steps.EFFECTS[action.kind](view, named))

    def conclusion(before: State) -> dict[str, bool]:
        if not machine.guard(before, action):
            return said_of(before, lambda view: {"guard": z3.Not(guards.can(view, named))})
        after = transitions.EFFECTS[action.kind](before, action)
        guard = said_of(before, lambda view: {"guard": guards.can(view, named)})
        return encoded.compared(before, after) | guard

    name = name_of(action)
    return Obligation(
        name=f"same-{name}",
        says=f"the encoding for any number of keys has {name} enabled where the model has, and it does the same",
        premise=premise,
        conclusion=conclusion,
        arrange=arrangement(action),
    )


def _of_serving() -> Obligation:
    @as_formula
    def premise(before: State) -> bool:
        return between(before) & in_order_of_arrival(before)

    encoded = Encoded(capacity.serve_one)

    def conclusion(before: State) -> dict[str, bool]:
        return encoded.compared(before, transitions.serve_one(before))

    return Obligation(
        name="same-serve",
        says="the encoding for any number of keys has the model's rounds of serving",
        premise=premise,
        conclusion=conclusion,
    )


def _of_the_invariant() -> Obligation:
    def conclusion(state: State) -> dict[str, bool]:
        return said_of(state, lambda view: claims.conjuncts(view) | {"of sums": claims.of_sums(view)})

    return Obligation(
        name="same-invariant",
        says="what the encoding takes for granted of any number of keys follows from what the model has within a step",
        premise=as_formula(between),
        conclusion=conclusion,
    )


def _of_the_claims() -> Obligation:
    def premise(state: State) -> bool:
        return all_hold((*said_of(state, claims.conjuncts).values(), _names_are_within(state)))

    @as_formula
    def conclusion(state: State) -> dict[str, bool]:
        return {name: holds(state) for name, holds in BETWEEN.items() if name not in LEFT_OUT}

    return Obligation(
        name="same-claims",
        says="what the encoding proves of any number of keys is what the model has within a step",
        premise=premise,
        conclusion=conclusion,
    )


def _of_the_steps() -> Obligation:
    def premise(before: State, _: State, action: Action, after: State) -> bool:
        names = _names_are_within(before), _names_are_within(after)
        named = Action(number_term(action.kind), client=number_term(action.client))
        said = said_of_two(before, after, lambda old, new: step_claims.of_the_step(old, named, new))
        return all_hold((*said.values(), *names))

    @as_formula
    def conclusion(before: State, _: State, action: Action, after: State) -> dict[str, bool]:
        return {name: holds(before, action, after) for name, holds in STEP_INVARIANTS.items()}

    return Obligation(
        name="same-steps",
        says="what the encoding proves of the steps of any number of keys is what the model has to hold of its steps",
        premise=premise,
        conclusion=conclusion,
        whole=False,
    )


def _of_what_is_ungiven() -> Obligation:
    def premise(before: State, _: State, action: Action, after: State) -> bool:
        said = said_of_two(before, after, lambda old, new: {"less": step_claims.lowers_ungiven(old, new)})
        return all_hold(tuple(said.values()))

    @as_formula
    def conclusion(before: State, _: State, action: Action, after: State) -> dict[str, bool]:
        return {"less": ungiven(after) < ungiven(before), "not endlessly": ungiven(after) >= 0}

    return Obligation(
        name="same-ungiven",
        says="where the encoding for any number of keys has less left to give, so has the model",
        premise=premise,
        conclusion=conclusion,
        whole=False,
    )


def _of_nothing_left() -> Obligation:
    def conclusion(state: State) -> dict[str, bool]:
        said = said_of(state, lambda view: {"nothing left": step_claims.nothing_left_to_give(view)})
        return both_ways(state, tuple(said.values()))

    @as_formula
    def both_ways(state: State, said: tuple[bool, ...]) -> dict[str, bool]:
        told, known = every(said), nothing_left_to_give(state)
        return {"of the encoding": implies(told, known), "of the model": implies(known, told)}

    return Obligation(
        name="same-nothing-left",
        says="the encoding for any number of keys has nothing left to give where the model has nothing left to give",
        premise=as_formula(between),
        conclusion=conclusion,
    )


@as_formula
def _names_are_within(state: State) -> bool:
    """No key and no client is named that there is not."""
    return every(
        [(key.source <= len(state.keys)) & (key.holder <= len(state.clients)) for key in state.keys]
    ) & every([client.key <= len(state.keys) for client in state.clients])
