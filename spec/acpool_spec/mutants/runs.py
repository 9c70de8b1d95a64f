"""The runs of the pool that look for a mutant: among fake connections, each until one fails, whatever was changed.

``directed``: the model's transitions in a small scope, taken by the real pool, and some tours. ``explored``: small scopes, one
after the other, each to the end. ``sampled``: random runs, as ``acpool check`` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from acpool_spec import reference
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.setting import Setting
from acpool_spec.mutants.strategies import Beat
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
