"""Whether a scenario is deterministic, as far as a sample of its runs shows: each is made again, here and in another interpreter.

An exploration is a proof only where the same choices make the same run. A sampled run is traced, and watched for calls that
ask the machine for the time or for entropy; then the same choices are made again in this process, and in one with another
hash seed, where the scenario can be imported by name.
"""

from __future__ import annotations

from acpool_spec.exploration.ambient import watched
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import NotDeterministic
from acpool_spec.exploration.elsewhere import SEEDS, Unavailable, names_of, other_interpreter
from acpool_spec.exploration.failures import failure_of
from acpool_spec.exploration.setting import Setting
from acpool_spec.exploration.trace import Following, Trace, Tracing, difference
from acpool_spec.oracles import Oracle, ReplayDivergence
from acpool_spec.simulation import Outcome, Run

REPEATED = 256
"""One run in so many is made twice; the first always."""
ELSEWHERE = 1024
"""One run in so many is made in another interpreter as well; the first always."""


class Repetition:
    """Makes runs in ``setting`` that are compared with the same choices made again, and notes in ``certificate`` what it saw.

    ``paranoid``: every run is compared, and in several other interpreters; a comparison that cannot be made counts as
    something left out then. Otherwise it is only noted: what was compared is a sample in any case.
    """

    def __init__(self, setting: Setting, certificate: Certificate, *, paranoid: bool) -> None:
        self._setting = setting
        self._certificate = certificate
        self._paranoid = paranoid
        self._seeds = list(SEEDS if paranoid else SEEDS[:1])
        self._names: list[str] | None = None
        self._asked: set[str] = set()

    @property
    def due(self) -> bool:
        """Whether the next run is one of those to be compared."""
        return self._paranoid or self._certificate.executions % REPEATED == 0

    def run(self, oracle: Oracle) -> Run:
        """Let ``oracle`` make a run, and make it again unless it fails: failures are made again in any case.

        Raises :class:`NotDeterministic` when the same choices make another run here, and what the oracle raises.
        """
        number = self._certificate.executions
        tracing = Tracing(oracle)
        # Hypothesis looks at a clock with each draw: the choices are replayed without it, so it is not the scenario's.
        with watched(self._asked.add, excused=Tracing.ASKING) as looking:
            run = self._setting.run(tracing)
        if not looking:
            self._not_made("whether a clock is read: a profiler is at work")
        for what in sorted(self._asked):
            self._certificate.skips[f"the scenario is not deterministic: it asks {what}"] = 1
        if failure_of(run) is None:
            tracing.trace.conclude(run)
            self._certificate.repeated += 1
            self._here(run, tracing.trace)
            if self._paranoid or number % ELSEWHERE == 0:
                self._elsewhere(run, tracing.trace)
        return run

    def _here(self, run: Run, trace: Trace) -> None:
        again = Tracing(Following(run.choices, cut=run.outcome is Outcome.PRUNED))
        try:
            now = self._setting.run(again)
        except ReplayDivergence as error:
            raise NotDeterministic(f"the same choices led elsewhere at {error}") from error
        again.trace.conclude(now)
        if again.trace.digest != trace.digest:
            parted = difference(trace.lines, again.trace.lines)
            raise NotDeterministic(f"the same choices led to two runs that part {parted}")

    def _elsewhere(self, run: Run, trace: Trace) -> None:
        """A difference ends the questions, not the exploration: a failure that is found here can be found here again."""
        for seed in list(self._seeds):
            try:
                if self._names is None:
                    self._names = names_of(self._setting.scenario, self._setting.cancellable)
                other = other_interpreter(seed)
                answer = other.ask(
                    self._names,
                    mode=self._setting.mode,
                    cancellations=self._setting.cancellations,
                    max_steps=self._setting.max_steps,
                    choices=run.choices,
                    cut=run.outcome is Outcome.PRUNED,
                )
            except Unavailable as error:
                self._not_made(f"the same run in another interpreter: {error}")
                self._seeds.clear()
                return
            self._certificate.elsewhere += 1
            if answer.problem is not None or answer.digest != trace.digest:
                parted = difference(trace.lines, answer.lines)
                self._certificate.skip(
                    f"the scenario is not deterministic: in an interpreter with PYTHONHASHSEED={other.seed} the same choices "
                    f"led to a run that parts {parted}"
                )
                self._seeds.clear()
                return

    def _not_made(self, check: str) -> None:
        self._certificate.unchecked[check] = 1
        if self._paranoid:
            self._certificate.skips[f"not checked: {check}"] = 1
