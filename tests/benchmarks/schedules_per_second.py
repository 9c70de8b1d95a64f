"""How many schedules of a keyed-lock toy one core simulates per second, beside stock asyncio in the same run.

The toy: three clients on two keys, an ``asyncio.Lock`` per key, two awaits inside it, and a check that holding the lock
excluded the other client of the key. A schedule includes making loop, locks and tasks, a random oracle, and judging the
outcome. The peers run the toy in stock order only: ``asyncio.run`` makes a loop each time, ``asyncio.Runner`` one for all.

    python tests/benchmarks/schedules_per_second.py [SCHEDULES]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable

from acpool_spec.oracles import RandomOracle
from acpool_spec.simulation import Mode, simulate

REPETITIONS = 3


async def client(locks: dict[str, asyncio.Lock], holders: dict[str, int], key: str, number: int) -> None:
    """Hold the lock of ``key`` over two awaits."""
    async with locks[key]:
        holders[key] = number
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert holders[key] == number


async def toy() -> int:
    """Three clients, two of them on one key."""
    locks = {"a": asyncio.Lock(), "b": asyncio.Lock()}
    holders: dict[str, int] = {}
    clients = [asyncio.create_task(client(locks, holders, key, number)) for number, key in enumerate("aab")]
    for each in clients:
        await each
    return len(holders)


def ours(mode: Mode, schedules: int) -> None:
    """Random schedules, each judged."""
    oracle = RandomOracle(0)
    for _ in range(schedules):
        run = simulate(toy, oracle, mode=mode)
        assert run.passed
        assert run.result == 2


def stock_run(schedules: int) -> None:
    """A fresh loop each time."""
    for _ in range(schedules):
        assert asyncio.run(toy()) == 2


def stock_runner(schedules: int) -> None:
    """One loop for all."""
    with asyncio.Runner() as runner:
        for _ in range(schedules):
            assert runner.run(toy()) == 2


def rate(body: Callable[[int], None], schedules: int) -> float:
    """Schedules per second of CPU time, the median of three."""
    rates: list[float] = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        body(schedules)
        rates.append(schedules / (time.process_time() - started))
    return statistics.median(rates)


def main() -> None:
    """Print the table."""
    schedules = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows: list[tuple[str, float]] = [
        ("asyncio.run (floor)", rate(stock_run, max(1, schedules // 4))),
        ("asyncio.Runner, one loop", rate(stock_runner, schedules)),
        ("simulate, reordered", rate(lambda count: ours("reordered", count), schedules)),
        ("simulate, fifo", rate(lambda count: ours("fifo", count), schedules)),
    ]
    floor = rows[0][1]
    print(f"Python {sys.version.split()[0]}, {schedules} schedules, CPU time, median of {REPETITIONS}")
    for name, per_second in rows:
        print(f"{name:26} {per_second:10,.0f} per second {per_second / floor:6.2f} x floor")


if __name__ == "__main__":
    main()
