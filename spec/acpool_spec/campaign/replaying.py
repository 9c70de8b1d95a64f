"""Violations of scopes as files: read, made runs again, told as an interleaving."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from acpool_spec.campaign.interleaving import Interleaving
from acpool_spec.campaign.subject import Scope, Subject, checker_digest, load_family, python_version
from acpool_spec.exploration import Failure, ScenarioSchedule, failure_of
from acpool_spec.exploration import replay as replay_scenario
from acpool_spec.exploration.recording import record
from acpool_spec.exploration.scenario_schedule import FORMAT
from acpool_spec.exploration.setting import Setting
from acpool_spec.json_file import MAX_BYTES
from acpool_spec.making import clip
from acpool_spec.oracles import ReplayDivergence
from acpool_spec.simulation import Scenario
from acpool_spec.strict_json import Malformed, parse_object
from acpool_spec.targets import BadInput, load_target


@dataclass(frozen=True, slots=True)
class Recorded:
    """A violation of a scope in the file at ``path``, and what its scenario is made of."""

    path: Path
    schedule: ScenarioSchedule
    subject: Subject
    scope: Scope

    def require_same_code(self) -> None:
        """Raises :class:`BadInput` when pool, checker or Python are not those that the schedule was made with."""
        anyway = "replay it with --anyway to see what it does to this code"
        for what, then, now in (
            (f"pool {self.subject.target.name}", self.schedule.about["digest"], self.subject.target.digest),
            ("checker", self.schedule.about["checker"], checker_digest()),
        ):
            if then != now:
                raise BadInput(
                    f"{self.path}: the schedule was made for other code: the {what} has digest {now}, the schedule was found "
                    f"with {clip(then)}; {anyway}"
                )
        if self.schedule.python.split(".")[:2] != python_version().split("."):
            raise BadInput(
                f"{self.path}: the schedule was recorded with Python {clip(self.schedule.python)}, this is Python "
                f"{python_version()}, whose asyncio may take other steps; {anyway}"
            )

    def run(self, *, anyway: bool, shown: Interleaving | None = None) -> Failure | None:
        """Make the run again: its failure, None where there is none any more.

        Raises :class:`BadInput` where the code is another, unless ``anyway``, and where the run parts from the schedule.
        """
        if not anyway:
            self.require_same_code()
        scenario = self.subject.scenario(self.scope)
        try:
            run = replay_scenario(
                scenario,
                self.schedule,
                cancellable=self.subject.family.cancellable,
                anyway=anyway,
                on_decision=None if shown is None else shown.decided,
                on_step=None if shown is None else shown.stepped,
            )
        except ReplayDivergence as error:
            raise BadInput(f"{self.path}: the run is another now: {error}") from error
        except BadInput as error:
            raise BadInput(f"{self.path}: {str(error).replace('anyway=True', '--anyway')}") from error
        return failure_of(run) or _afterwards(scenario)

    def nearest(self) -> Failure | None:
        """The failure of the run that is as near to the schedule as this code lets it be, None where it has none."""
        schedule, scenario = self.schedule, self.subject.scenario(self.scope)
        setting = Setting(
            scenario,
            schedule.mode,
            schedule.cancellations,
            self.subject.family.cancellable,
        )
        run = record(setting, {at: made.chosen for at, made in enumerate(schedule.decisions)}).run
        return failure_of(run) or _afterwards(scenario)


def _afterwards(scenario: Scenario) -> Failure | None:
    """What a scenario that keeps account of its runs finds wrong with one that has ended well, such as its history."""
    look: Callable[[], Failure | None] = getattr(scenario, "found_afterwards", lambda: None)
    return look()


def is_scenario_schedule(path: Path) -> bool:
    """Whether the file at ``path`` says that it is a schedule of a scenario; False also for one that cannot be read."""
    try:
        with path.open("rb") as stream:
            return parse_object(stream.read(MAX_BYTES).decode("utf-8")).get("format") == FORMAT
    except (OSError, UnicodeDecodeError, Malformed):
        return False


def load_recorded(path: Path, pool: str | None = None) -> Recorded:
    """Read the schedule at ``path`` and make its scenario again, of ``pool`` instead of the pool it names if one is given.

    Raises :class:`BadInput` for what cannot be used.
    """
    schedule = ScenarioSchedule.load(path)
    missing = [
        name for name in ("scopes", "scope", "pool", "digest", "checker") if name not in schedule.about
    ]
    if missing:
        raise BadInput(
            f"{path}: member 'about' lacks {', '.join(missing)}; expected a schedule that acpool explore has written "
            "(replay another one with acpool_spec.replay and its scenario)"
        )
    family = load_family(schedule.about["scopes"], f"{path}: scopes")
    scope = family.scope(schedule.about["scope"], f"{path}: scope")
    target = load_target(schedule.about["pool"], f"{path}: pool") if pool is None else load_target(pool)
    return Recorded(path, schedule, Subject(family, target), scope)


def file_name(pool: str, scope: str) -> str:
    """A file's name for a violation of ``scope`` by ``pool``: readable, and unlike that of any other scope."""
    short = pool.replace(":", ".").removesuffix(".factory").rpartition(".")[2]
    readable = re.sub(r"[^A-Za-z0-9_.+-]+", "-", scope).strip("-.")
    if readable != scope or len(readable) > 100:
        readable = f"{readable[:100]}-{blake2b(scope.encode(), digest_size=4).hexdigest()}"
    return f"{short}-{readable}.json"
