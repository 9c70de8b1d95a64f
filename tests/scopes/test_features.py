"""What steers the strategy ``coverage`` in a scope: the transitions of the model that the pool has taken."""

from __future__ import annotations

import pytest

from acpool_model import Action, Kind
from acpool_spec import reference
from acpool_spec.exploration import Certificate, explore
from acpool_spec.exploration.coverage import somebody_listens
from acpool_spec.exploration.strategies.coverage_guided import CoverageGuided
from acpool_spec.quiet import quiet
from acpool_spec.refinement.transition import Transition
from acpool_spec.scopes import PoolScope, cancellable, scenario_of
from acpool_spec.scopes import features as module
from acpool_spec.verdict import Budget

SCOPE = PoolScope.parse("session:a,session:b,shutdown@1.fifo.f1.c1")


class Unsteered(CoverageGuided):
    """Hears as much, and makes nothing of it: each run is a random one."""

    def _mutated(self) -> list[int | None]:
        return []


def sampled(kind: type[CoverageGuided], seed: int, executions: int) -> CoverageGuided:
    oracle = kind(seed, Certificate(exhaustive=False))
    with quiet():
        explore(
            scenario_of(SCOPE, reference.explored),
            strategy=oracle,
            cancellations=SCOPE.cancellations,
            cancellable=cancellable,
            budget=Budget(executions=executions),
        )
    return oracle


@pytest.mark.no_cover
def test_the_models_transitions_lead_to_more_of_them() -> None:
    """Pairs of transitions that followed each other, in as many runs; the same seeds are the same runs everywhere."""
    guided, random = (
        sum(sampled(kind, seed, 250).pairs for seed in range(2)) for kind in (CoverageGuided, Unsteered)
    )
    assert guided > 1.3 * random > 0


def test_what_is_heard_are_the_models_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Transition] = []
    feature_of = module.feature_of

    def note(transition: Transition) -> tuple[object, ...]:
        heard.append(transition)
        return feature_of(transition)

    monkeypatch.setattr(module, "feature_of", note)
    oracle = sampled(CoverageGuided, 0, 40)
    assert {Kind.ASK, Kind.OPENED, Kind.LEAVE} <= {transition.action.kind for transition in heard}
    assert oracle.features == len({feature_of(transition) for transition in heard}) > 5


def test_where_nobody_listens_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(transition: Transition) -> tuple[object, ...]:
        raise AssertionError(transition)

    monkeypatch.setattr(module, "feature_of", never)
    assert not somebody_listens()
    small = PoolScope.parse("get_or_create:a,reset:a@1.fifo.f0.c0")
    with quiet():
        report = explore(scenario_of(small, reference.explored), cancellable=cancellable)
    assert report.verdict == "holds"


def test_a_feature_is_what_changes_and_not_where() -> None:
    heard: list[Transition] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_tell", heard.append)
        patch.setattr(module, "somebody_listens", lambda: True)
        sampled(CoverageGuided, 0, 10)
    asks = [each for each in heard if each.action.kind == Kind.ASK]
    for each in asks:
        idle = each._replace(action=Action(each.action.kind, key=7, client=7))
        assert module.feature_of(idle) == module.feature_of(each)
        other = each._replace(action=Action(Kind.LEAVE))
        assert module.feature_of(other) != module.feature_of(each)
        assert module.feature_of(each._replace(after=each.before))[1:] == ((), ())
