"""The model has no behaviour that the pool lacks: in the smallest scopes the real code takes every transition there is."""

from __future__ import annotations

import pytest
from tests.refinement.planted import keeps_the_id_through_a_reset

from acpool.core import Core
from acpool.records import Entry
from acpool_model import Kind, Scope
from acpool_spec.quiet import quiet
from acpool_spec.refinement.walks import Walked, walk


def walked(scope: Scope) -> Walked:
    with quiet():
        return walk(scope)


# States and transitions are those of the model's own exploration in these scopes, in tests/model/counts.txt.
@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("scope", "states", "transitions"),
    [
        (Scope(1, 1, 1), 178, 912),
        (Scope(2, 1, 1), 788, 4998),
        (Scope(1, 2, 1), 1026, 7526),
    ],
    ids=["one key, one client", "two keys, one client", "one key, two clients"],
)
def test_the_pool_takes_every_transition(scope: Scope, states: int, transitions: int) -> None:
    found = walked(scope)
    assert found.missed == {}
    assert (len(found.states), found.transitions) == (states, transitions)
    assert found.taken == {(at, action) for at, edges in enumerate(found.edges) for action in edges}
    assert not found.open


@pytest.mark.no_cover
def test_what_a_pool_lacks_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_to_cancel(core: Core, key: str) -> Entry | None:
        return None

    monkeypatch.setattr(Core, "cancel", nothing_to_cancel)
    found = walked(Scope(1, 1, 1))
    missed = {action.kind for _, action in found.missed}
    assert missed == {Kind.CANCEL}
    assert set(found.missed.values()) == {"the pool took no step"}
    assert not found.missed.keys() & found.taken


@pytest.mark.no_cover
def test_a_pool_that_leaves_the_model_on_the_way_is_shown_where(monkeypatch: pytest.MonkeyPatch) -> None:
    keeps_the_id_through_a_reset(monkeypatch, lambda: None)
    found = walked(Scope(1, 1, 1))
    assert found.missed
    assert {action.kind for _, action in found.missed} == {Kind.RESET}
    assert all("a is reset, and the pool is elsewhere than the model" in why for why in found.missed.values())
