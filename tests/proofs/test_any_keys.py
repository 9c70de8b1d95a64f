"""What is proved of any number of keys is about the steps of the model, and defects in it are not proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from acpool_model import Scope, initial, machine, transitions
from acpool_model.actions import Action, Kind
from acpool_model.canonical import canonical
from acpool_model.state import Client, Key, Stage, is_live
from acpool_spec.proofs.any_keys import capacity, claims, guards, queues, step_claims, step_parts, steps
from acpool_spec.proofs.any_keys.changes import with_key
from acpool_spec.proofs.any_keys.obligations import differences, encoded, of_any_number, prove_any
from acpool_spec.proofs.any_keys.view import View, few
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
        assert step_claims.nothing_left_to_give(view)
        for action in machine.enabled(state):
            *_, after = parts = list(within(state, action))
            assert all(step_claims.of_the_step(view, action, few(after)).values()), action
            assert all(step_claims.steady(view, few(parts[0])).values()), action
            assert all(step_claims.given(few(parts[0]), few(after)).values()), action
            if (action.kind, action.arg) in known:
                assert guards.can(view, action)
                assert all(differences(steps.EFFECTS[action.kind](view, action), parts[0]).values()), action
            for part in parts:
                told, served = few(part), capacity.serve_one(few(part))
                assert all(differences(served, transitions.serve_one(part)).values())
                if served.now == told.now:
                    assert step_claims.nothing_to_give(told)
                else:
                    assert step_claims.lowers_ungiven(told, served)
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


def forgotten(key: Key, began: Any) -> Key:
    return _taken_out(key, began)._replace(kept=0)


def at_once(key: Key, began: Any) -> Key:
    return _taken_out(key, began)._replace(dying_since=1)


def untold(view: View, among: Callable[[Any], Any], changed: Callable[[Client], Client]) -> View:
    return view


_take_out = step_parts.take_out
_taken_out = step_parts.taken_out


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("module", "function", "defect", "name"),
    [
        (capacity, "has_slot", always, "any-serve"),
        (capacity, "victim", busy, "any-serve"),
        (steps, "take_out", twice, "any-expire"),
        (steps, "taken_out", forgotten, "any-shut"),
        (steps, "taken_out", at_once, "any-shut"),
        (steps, "with_clients", untold, "any-revoke"),
    ],
)
def test_a_defect_is_not_proved(
    monkeypatch: pytest.MonkeyPatch, module: Any, function: str, defect: Callable[..., Any], name: str
) -> None:
    assert prove_any(of_any_number()[name], 5).outcome is Outcome.HOLDS
    monkeypatch.setattr(module, function, defect)
    assert prove_any(of_any_number()[name], 1).outcome is not Outcome.HOLDS


def most_recent(view: View) -> Any:
    return view.domain.first_key(
        lambda at: view.key(at).stage == Stage.IDLE,
        lambda one, other: view.key(one).used > view.key(other).used,
    )


def whatever_lives(view: View, action: Action) -> Any:
    return is_live(view.key(action.key)) if action.kind == Kind.EXPIRE else _can(view, action)


def the_last(view: View, at: Any) -> Any:
    return view.domain.first_client(
        lambda number: queues.waits(view, number, at),
        lambda one, other: view.client(one).arrival > view.client(other).arrival,
    )


def same_stage(old: Key, new: Key) -> Any:
    return old.stage == new.stage


def nothing_steady(before: View, after: View) -> dict[str, Any]:
    return {}


def still_queued(view: View, at: Any, source: Any) -> View:
    return with_key(view, at, stage=Stage.QUEUED)


def nobody_s(view: View, at: Any) -> int:
    return 0


_can = guards.can


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("module", "function", "defect", "name", "claim"),
    [
        (guards, "can", whatever_lives, "any-expire", "S4 of the step"),
        (step_claims, "nothing_to_give", always, "any-exhaust", "S8 of the step"),
        (capacity, "victim", most_recent, "any-serve", "S9 of the step"),
        (step_parts, "first_waiter", the_last, "any-release", "L4 of the step"),
        (capacity, "promise", still_queued, "any-serve", "rounds end"),
        (capacity, "source_for", nobody_s, "any-serve", "nothing is left where nothing is given"),
        (step_claims, "same_use", same_stage, "any-rounds", "victims are fair"),
        (step_claims, "steady", nothing_steady, "any-step", "S9 of the step"),
    ],
)
def test_a_defect_in_what_a_property_of_steps_rests_on_is_not_proved(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    function: str,
    defect: Callable[..., Any],
    name: str,
    claim: str,
) -> None:
    obligation = of_any_number()[name]

    def alone(view: View) -> tuple[list[Any], dict[str, Any]]:
        known, claimed = obligation.pose(view)
        return known, {claim: claimed[claim]}

    # Of that claim alone, so that it is not another one that notices.
    one = replace(obligation, pose=alone)
    assert prove_any(one, 5).outcome is Outcome.HOLDS
    monkeypatch.setattr(module, function, defect)
    assert prove_any(one, 1).outcome is not Outcome.HOLDS
