"""The Hypothesis machine: it finds a planted defect, shrinks it to a schedule that replays, and depends on its seed alone."""

from __future__ import annotations

import pytest

from acpool.contract import Connector
from acpool_spec.machine import run_machine
from acpool_spec.making import FactoryFailed
from acpool_spec.minimise import attempt
from acpool_spec.schedule import broken, run_schedule, schedule_of
from acpool_spec.targets import Target, load_target
from acpool_spec.world import PoolUnderTest, World

UNLOCKED = "acpool_spec.pools.unlocked_start:factory"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(UNLOCKED)


@pytest.mark.no_cover
def test_it_finds_a_planted_defect_whose_schedule_replays(target: Target) -> None:
    failure = run_machine(target, seed_=1, examples=60)
    assert failure is not None
    schedule = schedule_of(target, failure)
    assert len(schedule.decisions) <= 30
    violation = broken(run_schedule(schedule, target), schedule)
    assert violation is not None
    assert violation.property == failure.violation.property
    assert attempt(target.factory, failure.scope, failure.decisions, violation.property) is not None


@pytest.mark.no_cover
def test_the_seed_decides_everything(target: Target) -> None:
    first = run_machine(target, seed_=1, examples=60, shrinks=20)
    assert first is not None
    assert run_machine(target, seed_=1, examples=60, shrinks=20) == first


@pytest.mark.no_cover
def test_shrinking_makes_it_no_larger_and_is_bounded(target: Target) -> None:
    few = run_machine(target, seed_=1, examples=60, shrinks=0)
    many = run_machine(target, seed_=1, examples=60, shrinks=60)
    assert few is not None
    assert many is not None
    assert len(many.decisions) <= len(few.decisions)


def test_on_a_good_pool_it_runs_its_examples_and_finds_nothing() -> None:
    worlds: list[World] = []
    ours = load_target("acpool_spec.reference:patient")
    assert run_machine(ours, seed_=2, examples=15, on_run=worlds.append) is None
    assert len(worlds) >= 15
    assert all(world.judgement.violations == {} for world in worlds)
    assert {world.scope.mode for world in worlds} == {"fifo", "reordered"}
    assert all(world.scope.reclaims for world in worlds)
    verbs = {decision.split(" ")[0] for world in worlds for decision in world.decisions}
    assert verbs >= {"start", "turn", "step", "answer", "cancel"}


def test_a_factory_that_fails_is_told_as_such() -> None:
    def broken_factory(connector: Connector, *, max_sessions: int) -> PoolUnderTest:
        raise LookupError("not today")

    with pytest.raises(FactoryFailed, match="LookupError: not today"):
        run_machine(Target("here:broken", broken_factory, reclaims=False), seed_=0, examples=5)
