"""What sets each sampler apart: how even SURW is, what coverage keeps, whose turn it is in a portfolio."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from itertools import pairwise

import pytest

from acpool_spec import Budget, choose, explore
from acpool_spec.exploration.coverage import covered
from acpool_spec.exploration.order import VisitingOrder
from acpool_spec.exploration.strategies import hypothesis_driven
from acpool_spec.exploration.strategies.surw import SelectivelyUniform
from acpool_spec.oracles import Oracle, RandomOracle
from acpool_spec.simulation import simulate

SAMPLES = 2_000


def distance_from_uniform(oracle: Oracle, lengths: tuple[int, ...], orders: int) -> float:
    """Total variation between the orders that ``oracle`` makes of tasks of these lengths and the uniform distribution."""
    seen = Counter[str]()
    for _ in range(SAMPLES):
        log: list[str] = []

        async def walk(name: str, length: int, log: list[str] = log) -> None:
            for _ in range(length):
                log.append(name)
                await asyncio.sleep(0)

        async def scenario() -> None:
            tasks = [asyncio.create_task(walk(name, n)) for name, n in zip("abc", lengths, strict=False)]
            for task in tasks:
                await task

        assert simulate(scenario, oracle).passed
        seen["".join(log)] += 1
    assert len(seen) <= orders
    missing = (orders - len(seen)) / orders
    return (sum(abs(count / SAMPLES - 1 / orders) for count in seen.values()) + missing) / 2


@pytest.mark.no_cover
def test_surw_is_much_more_even_than_a_naive_walk() -> None:
    # One task of one step among the eight of another: 9 orders.
    naive = distance_from_uniform(RandomOracle(1), (1, 8), 9)
    even = distance_from_uniform(SelectivelyUniform(1), (1, 8), 9)
    assert even < naive / 2
    # Three tasks: 1! 2! 4! share 7! / (1! 2! 4!) = 105 orders.
    naive = distance_from_uniform(RandomOracle(1), (1, 2, 4), 105)
    even = distance_from_uniform(SelectivelyUniform(1), (1, 2, 4), 105)
    assert even < naive / 2


@pytest.mark.no_cover
def test_what_is_not_interesting_goes_at_any_time() -> None:
    """Two events of a, two of b, nine of c, the last ends of their sleeps included: with its weight, c begins in 9 runs of 13;
    where it is not interesting, it goes before the one that was drawn in every other."""

    def begins_with_c(oracle: Oracle) -> tuple[float, float]:
        seen = Counter[str]()
        for _ in range(SAMPLES // 2):
            log: list[str] = []

            async def walk(name: str, length: int, log: list[str] = log) -> None:
                for _ in range(length):
                    log.append(name)
                    await asyncio.sleep(0)

            async def scenario() -> None:
                lengths = {"a": 1, "b": 1, "c": 8}
                for task in [asyncio.create_task(walk(name, n), name=name) for name, n in lengths.items()]:
                    await task

            assert simulate(scenario, oracle).passed
            seen[log[0]] += 1
            seen["ab"] += log.index("a") < log.index("b")
        runs = SAMPLES // 2
        return seen["c"] / runs, seen["ab"] / runs

    all_weighed, _ = begins_with_c(SelectivelyUniform(1))
    selective, a_before_b = begins_with_c(SelectivelyUniform(1, interesting=lambda name: name in "ab"))
    assert all_weighed == pytest.approx(9 / 13, abs=0.05)
    assert selective == pytest.approx(0.5, abs=0.05)
    assert a_before_b == pytest.approx(0.5, abs=0.05)


def test_what_is_covered_guides_the_runs_that_follow() -> None:
    """A door behind a door, ten in a row: each opened one is new, and is kept."""

    async def doors() -> None:
        for number in range(10):
            if choose(range(8)) != 5:
                return
            covered(number)
        raise AssertionError("all doors are open")

    guided = explore(doors, strategy="coverage", budget=Budget(executions=20_000))
    assert guided.verdict == "violated"
    assert guided.certificate.features == 10
    # By chance it would take 8^10 runs, a thousand million.
    by_chance = explore(doors, strategy="random", budget=Budget(executions=2_000))
    assert by_chance.verdict == "undecided"


def test_nobody_listens_outside_the_strategy() -> None:
    covered("nothing")
    report = explore(_covers, strategy="exhaustive")
    assert report.certificate.features == 0


async def _covers() -> None:
    covered("something")


def test_a_portfolio_gives_half_of_its_runs_to_the_walk_and_the_rest_in_equal_shares() -> None:
    async def wide() -> None:
        for _ in range(12):
            choose("ab")

    report = explore(wide, strategy="portfolio", budget=Budget(executions=400))
    made = report.certificate.made_by
    assert report.verdict == "undecided"
    assert made["exhaustive"] == 200
    assert {made[name] for name in ("pct", "surw", "coverage", "random")} == {50}


def test_a_portfolio_that_finishes_its_walk_holds() -> None:
    async def narrow() -> None:
        choose("abc")

    report = explore(narrow, strategy="portfolio")
    assert report.verdict == "holds"
    assert report.certificate.made_by["exhaustive"] == 3


def test_the_seed_decides_the_order_of_a_walk_not_what_it_sees() -> None:
    def seen(seed: int) -> list[str]:
        found: list[str] = []

        async def scenario() -> None:
            found.append("".join(choose("ab") for _ in range(4)))

        assert explore(scenario, seed=seed).verdict == "holds"
        return list(dict.fromkeys(found))

    stock, shuffled, again = seen(0), seen(1), seen(1)
    assert sorted(stock) == sorted(shuffled)
    assert stock == sorted(stock)
    assert shuffled != stock
    assert shuffled == again
    assert all(one != other for one, other in pairwise(shuffled))


@pytest.mark.parametrize("seed", range(4))
def test_no_order_leaves_an_alternative_out_or_visits_it_twice(seed: int) -> None:
    order = VisitingOrder(seed)
    for count in [*range(2, 61)] * 3:
        visit = order.draw(count)
        assert sorted(visit.alternative(at, count) for at in range(count)) == [*range(count)]


async def _three_values() -> None:
    assert choose("abc")


def test_what_hypothesis_asks_the_machine_for_is_not_held_against_the_scenario() -> None:
    report = explore(_three_values, strategy="hypothesis", budget=Budget(executions=50), paranoid=True)
    assert report.executions >= 3
    assert "deterministic" not in report.why


def test_a_scenario_that_reads_a_clock_is_found_also_where_hypothesis_chooses() -> None:
    async def late() -> None:
        if choose("ab") == "a":
            time.monotonic()

    report = explore(late, strategy="hypothesis", budget=Budget(executions=50), paranoid=True)
    assert "the wall clock (time.monotonic), test_sampling.py" in report.why


@pytest.mark.no_cover
def test_runs_too_long_for_hypothesis_are_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks off a run of some thousand choices; without a bound it would try again and again."""
    monkeypatch.setattr(hypothesis_driven, "HOPELESS", 2)
    broken_off: list[None] = []

    def endless(oracle: Oracle) -> bool:
        while True:
            oracle.choose(2, "value")

    hypothesis_driven.under_hypothesis(endless, 0, 10, broken_off=lambda: broken_off.append(None))
    assert len(broken_off) == 2
