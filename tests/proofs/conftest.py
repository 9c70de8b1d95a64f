"""Pools with one defect each, which the proofs must refute and Hypothesis must find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from acpool_model import Answer, Stage, State, transitions
from acpool_model.places import tell, vacate, waiters, with_key
from acpool_model.state import Key, slots
from acpool_spec.proofs.shapes import Size

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
    return transitions.grant(state, at)


def leaked_at_a_failed_start(state: State, at: int) -> State:
    for number in waiters(state, at):
        state = tell(state, number, Answer.FAILED)
    return vacate(state, at)


class Planted(NamedTuple):
    """``function`` of the transitions replaced by ``defect`` refutes ``obligation``, in states of ``size`` already."""

    function: str
    defect: Callable[..., Any]
    obligation: str
    size: Size


PLANTED = [
    Planted("victim", busy_victim, "serve", Size(2, 2)),
    Planted("slots", no_slots_taken, "serve", Size(2, 1)),
    Planted("slots", one_slot_too_few, "serve", Size(2, 1)),
    Planted("take_out", forgotten_when_taken_out, "expire", Size(1, 1)),
    Planted("holds", whoever_asks_holds, "release", Size(1, 2)),
    Planted("closed", reaped_by_key, "closed", Size(1, 1)),
    # The same session resumed twice: loaded while the process that has it still lives.
    Planted("give", start_beside_the_dying, "serve", Size(1, 1)),
    Planted("fail", leaked_at_a_failed_start, "fail", Size(1, 1)),
]


@pytest.fixture(params=PLANTED, ids=lambda planted: planted.defect.__name__)
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Planted:
    """One of them, in force until the test undoes it."""
    chosen: Planted = request.param
    monkeypatch.setattr(transitions, chosen.function, chosen.defect)
    return chosen
