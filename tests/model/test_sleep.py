"""Sleep sets beside the search without: the same states, deadlocks and violations, of the pool and of random machines."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations

import pytest

from acpool_model import (
    INVARIANTS,
    Action,
    Kind,
    Scope,
    State,
    Want,
    canonical,
    enabled,
    initial,
    step,
    transitions,
)
from acpool_model.composition import Composition, Edge, Move, Process, Values
from acpool_model.independence import independent, represent
from acpool_model.places import with_key
from acpool_model.sleep import Slept, explore_sleeping
from acpool_model.stubborn import Footprints


def _reached(scope: Scope) -> tuple[list[State], int]:
    """Every canonical state, and how many transitions lead from them."""
    found = list(dict.fromkeys(canonical(state) for state in initial(scope)))
    known, taken = set(found), 0
    for state in found:
        for action in enabled(state):
            taken += 1
            after = canonical(step(state, action))
            if after not in known:
                known.add(after)
                found.append(after)
    return found, taken


def _slept(scope: Scope, wrong: Callable[[State, Action, Action], bool] = independent) -> Slept[State]:
    return explore_sleeping(
        initial(scope), enabled, step, independent=wrong, represent=represent, invariants=INVARIANTS
    )


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", [Scope(1, 2, 1), Scope(2, 1, 1), Scope(2, 1, 2)], ids=str)
def test_the_pool_has_the_same_states(scope: Scope) -> None:
    found, taken = _reached(scope)
    part = _slept(scope)
    assert part.states == set(found)
    assert not part.violated
    # A reset or a caller may always come, so nothing stops.
    assert not part.stopped
    assert part.transitions <= taken
    assert scope.capacity == 1 or part.transitions < taken


@pytest.mark.no_cover
def test_independent_actions_of_the_pool_commute() -> None:
    """In every state of a scope, for every pair: each is enabled after the other, and the representative is the same."""
    pairs = 0
    for state in _reached(Scope(2, 1, 2))[0]:
        for one, other in combinations(enabled(state), 2):
            if independent(state, one, other):
                pairs += 1
                assert independent(state, other, one)
                first, second = step(state, one), step(state, other)
                assert other in enabled(first) and one in enabled(second)
                assert canonical(step(first, other)) == canonical(step(second, one))
    assert pairs > 1000


def test_what_is_independent_and_what_is_not() -> None:
    state = initial(Scope(2, 2, 2))[0]
    ask, opened, die = Action(Kind.ASK, 2, 2, Want.BOTH), Action(Kind.OPENED, 1), Action(Kind.DIE, 1)
    state = step(state, Action(Kind.ASK, 1, 1, Want.BOTH))
    assert independent(state, opened, ask) and independent(state, ask, opened)
    # One key, one client, or something that is about everything: the order matters, or may.
    assert not independent(state, opened, Action(Kind.FAIL, 1))
    assert not independent(state, Action(Kind.LEAVE, client=1), Action(Kind.ASK, 1, 2, Want.BOTH))
    assert not independent(state, opened, Action(Kind.SHUT))
    for action in (opened, Action(Kind.INITIALIZED, 1), Action(Kind.COMMIT, 1)):
        state = step(state, action)
    # A leased session that dies is no victim anyway; an idle one is the first to be.
    assert independent(state, die, ask)
    state = step(step(state, Action(Kind.BEGIN, client=1)), Action(Kind.RELEASE, client=1))
    assert not independent(state, die, ask)
    # Who asks may evict whoever is idle, and two who ask get in line one after the other.
    assert not independent(state, Action(Kind.ASK, 1, 1, Want.BOTH), ask)


@pytest.mark.no_cover
def test_independent_actions_of_two_clients_commute() -> None:
    chance = random.Random(3)
    state = initial(Scope(2, 2, 2))[3]
    pairs = 0
    for _ in range(400):
        actions = enabled(state)
        for one, other in combinations(actions, 2):
            if independent(state, one, other):
                pairs += 1
                first, second = step(state, one), step(state, other)
                assert canonical(step(first, other)) == canonical(step(second, one))
        going_on = [action for action in actions if action.kind != Kind.SHUT]
        state = step(state, chance.choice(going_on))
    assert pairs > 400


def _kept_though_given_up(state: State, at: int) -> State:
    return with_key(state, at, relic=state.keys[at - 1].dying_session or state.keys[at - 1].relic)


_commit = transitions.commit


def _told_of_nothing(state: State, at: int) -> State:
    return with_key(_commit(state, at), at, flag=0)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("function", "defect", "scope"),
    [("lose", _kept_though_given_up, Scope(1, 1, 1)), ("commit", _told_of_nothing, Scope(2, 1, 1))],
)
def test_a_defect_breaks_the_same_properties(
    monkeypatch: pytest.MonkeyPatch, function: str, defect: Callable[..., object], scope: Scope
) -> None:
    monkeypatch.setattr(transitions, function, defect)
    found, _ = _reached(scope)
    broken = {name for name, holds in INVARIANTS.items() for state in found if not holds(state)}
    part = _slept(scope)
    assert part.states == set(found)
    assert part.violated == broken
    assert broken


def test_with_actions_called_independent_that_are_not_states_are_missed() -> None:
    def anything(state: State, one: Action, other: Action) -> bool:
        return one.kind != other.kind

    assert len(_slept(Scope(1, 1, 1), anything).states) < len(_reached(Scope(1, 1, 1))[0])


def _random(chance: random.Random) -> Composition:
    """Three processes, each going round three places, over three variables; each edge with a footprint of its own."""
    names = ("x", "y", "z")

    def edge(at: int) -> Edge:
        reads = tuple(name for name in names if chance.random() < 0.3)
        writes = tuple(name for name in names if chance.random() < 0.3)
        blocked, written = chance.randrange(4), tuple(chance.randrange(2) for _ in writes)

        def effect(*values: int) -> Values | None:
            return None if sum(values) == blocked > 0 else written

        return Edge(at, f"e{at}", (at + 1) % 3, reads, writes, effect)

    processes = [Process(f"p{number}", tuple(edge(at) for at in range(3))) for number in range(3)]
    return Composition(processes, dict.fromkeys(names, (0, 1)))


def test_random_machines_have_the_same_states() -> None:
    chance = random.Random(8)
    saved = stopped = 0
    for _ in range(150):
        machine = _random(chance)
        footprints = Footprints(machine)
        found = list(machine.initial())
        known, taken, ends = set(found), 0, set[Values]()
        for state in found:
            moves = machine.enabled(state)
            taken += len(moves)
            if not moves:
                ends.add(state)
            for after in [machine.step(state, move) for move in moves]:
                if after not in known:
                    known.add(after)
                    found.append(after)

        def apart(state: Values, one: Move, other: Move, known: Footprints = footprints) -> bool:
            return known.independent(one, other)

        part = explore_sleeping(
            machine.initial(),
            machine.enabled,
            machine.step,
            independent=apart,
            represent=lambda state: (state, _as_it_is),
            invariants={},
        )
        assert part.states == known
        assert part.stopped == ends
        assert part.transitions <= taken
        saved += part.transitions < taken
        stopped += bool(ends)
    assert saved > 50 and stopped > 3


def _as_it_is(move: Move) -> Move:
    return move
