"""How much memory a long exploration takes: a scope of a million executions, explored to its end, and the peak of its process.

Two tasks read one variable, pause, and write it back, in any order, known states cut off. The variable begins with one of many
values, and each of them takes 14 executions (the first two more, which find what happens after the variable was forgotten): so
whatever an exploration keeps for a run, a state or a loop, it keeps a million times.

    python tests/benchmarks/exploration_memory.py [EXECUTIONS]   (rounded up to what whole values take)

Prints the peak of the resident memory of this process (``ru_maxrss``) at each tenth of the way, and at the end.
"""

from __future__ import annotations

import asyncio
import platform
import resource
import sys
import time

from acpool_spec import Budget, choose, explore
from acpool_spec.simulation import Scenario

EXECUTIONS = 1_000_000
EACH = 14
"""Executions for one value."""


def race(values: int) -> Scenario:
    """The scenario, with ``values`` values to begin with."""

    async def scenario() -> None:
        box = {"value": choose(range(values))}

        async def add() -> None:
            seen = box["value"]
            await asyncio.sleep(0)
            box["value"] = seen + 1

        await asyncio.gather(add(), add())

    return scenario


def peak() -> float:
    """The peak of the resident memory of this process so far, in MiB."""
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class Watch:
    """Stands in for the clock of a budget, which is asked before every run."""

    def __init__(self, executions: int) -> None:
        self._every = max(1, executions // 10)
        self._asked = -1  # once before the first run
        self._started = time.perf_counter()

    def __call__(self) -> float:
        """0: time is no bound here."""
        self._asked += 1
        if self._asked and self._asked % self._every == 0:
            took = time.perf_counter() - self._started
            print(f"  {self._asked:9,} executions {peak():8.1f} MiB {took:8.1f} s", flush=True)
        return 0.0


def main(executions: int) -> None:
    """Explore, and print what it took."""
    values = -(-executions // EACH)
    print(
        f"Python {sys.version.split()[0]}, a scope of {executions:,} executions or a few more, mode reordered"
    )
    budget = Budget(seconds=1.0, clock=Watch(executions))
    report = explore(race(values), mode="reordered", budget=budget)
    account = report.certificate
    print(
        f"{report.verdict}: {account.executions:,} executions, {account.states:,} states, {account.pruned:,} cut off"
    )
    print(f"peak {peak():.1f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EXECUTIONS)
