"""``acpool explore``, and ``acpool replay`` for what it has found: what they print."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from acpool_spec.campaign.account import Line
from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.executors import Cluster, Crew, Processes
from acpool_spec.campaign.interleaving import Interleaving
from acpool_spec.campaign.journal import Journal
from acpool_spec.campaign.old_failures import replay_old
from acpool_spec.campaign.progress import Display, percent
from acpool_spec.campaign.replaying import Recorded, file_name, load_recorded
from acpool_spec.campaign.subject import Family, Scope, Subject, load_family, python_version, subject_of
from acpool_spec.campaign.table import explain, print_table
from acpool_spec.console import Terminal, below, count, say, text_width, verdict
from acpool_spec.exploration import ScenarioSchedule
from acpool_spec.exploration.strategies import EXHAUSTIVE
from acpool_spec.picture.page import write_picture
from acpool_spec.picture.scenario_story import tell_scenario
from acpool_spec.picture.story import Story
from acpool_spec.picture.text import closing_lines
from acpool_spec.quiet import quiet
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

_WORST = (Outcome.VIOLATED, Outcome.UNDECIDED)
JOURNALS = Path("acpool-explored")


def explore(options: argparse.Namespace) -> int:
    """``acpool explore``."""
    console = Terminal()
    family = load_family(options.scopes)
    scopes = _selected(family, options)
    if options.list:
        for scope in scopes:
            console.print(scope.name, markup=False, soft_wrap=True)
        return Outcome.HOLDS.exit_status
    if options.executions is not None and options.strategy == EXHAUSTIVE:
        raise BadInput(
            "--executions: exhaustive makes as many as it takes; expected another --strategy beside it"
        )
    subject = subject_of(options.scopes, options.pool)
    plan = Plan(
        options.scopes,
        options.pool,
        subject.digest,
        python_version(),
        [scope.name for scope in scopes],
        options.budget,
        paranoid=options.paranoid,
        strategy=options.strategy,
        executions=options.executions,
    )
    with ExitStack() as stack:
        journal = Journal(options.journal or _journal_of(subject, plan), _about(plan), fresh=options.fresh)
        stack.callback(journal.close)
        crew: Crew = Processes(options.workers) if options.dask is None else Cluster(options.dask)
        stack.callback(crew.close)
        where = count(crew.workers, "process", "processes") if options.dask is None else options.dask
        what = f"{count(len(scopes), 'scope')} of {options.pool}"
        say(console, escape(f"exploring {what} on {where}, journal {journal.path}"))
        again = _replay_old(console, options.failures, options.pool)
        display = stack.enter_context(Display(console, time.monotonic))
        campaign = Campaign(plan, crew, journal, display.show)
        lines = campaign.run()
        took_s = campaign.seconds
    print_table(console, lines)
    written = {line.scope: _keep_failure(line, options) for line in lines if line.schedule is not None}
    explain(console, lines, written)
    return _conclude(console, campaign, took_s, lines, again)


def _selected(family: Family, options: argparse.Namespace) -> list[Scope]:
    """The scopes that were asked for, each once; those of the profile where none were."""
    if not options.scope:
        return list(family.profile(options.profile))
    return list({(scope := family.scope(name, "SCOPE")).name: scope for name in options.scope}.values())


def _about(plan: Plan) -> dict[str, str]:
    """What a result in the journal depends on."""
    return {
        "pool": plan.pool,
        "scopes": plan.family,
        "code": plan.digest,
        "python": plan.python,
        "division": f"parts of {plan.whole} executions",
        "strategy": plan.strategy
        if plan.executions is None
        else f"{plan.strategy}, {plan.executions} executions",
        "repetition": "every run twice" if plan.paranoid else "a sample of the runs twice",
    }


def _journal_of(subject: Subject, plan: Plan) -> Path:
    """A journal of its own for each code, so that what was found on another is neither used nor in the way."""
    extras = ["-paranoid"] if plan.paranoid else []
    if plan.strategy != EXHAUSTIVE:
        extras.append(f"-{plan.strategy}" + (f"-{plan.executions}" if plan.executions is not None else ""))
    name = file_name(subject.target.name, f"{plan.digest}-{plan.python}{''.join(extras)}")
    return JOURNALS / Path(name).with_suffix(".journal")


def _replay_old(console: Console, folder: Path, pool: str) -> list[str]:
    """Replay the failures that are kept in ``folder``; the names of the files that still fail."""
    failing: list[str] = []
    for replayed in replay_old(folder, pool):
        say(console, f"old failure: {escape(below(str(replayed)))}")
        if replayed.outcome is Outcome.VIOLATED:
            failing.append(replayed.path.name)
    return failing


def _keep_failure(line: Line, options: argparse.Namespace) -> str:
    """Write the schedule of a violated scope; what is to be said of it."""
    assert line.schedule is not None
    path = options.failures / file_name(options.pool, line.scope)
    schedule = ScenarioSchedule.parse(line.schedule, str(path))
    what = f"{count(len(schedule.decisions), 'decision')}, feasible: {schedule.feasible}"
    try:
        schedule.save(path)
    except OSError as error:
        # The verdict counts for more than the file.
        return f"{what}; {path} cannot be written: {error}"
    return f"{what}; acpool replay {path}"


def _conclude(
    console: Console, campaign: Campaign, took_s: float, lines: Sequence[Line], again: Sequence[str]
) -> int:
    outcomes = [line.outcome for line in lines]
    outcome = next((worst for worst in _WORST if worst in outcomes), Outcome.HOLDS)
    taken = f", {count(campaign.taken_over, 'result')} from the journal" if campaign.taken_over else ""
    executions, states = sum(line.executions for line in lines), sum(line.states for line in lines)
    ended = f", {campaign.ended}" if campaign.ended else ""
    say(
        console,
        f"{count(executions, 'execution')}, {count(states, 'state')}, {took_s:.0f} s{taken}{escape(ended)}; "
        f"{percent(sum(line.behind for line in lines) / len(lines) if lines else 1.0)} explored",
    )
    if again:
        outcome = Outcome.VIOLATED
        say(console, escape(f"{count(len(again), 'old failure')} as before: {', '.join(again)}"))
    tally = ", ".join(f"{outcomes.count(known)} {known.value}" for known in Outcome if known in outcomes)
    say(console, f"verdict: {verdict(outcome)} ({count(len(lines), 'scope')}: {tally})")
    return outcome.exit_status


@quiet()
def replay(options: argparse.Namespace) -> int:
    """``acpool replay FILE``, where the file is the schedule of a scope."""
    console = Terminal()
    recorded = load_recorded(options.file, options.pool)
    shown = Interleaving()
    failure = recorded.run(anyway=options.anyway or options.pool is not None, shown=shown)
    _print_run(console, recorded, shown)
    story = _print_story(console, recorded)
    if failure is None:
        say(console, escape(f"this schedule holds now; when it was found: {recorded.schedule.failure}"))
    else:
        say(console, f"[bold red]violated[/]: {escape(below(str(failure)))}")
        say(console, f"  feasible: {recorded.schedule.feasible}")
    if options.html is not None:
        write_picture(console, story, options.html)
    return (Outcome.HOLDS if failure is None else Outcome.VIOLATED).exit_status


def _print_story(console: Console, recorded: Recorded) -> Story:
    facts = (("pool", recorded.subject.target.name), ("scope", recorded.scope.name))
    story = tell_scenario(
        recorded.subject.scenario(recorded.scope),
        recorded.schedule,
        cancellable=recorded.subject.family.cancellable,
        title=f"{recorded.subject.target.name} in {recorded.scope.name}",
        facts=facts,
    )
    for text in ("", *closing_lines(story, text_width(console)), ""):
        console.print(text, markup=False, soft_wrap=True)
    return story


def _print_run(console: Console, recorded: Recorded, shown: Interleaving) -> None:
    schedule = recorded.schedule
    say(console, escape(f"{recorded.subject.target.name}, scope {recorded.scope.name}"))
    say(console, f"mode {schedule.mode}, {count(len(schedule.decisions), 'decision')}")
    for text in shown.lines(text_width(console)):
        console.print(text, markup=False, soft_wrap=True)
