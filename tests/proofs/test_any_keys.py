"""What is proved of any number of keys is about the steps of the model, and defects in it are not proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_model import Scope, initial, machine, transitions
from acpool_model.canonical import canonical
from acpool_model.state import is_live
from acpool_spec.proofs.any_keys import claims, steps
from acpool_spec.proofs.any_keys.obligations import differences, encoded, of_any_number, prove_any
from acpool_spec.proofs.any_keys.view import View, few, with_key
from acpool_spec.proofs.witnesses import within
from acpool_spec.verdict import Outcome


@pytest.mark.no_cover
@pytest.mark.parametrize(("scope", "states"), [(Scope(3, 1, 1), 2092), (Scope(1, 2, 1), 1026)])
def test_in_every_state_of_a_small_scope_the_steps_are_those_of_the_model(scope: Scope, states: int) -> None:
    # Of the states that behave alike, which differ in ticks, ids and numbers, the first that is met is looked at.
    known = {(action.kind, action.arg) for action in encoded()}
    left = list(initial(scope))
    seen = set(map(canonical, left))
    while left:
        state = left.pop()
        view = few(state)
        assert all(claims.conjuncts(view).values()) and claims.of_sums(view)
        for action in machine.enabled(state):
            *_, after = parts = list(within(state, action))
            if (action.kind, action.arg) in known:
                assert steps.can(view, action)
                assert all(differences(steps.EFFECTS[action.kind](view, action), parts[0]).values()), action
            for part in parts:
                assert all(differences(steps.serve_one(few(part)), transitions.serve_one(part)).values())
            if canonical(after) not in seen:
                seen.add(canonical(after))
                left.append(after)
    assert len(seen) == states  # as in tests/model/counts.txt


def always(view: View) -> Any:
    return view.capacity == view.capacity


def busy(view: View) -> Any:
    return view.domain.first_key(
        lambda at: is_live(view.key(at)), lambda one, other: view.key(one).used < view.key(other).used
    )


def twice(view: View, at: Any, *, keep: bool = True) -> View:
    return with_key(_take_out(view, at, keep=keep), at, session=view.key(at).session)


_take_out = steps.take_out


@pytest.mark.parametrize(
    ("function", "defect", "name"),
    [("has_slot", always, "any-serve"), ("victim", busy, "any-serve"), ("take_out", twice, "any-expire")],
)
def test_a_defect_is_not_proved(
    monkeypatch: pytest.MonkeyPatch, function: str, defect: Callable[..., Any], name: str
) -> None:
    assert prove_any(of_any_number()[name], 5).outcome is Outcome.HOLDS
    monkeypatch.setattr(steps, function, defect)
    assert prove_any(of_any_number()[name], 1).outcome is not Outcome.HOLDS
