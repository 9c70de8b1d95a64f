"""What it costs to follow a run through the model: runs of ``acpool check``, and explored scopes, with and without it, by turns.

    python tests/benchmarks/following_cost.py [RUNS]

CPU time, in one process; the ratio is the median over turns, in each of which both sides met the same machine.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable

from acpool_spec import reference, world
from acpool_spec.quiet import quiet
from acpool_spec.refinement import follow
from acpool_spec.sampling import Walk
from acpool_spec.scopes import PoolScope, explore_scope, scenario

TURNS = 5
SCOPES = (
    "session:a,session:a,reset:a@1.fifo.f0.c0",
    "session:a,session:b@1.fifo.f1.c0",
    "session:a,session:b@1.fifo.f0.c1",
)


def sampled(count: int, turn: int) -> None:
    """``count`` runs of ``acpool check``, as they are judged there; every turn makes others."""
    for number in range(turn * count, (turn + 1) * count):
        walk = Walk(0, number, reclaims=True)
        with world.World(reference.patient, walk.scope) as here:
            walk.run(here)
            here.finish(linearize=True)


def explored(_count: int, _turn: int) -> None:
    """Three scopes, to the end."""
    for name in SCOPES:
        explore_scope(PoolScope.parse(name), reference.explored)


def seconds(body: Callable[[int, int], None], count: int, turn: int) -> float:
    """CPU seconds of one call."""
    gc.collect()
    before = time.process_time()
    body(count, turn)
    return time.process_time() - before


def not_followed(*_: object) -> None:
    """What takes the place of ``follow``: no pool tells of its steps."""


def main(count: int) -> None:
    """Print one line for each of the two."""
    for title, body in (("acpool check", sampled), ("acpool explore", explored)):
        ratios: list[float] = []
        for turn in range(TURNS):
            spent: dict[bool, float] = {}
            for followed in (turn % 2 == 0, turn % 2 != 0):
                for module in (world, scenario):
                    setattr(module, "follow", follow if followed else not_followed)  # noqa: B010 - it has a type
                spent[followed] = seconds(body, count, turn)
            ratios.append(spent[True] / spent[False])
        print(f"{title:16} {statistics.median(ratios):5.2f} x without following, of {TURNS} turns")


if __name__ == "__main__":
    with quiet():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
