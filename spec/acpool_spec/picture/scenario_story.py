"""The story of a scenario's schedule: of a scope of ``acpool explore``, whose events are known, or of any asyncio code.

A scenario of another kind has no operations that could be known from outside: its lanes are its tasks, each with its
steps and with what it waits for between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from acpool_spec.events import PoolFacts
from acpool_spec.exploration.failures import Failure, failure_of
from acpool_spec.exploration.recording import Decision
from acpool_spec.exploration.recording import record as record_scenario
from acpool_spec.exploration.scenario_schedule import ScenarioSchedule
from acpool_spec.exploration.setting import Setting
from acpool_spec.fakes import Outside
from acpool_spec.lanes import Lane
from acpool_spec.oracles import View
from acpool_spec.picture.contents import contents, whereabouts_of_keys
from acpool_spec.picture.nearest import parting, side_by_side
from acpool_spec.picture.recording import NEXT_CALL, PLUMBING, TASKS, Recording, Taken
from acpool_spec.picture.story import Explanation, MarkKind, Nearest, Run, Story, heading
from acpool_spec.picture.telling import first_step, run_of
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.recorder import Recorder
from acpool_spec.scopes.scenario import Histories, PoolScenario, ScopeRun
from acpool_spec.simulation import Cancellable, Scenario, any_task, simulate
from acpool_spec.simulation import Run as SimulatedRun
from acpool_spec.tasks import SimulatedTask
from acpool_spec.whereabouts import whereabouts

RUNS = 300
"""Runs that the search for a passing schedule may make."""
_PLUMBING = (*PLUMBING, "outside ")


@dataclass(slots=True)
class _Scribe:
    """Writes down one run: give :meth:`begin` to a scope's scenario, and be the oracle's and the loop's listener."""

    recording: Recording
    clients: dict[str, int] = field(default_factory=dict[str, int])
    run: ScopeRun | None = None
    decisions: int = 0
    stepping: SimulatedTask | None = None
    outside: Outside = field(
        default_factory=lambda: Outside(Recorder(lambda: 0.0, PoolFacts()), agents_load=True)
    )

    def begin(self, run: ScopeRun) -> None:
        """A run of a scope begins."""
        self.run = run
        self.outside = run.agents

    def decided(self, decision: Decision, view: View) -> None:
        """A decision was made; those that stock asyncio would make are no steps of their own."""
        self.look()
        self.decisions += 1
        steps = bool(decision.alternatives) and str(decision).startswith(("step ", "iterate"))
        if decision.chosen and steps:
            words = f"{decision}, not {decision.alternatives[0]}"
        elif not steps:
            words = str(decision)
        else:
            return
        kind: MarkKind = (
            "cancel" if words.startswith("cancel ") else "fault" if decision.is_fault else "decision"
        )
        self._take(words, self._about(words), view.loop.time(), runs=False, kind=kind)

    def stepped(self, lane: Lane) -> None:
        """A callback is about to run."""
        self.look()
        task = lane.task
        if task is None:
            if not lane.name.startswith(_PLUMBING):
                last = self.recording.steps[-1].time if self.recording.steps else 0.0
                self._take(lane.name, self._about(lane.name), last, runs=False, kind="decision")
            return
        name = "the scenario" if task.serial == 1 else lane.name
        self._take(f"{name} runs", self._lane_of(name), task.get_loop().time(), runs=True, kind="step")
        self.stepping = task

    def look(self) -> None:
        """See what the last step came to: what was seen in it, where its task stands, what broke."""
        recording, task = self.recording, self.stepping
        self.stepping = None
        if not recording.steps:
            return
        last = recording.steps[-1]
        where, waits_for = (
            (None, "") if task is None or task.done() else whereabouts(task, self.outside, self._pool())
        )
        run = self.run
        if run is not None and waits_for.startswith("happens()"):
            waits_for = NEXT_CALL
        seen = len(run.monitor.notes.events) if run is not None else 0
        pool = self._pool()
        recording.steps[-1] = replace(
            last,
            events=range(last.events.start, seen),
            where=where if task is not None else last.where,
            waits_for=waits_for if task is not None else last.waits_for,
            remembers=contents(pool) if pool is not None else (),
            containers=whereabouts_of_keys(pool, recording.keys) if pool is not None else {},
        )
        if run is not None:
            for known, violation in run.monitor.judgement.violations.items():
                recording.broken.setdefault(known, (violation, len(recording.steps) - 1))

    def end(self) -> None:
        """The run is over."""
        self.look()
        recording, run = self.recording, self.run
        recording.scheduled = len(recording.steps)
        if run is not None:
            recording.events = list(run.monitor.notes.events)
            recording.history = run.monitor.notes.history()

    def _pool(self) -> Any:
        return None if self.run is None else self.run.pool

    def _take(self, words: str, about: str, time: float, *, runs: bool, kind: MarkKind) -> None:
        steps = self.recording.steps
        start = steps[-1].events.stop if steps else 0
        asks = self.run is not None and about == f"client {self.run.auditor.number}"
        if asks and self.recording.audit_from is None:
            self.recording.audit_from = len(steps)
        steps.append(Taken(self.decisions, words, about, runs, range(start, start), None, "", time, kind))

    def _lane_of(self, name: str) -> str:
        client = re.match(r"client[ -](\d+)", name)
        if self.run is not None:
            return f"client {client[1]}" if client else TASKS
        # Of other code each task is a caller, numbered as they come.
        return f"client {self.clients.setdefault(name, len(self.clients))}"

    def _about(self, words: str) -> str:
        client = re.search(r"client[ -](\d+)", words)
        if self.run is None:
            name = next((name for name in self.clients if words.startswith(f"cancel {name}")), None)
            return "" if name is None else self._lane_of(name)
        if client:
            return f"client {client[1]}"
        names = [c.name for c in self.run.agents.connections]
        return next(
            (
                f"connection {name}"
                for name in reversed(names)
                if re.search(rf"(?<!\w){re.escape(name)}\b", words)
            ),
            "",
        )


class _Following:
    """An oracle that makes the choices it is told, the nearest where it cannot, and tells a scribe."""

    def __init__(self, wanted: Mapping[int, int], scribe: _Scribe) -> None:
        self.decisions: list[Decision] = []
        self._wanted = wanted
        self._scribe = scribe
        self._view: View | None = None

    def begin(self, view: View) -> None:
        self._view = view

    def choose(self, count: int, kind: Any) -> int:
        assert self._view is not None
        chosen = min(self._wanted.get(len(self.decisions), 0), count - 1)
        labels = self._view.labels() if kind == "schedule" else ()
        made = Decision(chosen, count, labels)
        self.decisions.append(made)
        self._scribe.decided(made, self._view)
        return chosen

    def end(self) -> None:
        """Nothing to do."""


def tell_scenario(
    scenario: Scenario,
    schedule: ScenarioSchedule,
    *,
    cancellable: Cancellable = any_task,
    title: str = "",
    facts: tuple[tuple[str, str], ...] = (),
    search: bool = True,
) -> Story:
    """The story of ``schedule`` on ``scenario``: of the run that is as near to it as this code lets it be.

    ``search``: look for the nearest run that passes, in :data:`RUNS` runs at most.
    """
    setting = Setting(scenario, schedule.mode, schedule.cancellations, cancellable)
    wanted = {at: made.chosen for at, made in enumerate(schedule.decisions)}
    run, explanation, decisions, failure = _tell_run(setting, wanted, "this schedule")
    nearest = _nearest(setting, run, decisions) if failure is not None and search else None
    name = title or schedule.scenario
    verdict = "this schedule holds"
    if failure is not None:
        main = run.main
        known = main is not None and main.property in BY_ID
        verdict = (
            f"{heading(main)} violated: {main.message}"
            if main is not None and known
            else f"violated: {failure}"
        )
    about = (
        *facts,
        ("mode", schedule.mode),
        ("decisions", str(len(schedule.decisions))),
        ("feasible", schedule.feasible),
    )
    callers = "clients" if isinstance(scenario, PoolScenario) else "tasks"
    explained = explanation if isinstance(scenario, PoolScenario) else None
    return Story(name, about, verdict, failure is not None, run, nearest, explained, callers)


def _tell_run(
    setting: Setting, wanted: Mapping[int, int], title: str
) -> tuple[Run, Explanation, tuple[Decision, ...], Failure | None]:
    scenario = setting.scenario
    scope = scenario.scope if isinstance(scenario, PoolScenario) else None
    recording = Recording(() if scope is None else scope.keys, None if scope is None else scope.max_sessions)
    scribe = _Scribe(recording)
    _forget(scenario)
    if isinstance(scenario, PoolScenario):
        scenario.on_begin = scribe.begin
    try:
        following = _Following(wanted, scribe)
        run = simulate(
            scenario,
            following,
            mode=setting.mode,
            cancellations=setting.cancellations,
            cancellable=setting.cancellable,
            max_steps=setting.max_steps,
            on_step=scribe.stepped,
        )
    finally:
        if isinstance(scenario, PoolScenario):
            scenario.on_begin = None
    scribe.end()
    failure = _failure(scenario, run)
    main = ""
    if failure is not None:
        main = failure.kind.removeprefix("violated ")
        if main not in recording.broken:
            place = max(0, len(recording.steps) - 1)
            recording.broken[main] = (Violation(main, failure.message, len(recording.events) - 1), place)
    drawn, explanation = run_of(recording, main, title)
    if scope is None:
        names = {f"client {number}": name for name, number in scribe.clients.items()}
        drawn = replace(
            drawn, lanes=tuple(replace(lane, label=names.get(lane.id, lane.label)) for lane in drawn.lanes)
        )
    return drawn, explanation, tuple(following.decisions), failure


def _forget(scenario: Scenario) -> None:
    """What is found afterwards is to be of the next run alone."""
    if isinstance(scenario, PoolScenario):
        scenario.histories = Histories()


def _failure(scenario: Scenario, run: SimulatedRun) -> Failure | None:
    """What is wrong with ``run``, its history included, which is judged when it has ended."""
    found = failure_of(run)
    return scenario.found_afterwards() if found is None and isinstance(scenario, PoolScenario) else found


def _nearest(setting: Setting, failing: Run, decisions: tuple[Decision, ...]) -> Nearest:
    tried = 0
    # Two decisions made otherwise: the second one in the run to which the first led, and after it.
    first: list[tuple[int, tuple[Decision, ...], str]] = []
    twice = (
        (wanted, at, (words, f"then {again}"))
        for begin, made, words in first
        for wanted, at, again in _edits(made, begin + 1)
    )
    once = ((wanted, at, (words,)) for wanted, at, words in _edits(decisions))
    for wanted, at, words in islice(chain(once, twice), RUNS):
        tried += 1
        _forget(setting.scenario)
        found = record_scenario(setting, wanted)
        if _failure(setting.scenario, found.run) is None:
            run, _, made, _ = _tell_run(setting, wanted, "the nearest schedule that passes")
            ours, theirs = [str(d) for d in decisions], [str(d) for d in made]
            part = parting(ours, theirs)
            diverges = (first_step(failing, part), first_step(run, part))
            return Nearest(run, words, side_by_side(ours, theirs), diverges, tried, _bound(tried, len(words)))
        if len(words) == 1:
            first.append((at, found.decisions, words[0]))
    return Nearest(None, (), (), (0, 0), tried, _bound(tried, 2))


def _bound(tried: int, edits: int) -> str:
    number = "one decision" if edits == 1 else "one decision, then two,"
    return f"{number} made otherwise, what comes after as it was or as stock asyncio does; {tried} runs of at most {RUNS}"


def _edits(decisions: tuple[Decision, ...], begin: int = 0) -> Iterator[tuple[dict[int, int], int, str]]:
    """One decision from ``begin`` on made otherwise, the last one first, with its place and the edit in words: the later ones as
    they were, then as stock asyncio makes them."""
    chosen = {at: made.chosen for at, made in enumerate(decisions)}
    for keeps in (True, False):
        for at in reversed(range(begin, len(decisions))):
            for other in range(decisions[at].of):
                if other != decisions[at].chosen:
                    before = {number: choice for number, choice in chosen.items() if number < at or keeps}
                    instead = str(decisions[at]._replace(chosen=other))
                    words = f"decision {at + 1} is {instead!r} instead of {str(decisions[at])!r}"
                    yield {**before, at: other}, at, words
