"""Three outcomes that never become two, and budgets that say what they bound."""

from __future__ import annotations

from typing import Any

import pytest

from acpool_spec.verdict import Bound, Budget, Meter, Outcome, Stuck, Verdict


@pytest.mark.parametrize(("outcome", "status"), [("holds", 0), ("violated", 1), ("undecided", 3)])
def test_outcomes_have_a_name_and_an_exit_status(outcome: str, status: int) -> None:
    assert Outcome(outcome).exit_status == status
    bound = Bound("states", 5) if outcome == "undecided" else None
    verdict = Verdict(outcome=Outcome(outcome), bound=bound)
    assert verdict.exit_status == status
    assert [verdict.holds, verdict.violated, verdict.undecided].count(True) == 1
    assert getattr(verdict, outcome) is True


@pytest.mark.parametrize("answer", [*Outcome, Verdict(outcome=Outcome.HOLDS)])
def test_no_answer_is_a_truth_value(answer: Any) -> None:
    with pytest.raises(TypeError, match="one of three"):
        bool(answer)


@pytest.mark.parametrize(
    ("outcome", "bound"),
    [(Outcome.UNDECIDED, None), (Outcome.HOLDS, Bound("states", 1)), (Outcome.VIOLATED, Bound("states", 1))],
)
def test_a_bound_is_given_exactly_when_undecided(outcome: Outcome, bound: Bound | None) -> None:
    with pytest.raises(ValueError, match="when, and only when, it is undecided"):
        Verdict(outcome=outcome, bound=bound)


def test_verdicts_are_values() -> None:
    first, second = (Verdict(outcome=Outcome.HOLDS, counts={"states": 3}) for _ in range(2))
    assert first == second
    assert len({first, second}) == 1
    assert first != Verdict(outcome=Outcome.HOLDS, counts={"states": 4})


def test_bounds_and_what_is_stuck_read_as_text() -> None:
    assert str(Bound("states", 1000000)) == "states=1000000"
    assert str(Bound("seconds", 2.5)) == "seconds=2.5"
    assert Stuck(3, "x", allowed=False).reason == "operation 3 is not allowed in state 'x'"
    assert Stuck(3, "x", allowed=True).reason == "operation 3 is pending and would not help in state 'x'"


@pytest.mark.parametrize("name", ["executions", "seconds", "states"])
def test_a_limit_is_a_finite_number(name: str) -> None:
    limits: dict[str, Any]
    for wrong in (True, "5", [1]):
        limits = {name: wrong}
        with pytest.raises(TypeError, match=f"budget {name}="):
            Budget(**limits)
    limits = {name: -1}
    with pytest.raises(ValueError, match="expected a finite number >= 0"):
        Budget(**limits)
    limits = {name: 0}
    assert Meter(Budget(**limits)).exhausted() == Bound(name, 0)


@pytest.mark.parametrize("limit", [float("inf"), float("nan"), -0.5])
def test_seconds_are_finite(limit: float) -> None:
    with pytest.raises(ValueError, match="budget seconds="):
        Budget(seconds=limit)


def test_counts_are_whole_numbers() -> None:
    limits: dict[str, Any] = {"states": 1.5}
    with pytest.raises(TypeError, match=r"budget states=1\.5"):
        Budget(**limits)


def test_a_meter_without_a_budget_never_runs_out() -> None:
    meter = Meter(None)
    meter.states = meter.executions = 10**9
    assert meter.exhausted() is None
    assert meter.states_left is None
    assert meter.seconds_spent == 0.0


def test_a_meter_names_the_bound_that_ran_out() -> None:
    now = [100.0]
    meter = Meter(Budget(executions=2, states=10, seconds=5.0, clock=lambda: now[0]))
    assert meter.exhausted() is None
    now[0] = 105.0
    assert meter.seconds_spent == 5.0
    assert meter.exhausted() == Bound("seconds", 5.0)
    meter.states = 11
    assert meter.states_left == 0
    assert meter.exhausted() == Bound("states", 10)
    meter.executions = 2
    assert meter.exhausted() == Bound("executions", 2)
