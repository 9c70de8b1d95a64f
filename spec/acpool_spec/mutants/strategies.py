"""How mutants are looked for: each strategy makes its runs of the pool, whatever was changed in it, until one fails.

None of them knows the mutant, and each has its own bound. ``directed``: the model's transitions in a small scope, taken by the
real pool, and some tours. ``explored``: small scopes, one after the other, each to the end. ``sampled``: random runs, as
``acpool check`` makes them. ``tested``, where none of these sees anything: the tests of the room that was changed
(:mod:`~acpool_spec.mutants.room_tests`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from acpool_spec import reference
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.setting import Setting
from acpool_spec.mutants.room_tests import NotRun, repository, tested
from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.refinement.directed import Directed, direct
from acpool_spec.sampling import Walk
from acpool_spec.scopes import PoolScope, cancellable, scenario_of
from acpool_spec.simulation import Outcome
from acpool_spec.world import World

SAMPLED: Final = 200
"""Random runs at most."""
SEED: Final = 1
MAX_STEPS: Final = 5_000
"""Callbacks of one explored run; those of a sound pool take some hundred."""
SCOPES: Final = (
    "session:a,session:a@1.fifo.f0.c0",
    "get_or_create:a,get_or_create:b@1.fifo.f0.c0",
    "get_or_create:a,reset:a@1.fifo.f0.c0",
    "session:a,shutdown@1.fifo.f0.c0",
    "session:a,session:a+cleanup_idle@1.fifo.f0.c0",
    "get_or_create:a+with_connection:a,cancel:a+cleanup_idle@2.fifo.f0.c0",
    "cleanup_idle,get_or_create:a+session:b+get_or_create:a@1.fifo.f0.c0",
    "session:a,session:a@1.fifo.f0.c1",
    "session:a,session:a@1.fifo.f1.c0",
)
"""The explored scopes, cheapest first."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one strategy saw: the first property broken, empty where none was; in how many executions and CPU seconds."""

    broken: str
    executions: int
    seconds: float
    message: str = ""


Beat = Callable[[], object]
"""Called before every execution, so that one that does not end is told from many that do."""
Runs = Callable[[Beat], Iterator[tuple[str, str]]]
"""What makes runs: of each, what is broken, empty for nothing, and a message."""


def directed(beat: Beat) -> Iterator[tuple[str, str]]:
    """The directed runs: one by one what is wrong, a property and a message; empty for each run that is not."""
    beat()
    with quiet():
        made: Directed = direct(to_the_end=False)
    for _ in range(made.runs - 1):
        yield "", ""
    yield ("R1", made.failures[0]) if made.failures else ("", "")


def explored(beat: Beat) -> Iterator[tuple[str, str]]:
    """The runs of the small scopes, each scope to its end."""
    for name in SCOPES:
        scope = PoolScope.parse(name)
        scenario = scenario_of(scope, reference.explored)
        setting = Setting(scenario, scope.mode, scope.cancellations, cancellable, MAX_STEPS)
        oracle = DepthFirst(Certificate(exhaustive=True), prune=True)
        while not oracle.finished:
            beat()
            with quiet():
                run = setting.run(oracle)
            failure = failure_of(run)
            if failure is not None:
                yield failure.kind.removeprefix("violated "), failure.message
            elif scenario.histories.violated:
                yield "S12", next(iter(scenario.histories.violated.values())).message
            elif run.outcome is Outcome.STEP_BOUND:
                yield "endless", f"a run of more than {MAX_STEPS} steps"
            else:
                yield "", ""


def sampled(beat: Beat) -> Iterator[tuple[str, str]]:
    """Random runs of the pool as it comes, and of the patient one, by turns."""
    for number in range(SAMPLED):
        patient = number % 4 >= 2
        walk = Walk(SEED, number, reclaims=patient)
        beat()
        with quiet(), World(reference.patient if patient else reference.default, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=True)
        found = world.judgement.violations
        first = next((known for known in BY_ID if known in found), "")
        yield first, found[first].message if first else ""


STRATEGIES: Final = ("directed", "sampled", "explored")
LAST: Final = "tested"
"""Only where no other strategy has seen anything."""


_RUN_BY_THE_MODEL: Final = frozenset(
    f"acpool_model.{name}" for name in ("actions", "machine", "places", "state", "transitions")
)
"""The modules of the model that take its steps; what they do is compared with the pool in every run."""


def that_can_see(module: str, strategies: Sequence[str] = STRATEGIES) -> Sequence[str]:
    """Those of ``strategies`` that reach ``module``, such as ``acpool.core``. The others have connections that are no agents, and
    ask nothing of the model but its steps, so what talks to real agents, or explores, is for the tests alone."""
    package = module.partition(".")[0]
    if module.startswith("acpool.acp.") or (package == "acpool_model" and module not in _RUN_BY_THE_MODEL):
        return [LAST]
    return strategies


def _runs(name: str, module: str, beat: Beat) -> Iterator[tuple[str, str]]:
    if name == LAST:
        root = repository()
        return iter(()) if root is None else tested(root, module, beat)
    return {"directed": directed, "explored": explored, "sampled": sampled}[name](beat)


def look(name: str, module: str, beat: Beat = lambda: None, runs: Runs | None = None) -> Look:
    """Make the runs of the strategy ``name`` until one fails; what a run raises out of the checker is a failure as well.
    Raises :class:`NotRun` where the tests cannot be run.

    ``module``: the one of the pool that was changed, by which alone the strategy ``tested`` knows what to run; ``runs``: those to
    be made instead of the strategy's own.
    """
    began = time.process_time()
    executions = 0
    broken = message = ""
    try:
        for seen in runs(beat) if runs is not None else _runs(name, module, beat):
            executions += 1
            broken, message = seen
            if broken:
                break
    except NotRun:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a broken pool does to its checker
        executions += 1
        broken, message = f"raised {type(error).__name__}", str(error)
    return Look(broken, executions, time.process_time() - began, message)
