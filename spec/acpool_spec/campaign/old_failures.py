"""Old failures of a pool, whichever command has left them in the folder: replayed before anything is explored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acpool_spec.campaign.replaying import load_recorded
from acpool_spec.exploration import ScenarioSchedule
from acpool_spec.exploration.corpus import files_in
from acpool_spec.exploration.scenario_schedule import FORMAT
from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Divergence, broken, load_schedule, run_schedule
from acpool_spec.targets import load_target
from acpool_spec.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the schedule in the file at ``path``: *holds*, *violated* again, or *undecided* where this code cannot
    follow it; ``why`` says it in a sentence, empty where it holds."""

    path: Path
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        match self.outcome:
            case Outcome.HOLDS:
                return f"{self.path}: holds now"
            case Outcome.VIOLATED:
                return f"{self.path}: still violated: {self.why}"
            case Outcome.UNDECIDED:
                return f"{self.path}: cannot be followed any more: {self.why}"


def replay_old(folder: Path, pool: str) -> Iterator[Replayed]:
    """Replay the schedules in ``folder`` that are about pools from the module of ``pool``, by file name, whatever code they were
    made with.

    A schedule of a scope is followed as nearly as this code lets it be. Raises :class:`BadInput` for a file that cannot be used:
    an old failure must not get lost unnoticed.
    """
    for path, kind in files_in(folder):
        with quiet():
            found = _explored(path, pool) if kind == FORMAT else _sampled(path, pool)
        if found is not None:
            yield found


def _explored(path: Path, pool: str) -> Replayed | None:
    if not _same_module(ScenarioSchedule.load(path).about.get("pool", ""), pool):
        return None
    failure = load_recorded(path).nearest()
    if failure is None:
        return Replayed(path, Outcome.HOLDS)
    return Replayed(path, Outcome.VIOLATED, str(failure))


def _sampled(path: Path, pool: str) -> Replayed | None:
    schedule = load_schedule(path)
    if not _same_module(schedule.pool, pool):
        return None
    target = load_target(schedule.pool, f"{path}: member 'pool'")
    try:
        violation = broken(run_schedule(schedule, target), schedule)
    except Divergence as error:
        return Replayed(path, Outcome.UNDECIDED, str(error).removeprefix(f"{path}, "))
    if violation is None:
        return Replayed(path, Outcome.HOLDS)
    known = BY_ID[violation.property]
    return Replayed(path, Outcome.VIOLATED, f"{known.id} ({known.name}): {violation.message}")


def _same_module(one: str, other: str) -> bool:
    """The factories of a module make the same pool, differently configured."""
    return one.partition(":")[0] == other.partition(":")[0]
