"""The classic bugs of session pools: found by the default strategy within a few executions, absent from the repaired toys."""

from __future__ import annotations

import statistics

import pytest
from tests.exploration.toys import HAND_OFF, TOYS, Toy

from acpool_spec import Budget, explore
from acpool_spec.exploration.strategies import strategy_names

NAMES = [toy.name for toy in TOYS]


@pytest.mark.parametrize("toy", TOYS, ids=NAMES)
def test_the_default_strategy_finds_it_within_ten_executions(toy: Toy) -> None:
    reports = [explore(toy.wrong, cancellations=toy.cancellations, seed=seed) for seed in range(11)]
    assert {str(report.verdict) for report in reports} == {"violated"}
    assert statistics.median(report.executions for report in reports) <= 10


@pytest.mark.parametrize("seed", range(3))
def test_the_cancelled_hand_off_is_found_by_the_exhaustive_strategy(seed: int) -> None:
    report = explore(HAND_OFF.wrong, cancellations=HAND_OFF.cancellations, seed=seed)
    assert report.verdict == "violated"
    # Lost: nobody can have it any more, or somebody waits for it for ever.
    assert ("the permit is lost" in report.why) or ("nothing is left that could happen" in report.why)
    assert report.schedule is not None
    assert report.schedule.mode == "fifo"


@pytest.mark.parametrize("toy", [*TOYS, HAND_OFF], ids=[*NAMES, HAND_OFF.name])
def test_the_repaired_toy_holds_whatever_the_order_of_the_walk(toy: Toy) -> None:
    reports = [explore(toy.right, cancellations=toy.cancellations, seed=seed) for seed in (0, 1)]
    assert [str(report.verdict) for report in reports] == ["holds", "holds"]
    assert reports[0].states == reports[1].states


@pytest.mark.parametrize("strategy", strategy_names())
def test_every_strategy_finds_the_hand_off(strategy: str) -> None:
    report = explore(
        HAND_OFF.wrong,
        strategy=strategy,
        cancellations=HAND_OFF.cancellations,
        budget=Budget(executions=2_000),
    )
    assert report.verdict == "violated"
    assert report.certificate.found_by in strategy_names()
    assert sum(report.certificate.made_by.values()) == report.executions
