"""Identifying states that behave alike loses nothing: the same canonical states are found with and without it."""

from __future__ import annotations

import pytest

from acpool_model import Action, Kind, Scope, State, canonical, enabled, initial, step


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
