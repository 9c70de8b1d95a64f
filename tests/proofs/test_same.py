"""The encoding for any number of keys does what the model does: that is proved, and of one that does not it is refuted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_model.actions import Action, Kind
from acpool_model.state import Answer, Client, Key, Stage
from acpool_spec.proofs.any_keys import capacity, claims, guards, queues, step_claims, step_parts, steps
from acpool_spec.proofs.any_keys.changes import with_clients, with_key
from acpool_spec.proofs.any_keys.sameness import same
from acpool_spec.proofs.any_keys.terms import no
from acpool_spec.proofs.any_keys.view import View
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.solver import prove, refutes
from acpool_spec.verdict import Outcome

# The functions as they are, before any test replaces one.
_can = guards.can
_conjuncts = claims.conjuncts
_of_the_step = step_claims.of_the_step
_rest = step_parts.rest
_taken_out = step_parts.taken_out
_vacate = step_parts.vacate
_with_clients = with_clients


def always(view: View) -> Any:
    return view.capacity == view.capacity


def the_last(view: View, at: Any) -> Any:
    return view.domain.first_client(
        lambda number: queues.waits(view, number, at),
        lambda one, other: view.client(one).arrival > view.client(other).arrival,
    )


def forgets_the_id(view: View, at: Any) -> View:
    return with_key(_vacate(view, at), at, kept=0)


def idle_and_used(view: View, at: Any) -> View:
    return with_key(_rest(view, at), at, used=view.now)


def a_tick_early(key: Key, began: Any) -> Key:
    return _taken_out(key, began - 1)


def revoked_and_told(view: View, among: Callable[[Any], Any], changed: Callable[[Client], Client]) -> View:
    return _with_clients(view, among, lambda _: Client(answer=Answer.CLOSED))


def whatever_is_idle(view: View, action: Action) -> Any:
    if action.kind == Kind.EXPIRE:
        return view.key(action.key).stage == Stage.IDLE
    return _can(view, action)


def also_closed(view: View) -> dict[str, Any]:
    return _conjuncts(view) | {"closed": view.open == 0}


def without_s2(view: View) -> dict[str, Any]:
    return {name: claim for name, claim in _conjuncts(view).items() if name != "S2"}


def some_key_has_less(before: View, after: View) -> Any:
    def is_given(at: Any) -> Any:
        return (before.key(at).stage == Stage.QUEUED) & (after.key(at).stage != Stage.QUEUED)

    return no(before.domain.all_keys(lambda at: no(is_given(at))))


def without_s8(before: View, action: Action, after: View) -> dict[str, Any]:
    return {name: claim for name, claim in _of_the_step(before, action, after).items() if name != "S8"}


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("module", "function", "defect", "name", "size"),
    [
        (capacity, "has_slot", always, "same-serve", Size(2, 1)),
        (step_parts, "first_waiter", the_last, "same-commit", Size(1, 2)),
        (step_parts, "vacate", forgets_the_id, "same-fail", Size(1, 1)),
        (steps, "rest", idle_and_used, "same-release", Size(1, 1)),
        (steps, "taken_out", a_tick_early, "same-shut", Size(1, 1)),
        (steps, "with_clients", revoked_and_told, "same-revoke", Size(1, 1)),
        (guards, "can", whatever_is_idle, "same-expire", Size(2, 1)),
        (claims, "conjuncts", also_closed, "same-invariant", Size(1, 1)),
        (step_claims, "of_the_step", without_s8, "same-steps", Size(1, 1)),
        (step_claims, "nothing_left_to_give", always, "same-nothing-left", Size(1, 1)),
        (step_claims, "lowers_ungiven", some_key_has_less, "same-ungiven", Size(2, 1)),
        (claims, "conjuncts", without_s2, "same-claims", Size(1, 1)),
    ],
)
def test_a_defect_in_the_encoding_is_refuted(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    function: str,
    defect: Callable[..., Any],
    name: str,
    size: Size,
) -> None:
    monkeypatch.setattr(module, function, defect)
    obligation = same()[name]
    finding = prove(obligation, size, 60)
    assert finding.outcome is Outcome.VIOLATED, finding
    assert obligation.broken(*finding.states)
    # Without the defect that state is no refutation.
    monkeypatch.undo()
    assert not refutes(same()[name], finding.states)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["same-die", "same-invariant", "same-claims"])
def test_the_encoding_as_it_is_does_the_same(name: str) -> None:
    finding = prove(same()[name], Size(1, 1), 60)
    assert finding.outcome is Outcome.HOLDS, finding
