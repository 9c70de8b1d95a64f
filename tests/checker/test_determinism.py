"""The same seed and number are the same run: in other processes, under any hash seed, watched or not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from acpool_spec.batch import fingerprint
from acpool_spec.sampling import Habits, Walk
from acpool_spec.targets import load_target
from acpool_spec.world import Moment, World

POOLS = ("acpool_spec.reference:patient", "acpool_spec.pools.merged:factory")
PROGRAM = """
import hashlib, logging, random, sys
from acpool_spec.novelty import Novelty
from acpool_spec.sampling import Walk
from acpool_spec.steering import Corpus, Ran, Steered
from acpool_spec.targets import load_target
from acpool_spec.world import World

logging.disable(logging.CRITICAL)
ballast = [object() for _ in range(int(sys.argv[1]))]
sums = hashlib.sha256()
decisions = 0

def run(target, walk, linearize):
    with World(target.factory, walk.scope) as world:
        novelty = Novelty(world)
        walk.run(world)
        ran = Ran(walk.scope, tuple(world.decisions), novelty.transitions)
        world.finish(linearize=linearize)
    sums.update(repr((walk.scope, world.decisions, world.recorder.events, world.loop.steps)).encode())
    sums.update(repr((world.judgement.violations, sorted(world.judgement.tested.items()))).encode())
    sums.update(repr(novelty.transitions).encode())
    return ran

for name in sys.argv[2:]:
    target, corpus = load_target(name), Corpus()
    for number in range(30):
        ran = run(target, Walk(3, number, reclaims=target.reclaims), number < 6)
        corpus.add(ran)
        decisions += len(ran.decisions)
    for number, parents in corpus.draw(random.Random(3), range(6)).items():
        run(target, Steered(3, number, parents), False)
print(decisions, sums.hexdigest())
"""


@pytest.mark.no_cover
def test_the_same_walks_under_any_hash_seed() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, ballast, *POOLS],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, ballast in (("0", "0"), ("1", "1000"), ("random", "77777"))
    }
    assert len(answers) == 1
    assert int(answers.pop().split()[0]) > 1_000


def walked(
    name: str, number: int, moments: list[Moment] | None = None
) -> tuple[list[str], bytes, int, float]:
    target = load_target(name)
    walk = Walk(9, number, reclaims=target.reclaims)
    watch = None if moments is None else moments.append
    with World(target.factory, walk.scope, watch=watch) as world:
        walk.run(world)
        world.finish(linearize=False)
        return world.decisions, fingerprint(world.recorder.events), world.loop.steps, world.loop.time()


@pytest.mark.parametrize("name", POOLS)
def test_a_watcher_changes_nothing(name: str) -> None:
    for number in range(12):
        moments: list[Moment] = []
        assert walked(name, number, moments) == walked(name, number)
        told = [index for moment in moments for index in moment.events]
        assert told == list(range(len(told))), "every event is told once, in order"


@pytest.mark.parametrize("name", POOLS)
def test_the_decisions_of_a_walk_are_its_whole_run(name: str) -> None:
    """What a schedule file has is enough: the same decisions, without the walk, give the same history."""
    target = load_target(name)
    for number in range(12):
        walk = Walk(4, number, reclaims=target.reclaims)
        with World(target.factory, walk.scope) as world:
            walk.run(world)
            decisions = list(world.decisions)
            world.finish(linearize=False)
        with World(target.factory, walk.scope) as again:
            for decision in decisions:
                again.apply(decision)
            again.finish(linearize=False)
        assert again.recorder.events == world.recorder.events
        assert again.judgement.violations == world.judgement.violations


def test_other_seeds_and_numbers_are_other_runs() -> None:
    habits: list[Habits] = [Walk(seed, number).habits for seed in range(4) for number in range(25)]
    assert len({repr(habit) for habit in habits}) == len(habits)


def test_every_run_begins_with_some_operation_to_call_and_all_modes_and_sizes_come_up() -> None:
    walks = [Walk(0, number) for number in range(300)]
    assert {walk.scope.mode for walk in walks} == {"fifo", "reordered"}
    assert {walk.scope.max_sessions for walk in walks} == {1, 2, 3}
    assert {walk.scope.agents_load for walk in walks} == {True, False}
    for walk in walks:
        assert any(walk.habits.weights[f] for f in ("get_or_create", "with_connection", "session"))
    assert not any(walk.scope.reclaims for walk in walks)
    assert Walk(0, 0, reclaims=True).scope.reclaims
