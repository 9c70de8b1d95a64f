"""``acpool check``: samples schedules of pools under test until its budget is spent, and gives each property a verdict.

A verdict of this gate is about a sample and says so: *holds* means that the planned number of schedules was run, that each
property was put to the test in them, and that none broke. Anything less is *undecided* and named.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

from acpool_spec import canary
from acpool_spec.batch import Found, Sample, minimise, run_batch, run_directed_batch, run_machine_batch
from acpool_spec.canary import Canary, judge_canary
from acpool_spec.interruption import LOOK_S, Interruption, interruption
from acpool_spec.minimise import Failure
from acpool_spec.properties import EVERY, REFINEMENT
from acpool_spec.refinement.coverage import GOALS
from acpool_spec.schedule import Schedule, schedule_of
from acpool_spec.steering import Lineage
from acpool_spec.targets import BadInput, load_target
from acpool_spec.verdict import Outcome
from acpool_spec.workers import begin_worker, held_back

BATCH = 12


@dataclass(frozen=True, slots=True)
class Profile:
    """How much a check does where nothing else is said.

    ``seconds``: of sampling. ``floor``: fewer random runs are no ground for *holds*, however short the budget. ``examples``: runs
    of the Hypothesis machine, at most, for each pool.
    """

    seconds: float
    floor: int
    examples: int


PROFILES = {"pr": Profile(60.0, 1_000, 40), "nightly": Profile(1_800.0, 20_000, 2_000)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to check: ``schedules`` random runs exactly, or as many as fit into ``budget_s``; ``workers`` processes.

    ``profile``: what decides where these are None.
    """

    targets: tuple[str, ...]
    seed: int = 0
    budget_s: float | None = None
    schedules: int | None = None
    workers: int = 1
    profile: str = "pr"

    @property
    def seconds(self) -> float:
        """Seconds of sampling where no number of schedules is planned."""
        return PROFILES[self.profile].seconds if self.budget_s is None else self.budget_s

    @property
    def floor(self) -> int:
        """The number of random runs without which nothing holds."""
        return PROFILES[self.profile].floor if self.schedules is None else self.schedules

    @property
    def examples(self) -> int:
        """Runs of the Hypothesis machine, at most, for each pool: of a shorter budget no larger a part than of the profile's."""
        known = PROFILES[self.profile]
        return math.ceil(known.examples * min(1.0, self.seconds / known.seconds))


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its verdict, how often it was put to the test, and why not *holds*.

    ``pool``: of which pool this is said; empty where it is said of all that were checked together.
    """

    id: str
    name: str
    outcome: Outcome
    tested: int
    why: str = ""
    schedule: Schedule | None = None
    pool: str = ""


@dataclass(slots=True)
class Tally:
    """What was found of one pool so far: by property how often it was tested, the failure of the lowest run, how often it broke,
    and why it cannot be decided."""

    runs: int = 0
    followed: int = 0
    tested: Counter[str] = field(default_factory=Counter[str])
    found: dict[str, Found] = field(default_factory=dict[str, Found])
    times: Counter[str] = field(default_factory=Counter[str])
    undecided: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, sample: Sample) -> None:
        """Take in one batch of this pool."""
        self.runs += sample.runs
        self.followed += sample.followed
        self.tested.update(sample.tested)
        self.undecided.update(sample.undecided)
        for property_id, found in sample.found.items():
            known = self.found.get(property_id)
            self.times[property_id] += found.times
            if known is None or found.run < known.run:
                self.found[property_id] = found


@dataclass(slots=True)
class Progress:
    """What was done so far; ``pools``: of it, what is about each pool. ``steered``: of the random ``runs``, those made of others
    that took something new; ``transitions``: how many different ones all of them took, once they are over
    (:mod:`~acpool_spec.novelty`)."""

    plan: Plan
    started: float
    pools: dict[str, Tally] = field(default_factory=dict[str, Tally])
    runs: int = 0
    steps: int = 0
    decisions: int = 0
    machine_runs: int = 0
    followed: int = 0
    directed: int = 0
    exercised: Counter[str] = field(default_factory=Counter[str])
    goals: Counter[str] = field(default_factory=Counter[str])
    directed_goals: Counter[str] = field(default_factory=Counter[str])
    histories: set[bytes] = field(default_factory=set[bytes])
    phase: str = "sampling"
    interrupted: bool = False
    steered: int = 0
    transitions: int = 0

    @property
    def unseen(self) -> list[str]:
        """The goals of the model that no run has reached."""
        return [goal for goal in GOALS if not self.goals[goal] and not self.directed_goals[goal]]

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def broken(self) -> set[str]:
        """The properties that some run has broken."""
        return {property_id for tally in self.pools.values() for property_id in tally.found}

    def add(self, sample: Sample) -> None:
        """Take in one batch; of each pool and property the failure of the lowest run is kept."""
        self.pools.setdefault(sample.target, Tally()).add(sample)
        self.runs += sample.runs
        self.machine_runs += sample.machine_runs
        self.followed += sample.followed
        self.steered += sample.steered
        self.directed += sample.directed
        self.exercised.update(sample.exercised)
        self.goals.update(sample.goals)
        self.directed_goals.update(sample.directed_goals)
        self.steps += sample.steps
        self.decisions += sample.decisions
        self.histories |= sample.histories


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check: ``cases``, a line for each pool and property, and whether this check can fail at all."""

    plan: Plan
    cases: tuple[Line, ...]
    canary: Canary
    progress: Progress

    @property
    def lines(self) -> tuple[Line, ...]:
        """A line for each property, of all pools together: the worst that is said of any."""
        ids = dict.fromkeys(case.id for case in self.cases)
        return tuple(_together([case for case in self.cases if case.id == known]) for known in ids)

    @property
    def outcome(self) -> Outcome:
        """Violated if anything is, otherwise undecided if anything is, or if a violation would not have been seen."""
        worst = _worst([case.outcome for case in self.cases])
        return Outcome.UNDECIDED if worst is Outcome.HOLDS and not self.canary.caught else worst


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    return next(
        (worst for worst in (Outcome.VIOLATED, Outcome.UNDECIDED) if worst in outcomes), Outcome.HOLDS
    )


def _together(cases: Sequence[Line]) -> Line:
    """The lines of one property, one for each pool, as one: it names the pool where the others do not say the same."""
    worst = _worst([case.outcome for case in cases])
    first = next(case for case in cases if case.outcome is worst)
    alike = len({(case.outcome, case.why) for case in cases}) == 1
    why = first.why if alike or worst is Outcome.HOLDS else f"{first.pool}: {first.why}"
    return replace(first, tested=sum(case.tested for case in cases), why=why, pool="")


def run_check(plan: Plan, show: Callable[[Progress], object] = lambda _: None) -> Report:
    """Check ``plan.targets``, calling ``show`` whenever there is something new; Ctrl-C ends the sampling, not the report.

    Another Ctrl-C ends the minimisation of what was found, which is then reported as it was found. Bound: ``plan.seconds``
    of sampling (or ``plan.schedules`` runs), then the minimisation.
    """
    # Spawned, not forked: a worker that begins from nothing behaves like the process that replays its schedules.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(plan.workers, context, begin_worker) as workers:
        try:
            with interruption() as asked:
                bird = _canary(workers, asked)
                progress = Progress(plan, time.monotonic())
                _sample(plan, progress, workers, show, asked)
            progress.phase = "minimising"
            show(progress)
            with interruption() as asked:
                schedules = _minimised(progress, workers, asked)
        except BrokenProcessPool as error:
            names = ", ".join(plan.targets)
            raise BadInput(
                f"--pool {names}: a process that ran this pool has ended; expected it to go on"
            ) from error
    return Report(plan, tuple(_judge(plan, progress, schedules)), bird, progress)


def _canary(workers: Any, asked: Interruption) -> Canary:
    """Check a pool that is known to be bad, in the way in which the others are checked, and see whether it goes red."""
    plan = Plan((canary.POOL,), canary.SEED, schedules=canary.SCHEDULES)
    progress = Progress(plan, time.monotonic())
    with held_back():
        batch = workers.submit(run_batch, canary.POOL, plan.seed, range(canary.SCHEDULES))
    progress.add(batch.result())
    tally = progress.pools[canary.POOL]
    tally.found = {known: found for known, found in tally.found.items() if known == canary.PROPERTY}
    schedules = _minimised(progress, workers, asked)
    case = next(case for case in _judge(plan, progress, schedules) if case.id == canary.PROPERTY)
    return judge_canary(case.outcome, case.schedule)


def _sample(
    plan: Plan, progress: Progress, workers: Any, show: Callable[[Progress], object], asked: Interruption
) -> None:
    lineages = {name: Lineage(name, plan.seed) for name in plan.targets}
    _make_runs(plan, lineages, progress, workers, show, asked)
    for lineage in lineages.values():
        lineage.end()
        progress.transitions += lineage.corpus.transitions


def _make_runs(
    plan: Plan,
    lineages: Mapping[str, Lineage],
    progress: Progress,
    workers: Any,
    show: Callable[[Progress], object],
    asked: Interruption,
) -> None:
    jobs = _jobs(plan, lineages)
    running: dict[Future[Sample], Job] = {}

    def take_in(future: Future[Sample], job: Job) -> None:
        progress.add(future.result())
        if job.batch is not None:
            lineages[job.target].add(job.batch, future.result().ran)

    while True:
        while len(running) < plan.workers + 1 and (job := next(jobs, None)) is not None:
            with held_back():
                running[workers.submit(job.work, job.target, *job.arguments)] = job
        if not running:
            return
        done, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        for future in done:
            take_in(future, running.pop(future))
        show(progress)
        if asked.requested:
            progress.interrupted = True
            for future in running:
                future.cancel()
            return
        if plan.schedules is None and progress.seconds >= plan.seconds:
            for future in running:
                future.cancel()
            for future, job in running.items():
                if not future.cancelled():
                    take_in(future, job)
            show(progress)
            return


@dataclass(frozen=True, slots=True)
class Job:
    """``work(target, *arguments)``, for a worker; ``batch``: which one of the target's random runs it is, where it is one."""

    work: Callable[..., Sample]
    target: str
    arguments: tuple[object, ...] = ()
    batch: int | None = None


def _jobs(plan: Plan, lineages: Mapping[str, Lineage]) -> Iterator[Job | None]:
    """Directed runs and Hypothesis first, then random runs, in turn of every target, without end or as many as planned.

    None where the next batch is to know what was kept of one that has not ended: ask again.
    """
    for name in plan.targets:
        yield Job(run_directed_batch, name)
        yield Job(run_machine_batch, name, (plan.seed, plan.examples))
    number = 0
    while plan.schedules is None or number < plan.schedules:
        size = BATCH if plan.schedules is None else min(BATCH, plan.schedules - number)
        batch, turn = divmod(number // BATCH, len(plan.targets))
        name, numbers = plan.targets[turn], range(number, number + size)
        while not lineages[name].may_begin(batch):
            yield None
        yield Job(run_batch, name, (plan.seed, numbers, lineages[name].parents(batch, numbers)), batch)
        number += size


def _minimised(progress: Progress, workers: Any, asked: Interruption) -> dict[tuple[str, str], Schedule]:
    """The schedules of what was found, by pool and property, as small as there was time for."""
    every = [
        (pool, known, found) for pool, tally in progress.pools.items() for known, found in tally.found.items()
    ]
    smaller: list[Future[Failure]] = []
    for pool, _, found in every:
        with held_back():
            smaller.append(workers.submit(minimise, pool, found.failure))
    left = set(smaller)
    while left and not asked.requested:
        _, left = wait(left, timeout=LOOK_S)
    for future in left:
        future.cancel()
    return {
        (pool, known): schedule_of(load_target(pool), _result_of(future) or found.failure)
        for (pool, known, found), future in zip(every, smaller, strict=True)
    }


def _result_of(future: Future[Failure]) -> Failure | None:
    """None where it was not waited for."""
    return future.result() if future.done() and not future.cancelled() else None


def _judge(plan: Plan, progress: Progress, schedules: Mapping[tuple[str, str], Schedule]) -> Iterator[Line]:
    for known in EVERY:
        for pool in plan.targets:
            tally = progress.pools.get(pool, Tally())
            if known is REFINEMENT and not tally.followed:
                continue  # this pool does not tell of its steps: there is nothing to be said
            tested = tally.tested[known.id]
            schedule = schedules.get((pool, known.id))
            if schedule is not None:
                outcome, why = Outcome.VIOLATED, f"{schedule.message} ({tally.times[known.id]}×)"
            else:
                why = _why_undecided(plan, progress, tally, known.id)
                outcome = Outcome.UNDECIDED if why else Outcome.HOLDS
            yield Line(known.id, known.name, outcome, tested, why, schedule, pool)


def _why_undecided(plan: Plan, progress: Progress, tally: Tally, property_id: str) -> str:
    if property_id in tally.undecided:
        return tally.undecided[property_id]
    if progress.runs < plan.floor:
        ended = "interrupted" if progress.interrupted else f"the budget of {plan.seconds:g} s ran out"
        return f"{ended} after {progress.runs} of at least {plan.floor} schedules"
    if not tally.tested[property_id]:
        return f"never put to the test in {tally.runs} schedules"
    if property_id == REFINEMENT.id:
        unseen = progress.unseen
        return f"never seen of the model: {', '.join(unseen)}" if unseen else ""
    return ""


def targets_of(pools: Sequence[str]) -> tuple[str, ...]:
    """Load every pool once, so that what cannot be checked is refused before anything runs; their names."""
    return tuple(load_target(name).name for name in pools)
