"""Sampling is awake: each known race is found, and its property named, within the schedules that a short check runs.

How rare each is, under more seeds: ``acpool check --pool acpool_spec.pools.merged:factory --schedules 5000 --seed 7``.
"""

from __future__ import annotations

import pytest

from acpool_spec.properties import Violation
from acpool_spec.sampling import Walk
from acpool_spec.targets import load_target
from acpool_spec.world import World

# What it reaches the unit tests reach too; tracing branches would triple the time it takes.
pytestmark = pytest.mark.no_cover

RUNS = 1_000


def search(name: str, wanted: set[str], runs: int, seed: int) -> dict[str, Violation]:
    """The first violation of each property that the random runs of ``seed`` break, until all ``wanted`` are found."""
    target = load_target(name)
    found: dict[str, Violation] = {}
    for number in range(runs):
        walk = Walk(seed, number, reclaims=target.reclaims)
        with World(target.factory, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=False)
        for known, violation in world.judgement.violations.items():
            found.setdefault(known, violation)
        if wanted and wanted <= found.keys():
            break
    return found


@pytest.mark.parametrize(
    (
        "pool",
        "wanted",
        "seed",
    ),  # the rarest breaks in two runs of a thousand: with these seeds, in the first two hundred
    [
        ("global_lock", {"L1", "L2"}, 6),
        ("unlocked_start", {"S2", "S3"}, 11),
        ("remove_by_key", {"S2", "S10"}, 4),
        ("merged", {"S1", "S3", "S4", "S8", "L2", "S10", "S11"}, 10),
        ("reset_drops_gate", {"S2", "S11"}, 11),
        ("no_reclaim", {"S8"}, 4),
    ],
)
def test_the_races_of_a_known_bad_pool_are_found(pool: str, wanted: set[str], seed: int) -> None:
    assert search(f"acpool_spec.pools.{pool}:factory", wanted, RUNS, seed).keys() >= wanted


@pytest.mark.parametrize("configured", ["default", "patient"])
def test_the_pool_itself_breaks_nothing(configured: str) -> None:
    assert search(f"acpool_spec.reference:{configured}", set(), 150, 11) == {}
