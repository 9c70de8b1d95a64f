"""The obligations as Hypothesis properties, on states that are valid by construction: a quick red before the slow proof."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st

from acpool_model import STEP_INVARIANTS, Action, State, describe, enabled
from acpool_model.inductive import INDUCTIVE, between, inductive
from acpool_spec.proofs.obligations import obligations
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.valid import any_states, valid_states
from acpool_spec.proofs.witnesses import within

SIZE = Size(3, 3)


EXAMPLES = int(os.environ.get("ACPOOL_EXAMPLES", "150"))
FEW = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)


@FEW
@given(valid_states(SIZE))
def test_states_are_valid_by_construction(state: State) -> None:
    assert [name for name, holds in INDUCTIVE.items() if not holds(state)] == [], describe(state)


@pytest.mark.no_cover
@FEW
@given(valid_states(SIZE))
def test_every_obligation_holds(state: State) -> None:
    for obligation in obligations(SIZE).values():
        arranged = obligation.arrange(state)
        if obligation.whole and obligation.premise(arranged):
            assert obligation.broken(arranged) == []


STEPS = valid_states(SIZE).flatmap(lambda state: st.tuples(st.just(state), st.sampled_from(enabled(state))))


def is_in_order(step: tuple[State, Action]) -> bool:
    """Whether every part of a step from a valid state leads where it should."""
    state, action = step
    parts = list(within(state, action))
    return (
        all(between(part) for part in parts)
        and inductive(parts[-1])
        and all(holds(state, action, parts[-1]) for holds in STEP_INVARIANTS.values())
    )


@FEW
@given(STEPS)
def test_every_part_of_a_step_is_as_it_should_be(step: tuple[State, Action]) -> None:
    assert is_in_order(step)


@pytest.mark.no_cover
@pytest.mark.usefixtures("planted")
def test_a_planted_defect_is_found() -> None:
    many = settings(
        max_examples=4_000, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
    )
    find(STEPS, lambda step: not is_in_order(step), settings=many)


@FEW
@given(valid_states(SIZE), st.data())
def test_what_composes_parts_of_steps_is_so_of_steps(state: State, data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(enabled(state)))
    done, *served = within(state, action)
    table = obligations(SIZE)
    for last in [done, *served]:
        assert table["step"].premise(state, done, action, last)
        assert table["step"].broken(state, done, action, last) == []
        assert table["rounds"].premise(done, last, action, last)


@pytest.mark.no_cover
@settings(
    backend="crosshair",
    max_examples=20,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(any_states(Size(2, 1)))
def test_an_obligation_holds_of_symbolic_states(state: State) -> None:
    obligation = obligations(Size(2, 1))["fail"]
    assume(obligation.premise(state))
    assert obligation.follows(state)


@FEW
@given(valid_states(SIZE), st.data())
def test_numbers_of_keys_and_clients_are_only_names(state: State, data: st.DataObject) -> None:
    # That is what lets the obligations speak of key 1 and client 1 alone.
    keys = [0, *(1 + n for n in data.draw(st.permutations(range(SIZE.keys))))]
    clients = [0, *(1 + n for n in data.draw(st.permutations(range(SIZE.clients))))]
    action = data.draw(st.sampled_from(enabled(state)))
    renamed = action._replace(key=keys[action.key], client=clients[action.client])
    there = _renumbered(state, keys, clients)
    assert inductive(there)
    assert renamed in enabled(there)
    parts = [_renumbered(part, keys, clients) for part in within(state, action)]
    others = list(within(there, renamed))
    if not action.key and not action.client:
        # These two go through the keys by number; of the ticks that they give the invariants say only that they differ.
        parts, others = [_untimed(part) for part in parts], [_untimed(part) for part in others]
    assert parts == others


def _untimed(state: State) -> State:
    return state._replace(keys=tuple(key._replace(dying_since=0) for key in state.keys))


def _renumbered(state: State, keys: list[int], clients: list[int]) -> State:
    """``state`` with key n as key ``keys[n]``, and so the clients."""
    placed = {
        keys[n]: key._replace(source=keys[key.source], holder=clients[key.holder])
        for n, key in enumerate(state.keys, 1)
    }
    seated = {clients[n]: client._replace(key=keys[client.key]) for n, client in enumerate(state.clients, 1)}
    return state._replace(
        keys=tuple(placed[n] for n in sorted(placed)), clients=tuple(seated[n] for n in sorted(seated))
    )
