"""Samplers: decided by their seed, and able to find what takes a rare order."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from acpool_spec import Budget, explore


async def created_twice() -> None:
    """Two callers find nothing, start slowly, and both insert."""
    made: list[str] = []
    sessions: dict[str, str] = {}

    async def get_or_create() -> None:
        if "a" not in sessions:
            await asyncio.sleep(0)
            made.append("a")
            sessions["a"] = "session"

    await asyncio.gather(get_or_create(), get_or_create())
    assert len(made) == 1


async def removed_by_key() -> None:
    """Cleanup samples an entry, waits, and removes whatever has its key by then."""
    sessions = {"a": object()}
    fresh: list[object] = []

    async def clean_up() -> None:
        if "a" in sessions:
            await asyncio.sleep(0)
            sessions.pop("a", None)

    async def replace() -> None:
        sessions.pop("a", None)
        await asyncio.sleep(0)
        sessions["a"] = session = object()
        fresh.append(session)

    await asyncio.gather(clean_up(), replace())
    assert sessions.get("a") in fresh


async def leaked_start() -> None:
    """A caller that is cancelled while it starts a process leaves the process behind."""
    alive: set[str] = set()

    async def start() -> None:
        alive.add("process")
        await asyncio.sleep(0)
        alive.discard("process")

    await asyncio.gather(asyncio.create_task(start()), return_exceptions=True)
    assert not alive


BUGS = [(created_twice, 0), (removed_by_key, 0), (leaked_start, 1)]


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct"])
@pytest.mark.parametrize(("scenario", "cancellations"), BUGS)
def test_the_toy_bugs_are_found_within_ten_executions(
    scenario: object, cancellations: int, strategy: str
) -> None:
    found: list[int] = []
    for seed in range(11):
        report = explore(
            scenario,  # type: ignore[arg-type]  # async functions all
            mode="reordered",
            strategy=strategy,
            cancellations=cancellations,
            seed=seed,
            budget=Budget(executions=1_000),
        )
        assert report.verdict == "violated"
        found.append(report.executions)
    assert statistics.median(found) <= 10


@pytest.mark.parametrize("strategy", ["random", "pct", "surw", "coverage", "hypothesis", "portfolio"])
@pytest.mark.no_cover
def test_a_seed_decides_everything(strategy: str) -> None:
    def executions(seed: int) -> list[int]:
        reports = [
            explore(
                rare, mode="reordered", strategy=strategy, seed=seed + step, budget=Budget(executions=2_000)
            )
            for step in range(8)
        ]
        assert all(report.verdict == "violated" for report in reports)
        return [report.executions for report in reports]

    assert executions(0) == executions(0)
    assert executions(0) != executions(100)


async def rare() -> None:
    """Fails where one task is held back while the other takes four steps."""
    order: list[str] = []

    async def walk(name: str) -> None:
        for _ in range(4):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(walk("a"), walk("b"))
    assert order[:4] != ["b"] * 4
