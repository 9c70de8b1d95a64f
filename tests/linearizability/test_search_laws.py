"""Laws of the search that hold for any history, found or refuted by Hypothesis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import CasRegister, Register
from acpool_spec.verdict import Budget

FIXED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

VALUES = st.sampled_from([None, 0, 1, 2])


@st.composite
def histories(draw: st.DrawFn, *, at_most: int = 8, pending: bool = True) -> list[Operation]:
    """Histories of a cas register; each process does up to two operations."""
    operations: list[Operation] = []
    for process in range(draw(st.integers(1, max(1, at_most // 2)))):
        now = 0
        for _ in range(draw(st.integers(1, 2))):
            invoked_at = now + draw(st.integers(0, 3))
            now = invoked_at + draw(st.integers(0, 5))
            lost = pending and draw(st.integers(0, 3)) == 0
            name = draw(st.sampled_from(["read", "write", "cas"]))
            argument = draw(VALUES) if name == "write" else [draw(VALUES), draw(VALUES)]
            response = draw(VALUES) if name == "read" else draw(st.booleans())
            operations.append(
                Operation(
                    process=process,
                    name=name,
                    argument=None if name == "read" else argument,
                    response=response,
                    invoked_at=invoked_at,
                    returned_at=None if lost else now,
                )
            )
            if lost or invoked_at == now:
                break
    return operations


@st.composite
def sequential(draw: st.DrawFn) -> tuple[list[Operation], list[int]]:
    """A history that a real register could have produced, with the instants at which it took effect."""
    operations: list[Operation] = []
    value: Any = None
    for place in range(draw(st.integers(0, 12))):
        point = 10 * place
        begin, end = point - draw(st.integers(0, 40)), point + draw(st.integers(0, 40))
        if draw(st.booleans()):
            value = draw(VALUES)
            name, argument, response = "write", value, None
        else:
            name, argument, response = "read", None, value
        # One process each, since their operations overlap freely.
        operations.append(
            Operation(
                process=place,
                name=name,
                argument=argument,
                response=response,
                invoked_at=begin,
                returned_at=end,
            )
        )
    return operations, draw(st.permutations(range(len(operations))))


@FIXED
@given(histories())
def test_the_search_agrees_with_brute_force(toolbox: Any, operations: list[Operation]) -> None:
    spec = CasRegister()
    assert check_history(operations, spec).holds == toolbox.Oracle(operations, spec).explained


@FIXED
@given(sequential())
def test_what_took_effect_at_one_instant_each_holds(drawn: tuple[list[Operation], list[int]]) -> None:
    operations, order = drawn
    assert check_history([operations[index] for index in order], Register()).holds


@FIXED
@given(sequential(), st.integers(0, 11))
def test_an_operation_whose_answer_is_lost_explains_no_less(
    drawn: tuple[list[Operation], list[int]], chosen: int
) -> None:
    operations, _ = drawn
    for index in range(len(operations)):
        if index == chosen:
            operations[index] = replace(operations[index], returned_at=None)
    assert check_history(operations, Register()).holds


@FIXED
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(operations: list[Operation], random: Any) -> None:
    shuffled = list(operations)
    random.shuffle(shuffled)
    assert check_history(operations, CasRegister()).outcome is check_history(shuffled, CasRegister()).outcome


@FIXED
@given(histories(), st.integers(0, 20))
def test_a_budget_never_changes_the_answer_only_withholds_it(
    operations: list[Operation], states: int
) -> None:
    free = check_history(operations, CasRegister())
    bounded = check_history(operations, CasRegister(), budget=Budget(states=states))
    assert bounded.counts["states"] <= states
    if bounded.undecided:
        assert free.counts["states"] >= states
    else:
        assert bounded == free
