"""Finding the race of an exhibit anew, from nothing: by the explorer, by random walks, or on real processes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from acpool_spec.campaign.replaying import load_recorded
from acpool_spec.campaign.subject import subject_of
from acpool_spec.exploration import Report, ScenarioSchedule, explore
from acpool_spec.minimise import Failure, Minimiser
from acpool_spec.properties import Violation
from acpool_spec.quiet import quiet
from acpool_spec.races.exhibit import Exhibit, Explored, Real, Sampled, Sighting
from acpool_spec.races.scopes import PoolScope, cancellable, conclude, scenario_of
from acpool_spec.sampling import Walk
from acpool_spec.schedule import Schedule, broken, load_schedule, run_schedule, save_schedule, schedule_of
from acpool_spec.targets import load_target
from acpool_spec.verdict import Budget, Outcome
from acpool_spec.world import World

SCOPES = PoolScope.__module__
EXECUTIONS = 20_000
"""Runs after which the explorer gives up; every race here takes fewer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What looking for a race came to: after how many ``executions``, what was said of the property, and how it happened.

    ``message``: of the violation, or why there is no verdict. ``lines``: what was seen on real processes.
    """

    outcome: Outcome
    executions: int
    message: str = ""
    schedule: Schedule | ScenarioSchedule | None = None
    lines: tuple[str, ...] = ()


def find(exhibit: Exhibit) -> Found:
    """Look for the race of ``exhibit`` until it shows. Bounded by :data:`EXECUTIONS`, or by the number of its walks."""
    match exhibit.way:
        case Explored(scope):
            return _explored(exhibit, scope)
        case Sampled(seed, runs):
            return _sampled(exhibit, seed, runs)
        case Real(run):
            return _seen(exhibit, sight(run, avoided=False))


@quiet()
def sight(run: str, *, avoided: bool) -> Sighting:
    """Call the function ``run``, which shows a race on real processes, or on the design that avoids it."""
    module, _, name = run.partition(":")
    return cast("Callable[[bool], Sighting]", getattr(importlib.import_module(module), name))(avoided)


def _explored(exhibit: Exhibit, name: str) -> Found:
    subject = subject_of(SCOPES, exhibit.pool)
    scope = PoolScope.parse(f"{name}/{exhibit.property_id}")
    scenario = scenario_of(scope, subject.target.factory)

    def once() -> Report:
        return explore(
            scenario,
            mode=scope.mode,
            cancellations=scope.cancellations,
            cancellable=cancellable,
            budget=Budget(executions=EXECUTIONS),
            footprints=False,  # as in scopes.scenario: a pool sets timers
        )

    with quiet():
        report = conclude(scenario, once(), once)
    if report.schedule is None or report.failure is None:
        return Found(report.verdict, report.certificate.executions, report.certificate.why())
    schedule = replace(report.schedule, about=subject.about(scope))
    return Found(report.verdict, report.certificate.executions, report.failure.message, schedule)


@quiet()
def _sampled(exhibit: Exhibit, seed: int, runs: int) -> Found:
    target = load_target(exhibit.pool)
    for number in range(runs):
        walk = Walk(seed, number, reclaims=target.reclaims)
        with World(target.factory, walk.scope) as world:
            walk.run(world)
            decisions = tuple(world.decisions)
            world.finish(linearize=exhibit.property_id == "S12")
        violation = world.judgement.violations.get(exhibit.property_id)
        if violation is None:
            continue
        least = Minimiser(target.factory, Failure(walk.scope, decisions, violation)).minimise()
        return Found(Outcome.VIOLATED, number + 1, _sentence(least.violation), schedule_of(target, least))
    return Found(Outcome.UNDECIDED, runs, f"not seen in {runs} random walks")


def _seen(exhibit: Exhibit, sighting: Sighting) -> Found:
    if sighting.undecided:
        return Found(Outcome.UNDECIDED, 1, sighting.undecided)
    message = sighting.broken.get(exhibit.property_id)
    if message is None:
        return Found(Outcome.HOLDS, 1, lines=sighting.lines)
    return Found(Outcome.VIOLATED, 1, f"{exhibit.property_id}: {message}", lines=sighting.lines)


def keep(exhibit: Exhibit, found: Found) -> None:
    """Write the schedule of ``found`` to where the schedule of ``exhibit`` is kept."""
    path, schedule = exhibit.schedule, found.schedule
    assert path is not None
    if isinstance(schedule, ScenarioSchedule):
        schedule.save(path)
    elif schedule is not None:
        save_schedule(schedule, path)


def is_kept(exhibit: Exhibit, found: Found) -> bool:
    """Whether the schedule of ``found`` has the decisions of the kept one of ``exhibit``."""
    path, schedule = exhibit.schedule, found.schedule
    assert path is not None
    if isinstance(schedule, ScenarioSchedule):
        return schedule.decisions == ScenarioSchedule.load(path).decisions
    return schedule is not None and schedule.decisions == load_schedule(path).decisions


@quiet()
def replay_kept(exhibit: Exhibit) -> str | None:
    """Replay the kept schedule of ``exhibit`` on the code of today: what it breaks in a sentence, None where it holds.

    Raises :class:`~acpool_spec.targets.BadInput` where the run parts from the schedule.
    """
    path = exhibit.schedule
    assert path is not None
    if isinstance(exhibit.way, Explored):
        failure = load_recorded(path).run(anyway=True)
        wanted = f"violated {exhibit.property_id}"
        return failure.message if failure is not None and failure.kind == wanted else None
    schedule = load_schedule(path)
    violation = broken(run_schedule(schedule, load_target(schedule.pool)), schedule)
    return None if violation is None else _sentence(violation)


def _sentence(violation: Violation) -> str:
    return f"{violation.property}: {violation.message}"
