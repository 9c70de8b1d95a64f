"""Identifying states that behave alike loses nothing: the same canonical states are found with and without it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from acpool_model import INVARIANTS, Action, Kind, Scope, State, canonical, enabled, initial, step


def _layers(scope: Scope, depth: int, *, reduce: bool) -> list[set[State]]:
    """The canonical states at each distance up to ``depth``, found with representatives only or with every single state."""
    layer = list(initial(scope))
    layers: list[set[State]] = []
    for _ in range(depth):
        layers.append({canonical(state) for state in layer})
        layer = sorted(layers[-1]) if reduce else layer
        layer = sorted({step(state, action) for state in layer for action in enabled(state)})
    return layers


@pytest.mark.parametrize(
    ("scope", "depth"), [(Scope(1, 2, 1), 6), (Scope(2, 2, 1), 4), (Scope(2, 2, 2, 0), 4)]
)
@pytest.mark.no_cover
def test_the_same_canonical_states_are_found_without_it(scope: Scope, depth: int) -> None:
    assert _layers(scope, depth, reduce=True) == _layers(scope, depth, reduce=False)


def test_a_representative_represents_itself() -> None:
    for layer in _layers(Scope(2, 2, 1), 5, reduce=True):
        for state in layer:
            assert canonical(state) == state


def test_keys_and_clients_may_change_places() -> None:
    one, *_, both = initial(Scope(2, 2, 1))
    left = step(one, Action(Kind.ASK, 1, 1, 3))
    right = step(one, Action(Kind.ASK, 2, 2, 3))
    assert left != right
    assert canonical(left) == canonical(right)
    assert canonical(one) != canonical(both)


def test_what_can_matter_is_kept() -> None:
    start = initial(Scope(1, 2, 1))[0]
    for want in (1, 2):
        asked = step(step(start, Action(Kind.ASK, 1, 1, 3)), Action(Kind.ASK, 1, 2, want))
        first = step(step(start, Action(Kind.ASK, 1, 1, 3)), Action(Kind.ASK, 1, 2, 3))
        assert canonical(asked) != canonical(first)


#: How often an action is considered: starts should come to something, and a shutdown ends all that is interesting.
_LIKELY = {
    **dict.fromkeys((Kind.OPENED, Kind.INITIALIZED, Kind.COMMIT, Kind.BEGIN, Kind.RELEASE, Kind.CLOSED), 1.0),
    **dict.fromkeys((Kind.LEAVE, Kind.FAIL, Kind.DIE, Kind.GIVE_UP, Kind.STOPPED), 0.1),
    **dict.fromkeys((Kind.EXPIRE, Kind.RECLAIM, Kind.RESET, Kind.CANCEL), 0.05),
    Kind.SHUT: 0.01,
}


def _wandered(scope: Scope, seed: int, walks: int, steps: int) -> Iterator[State]:
    """States as they are, ticks and ids grown large, at every step of random walks."""
    chance = random.Random(seed)
    for _ in range(walks):
        state = chance.choice(initial(scope))
        for _ in range(steps):
            yield state
            actions = [action for action in enabled(state) if chance.random() < _LIKELY.get(action.kind, 0.2)]
            state = step(state, chance.choice(actions or enabled(state)))


def _leads_to(state: State, same: Callable[[State], State]) -> Counter[tuple[int, int, State]]:
    return Counter((action.kind, action.arg, same(step(state, action))) for action in enabled(state))


def _different(scope: Scope, same: Callable[[State], State], walks: int = 8) -> list[State]:
    """The states met that have other steps than their representative, or to states with other representatives."""
    return [
        state
        for state in _wandered(scope, 5, walks, 50)
        if _leads_to(state, same) != _leads_to(same(state), same)
    ]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "scope", [Scope(1, 3, 1), Scope(2, 2, 1, 0), Scope(3, 2, 2), Scope(3, 3, 1)], ids=str
)
def test_a_state_and_its_representative_have_the_same_steps(scope: Scope) -> None:
    """They are bisimilar: step for step of the same kind, to states with the same representatives."""
    assert not _different(scope, canonical)


@pytest.mark.no_cover
def test_states_that_do_not_behave_alike_would_be_noticed() -> None:
    def unused(state: State) -> State:
        # Forgets which idle session was used before which, and with it whom an eviction takes.
        return canonical(state._replace(keys=tuple(key._replace(used=0) for key in state.keys)))

    def in_no_order(state: State) -> State:
        clients = tuple(client._replace(arrival=0) for client in state.clients)
        return canonical(state._replace(clients=clients))

    assert _different(Scope(3, 2, 2), unused)
    assert _different(Scope(1, 3, 1), in_no_order)


@pytest.mark.no_cover
def test_what_holds_of_a_representative_holds_of_the_state() -> None:
    for state in _wandered(Scope(3, 3, 2), 6, 10, 60):
        assert all(holds(state) and holds(canonical(state)) for holds in INVARIANTS.values())


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", [Scope(2, 2, 1), Scope(3, 3, 2)], ids=str)
def test_names_of_keys_and_clients_do_not_matter(scope: Scope) -> None:
    """Renamed at random, a state has the representative that it had, but where several keys cannot be told apart."""
    chance = random.Random(9)
    apart = met = 0
    for state in _wandered(scope, 7, 8, 50):
        met += 1
        apart += canonical(_renamed(state, chance)) != canonical(state)
    # Keys that look alike but for whom they refer to may be put in either order: two representatives where one would do.
    assert apart <= met // 50


def _renamed(state: State, chance: random.Random) -> State:
    """The same state with other numbers for keys, clients and session ids."""
    keys, clients = list(range(len(state.keys))), list(range(len(state.clients)))
    chance.shuffle(keys)
    chance.shuffle(clients)
    key_of = [0, *[keys.index(at) + 1 for at in range(len(keys))]]
    client_of = [0, *[clients.index(at) + 1 for at in range(len(clients))]]
    sessions = list(range(1, state.fresh + 1))
    chance.shuffle(sessions)
    session_of = [0, *sessions]
    return state._replace(
        keys=tuple(
            state.keys[at]._replace(
                source=key_of[state.keys[at].source],
                holder=client_of[state.keys[at].holder],
                session=session_of[state.keys[at].session],
                kept=session_of[state.keys[at].kept],
                dying_session=session_of[state.keys[at].dying_session],
                established=session_of[state.keys[at].established],
                relic=session_of[state.keys[at].relic],
            )
            for at in keys
        ),
        clients=tuple(state.clients[at]._replace(key=key_of[state.clients[at].key]) for at in clients),
    )
