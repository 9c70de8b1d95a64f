"""What is to be proved is about the model as it is, about all of it, and about states that there are."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from acpool_model import INVARIANTS, Scope, Stage, State, enabled, initial, step, transitions
from acpool_model.actions import SHAPES, Action, Kind
from acpool_model.inductive import AUXILIARY, BETWEEN, between, inductive, promises_are_in_order, ungiven
from acpool_model.state import Dying, Key, Want
from acpool_spec.proofs.any_keys.obligations import of_any_number
from acpool_spec.proofs.any_keys.sameness import LEFT_OUT, same
from acpool_spec.proofs.command import expected
from acpool_spec.proofs.obligations import KINDS, actions, obligations
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.witnesses import within, witnesses

SIZE = Size(3, 2)


def test_what_was_proved_is_still_to_be_proved() -> None:
    assert [*obligations(SIZE), *of_any_number(), *same()] == list(expected())


def test_there_is_one_for_every_action_with_every_choice_and_for_every_property() -> None:
    assert {(action.kind, action.arg) for action in actions()} == {
        (kind, arg) for kind, shape in SHAPES.items() for arg in shape.args
    }
    assert set(KINDS) == set(SHAPES)
    besides = {"initial", "serve", "rounds", "step"}
    names = {name.split("-")[0] for name in obligations(SIZE)}
    assert names == besides | set(KINDS.values()) | set(INVARIANTS)
    assert len(obligations(SIZE)) == len(actions()) + len(INVARIANTS) + len(besides)


@pytest.mark.parametrize("number", range(20))
def test_a_step_is_an_action_and_rounds_of_serving(number: int) -> None:
    # So what holds of each part and is preserved by the next holds of the step.
    chance = random.Random(number)
    state = chance.choice(initial(Scope(3, 2, 1 + number % 2, queueing=number // 2 % 2)))
    for _ in range(60):
        action = chance.choice(enabled(state))
        parts = list(within(state, action))
        assert parts[-1] == step(state, action)
        assert all(between(part) for part in parts)
        left = [ungiven(part) for part in parts]
        assert left == sorted(set(left), reverse=True)
        assert inductive(parts[-1])
        state = parts[-1]


@pytest.mark.no_cover
def test_every_premise_is_satisfied_by_a_state_that_can_be_reached() -> None:
    table = obligations(SIZE)
    found = witnesses(table.values(), SIZE)
    assert set(found) == {name for name, obligation in table.items() if obligation.whole}
    for name, witness in found.items():
        state = witness.start
        assert state in initial(Scope(3, 2, state.capacity, state.queueing))
        for action in witness.actions[:-1]:
            assert action in enabled(state)
            state = step(state, action)
        last = within(state, witness.actions[-1]) if witness.actions else [state]
        assert witness.state in list(last)
        assert table[name].premise(witness.state)


def test_a_premise_that_no_state_satisfies_has_no_witness() -> None:
    def nowhere(state: State) -> bool:
        return state.capacity < 0

    nothing = replace(obligations(SIZE)["die"], premise=nowhere)
    assert witnesses([nothing], Size(1, 1), walks=20) == {}


def test_a_promise_out_of_turn_is_in_no_state_of_the_invariant() -> None:
    early = Key(Stage.QUEUED, arrival=1)
    late = Key(Stage.PROMISED, arrival=2, source=3)
    keys = (early, late, Key(dying=Dying.CLOSING))
    (first, *_) = initial(Scope(3, 1, 1))
    full = first._replace(keys=keys, now=3)
    assert not promises_are_in_order(full)
    served = AUXILIARY["who is passed over is served"]
    assert not served(full)
    assert served(full._replace(capacity=2))  # the free slot is for the early one
    turned = (early._replace(arrival=2), late._replace(arrival=1), keys[2])
    for ordered in (turned, (early, late._replace(source=2, dying=Dying.CLOSING), Key())):
        assert promises_are_in_order(full._replace(keys=ordered))
        assert served(full._replace(keys=ordered))


def test_the_steps_of_any_number_of_keys_are_compared_and_so_is_all_that_is_said_of_them() -> None:
    other = {"S3", "initial", "rounds", "step"}  # not what one action or one round does
    proved = {name.removeprefix("any-") for name in of_any_number()} - other
    of_claims = {"invariant", "claims", "steps", "nothing-left", "ungiven"}
    assert {name.removeprefix("same-") for name in same()} == proved | of_claims
    assert set(BETWEEN) > LEFT_OUT


def test_with_four_keys_and_three_callers_two_are_in_line_for_a_moment() -> None:
    # More than two clients are not proved every day, so this is looked at: where no creation may wait, a round leaves two without
    # a promise, and there is room for both. A conjunct that allowed one alone held for two clients, and was false for three.
    state = initial(Scope(4, 3, 3, 0))[0]
    for at in (1, 2, 3):
        for action in (
            Action(Kind.ASK, at, 1, Want.ANSWER),
            Action(Kind.OPENED, at),
            Action(Kind.INITIALIZED, at),
            Action(Kind.COMMIT, at),
        ):
            assert action in enabled(state)
            state = step(state, action)
    for action in (
        Action(Kind.ASK, 4, 1, Want.ANSWER),  # promised the slot of 1
        Action(Kind.ASK, 1, 2, Want.ANSWER),  # that of 2, since its own is promised
        Action(Kind.ASK, 2, 3, Want.ANSWER),  # that of 3
        Action(Kind.LEAVE, 0, 1),
        Action(Kind.ASK, 3, 1, Want.ANSWER),  # that of 1, which nobody is promised any more
    ):
        assert action in enabled(state)
        state = step(state, action)
        assert inductive(state)
    freed = transitions.EFFECTS[Kind.CLOSED](state, Action(Kind.CLOSED, 3))
    assert between(freed)
    after = transitions.serve_one(freed)
    assert sum(key.stage == Stage.QUEUED for key in after.keys) == 2
    assert between(after)
    assert inductive(transitions.serve(freed))
