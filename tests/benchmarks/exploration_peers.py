"""Our explorer beside others for asyncio, all in this one process: how fast, how many executions, and whether their word holds.

Ours comes three times: as it is by default, with footprints of steps; without them, where known states are cut off; and without
either. Four columns. *Keyed lock*: runs per second of CPU time on three tasks that share a lock found by its key, median of
three explorations; a run whose steps are watched is the slower one, and few of those are needed. *One variable*: executions
until every order of three tasks is known, each of which reads one variable in its first step and writes it in its third of
four: 12! / 4!³ = 34,650 orders, of which 36 are inequivalent (the order of the writes, and before which of the earlier ones each
task has read: 3! · 1 · 2 · 3). *Independent*: the same with a variable each: one order stands for all. *False "exhausted"*: what
is wrong and was certified all the same, of a choice among 1,000 values one of which fails, and of a process that leaks when its
start is cancelled.

    python tests/benchmarks/exploration_peers.py [SECONDS]   (for each exploration at most, default 30)

Each explorer is asked for everything: no bound on preemptions or delays. Where it was not finished, a ``>`` says so. The peers
come with the extra ``bench`` (simloom needs Python 3.12); one that is missing is named and left out.
"""

from __future__ import annotations

import asyncio
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol

from acpool_spec import Budget, choose, explore

REPETITIONS = 3
RUNS = 2_000
"""Runs for one figure of the first column."""
VALUES = 1_000
FAILING = 777
STEPS_OF_SIMLOOM = 10_000
"""simloom knows no bound in seconds: so many runs at most."""

Body = Callable[[Any], Coroutine[Any, Any, None]]


class Program(NamedTuple):
    """Three tasks: what they share, what each of them does with it, and what must be true afterwards."""

    setup: Callable[[], Any]
    bodies: Sequence[Body]
    holds: Callable[[Any], bool]

    async def run(self) -> None:
        """The program as one coroutine, for explorers that take those."""
        shared = self.setup()
        await asyncio.gather(*(body(shared) for body in self.bodies))
        assert self.holds(shared)


class Shared:
    """What tasks share: locks by their keys, variables, processes that live."""

    def __init__(self) -> None:
        self.locks: dict[str, asyncio.Lock] = {}
        self.inside = 0
        self.value = 0
        self.alive = 0


class Variable:
    """One variable, and nothing else."""

    def __init__(self) -> None:
        self.value = 0


async def under_lock(shared: Shared) -> None:
    """Find the lock of a key, or make it, and hold it over one pause."""
    async with shared.locks.setdefault("key", asyncio.Lock()):
        shared.inside += 1
        assert shared.inside == 1
        await asyncio.sleep(0)
        shared.inside -= 1


async def read_and_write(variable: Variable) -> None:
    """Four steps: the first reads, the third writes."""
    seen = variable.value
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    variable.value = seen + 1
    await asyncio.sleep(0)


def own(number: int) -> Body:
    """The same on a variable of its own."""

    async def body(variables: list[Variable]) -> None:
        await read_and_write(variables[number])

    return body


def anything(_: object) -> bool:
    """Nothing is asked of the end: it is about the number of executions."""
    return True


def nobody_left(shared: Shared) -> bool:
    """No task holds the lock and no process lives."""
    return shared.inside == 0 and shared.alive == 0


KEYED_LOCK = Program(Shared, [under_lock] * 3, nobody_left)
ONE_VARIABLE = Program(Variable, [read_and_write] * 3, anything)
INDEPENDENT = Program(lambda: [Variable() for _ in range(3)], [own(number) for number in range(3)], anything)


class Said(NamedTuple):
    """What an explorer said of a program: ``certified`` that nothing is wrong, ``found`` that something is, or neither."""

    executions: int
    certified: bool = False
    found: bool = False


class Explorer(Protocol):
    """One explorer."""

    def explore(self, program: Program, runs: int | None, seconds: float) -> Said:
        """Explore ``program`` to the end, or ``runs`` of it."""
        ...

    def one_of_many(self, seconds: float) -> Said | None:
        """What it says of a choice among many values, one of which fails; None where it offers no such choice."""
        ...

    def leak(self, seconds: float) -> Said | None:
        """What it says of :func:`start_and_stop`, which leaks where it is cancelled; None where it was not asked."""
        ...


async def start_and_stop(shared: Shared) -> None:
    """Start a process and stop it; who is cancelled in between leaves it behind."""
    shared.alive += 1
    await asyncio.sleep(0)
    shared.alive -= 1


LEAK = Program(Shared, [start_and_stop], nobody_left)


class Ours:
    """``acpool_spec.explore``; ``footprints``: of steps are used, ``prune``: known states are cut off; both are the default."""

    def __init__(self, *, footprints: bool = True, prune: bool = True) -> None:
        self._footprints = footprints
        self._prune = prune

    def explore(self, program: Program, runs: int | None, seconds: float) -> Said:
        return self._said(program.run, runs, seconds)

    def one_of_many(self, seconds: float) -> Said:
        async def scenario() -> None:
            assert choose(range(VALUES)) != FAILING

        return self._said(scenario, None, seconds)

    def leak(self, seconds: float) -> Said:
        async def scenario() -> None:
            shared = LEAK.setup()
            await asyncio.gather(asyncio.create_task(start_and_stop(shared)), return_exceptions=True)
            assert LEAK.holds(shared)

        return self._said(scenario, None, seconds, cancellations=1)

    def _said(
        self,
        scenario: Callable[[], Coroutine[Any, Any, None]],
        runs: int | None,
        seconds: float,
        cancellations: int = 0,
    ) -> Said:
        budget = Budget(executions=runs, seconds=seconds)
        report = explore(
            scenario,
            mode="reordered",
            budget=budget,
            prune=self._prune,
            footprints=self._footprints,
            cancellations=cancellations,
        )
        return Said(report.executions, report.verdict == "holds", report.verdict == "violated")


class Detangle:
    """``detangle.explore`` with its depth-first search, no bound on delays."""

    def __init__(self) -> None:
        self._module: Any = importlib.import_module("detangle")

    def explore(self, program: Program, runs: int | None, seconds: float) -> Said:
        return self._said(program.run, runs, seconds)

    def one_of_many(self, seconds: float) -> Said:
        async def scenario() -> None:
            assert self._module.choice(range(VALUES)) != FAILING

        return self._said(scenario, None, seconds)

    def leak(self, seconds: float) -> Said:
        async def scenario() -> None:
            shared = LEAK.setup()
            try:
                await self._module.maybe_timeout(start_and_stop(shared))
            except TimeoutError:
                pass
            assert LEAK.holds(shared)

        return self._said(scenario, None, seconds)

    def _said(
        self, scenario: Callable[[], Coroutine[Any, Any, None]], runs: int | None, seconds: float
    ) -> Said:
        search = self._module.DFS(max_delays=sys.maxsize)
        try:
            stats = self._module.explore(
                scenario,
                strategy=search,
                runs=sys.maxsize if runs is None else runs,
                max_duration=seconds,
                shrink=False,
                database=False,
            )
        except self._module.BugFound as bug:
            return Said(bug.report.runs, found=True)
        return Said(stats.runs, certified=stats.exhausted)


class Frontrun:
    """``frontrun.explore`` with its partial-order reduction, no bound on preemptions. It cancels nothing by itself."""

    def __init__(self) -> None:
        self._module: Any = importlib.import_module("frontrun")

    def explore(self, program: Program, runs: int | None, seconds: float) -> Said:
        async def all_of_it() -> Any:
            return await self._module.explore(
                program.setup,
                list(program.bodies),
                program.holds,
                preemption_bound=None,
                stop_on_first=False,
                max_executions=runs,
                total_timeout=seconds,
            )

        began = time.perf_counter()
        result = asyncio.run(all_of_it())
        ran_out = result.num_explored == runs or time.perf_counter() - began >= seconds
        return Said(
            result.num_explored, result.property_holds and not ran_out, result.counterexample is not None
        )

    def one_of_many(self, seconds: float) -> None:
        """It has no choices but those of the scheduler."""

    def leak(self, seconds: float) -> Said:
        return self.explore(LEAK, None, seconds)


class Simloom:
    """``simloom.explore_systematic``, no bound on delays."""

    def __init__(self) -> None:
        self._module: Any = importlib.import_module("simloom")

    def explore(self, program: Program, runs: int | None, seconds: float) -> Said:
        return self._said(program.run, runs)

    def one_of_many(self, seconds: float) -> Said:
        async def scenario() -> None:
            assert self._module.draw("value", VALUES) != FAILING

        return self._said(scenario, None)

    def leak(self, seconds: float) -> None:
        """It crashes hosts and cancels no tasks: not asked."""

    def _said(self, scenario: Callable[[], Coroutine[Any, Any, None]], runs: int | None) -> Said:
        most = STEPS_OF_SIMLOOM if runs is None else runs
        result = self._module.explore_systematic(scenario, max_delays=sys.maxsize, max_schedules=most)
        return Said(result.schedules, result.proven_correct, result.failed)


PEERS: dict[str, Callable[[], Explorer]] = {"frontrun": Frontrun, "detangle": Detangle, "simloom": Simloom}


def per_second(explorer: Explorer, seconds: float) -> float:
    """Runs per second of CPU time on the keyed lock, one exploration."""
    began = time.process_time()
    said = explorer.explore(KEYED_LOCK, RUNS, seconds)
    return said.executions / (time.process_time() - began)


def wrong(explorer: Explorer, seconds: float) -> str:
    """Which of the failing programs it certified."""
    programs = {"1 of 1,000": explorer.one_of_many(seconds), "leak": explorer.leak(seconds)}
    lies = [name for name, said in programs.items() if said is not None and said.certified]
    unasked = [name for name, said in programs.items() if said is None]
    unsure = [
        name for name, said in programs.items() if said is not None and not (said.certified or said.found)
    ]
    parts = [", ".join(lies) or "none"]
    parts += [f"not asked: {', '.join(unasked)}"] if unasked else []
    parts += [f"not decided: {', '.join(unsure)}"] if unsure else []
    return "; ".join(parts)


def shown(said: Said, least: int) -> str:
    """A number of executions, and its ratio to ours."""
    return f"{'' if said.certified else '>'}{said.executions:,} ({said.executions / least:,.2f} x)"


def available() -> dict[str, Explorer]:
    """The explorers that are there, ours first; says which are not."""
    found: dict[str, Explorer] = {
        "acpool_spec": Ours(),
        "  known states": Ours(footprints=False),
        "  every order": Ours(prune=False),
    }
    for name, peer in PEERS.items():
        try:
            found[name] = peer()
        except ImportError as error:
            print(f"{name} left out: {error}")
    return found


def main(seconds: float) -> None:
    """Print the table."""
    print(f"Python {sys.version.split()[0]}, at most {seconds:g} s an exploration")
    explorers = available()
    rates: dict[str, list[float]] = {name: [] for name in explorers}
    for _ in range(REPETITIONS):  # in turns, so that all meet the same machine
        for name, explorer in explorers.items():
            rates[name].append(per_second(explorer, seconds))
    first = statistics.median(rates["acpool_spec"])
    print(f'{"":15} {"keyed lock, runs/s":>22} {"one variable":>26} {"independent":>26}  false "exhausted"')
    least: list[int] = []
    for name, explorer in explorers.items():
        rate = statistics.median(rates[name])
        counts = [explorer.explore(program, None, seconds) for program in (ONE_VARIABLE, INDEPENDENT)]
        least = least or [said.executions for said in counts]
        one, independent = (shown(said, ours) for said, ours in zip(counts, least, strict=True))
        speed = f"{rate:,.0f} ({rate / first:,.2f} x)"
        print(f"{name:15} {speed:>22} {one:>26} {independent:>26}  {wrong(explorer, seconds)}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
