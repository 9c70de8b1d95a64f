"""The unit of work of the gate, in any process: a range of random runs of one pool, judged, and failures cut down."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from acpool import SessionPool
from acpool_spec.events import Event
from acpool_spec.machine import run_machine
from acpool_spec.making import said
from acpool_spec.minimise import Failure, Minimiser
from acpool_spec.novelty import Novelty
from acpool_spec.properties import REFINEMENT, Violation
from acpool_spec.quiet import quiet
from acpool_spec.refinement.directed import direct, failure_of
from acpool_spec.sampling import Walk
from acpool_spec.steering import Parents, Ran, Steered
from acpool_spec.targets import Target, load_target
from acpool_spec.world import Scope, World

DIRECTED_RUN: Final = sys.maxsize
"""The number of a directed run: any other that breaks the same comes before it, since more is seen in its timeline."""


NO_PARENTS: Final[Mapping[int, Parents]] = MappingProxyType({})


@dataclass(slots=True)
class Found:
    """One property broken: the first run of the batch that breaks it, and how often it broke."""

    run: int
    failure: Failure
    times: int = 1


@dataclass(slots=True)
class Sample:
    """What a batch of runs of ``target`` found; ``undecided``: why, for properties that some run could not be judged for.

    ``followed``: the runs of a pool that tells of its steps (R1). Of the runs, ``exercised`` says how many put a property to
    the test, and ``goals`` how many reached a goal of the model; ``directed`` and ``directed_goals`` are about runs made on
    purpose (:mod:`~acpool_spec.refinement.directed`), which are not among the others. ``ran``: the random runs, for those to be
    made of them; ``steered``: how many were made of others.
    """

    target: str
    runs: int = 0
    steps: int = 0
    decisions: int = 0
    tested: Counter[str] = field(default_factory=Counter[str])
    found: dict[str, Found] = field(default_factory=dict[str, Found])
    undecided: dict[str, str] = field(default_factory=dict[str, str])
    histories: set[bytes] = field(default_factory=set[bytes])
    machine_runs: int = 0
    followed: int = 0
    exercised: Counter[str] = field(default_factory=Counter[str])
    goals: Counter[str] = field(default_factory=Counter[str])
    directed: int = 0
    directed_goals: Counter[str] = field(default_factory=Counter[str])
    steered: int = 0
    ran: list[Ran] = field(default_factory=list[Ran])

    def judged(self, world: World) -> None:
        """Count what one run, which is over, has put to the test."""
        self.steps += world.loop.steps
        self.tested.update(world.judgement.tested)
        self.exercised.update([known for known, times in world.judgement.tested.items() if times])
        if world.follower is not None:
            self.followed += 1
            self.goals.update(world.follower.goals)

    def note(self, violation: Violation, run: int, world: World, decisions: tuple[str, ...]) -> None:
        """Count one violation; the shortest of the batch is kept."""
        known = self.found.get(violation.property)
        failure = Failure(world.scope, decisions, violation)
        if known is None:
            self.found[violation.property] = Found(run, failure)
            return
        known.times += 1
        if len(decisions) < len(known.failure.decisions):
            known.run, known.failure = run, failure


@quiet()
def run_batch(
    name: str, seed: int, numbers: Iterable[int], parents: Mapping[int, Parents] = NO_PARENTS
) -> Sample:
    """Run and judge the random runs ``numbers`` of the pool called ``name``; those that have ``parents`` are made of them."""
    target = load_target(name)
    sample = Sample(name)
    for number in numbers:
        made_of = parents.get(number)
        if made_of is None:
            _run(target, Walk(seed, number, reclaims=target.reclaims), number, sample)
        else:
            _run(target, Steered(seed, number, made_of), number, sample)
            sample.steered += 1
    return sample


def _run(target: Target, walk: Walk | Steered, number: int, sample: Sample) -> None:
    with World(target.factory, walk.scope) as world:
        novelty = Novelty(world)
        walk.run(world)
        decisions = tuple(world.decisions)
        world.finish(linearize=True)
        sample.histories.add(fingerprint(world.recorder.events))
    sample.ran.append(Ran(walk.scope, decisions, novelty.transitions))
    sample.runs += 1
    sample.decisions += len(decisions)
    sample.judged(world)
    sample.undecided.update(world.judgement.undecided)
    for violation in world.judgement.violations.values():
        sample.note(violation, number, world, decisions)


@quiet()
def run_machine_batch(name: str, seed: int, examples: int) -> Sample:
    """Let the Hypothesis state machine look for a failure of the pool called ``name``, and shrink it."""
    target = load_target(name)
    sample = Sample(name)

    def count(world: World) -> None:
        sample.machine_runs += 1
        sample.judged(world)

    failure = run_machine(target, seed_=seed, examples=examples, on_run=count)
    if failure is not None:
        sample.found[failure.violation.property] = Found(-1, failure)
    return sample


@quiet()
def run_directed_batch(name: str) -> Sample:
    """Have the pool called ``name`` take what the model can do; nothing where it does not tell of its steps."""
    target = load_target(name)
    sample = Sample(name)
    with World(target.factory, Scope()) as world:
        pool: object = world.pool
    if not isinstance(pool, SessionPool):
        return sample
    try:
        made = direct(type(pool))
    except TypeError as error:
        sample.undecided["R1"] = f"no pool can be made for directed runs: {said(error)}"
        return sample
    sample.directed, sample.directed_goals = made.runs, made.goals
    if made.parted:
        shortest = min(made.parted, key=lambda parted: len(parted.actions))
        sample.found[REFINEMENT.id] = Found(DIRECTED_RUN, failure_of(shortest), len(made.parted))
    elif made.failures:
        sample.undecided["R1"] = f"the pool would not do what the model does, {made.failures[0]}"
    return sample


@quiet()
def minimise(name: str, failure: Failure) -> Failure:
    """Cut ``failure`` of the pool called ``name`` down; in any process."""
    return Minimiser(load_target(name).factory, failure).minimise()


def fingerprint(events: Iterable[Event]) -> bytes:
    """Equal for histories that differ in their times at most."""
    sums = hashlib.blake2b(digest_size=8)
    for event in events:
        sums.update(
            repr(
                (
                    event.type,
                    event.f,
                    event.process,
                    event.key,
                    event.connection,
                    event.session_id,
                    event.error,
                )
            ).encode()
        )
        sums.update(repr(event.value).encode())
    return sums.digest()
