"""Deadlocks, livelocks, bounds and packing, on machines small enough to see it; and that the pool comes to rest."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from acpool_model import (
    Account,
    Action,
    Dying,
    Kind,
    Packing,
    Progress,
    Scope,
    State,
    enabled,
    explore,
    initial,
    step,
)
from acpool_model.exhaust import exhaust, is_restless
from acpool_model.interned import interning


def _two_ways(state: str) -> Iterable[str]:
    """From a, to b or home; b and c lead to each other, and c home."""
    return {"a": ("b", "home"), "b": ("c",), "c": ("b", "home"), "home": ()}[state]


def _go(state: str, action: str) -> str:
    return action


def _away(state: str) -> bool:
    return state != "home"


def _any(action: str) -> bool:
    return True


def test_a_way_home_is_enough_where_going_round_is_allowed() -> None:
    possible = Progress("home", _away, _any)
    assert explore(["a"], _two_ways, _go, invariants={}, progress=possible).verdict == "holds"


def test_going_round_for_ever_is_a_livelock() -> None:
    inevitable = Progress("home", _away, _any, livelock="round")
    found = explore(["a"], _two_ways, _go, invariants={}, progress=inevitable)
    assert found.counterexample is not None
    # From a the helping steps can go on for ever: it is the nearest such state, and the cycle is further on.
    assert (found.counterexample.violated, found.counterexample.states) == (("round",), ("a",))


def test_what_does_not_help_makes_no_livelock() -> None:
    inevitable = Progress[str, str]("home", _away, lambda action: action != "b", livelock="round")
    assert explore(["a"], _two_ways, _go, invariants={}, progress=inevitable).verdict == "holds"


def test_a_round_that_passes_home_is_none() -> None:
    def again(state: str) -> Iterable[str]:
        return {"out": ("home",), "home": ("out",)}[state]

    inevitable = Progress("home", _away, _any, livelock="round")
    assert explore(["out"], again, _go, invariants={}, progress=inevitable).verdict == "holds"


def test_a_step_in_place_is_a_livelock() -> None:
    inevitable = Progress("home", _away, _any, livelock="round")
    found = explore(
        ["a"], lambda s: ("a", "home") if s == "a" else (), _go, invariants={}, progress=inevitable
    )
    assert found.counterexample is not None
    assert found.counterexample.violated == ("round",)


def test_nowhere_to_go_is_a_deadlock_where_it_is_asked_for() -> None:
    found = explore(["a"], _two_ways, _go, invariants={}, deadlock="stops")
    assert found.counterexample is not None
    assert (found.counterexample.violated, found.counterexample.actions) == (("stops",), ("home",))
    assert explore(["a"], _two_ways, _go, invariants={}).verdict == "holds"


def test_whoever_watches_can_end_it_and_names_the_bound() -> None:
    seen: list[Account] = []

    def patient(account: Account) -> str | None:
        seen.append(account)
        return "patience" if len(seen) == 3 else None

    found = explore([0], lambda s: (1, 2), lambda s, a: (s + a) % 100, invariants={}, watch=patient, every=10)
    assert (found.verdict, found.bound, found.states) == ("undecided", "patience", seen[-1].states)
    # Ten and twenty states are expanded by then, each of which has two transitions.
    assert [account.transitions for account in seen] == [0, 20, 40]
    assert all(account.states - account.frontier == 10 * at for at, account in enumerate(seen))


@pytest.mark.parametrize("packed", [False, True])
def test_a_counterexample_is_unpacked(packed: bool) -> None:
    packing = Packing[int](str, int) if packed else None
    found = explore(
        [0],
        lambda s: (1, 2),
        lambda s, a: (s + a) % 9,
        invariants={"not 7": lambda s: s != 7},
        packing=packing,
    )
    assert found.counterexample is not None
    assert found.counterexample.states == (0, 1, 3, 5, 7)


def test_interned_states_come_back_and_are_small() -> None:
    packing = interning(2, 2)
    states: list[State] = list(initial(Scope(2, 2, 1)))
    for state in states[:300]:
        states.extend(step(state, action) for action in enabled(state))
    packed = {packing.pack(state) for state in states}
    assert len(packed) == len(set(states))
    assert [packing.unpack(packing.pack(state)) for state in states] == states
    # Six plain numbers, two keys and two clients of 4 bytes each.
    assert {len(one) for one in packed if isinstance(one, bytes)} == {40}


def test_the_pool_is_restless_until_nobody_waits_and_nothing_moves() -> None:
    state = initial(Scope(1, 1, 1))[0]
    assert not is_restless(state)
    for action in (Action(Kind.ASK, 1, 1, 1), Action(Kind.OPENED, 1), Action(Kind.INITIALIZED, 1)):
        state = step(state, action)
        assert is_restless(state)
    assert not is_restless(step(state, Action(Kind.COMMIT, 1)))


def test_a_pool_whose_processes_never_close_does_not_come_to_rest() -> None:
    def no_end(state: State) -> list[Action]:
        return [a for a in enabled(state) if a.kind not in (Kind.CLOSED, Kind.GIVE_UP)]

    found = exhaust(Scope(1, 1, 1), possible=no_end, properties=["L3"])
    assert found.counterexample is not None
    assert found.counterexample.violated == ("L3",)
    assert found.counterexample.states[-1].keys[0].dying == Dying.CLOSING
