"""CrossHair's answers, as they are counted: proved, refuted by a state that can be read, or undecided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from acpool_model import Action, Kind, Stage, State, transitions
from acpool_model.places import tell, vacate, waiters, with_key
from acpool_model.state import Key, slots
from acpool_spec.proofs.command import refutation
from acpool_spec.proofs.obligations import obligations
from acpool_spec.proofs.shapes import Size, read_arguments
from acpool_spec.proofs.solver import prove, refutes
from acpool_spec.verdict import Outcome

SMALL = Size(2, 2)
TINY = Size(1, 1)
# The functions as they are, before any test replaces one.
_closed = transitions.closed
_take_out = transitions.take_out


def busy_victim(state: State) -> int:
    live = [at for at, key in enumerate(state.keys, 1) if key.stage >= Stage.IDLE]
    return min(live, key=lambda at: state.keys[at - 1].used, default=0)


def no_slots_taken(state: State) -> int:
    return 0


def one_slot_too_few(state: State) -> int:
    return slots(state) - 1


def forgotten_when_taken_out(state: State, at: int, *, keep: bool = True) -> State:
    return with_key(_take_out(state, at, keep=keep), at, kept=0)


def whoever_asks_holds(key: Key, number: int) -> bool:
    return True


def reaped_by_key(state: State, at: int, *, confirmed: bool) -> State:
    return vacate(_closed(state, at, confirmed=confirmed), at)


def start_beside_the_dying(state: State, at: int) -> State:
    key = state.keys[at - 1]
    if key.stage != Stage.RESERVED:
        return state
    return with_key(state, at, stage=Stage.OPENING, born=key.resets)


def leaked_at_a_failed_start(state: State, at: int) -> State:
    for number in waiters(state, at):
        state = tell(state, number, 3)
    return vacate(state, at)


class Planted(NamedTuple):
    """``function`` of the transitions replaced by ``defect`` refutes ``obligation``."""

    function: str
    defect: Callable[..., Any]
    obligation: str


PLANTED = [
    Planted("victim", busy_victim, "serve"),
    Planted("slots", no_slots_taken, "serve"),
    Planted("slots", one_slot_too_few, "serve"),
    Planted("take_out", forgotten_when_taken_out, "expire"),
    Planted("holds", whoever_asks_holds, "release"),
    Planted("closed", reaped_by_key, "closed"),
    # The same session resumed twice: loaded while the process that has it still lives.
    Planted("start_if_ready", start_beside_the_dying, "serve"),
    Planted("fail", leaked_at_a_failed_start, "fail"),
]


@pytest.mark.no_cover
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.defect.__name__)
def test_a_planted_defect_is_refuted_by_a_state_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, planted: Planted
) -> None:
    obligation = obligations(SMALL)[planted.obligation]
    monkeypatch.setattr(transitions, planted.function, planted.defect)
    finding = prove(obligation, SMALL, 60)
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
