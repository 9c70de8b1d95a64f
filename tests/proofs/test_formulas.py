"""Formulas say of symbolic numbers what the same code says of plain ones, and what they are not made for is not proved."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from acpool_model import State
from acpool_model.inductive import BETWEEN, INDUCTIVE, ungiven
from acpool_model.invariants import INVARIANTS
from acpool_model.step_invariants import STEP_INVARIANTS
from acpool_spec.proofs.formulas import Term, as_formula, z3
from acpool_spec.proofs.obligations import NOBODY
from acpool_spec.proofs.serving import given as given_of_rounds
from acpool_spec.proofs.serving import steady
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.solver import Effort, of_one, with_contract
from acpool_spec.proofs.valid import any_states, valid_states

EXAMPLES = int(os.environ.get("ACPOOL_EXAMPLES", "20"))
FEW = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
SIZE = Size(2, 2)


def in_terms(value: Any) -> Any:
    """``value`` with a term of z3's for each number."""
    if is_tuple(value):
        parts = [in_terms(part) for part in value]
        return value._make(parts) if hasattr(value, "_fields") else tuple(parts)
    return Term(z3.IntVal(value))


def is_tuple(value: Any) -> bool:
    return isinstance(value, tuple)


def told(found: Any) -> Any:
    """What a formula without variables comes to."""
    if not isinstance(found, Term):
        return found
    value = z3.simplify(found.z3)
    return bool(z3.is_true(value)) if z3.is_bool(value) else value.as_long()


@FEW
@given(valid_states(SIZE), valid_states(SIZE), any_states(SIZE))
def test_a_formula_says_of_terms_what_it_says_of_numbers(one: State, other: State, any_: State) -> None:
    of_a_state = {**INVARIANTS, **BETWEEN, **INDUCTIVE, "ungiven": ungiven}
    for state in (one, other, any_):
        for name, holds in of_a_state.items():
            assert told(holds(in_terms(state))) == holds(state), name
    for before, after in ((one, other), (one, one), (any_, one)):
        old, new = in_terms(before), in_terms(after)
        for name, holds_of in STEP_INVARIANTS.items():
            assert told(holds_of(old, NOBODY, new)) == holds_of(before, NOBODY, after), name
        for relate in (steady, given_of_rounds):
            expected = relate(before, after)
            assert {name: told(holds) for name, holds in relate(old, new).items()} == expected


@pytest.mark.parametrize("value", [-3, 0, 1, 7, True, False])
def test_every_operation_is_that_of_python(value: int) -> None:
    term = Term(z3.BoolVal(value) if isinstance(value, bool) else z3.IntVal(value))
    for other in (-2, 0, 1, 7, True, False):
        assert told(term == other) is (value == other)
        assert told(term != other) is (value != other)
        assert told(term < other) is (value < other)
        assert told(term <= other) is (value <= other)
        assert told(term > other) is (value > other)
        assert told(term >= other) is (value >= other)
        assert told(term + other) == value + other
        assert told(other + term) == value + other
        assert told(term - other) == value - other
        assert told(other - term) == other - value
        assert told(term * other) == told(other * term) == value * other
        if isinstance(value, bool) and isinstance(other, bool):
            assert told(term & other) is told(other & term) is (value & other)
            assert told(term | other) is told(other | term) is (value | other)
            assert told(term ^ other) is told(other ^ term) is (value ^ other)


def of_numbers(says: Callable[[Any], bool]) -> set[str]:
    """What CrossHair says of a formula about two numbers."""

    def premise(numbers: tuple[int, int]) -> bool:
        return True

    contract = with_contract(of_one, {"a": tuple[int, int]}, premise, as_formula(says))
    return {message.state.name for message in Effort(30).analyze(contract)}


def one_is_not_less(numbers: tuple[int, int]) -> bool:
    return (numbers[0] >= numbers[1]) | (numbers[0] < numbers[1])


def never_five(numbers: tuple[int, int]) -> bool:
    return numbers[0] + numbers[1] != 5


def with_a_branch(numbers: tuple[int, int]) -> bool:
    return True if numbers[0] < numbers[1] else numbers[0] >= numbers[1]


def bits(numbers: tuple[int, int]) -> bool:
    return (numbers[0] & 1) <= 1


def looked_up(numbers: tuple[int, int]) -> bool:
    return numbers[0] not in {2: 2} or True


@pytest.mark.no_cover
def test_crosshair_decides_what_a_formula_says() -> None:
    assert of_numbers(one_is_not_less) == {"CONFIRMED"}
    assert of_numbers(never_five) == {"POST_FAIL"}


@pytest.mark.no_cover
@pytest.mark.parametrize("says", [with_a_branch, bits, looked_up])
def test_what_a_formula_cannot_say_is_not_confirmed(says: Callable[[Any], bool]) -> None:
    # All of them are true.
    assert "CONFIRMED" not in of_numbers(says)
