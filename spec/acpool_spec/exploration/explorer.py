"""``explore``: runs an asyncio scenario under every schedule, or under a sample of them, and says honestly which it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.corpus import keep, old_failures
from acpool_spec.exploration.depth_first import DepthFirst, NotDeterministic
from acpool_spec.exploration.estimate import Estimate, Probe, estimate
from acpool_spec.exploration.failures import Failure, failure_of
from acpool_spec.exploration.footprints.observer import Observer
from acpool_spec.exploration.recording import Recorded, record
from acpool_spec.exploration.reduction import Reduction
from acpool_spec.exploration.repetition import Repetition
from acpool_spec.exploration.scenario_schedule import ScenarioSchedule, schedule_of
from acpool_spec.exploration.setting import Setting
from acpool_spec.exploration.shrinking import shrink
from acpool_spec.exploration.strategies import EXHAUSTIVE, HYPOTHESIS, WALKS, oracle_of
from acpool_spec.exploration.strategies.portfolio import Portfolio
from acpool_spec.exploration.subtree import Below
from acpool_spec.oracles import Oracle, ReplayDivergence
from acpool_spec.simulation import DEFAULT_MAX_STEPS, Cancellable, Mode, Run, Scenario, any_task
from acpool_spec.simulation import Outcome as RunOutcome
from acpool_spec.verdict import Budget, Meter, Outcome

SAMPLE = 1_000
"""Executions of a sampling strategy that is given no budget."""
PROBES = 32, 200
"""At least and at most so many runs for the estimate of what is left; between the two, a tenth of the executions."""
OVERTIME = 1.1
"""Where seconds are bounded, the estimate ends when so many times the budget has passed."""
FIFO_RUNS = 300
"""Executions spent on finding a failure of mode ``reordered`` in mode ``fifo``, too."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an exploration.

    ``verdict``: *holds* only where every alternative of every choice point was followed. ``failure`` and ``schedule``: of the
    minimised violation. ``estimate``: how far a walk got that its budget ended; None where it was finished, where it failed,
    and where the strategy does not walk.
    """

    verdict: Outcome
    certificate: Certificate
    failure: Failure | None = None
    schedule: ScenarioSchedule | None = None
    estimate: Estimate | None = None

    @property
    def executions(self) -> int:
        """Runs made, those included that ended at a state known already."""
        return self.certificate.executions

    @property
    def states(self) -> int:
        """Distinct states at choice points, where states are pruned."""
        return self.certificate.states

    @property
    def why(self) -> str:
        """Why not *holds*, in a sentence; empty where it does."""
        return self.failure.message if self.failure is not None else self.certificate.why()


def explore(
    scenario: Scenario,
    *,
    mode: Mode = "fifo",
    strategy: str | Oracle = "exhaustive",
    cancellations: int = 0,
    cancellable: Cancellable = any_task,
    budget: Budget | None = None,
    seed: int = 0,
    prune: bool = True,
    footprints: bool = True,
    paranoid: bool = False,
    max_steps: int = DEFAULT_MAX_STEPS,
    prefix: Sequence[int] = (),
    corpus: str | Path | None = None,
) -> Report:
    """Run ``scenario()``, an async function that builds its objects and runs its tasks, until all its schedules are known.

    A run fails when an exception comes out of the scenario, when nothing is left that could wake it, when a task is left over
    or an exception was retrieved by nobody. The first failure ends the exploration and is minimised.

    ``mode``: ``fifo``, stock asyncio's order, where only the outside world varies; ``reordered``, any ready task may go
    next. ``strategy``: ``exhaustive``; ``portfolio``, half of its runs exhaustive, the others sampled; the samplers ``random``,
    ``pct``, ``surw``, ``coverage`` (of what the code tells with ``covered``) and ``hypothesis``; or an oracle of your own, or a
    :class:`~acpool_spec.exploration.handover.Walk`, which can be gone on with elsewhere, alone or in a portfolio.
    ``seed`` decides what a sampler does, and in which order a walk visits alternatives: 0 begins with what stock asyncio
    does, and all seeds make the same runs in the end. ``cancellations``: how many tasks
    of the scenario the outside world may cancel in a run, at any point of their lives; ``cancellable``: which (default:
    all). ``budget``: executions, states, seconds; for a sampling strategy 1,000 executions if none is given. ``prune``:
    cut runs off at states met before. ``footprints``: with that, in mode ``reordered`` and where it is possible, make only one
    of the runs that differ in the order of steps that do not touch the same (CPython 3.11 without a debugger; not where the
    budget is one of states).
    ``paranoid``: make every run twice here, and in three other interpreters, instead of a
    sample of them; a scenario that these cannot import by name is *undecided* then. ``max_steps``: callbacks of one run.
    ``prefix``: the first choices of every run, so that the subtree below them is explored and nothing else (see ``divide``).
    ``corpus``: a folder of old failures, of which those of this scenario are replayed first; a new one is written there.
    Raises :class:`LoopRefusal` where the scenario needs a thread, a socket, a process, a signal or a file, ``ValueError`` for
    an unknown mode or strategy, and :class:`BadInput` for a file of the corpus that cannot be read. Bound on waiting: the budget.
    """
    exploration = _Exploration(Setting(scenario, mode, cancellations, cancellable, max_steps))
    replayed = 0
    for old in () if corpus is None else old_failures(Path(corpus), scenario, mode, cancellations):
        replayed += 1
        report = exploration.fails_again(old)
        if report is not None:
            report.certificate.replayed = replayed
            return report
    report = exploration.run(strategy, budget, seed, prune, footprints, paranoid, prefix)
    report.certificate.replayed = replayed
    if corpus is not None and report.schedule is not None:
        keep(report.schedule, Path(corpus))
    return report


_NO_END = "every run came back to a state that it had been in, and none to an end"


def _finished(oracle: Oracle) -> bool:
    """Whether every run was made; a sampler never knows."""
    return isinstance(oracle, (DepthFirst, Portfolio, Reduction)) and oracle.finished


class _Exploration:
    """One exploration: the loop over runs, and what becomes of a failure."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._ended = False  # whether a run has come to its end

    def run(
        self,
        strategy: str | Oracle,
        budget: Budget | None,
        seed: int,
        prune: bool,
        footprints: bool,
        paranoid: bool,
        prefix: Sequence[int] = (),
    ) -> Report:
        own = strategy.walk if isinstance(strategy, Portfolio) else None
        if isinstance(strategy, DepthFirst):
            own = strategy
        certificate = Certificate(exhaustive=strategy in WALKS) if own is None else own.certificate
        if budget is None and not certificate.exhaustive:
            budget = Budget(executions=SAMPLE)
        meter = Meter(budget)
        repetition = Repetition(self._setting, certificate, paranoid=paranoid)
        report: Report | None = None

        def one_more(oracle: Oracle, by: Callable[[], str]) -> bool:
            """Make one run, if the budget allows; whether to go on."""
            nonlocal report
            bound = meter.exhausted()
            if bound is not None:
                certificate.ran_out(bound)
                return False
            report = self._judged(oracle, by, certificate, repetition)
            meter.executions, meter.states = certificate.executions, certificate.states
            return report is None

        if strategy == HYPOTHESIS:
            from acpool_spec.exploration.strategies.hypothesis_driven import under_hypothesis

            under_hypothesis(
                lambda oracle: one_more(Below(oracle, prefix) if prefix else oracle, lambda: HYPOTHESIS),
                seed,
                meter.budget.executions,
                broken_off=lambda: certificate.skip("Hypothesis broke off a run"),
            )
            return report or Report(certificate.outcome(), certificate)
        oracle: Oracle
        if (
            strategy == "exhaustive"
            and prune
            and footprints
            and not prefix
            and self._reducible(meter, certificate)
        ):
            oracle = Reduction(certificate, seed=seed)
        elif isinstance(strategy, str):
            oracle = oracle_of(strategy, seed, certificate, prune=prune)
        else:
            oracle = strategy
        name = (
            strategy if isinstance(strategy, str) else type(strategy).__name__ if own is None else EXHAUSTIVE
        )
        asked = Below(oracle, prefix) if prefix else oracle
        try:
            while not _finished(oracle) and one_more(
                asked, lambda: oracle.turn if isinstance(oracle, Portfolio) else name
            ):
                pass
        finally:
            if isinstance(oracle, Reduction):
                oracle.stop()
        if report is None and not prefix and _finished(oracle) and not self._ended and not certificate.skips:
            certificate.skip(_NO_END)
        if report is None and not prefix:
            report = self._cut_short(oracle, certificate, meter, seed)
        return report or Report(certificate.outcome(), certificate)

    def _reducible(self, meter: Meter, certificate: Certificate) -> bool:
        """Whether the footprints of steps may be used: where nothing but lanes can compete, and steps can be watched."""
        if (
            self._setting.mode != "reordered"
            or self._setting.cancellations
            or meter.budget.states is not None
        ):
            return False
        if not Observer.available():
            certificate.no_footprints["steps cannot be watched on this Python, or beside this debugger"] = 1
            return False
        return True

    def fails_again(self, old: ScenarioSchedule) -> Report | None:
        """What an old failure is now, as near to its decisions as this code lets it come; None where it fails no more."""
        there = _Exploration(replace(self._setting, mode=old.mode, cancellations=old.cancellations))
        run = there._record({at: made.chosen for at, made in enumerate(old.decisions)}).run
        failure = failure_of(run)
        if failure is None:
            return None
        report = there._violated(run, failure, Certificate(exhaustive=False))
        return report if report.verdict == Outcome.VIOLATED else None

    def _judged(
        self, oracle: Oracle, by: Callable[[], str], certificate: Certificate, repetition: Repetition
    ) -> Report | None:
        """Make one run; a report where it ends the exploration. ``by``: who made it, asked afterwards."""
        try:
            run = repetition.run(oracle) if repetition.due else self._setting.run(oracle)
            certificate.executions += 1
            certificate.made_by[by()] += 1
            self._ended |= run.outcome is RunOutcome.RETURNED
            failure = failure_of(run)
            if failure is not None:
                certificate.found_by = by()
                return self._violated(run, failure, certificate)
            if run.outcome is RunOutcome.STEP_BOUND:
                certificate.skip(f"a run was cut after max_steps={self._setting.max_steps}")
        except (NotDeterministic, ReplayDivergence) as error:
            certificate.skip(f"the scenario is not deterministic: {error}")
            return Report(certificate.outcome(), certificate)
        return None

    def _cut_short(self, oracle: Oracle, certificate: Certificate, meter: Meter, seed: int) -> Report:
        """The report of an exploration that nothing ended but its budget or its end, with an estimate of what is left."""
        walk = oracle.walk if isinstance(oracle, (Portfolio, Reduction)) else oracle
        if not isinstance(walk, DepthFirst) or _finished(oracle) or not walk.frontier():
            return Report(certificate.outcome(), certificate)
        found: list[tuple[Run, Failure]] = []
        seconds = meter.budget.seconds

        def probe(taken: Probe) -> bool:
            if seconds is not None and meter.seconds_spent > OVERTIME * seconds:
                return False
            run = self._setting.run(taken)
            certificate.probes += 1
            failure = failure_of(run)
            if failure is not None:
                found.append((run, failure))
            return failure is None

        made = None if walk.prune else certificate.made_by[EXHAUSTIVE]
        least, most = PROBES
        probes = min(most, max(least, certificate.executions // 10))
        try:
            estimated = estimate(walk.frontier(), made, probe, probes=probes, seed=seed)
        except NotDeterministic as error:
            certificate.skip(f"the scenario is not deterministic: {error}")
            estimated = None
        if found:
            certificate.found_by = "estimate"
            return self._violated(*found[0], certificate)
        return Report(certificate.outcome(), certificate, estimate=estimated)

    def _violated(self, run: Run, failure: Failure, certificate: Certificate) -> Report:
        failing = self._again(run)
        again = failure_of(failing.run)
        if again is None or again.kind != failure.kind:
            # Violated means that there is a schedule to replay, and this one cannot be.
            certificate.skip(
                f"the scenario is not deterministic: it failed once ({failure}), and with the same choices it did not"
            )
            return Report(certificate.outcome(), certificate)
        certificate.violated = True
        mode, smallest = self._setting.mode, shrink(failing, self._record)
        if mode == "reordered":
            weaker = self._in_fifo(failure)
            if weaker is not None:
                mode, smallest = "fifo", weaker
        shown = failure_of(smallest.run)
        assert shown is not None
        schedule = schedule_of(
            self._setting.scenario, mode, self._setting.cancellations, shown, smallest.decisions
        )
        return Report(certificate.outcome(), certificate, shown, schedule)

    def _in_fifo(self, failure: Failure) -> Recorded | None:
        """The same kind of failure where ready callbacks keep their order, if a short search finds one."""
        fifo = _Exploration(replace(self._setting, mode="fifo"))
        oracle = DepthFirst(Certificate(exhaustive=True), prune=True)
        for _ in range(FIFO_RUNS):
            if oracle.finished:
                return None
            run = fifo._setting.run(oracle)
            found = failure_of(run)
            if found is not None and found.kind == failure.kind:
                return shrink(fifo._again(run), fifo._record)
        return None

    def _again(self, run: Run) -> Recorded:
        return self._record({at: chosen for at, (chosen, _) in enumerate(run.choices)})

    def _record(self, wanted: Mapping[int, int]) -> Recorded:
        return record(self._setting, wanted)
