"""Whether steering is worth it: what as many schedules come by, all of them random, and every second one made of others.

    python tests/benchmarks/steering.py [SEEDS] [SCHEDULES]   (default 9 seeds, 1,000 schedules)

Medians over the seeds, in one process, with what ``acpool check`` does but S12. For our own pool: transitions and goals of the
model, and the decisions that were made, since runs that are made of others are longer. For each known race that does not show
at once: the schedule in which it shows first, and how many decisions had been made by then; in brackets the seeds in which
it never does.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from acpool_spec.gate import BATCH
from acpool_spec.novelty import Novelty
from acpool_spec.quiet import quiet
from acpool_spec.sampling import Walk
from acpool_spec.steering import Lineage, Ran, Steered
from acpool_spec.targets import load_target
from acpool_spec.world import World

RACES = {
    "global_lock": ("L2",),
    "unlocked_start": ("S3",),
    "remove_by_key": ("S2", "S10"),
    "merged": ("S4", "S8", "L2", "S11"),
    "reset_drops_gate": ("S2", "S11"),
    "no_reclaim": ("S8",),
}


@dataclass
class Came:
    """What the schedules of one seed came by; ``first``: the first that broke a property, from 1, and the decisions made
    up to its end."""

    transitions: set[int] = field(default_factory=set[int])
    goals: set[str] = field(default_factory=set[str])
    decisions: int = 0
    first: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


def sample(name: str, seed: int, schedules: int, *, steer: bool, wanted: tuple[str, ...] = ()) -> Came:
    """Make ``schedules`` of the pool called ``name``, or those until all ``wanted`` are broken."""
    target, lineage, came = load_target(name), Lineage(name, seed), Came()
    for batch in range(schedules // BATCH):
        numbers = range(batch * BATCH, (batch + 1) * BATCH)
        parents = lineage.parents(batch, numbers) if steer else {}
        ran: list[Ran] = []
        for number in numbers:
            walk = (
                Steered(seed, number, parents[number])
                if number in parents
                else Walk(seed, number, reclaims=target.reclaims)
            )
            with World(target.factory, walk.scope) as world:
                novelty = Novelty(world)
                walk.run(world)
                ran.append(Ran(walk.scope, tuple(world.decisions), novelty.transitions))
                world.finish(linearize=False)
            came.transitions |= novelty.transitions.keys()
            came.goals |= world.follower.goals if world.follower is not None else set()
            came.decisions += len(ran[-1].decisions)
            for known in world.judgement.violations:
                came.first.setdefault(known, (number + 1, came.decisions))
        lineage.add(batch, ran)
        if wanted and came.first.keys() >= set(wanted):
            break
    return came


FIGURES: dict[str, Callable[[Came], int]] = {
    "transitions": lambda came: len(came.transitions),
    "goals": lambda came: len(came.goals),
    "decisions": lambda came: came.decisions,
}


def main(seeds: int, schedules: int) -> None:
    """Print a line for each figure: all random, and steered."""
    own = [
        [sample("acpool_spec.reference:patient", seed, schedules, steer=steer) for seed in range(seeds)]
        for steer in (False, True)
    ]
    for title, count in FIGURES.items():
        plain, steered = (statistics.median(map(count, side)) for side in own)
        print(f"our own pool, {title}: {plain:,.0f} random, {steered:,.0f} steered", flush=True)
    for pool, wanted in RACES.items():
        name = f"acpool_spec.pools.{pool}:factory"
        came = [
            [sample(name, seed, schedules, steer=steer, wanted=wanted) for seed in range(seeds)]
            for steer in (False, True)
        ]
        for known in wanted:
            print(
                f"{pool} {known}: {told(came[0], known)} random, {told(came[1], known)} steered", flush=True
            )


def told(side: list[Came], known: str) -> str:
    """When ``known`` was broken first."""
    found = [one.first.get(known, (10**9, 10**9)) for one in side]
    at, decisions = (statistics.median(column) for column in zip(*found, strict=True))
    missed = sum(known not in one.first for one in side)
    return f"{at:,.0f} ({decisions:,.0f} decisions, {missed} missed)"


if __name__ == "__main__":
    with quiet():
        main(*map(int, [*sys.argv[1:], *("9", "1000")[len(sys.argv) - 1 :]]))
