"""What every report is made of: a case for each pool and property, the old failures, the canary, the verdict of them all."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acpool_spec.campaign.old_failures import Replayed
from acpool_spec.canary import Canary
from acpool_spec.gate import Line, Report
from acpool_spec.properties import BY_ID, REFINEMENT
from acpool_spec.reports.places import Place, look_again
from acpool_spec.schedule import Divergence, Schedule
from acpool_spec.targets import load_target
from acpool_spec.verdict import Outcome
from acpool_spec.world import NotEnabled


@dataclass(frozen=True, slots=True)
class Case:
    """One property of one pool; of a violation also where its schedule lies, where it happens, and how.

    ``file``: None where it could not be written. ``picture``: a page that shows the run, where there is one.
    """

    id: str
    name: str
    statement: str
    pool: str
    outcome: Outcome
    tested: int
    why: str = ""
    feasible: str = ""
    decisions: int = 0
    fingerprint: str = ""
    file: Path | None = None
    place: Place | None = None
    timeline: tuple[str, ...] = ()
    picture: Path | None = None
    schedule: Schedule | None = None

    @property
    def replay(self) -> str:
        """The command that replays it; empty where there is no file."""
        return "" if self.file is None else f"acpool replay {shlex.quote(str(self.file))}"

    def details(self) -> Iterator[str]:
        """A violation in lines, without its timeline."""
        yield self.why
        yield f"{self.id} says: {self.statement}"
        yield f"feasible: {self.feasible}, {self.decisions} decisions"
        if self.place is not None:
            yield f"at {self.place}"
        if self.replay:
            yield self.replay


@dataclass(frozen=True, slots=True)
class Result:
    """A check that is over. ``bound``: within which its verdict holds; ``seconds``: it took."""

    pools: tuple[str, ...]
    seed: int
    profile: str
    bound: str
    seconds: float
    canary: Canary
    old: tuple[Replayed, ...]
    cases: tuple[Case, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of everything; an old failure that cannot be followed any more says nothing."""
        return overall(self.canary, self.old, [case.outcome for case in self.cases])

    @property
    def violated(self) -> tuple[Case, ...]:
        """The cases that were violated."""
        return tuple(case for case in self.cases if case.outcome is Outcome.VIOLATED)

    @property
    def undecided(self) -> tuple[Case, ...]:
        """The cases that were not decided."""
        return tuple(case for case in self.cases if case.outcome is Outcome.UNDECIDED)

    @property
    def failing(self) -> tuple[Replayed, ...]:
        """The old failures that fail again."""
        return tuple(old for old in self.old if old.outcome is Outcome.VIOLATED)


def overall(canary: Canary, old: Sequence[Replayed], outcomes: Sequence[Outcome]) -> Outcome:
    """The verdict of a check: *violated* by anything, else *undecided* by anything, also by a canary that stays green."""
    if Outcome.VIOLATED in (*outcomes, *(replayed.outcome for replayed in old)):
        return Outcome.VIOLATED
    return Outcome.UNDECIDED if Outcome.UNDECIDED in outcomes or not canary.caught else Outcome.HOLDS


def result_of(
    report: Report, old: Sequence[Replayed], files: Mapping[tuple[str, str], Path], bound: str
) -> Result:
    """The result of ``report``; ``files``: where the schedules were written, by pool and property.

    Every violation is replayed once more, to see where it happens.
    """
    plan = report.plan
    cases = tuple(_case(line, files.get((line.pool, line.id))) for line in report.cases)
    seconds = report.progress.seconds
    return Result(plan.targets, plan.seed, plan.profile, bound, seconds, report.canary, tuple(old), cases)


def _case(line: Line, file: Path | None) -> Case:
    statement = BY_ID[line.id].statement if line.id in BY_ID else REFINEMENT.statement
    schedule = line.schedule
    if schedule is None:
        return Case(line.id, line.name, statement, line.pool, line.outcome, line.tested, line.why)
    place: Place | None = None
    timeline: tuple[str, ...] = ()
    try:
        sight = look_again(schedule, load_target(schedule.pool))
        place, timeline = sight.place, sight.timeline
    except (Divergence, NotEnabled) as error:  # what was found in another process is not seen in this one
        timeline = (f"the replay parts from the schedule: {error}",)
    return Case(
        line.id,
        line.name,
        statement,
        line.pool,
        line.outcome,
        line.tested,
        line.why,
        schedule.feasible,
        len(schedule.decisions),
        schedule.fingerprint,
        file,
        place,
        timeline,
        schedule=schedule,
    )
