"""Which properties a pool breaks where an exhibit is shown, and after how many executions each: one row of the matrix.

The same runs that find the race are made, in the same order, and go on after a violation until everything is seen, or until
their number is up. Unlike :mod:`~acpool_spec.races.finding` it ends at no violation and keeps no schedule.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from acpool_spec.exploration import Certificate, failure_of
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.setting import Setting
from acpool_spec.quiet import quiet
from acpool_spec.races.exhibit import Exhibit, Explored, Real, Sampled
from acpool_spec.races.finding import sight
from acpool_spec.sampling import Walk
from acpool_spec.scopes import PoolScope, cancellable, scenario_of
from acpool_spec.scopes.monitor import Monitor
from acpool_spec.scopes.scenario import Histories
from acpool_spec.targets import Target, load_target
from acpool_spec.world import World

OURS = "acpool_spec.reference:explored"
BEYOND = 300
"""Runs that are made of a pool after its own race has shown, to see what else it breaks."""
LIMIT = 5_000


@dataclass(slots=True)
class Survey:
    """What ``executions`` runs have shown. ``complete``: these were all there are in the scope.

    ``broken``: of each property that broke, after how many executions. ``tested``: how often each was put to the test.
    ``strange``: what was wrong with a run besides, in a sentence. ``undecided``: why this system could show nothing.
    """

    executions: int = 0
    complete: bool = False
    broken: dict[str, int] = field(default_factory=dict[str, int])
    tested: Counter[str] = field(default_factory=Counter[str])
    strange: str = ""
    undecided: str = ""

    def cell(self, property_id: str) -> str:
        """What the matrix says of a property: after how many executions it broke; · it held in all; ? in those that were made."""
        if property_id in self.broken:
            number = self.broken[property_id]
            return str(number) if number < 1_000 else f"{number / 1_000:.0f}k"
        if not self.tested[property_id]:
            return ""
        return "·" if self.complete else "?"


class _Overheard(Histories):
    """Hears of every run that was made, cut ones too."""

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self._survey = survey

    def judge(self, monitor: Monitor) -> None:
        known = len(self.violated)
        super().judge(monitor)
        judgement, survey = monitor.judgement, self._survey
        survey.executions += 1
        survey.tested.update(judgement.tested)
        survey.tested["S12"] += 1
        found = [*judgement.violations, *(["S12"] if len(self.violated) > known else [])]
        for property_id in found:
            survey.broken.setdefault(property_id, survey.executions)


@quiet()
def survey(exhibit: Exhibit, *, ours: bool = False) -> Survey:
    """Show ``exhibit``, or the same on our own pool, which is looked at to the end: its scope, or all its walks."""
    match exhibit.way:
        case Explored(scope):
            target = load_target(OURS if ours else exhibit.pool)
            return _explored(target, PoolScope.parse(scope), None if ours else exhibit.property_id)
        case Sampled(seed, runs):
            target = load_target(OURS if ours else exhibit.pool)
            return _sampled(target, seed, runs, None if ours else exhibit.property_id)
        case Real(run):
            return _seen(exhibit, run, ours=ours)


def _explored(target: Target, scope: PoolScope, own: str | None) -> Survey:
    made = Survey()
    scenario = scenario_of(scope, target.factory, only=frozenset())
    scenario.histories = _Overheard(made)
    oracle = DepthFirst(Certificate(exhaustive=True), prune=True)
    setting = Setting(scenario, scope.mode, scope.cancellations, cancellable)
    while not oracle.finished and made.executions < _last(made, own):
        failure = failure_of(setting.run(oracle))
        if failure is not None and not made.broken:
            made.strange = made.strange or str(failure)
    made.complete = oracle.finished
    return made


def _last(made: Survey, own: str | None) -> int:
    return made.broken[own] + BEYOND if own is not None and own in made.broken else LIMIT


def _sampled(target: Target, seed: int, runs: int, own: str | None) -> Survey:
    made = Survey()
    for number in range(runs):
        walk = Walk(seed, number, reclaims=target.reclaims)
        with World(target.factory, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=True)
        made.executions += 1
        made.tested.update(world.judgement.tested)
        for property_id in world.judgement.violations:
            made.broken.setdefault(property_id, made.executions)
        if own is not None and own in made.broken:
            return made
    made.complete = own is None
    return made


def _seen(exhibit: Exhibit, run: str, *, ours: bool) -> Survey:
    sighting = sight(run, avoided=ours)
    tested = Counter({exhibit.property_id: 1, **dict.fromkeys(sighting.broken, 1)})
    if sighting.undecided:
        return Survey(1, undecided=sighting.undecided)
    return Survey(1, ours, dict.fromkeys(sighting.broken, 1), tested)
