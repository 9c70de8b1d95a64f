"""Pools with one defect each: every one must be caught by the property that it breaks, on a path that replays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from acpool_model import (
    Action,
    Exploration,
    Kind,
    Scope,
    Stage,
    State,
    Want,
    enabled,
    initial,
    step,
    transitions,
)
from acpool_model.places import in_line, vacate, waiters, with_key
from acpool_model.state import Key, slots

Look = Callable[..., Exploration[State, Action]]

_STARTING = (Kind.ASK, Kind.OPENED, Kind.INITIALIZED, Kind.COMMIT)
# The functions as they are, before any test replaces one.
_begin_prompt = transitions.begin_prompt
_commit = transitions.commit
_fail = transitions.fail
_take_out = transitions.take_out


def busy_victim(state: State) -> int:
    live = [at for at, key in enumerate(state.keys, 1) if key.stage >= Stage.IDLE]
    return min(live, key=lambda at: state.keys[at - 1].used, default=0)


def freshest_victim(state: State) -> int:
    idle = [at for at, key in enumerate(state.keys, 1) if key.stage == Stage.IDLE]
    return max(idle, key=lambda at: state.keys[at - 1].used, default=0)


def no_victim(state: State) -> int:
    return 0


def only_what_is_free(state: State) -> bool:
    return slots(state) < state.capacity


def no_slots_taken(state: State) -> int:
    return 0


def forgotten_when_taken_out(state: State, at: int, *, keep: bool = True) -> State:
    return with_key(_take_out(state, at, keep=keep), at, kept=0)


def flag_lost_when_taken_out(state: State, at: int, *, keep: bool = True) -> State:
    return with_key(_take_out(state, at, keep=keep), at, kept_flag=0)


def whoever_asks_holds(key: Key, number: int) -> bool:
    return True


def start_beside_the_dying(state: State, at: int) -> State:
    return transitions.grant(state, at)


def free_at_once(state: State, at: int) -> State:
    return vacate(state, at)


def keep_what_was_given_up(state: State, at: int) -> State:
    key = state.keys[at - 1]
    return with_key(state, at, relic=key.dying_session or key.relic)


def tell_nobody_of_a_loss(state: State, at: int) -> State:
    return with_key(_commit(state, at), at, flag=0)


def flag_down_when_sent(state: State, number: int) -> State:
    return with_key(_begin_prompt(state, number), state.clients[number - 1].key, flag=0)


def transit_is_refusal(state: State, at: int) -> State:
    loading = state.keys[at - 1].stage == Stage.LOADING
    return _fail(with_key(state, at, kept=0, kept_flag=1) if loading else state, at)


def reset_spares_the_start(state: State, at: int) -> State:
    return with_key(
        state, at, kept=0, kept_flag=0, established=0, owed=0, resets=state.keys[at - 1].resets + 1
    )


def shut_spares_the_start(state: State) -> State:
    return state._replace(open=0)


def last_come_first_served(state: State, at: int) -> list[int]:
    return waiters(state, at)[::-1]


def last_in_line_first(state: State) -> list[int]:
    return in_line(state)[::-1]


def rest_wakes_nobody(state: State, at: int) -> State:
    return with_key(state, at, stage=Stage.IDLE)


def nobody_served(state: State) -> State:
    return state


def nothing_abandoned(state: State, at: int) -> State:
    return state


class Planted(NamedTuple):
    """``function`` of the transitions replaced by ``defect``, in the smallest world that shows that it breaks ``broken``."""

    function: str
    defect: Callable[..., Any]
    broken: str
    scope: Scope
    kinds: Sequence[int] = ()
    wants: Sequence[int] = ()


PLANTED = [
    Planted("slots", no_slots_taken, "S1", Scope(2, 2, 1)),
    Planted("give", start_beside_the_dying, "S2", Scope(2, 1, 2)),
    # The same session resumed twice: loaded while the process that has it still lives.
    Planted("give", start_beside_the_dying, "S3", Scope(2, 1, 2)),
    Planted("lose", keep_what_was_given_up, "S3", Scope(1, 1, 1)),
    Planted("victim", busy_victim, "S4", Scope(2, 2, 1)),
    Planted("holds", whoever_asks_holds, "S5", Scope(1, 2, 1)),
    Planted("take_out", forgotten_when_taken_out, "S6", Scope(1, 1, 1)),
    Planted("fail", transit_is_refusal, "S6", Scope(1, 1, 1)),
    Planted("take_out", flag_lost_when_taken_out, "S7", Scope(1, 1, 1)),
    Planted("commit", tell_nobody_of_a_loss, "S7", Scope(1, 1, 1)),
    Planted("begin_prompt", flag_down_when_sent, "S7", Scope(1, 1, 1)),
    Planted(
        "holds", whoever_asks_holds, "S7", Scope(1, 2, 1), (*_STARTING, *range(3, 8), 15, 20), (Want.BOTH,)
    ),
    Planted("has_room", only_what_is_free, "S8", Scope(2, 1, 1, queueing=0)),
    Planted("victim", freshest_victim, "S9", Scope(3, 1, 2), _STARTING, (Want.ANSWER,)),
    Planted("doom", free_at_once, "S10", Scope(1, 1, 1)),
    Planted("abandon", nothing_abandoned, "S10", Scope(1, 1, 1)),
    Planted("reset", reset_spares_the_start, "S11", Scope(1, 1, 1)),
    Planted("shut", shut_spares_the_start, "S11", Scope(1, 1, 1)),
    Planted("victim", no_victim, "L3", Scope(2, 1, 1)),
    Planted("serve", nobody_served, "L3", Scope(2, 1, 1)),
    Planted("waiters", last_come_first_served, "L4", Scope(1, 2, 1)),
    Planted("in_line", last_in_line_first, "L4", Scope(3, 3, 1), _STARTING, (Want.ANSWER,)),
    Planted("rest", rest_wakes_nobody, "L5", Scope(1, 2, 1)),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.defect.__name__}-{p.broken}-{p.scope.keys}")
def test_caught(look: Look, monkeypatch: pytest.MonkeyPatch, planted: Planted) -> None:
    def found() -> Exploration[State, Action]:
        return look(planted.scope, properties=[planted.broken], kinds=planted.kinds, wants=planted.wants)

    monkeypatch.setattr(transitions, planted.function, planted.defect)
    caught = found()
    assert caught.verdict == "violated"
    counterexample = caught.counterexample
    assert counterexample is not None
    assert counterexample.violated == (planted.broken,)
    assert counterexample.states[0] in initial(planted.scope)
    state = counterexample.states[0]
    for action, after in zip(counterexample.actions, counterexample.states[1:], strict=True):
        assert action in enabled(state)
        state = step(state, action)
        assert state == after
    # Without the defect the same actions, as far as they are enabled, end elsewhere.
    monkeypatch.undo()
    state = counterexample.states[0]
    for action in counterexample.actions:
        state = step(state, action)
    assert state != counterexample.states[-1]
