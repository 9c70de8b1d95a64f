"""Minimising: the same property still breaks, nothing can be left out, and stock asyncio's order is preferred."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acpool_spec.batch import run_batch
from acpool_spec.minimise import Failure, Minimiser, attempt
from acpool_spec.targets import Target, load_target
from acpool_spec.world import Scope

UNLOCKED = "acpool_spec.pools.unlocked_start:factory"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(UNLOCKED)


@pytest.fixture(scope="module")
def found() -> list[Failure]:
    """A failure of each of four properties, as they were sampled."""
    first: dict[str, Failure] = {}
    for number in range(12):
        for known, failed in run_batch(UNLOCKED, 0, [number]).found.items():
            first.setdefault(known, failed.failure)
    return [failure for known, failure in first.items() if known in ("S1", "S2", "S10", "L1")]


@pytest.fixture(scope="module")
def smallest(found: list[Failure], target: Target) -> list[Failure]:
    """What the minimiser makes of each."""
    return [Minimiser(target.factory, failure).minimise() for failure in found]


def test_there_is_something_to_minimise(found: list[Failure]) -> None:
    assert {failure.violation.property for failure in found} == {"S1", "S2", "S10", "L1"}
    assert max(len(failure.decisions) for failure in found) > 20


def test_the_smallest_failure_breaks_the_same_property_and_is_no_larger(
    found: list[Failure], smallest: list[Failure], target: Target
) -> None:
    for failure, best in zip(found, smallest, strict=True):
        assert best.violation.property == failure.violation.property
        assert len(best.decisions) <= len(failure.decisions)
        assert best.scope.clients <= failure.scope.clients
        assert set(best.scope.keys) <= set(failure.scope.keys)
        assert attempt(target.factory, best.scope, best.decisions, best.violation.property) == best


def test_leaving_out_any_one_decision_gives_nothing_smaller(smallest: list[Failure], target: Target) -> None:
    for best in smallest:
        for number in range(len(best.decisions)):
            fewer = best.decisions[:number] + best.decisions[number + 1 :]
            other = attempt(target.factory, best.scope, fewer, best.violation.property)
            assert other is None or len(other.decisions) >= len(best.decisions)


def test_a_failure_that_stock_asyncio_has_too_is_told_as_such(target: Target) -> None:
    """Two starts of one key, the younger stepping first: in stock order both processes run at once as well."""
    starts = ("start 0 get_or_create a 0", "start 1 get_or_create a 0")
    steps = ("step client-1", "step client-0", "answer c1.open ok", "answer c2.open ok")
    scope = Scope(mode="reordered", clients=2, keys=("a",), max_sessions=2)
    failure = attempt(target.factory, scope, starts + steps, "S2")
    assert failure is not None
    assert failure.scope.mode == "reordered"
    assert Minimiser(target.factory, failure).minimise().scope.mode == "fifo"


def test_decisions_that_cannot_be_made_are_left_out(found: list[Failure], target: Target) -> None:
    failure = next(f for f in found if f.violation.property == "S2")
    padded = [word for decision in failure.decisions for word in (decision, "die c99", "nonsense")]
    again = attempt(target.factory, failure.scope, padded, "S2")
    assert again is not None
    assert "nonsense" not in again.decisions
    assert again.violation.property == "S2"


def test_what_breaks_nothing_is_no_failure(target: Target, found: list[Failure]) -> None:
    assert attempt(target.factory, found[0].scope, (), "S2") is None


def test_the_budget_bounds_the_runs(target: Target, found: list[Failure]) -> None:
    longest = max(found, key=lambda failure: len(failure.decisions))
    minimiser = Minimiser(target.factory, longest, budget=5)
    best = minimiser.minimise()
    assert best is minimiser.best
    assert minimiser.executions <= 5 + 2, "the two ways to weaken the mode are tried in any case"
    assert len(best.decisions) <= len(longest.decisions)


def test_the_scope_shrinks_with_the_decisions(target: Target, found: list[Failure]) -> None:
    failure = min(found, key=lambda failure: len(failure.decisions))
    roomy = replace(failure, scope=replace(failure.scope, clients=9, keys=(*failure.scope.keys, "y", "z")))
    best = Minimiser(target.factory, roomy).minimise()
    assert best.scope.clients <= 4
    assert "z" not in best.scope.keys
