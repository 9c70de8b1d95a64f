"""The obligations as Hypothesis properties, on states that are valid by construction: a quick red before the slow proof."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from acpool_model import STEP_INVARIANTS, State, describe, enabled
from acpool_model.inductive import INDUCTIVE, between, inductive
from acpool_spec.proofs.obligations import obligations
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.valid import valid_states
from acpool_spec.proofs.witnesses import within

SIZE = Size(3, 3)
FEW = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@FEW
@given(valid_states(SIZE))
def test_states_are_valid_by_construction(state: State) -> None:
    assert [name for name, holds in INDUCTIVE.items() if not holds(state)] == [], describe(state)


@FEW
@given(valid_states(SIZE))
def test_every_obligation_holds(state: State) -> None:
    for obligation in obligations(SIZE).values():
        arranged = obligation.arrange(state)
        if obligation.whole and obligation.premise(arranged):
            assert obligation.broken(arranged) == []


@FEW
@given(valid_states(SIZE), st.data())
def test_every_part_of_a_step_is_as_it_should_be(state: State, data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(enabled(state)))
    parts = list(within(state, action))
    assert all(between(part) for part in parts)
    assert inductive(parts[-1])
    assert [name for name, holds in STEP_INVARIANTS.items() if not holds(state, action, parts[-1])] == []


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
