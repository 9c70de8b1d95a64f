"""CrossHair's answers, as they are counted: proved, refuted by a state that can be read, or undecided."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from acpool_model import Action, Kind, State, transitions
from acpool_spec.proofs.command import refutation
from acpool_spec.proofs.obligations import obligations
from acpool_spec.proofs.shapes import Size, read_arguments
from acpool_spec.proofs.solver import prove, refutes
from acpool_spec.verdict import Outcome

SMALL = Size(2, 2)
TINY = Size(1, 1)


class Planted(Protocol):
    """See ``conftest.Planted``."""

    obligation: str
    size: Size


@pytest.mark.no_cover
def test_a_planted_defect_is_refuted_by_a_state_that_can_be_read(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    obligation = obligations(planted.size)[planted.obligation]
    finding = prove(obligation, planted.size, 60)
    assert finding.outcome is Outcome.VIOLATED, finding
    assert refutes(obligation, finding.states)
    broken = obligation.broken(*finding.states)
    assert broken
    lines = refutation(obligation, finding)
    assert lines[0].startswith("pool: ")
    assert lines[-1] == f"broken: {', '.join(broken)}"
    # Without the defect that state is no refutation.
    monkeypatch.undo()
    assert not refutes(obligation, finding.states)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["initial", "die", "opened", "L3", "begin", "serve"])
def test_what_holds_is_proved(name: str) -> None:
    finding = prove(obligations(TINY)[name], TINY, 60)
    assert (finding.outcome, finding.why, finding.states) == (Outcome.HOLDS, "", ())
    assert finding.paths >= 2


def test_a_premise_that_nothing_satisfies_proves_nothing() -> None:
    def nothing(state: State) -> bool:
        return (state.capacity > 1) & (state.capacity < 1)

    empty = replace(obligations(TINY)["S1"], premise=nothing)
    finding = prove(empty, TINY, 60)
    assert finding.outcome is Outcome.UNDECIDED
    assert "PRE_UNSAT" in finding.why


def test_a_proof_without_time_is_undecided() -> None:
    finding = prove(obligations(SMALL)["serve"], SMALL, 0.2)
    assert finding.outcome is Outcome.UNDECIDED
    assert finding.why.startswith("not within 0.2 s of CPU: ")


def test_a_transition_that_breaks_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(state: State, action: Action) -> State:
        return (state,)[1 + action.key]

    monkeypatch.setitem(transitions.EFFECTS, Kind.DIE, breaks)
    obligation = obligations(TINY)["die"]
    finding = prove(obligation, TINY, 60)
    assert finding.outcome is Outcome.VIOLATED, finding
    assert refutation(obligation, finding)[-1].startswith("cannot be: IndexError")


def test_a_refutation_that_is_none_when_evaluated_is_undecided() -> None:
    calls: list[State] = []

    def false_at_first(state: State) -> dict[str, bool]:
        calls.append(state)
        return {"S1": len(calls) > 1}

    finding = prove(replace(obligations(TINY)["S1"], conclusion=false_at_first), TINY, 60)
    assert finding.outcome is Outcome.UNDECIDED
    assert finding.why.startswith("a refutation that is none when it is evaluated: POST_FAIL")


def test_states_are_read_from_what_crosshair_says() -> None:
    key, client = "Key(stage=9, holder=1)", "Client(phase=3, key=1)"
    said = f"false when calling obligation(Shape(2, 1, 1, 5, 6, now=7, keys=({key},), clients=({client},))) (which returns False)"
    with pytest.raises(TypeError):
        read_arguments(said)
    right = said.replace("5, 6, now=7, ", "now=-5, fresh=6, processes=7, ")
    (state,) = read_arguments(right)
    assert (state.now, state.keys[0].stage, state.clients[0].phase) == (-5, 9, 3)
    for unreadable in (
        "",
        "when calling obligation(",
        "when calling obligation(3)",
        right.replace("Shape", "System"),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            read_arguments(unreadable)
