"""The estimate of what a walk has left: without bias on trees of known size, and honest about what it does not know."""

from __future__ import annotations

import asyncio
import math
import statistics

import pytest

from acpool_spec import Budget, choose, explore
from acpool_spec.exploration import Estimate

THREE_TASKS = (
    math.factorial(12) // math.factorial(4) ** 3
)  # 34,650: three tasks of four steps each, in any order


async def three_tasks() -> None:
    """Three tasks with three awaits each; whoever waits for them is woken by the last, so that nothing else is ever ready."""
    done, left = asyncio.get_running_loop().create_future(), ["a", "b", "c"]

    async def walk(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        left.remove(name)
        if not left:
            done.set_result(None)

    tasks = [asyncio.create_task(walk(name), name=name) for name in "abc"]
    await done
    assert all(task.done() for task in tasks)


async def lopsided() -> None:
    """One alternative of two ends the run, eight times: nine leaves, of which a random run mostly meets the first."""
    for _ in range(8):
        if choose("ab") == "a":
            return


def estimates(scenario: object, executions: int, seeds: range) -> list[Estimate]:
    found: list[Estimate] = []
    for seed in seeds:
        report = explore(
            scenario,  # type: ignore[arg-type]  # async functions all
            mode="reordered",
            prune=False,
            seed=seed,
            budget=Budget(executions=executions),
        )
        assert report.verdict == "undecided"
        assert report.estimate is not None
        found.append(report.estimate)
    return found


@pytest.fixture(scope="module")
def of_three_tasks() -> list[Estimate]:
    """Of walks through 200 of the 34,650 orders."""
    return estimates(three_tasks, 200, range(24))


def test_the_size_of_a_known_tree_is_estimated_without_bias(of_three_tasks: list[Estimate]) -> None:
    found = of_three_tasks
    mean = statistics.mean(estimate.executions_in_all for estimate in found)
    assert mean == pytest.approx(THREE_TASKS, rel=0.05)


def test_the_interval_covers_the_truth_in_most_cases(of_three_tasks: list[Estimate]) -> None:
    found = of_three_tasks
    truth = 200 / THREE_TASKS
    covered = sum(low <= truth <= high for low, high in (estimate.interval for estimate in found))
    assert covered >= 0.85 * len(found)
    assert all(low < estimate.fraction < high for estimate in found for low, high in [estimate.interval])


def test_a_tree_whose_leaves_weigh_very_differently() -> None:
    found = estimates(lopsided, 4, range(40))
    assert statistics.mean(estimate.executions_in_all for estimate in found) == pytest.approx(9, rel=0.25)


async def even() -> None:
    """1,024 leaves, all alike; choices of values are never cut off, so it is known how many are behind a walk."""
    for _ in range(10):
        choose("ab")


@pytest.mark.parametrize(("executions", "near"), [(512, 0.0), (300, 0.1)])
def test_where_states_are_pruned_both_parts_are_estimated(executions: int, near: float) -> None:
    """After half of the leaves every probe counts 512 on its side; elsewhere the mean over the seeds comes near."""
    found: list[Estimate] = []
    for seed in range(12):
        report = explore(even, seed=seed, budget=Budget(executions=executions))
        assert report.estimate is not None
        found.append(report.estimate)
    assert statistics.mean(each.executions_in_all for each in found) == pytest.approx(1_024, rel=near)
    assert statistics.mean(each.fraction for each in found) == pytest.approx(executions / 1_024, rel=near)


def test_what_is_finished_needs_no_estimate() -> None:
    report = explore(lopsided, budget=Budget(executions=9))
    assert report.verdict == "holds"
    assert report.estimate is None
    assert report.certificate.probes == 0


def test_a_failure_that_a_probe_meets_is_a_violation() -> None:
    async def fails_in_half() -> None:
        taken = [choose("ab") for _ in range(9)]
        assert taken[0] == "a"

    report = explore(fails_in_half, budget=Budget(executions=3))
    assert report.verdict == "violated"
    assert report.certificate.found_by == "estimate"


def test_an_estimate_is_said_in_a_sentence(of_three_tasks: list[Estimate]) -> None:
    found = of_three_tasks[0]
    assert "executions in all without pruning" in str(found)
    assert f"{found.probes} probes" in str(found)
