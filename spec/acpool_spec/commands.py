"""What the commands print. The work is elsewhere: ``gate``, ``schedule``, ``timeline`` and ``history_report``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from acpool_spec import gate
from acpool_spec.campaign import command
from acpool_spec.campaign.replaying import is_scenario_schedule
from acpool_spec.console import Terminal, below, count, say, verdict
from acpool_spec.coverage_table import print_coverage
from acpool_spec.history_report import judge_file
from acpool_spec.making import clip
from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.refinement.coverage import GOALS
from acpool_spec.schedule import (
    Schedule,
    broken,
    load_schedule,
    require_same_code,
    run_schedule,
    save_schedule,
)
from acpool_spec.targets import OURS, load_target
from acpool_spec.timeline import WIDTH, Watcher, render
from acpool_spec.verdict import Outcome

_NARROWEST = 60  # columns: a timeline on a narrower terminal would be nothing but breaks
_GAP = 2  # columns between those of the table


def check(options: argparse.Namespace) -> int:
    """``acpool check``."""
    console = Terminal()
    names = gate.targets_of([options.pool] if options.pool is not None else OURS)
    plan = gate.Plan(names, options.seed, options.budget, options.schedules, options.workers)
    where = f"on {count(plan.workers, 'process', 'processes')}"
    say(console, f"checking {escape(', '.join(names))}, seed {plan.seed}, {where}")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # elsewhere all it leaves is an empty line
    )
    with bar:
        task = bar.add_task("starting", total=plan.schedules or plan.seconds)

        def show(progress: gate.Progress) -> None:
            done = progress.runs if plan.schedules else min(progress.seconds, plan.seconds)
            broke = " ".join(known for known in BY_ID if known in progress.found)
            text = f"{progress.phase}: {progress.runs:,} schedules, {len(progress.histories):,} distinct histories"
            bar.update(
                task, completed=done, description=text + (f", [red]broken: {broke}[/]" if broke else "")
            )

        report = gate.run_check(plan, show)
    _print_report(console, report, options.failures)
    if options.coverage:
        print_coverage(console, report.progress)
    return report.outcome.exit_status


def _print_report(console: Console, report: gate.Report, folder: Path) -> None:
    room = _print_table(console, report.lines)
    for why, ids in _undecided(report.lines, room):
        say(console, f"{', '.join(ids)}: {escape(below(why))}")
    for line in report.lines:
        if line.schedule is not None:
            _print_failure(console, line, line.schedule, folder)
            if len(line.why) > room or "\n" in line.why:
                say(console, f"    {escape(below(line.why))}")
    progress, plan = report.progress, report.plan
    say(
        console,
        f"{progress.runs:,} random schedules and {progress.machine_runs:,} of the Hypothesis machine, {progress.steps:,} steps,"
        f" {len(progress.histories):,} distinct histories, {progress.seconds:.0f} s",
    )
    say(
        console,
        f"{progress.steered:,} of the random ones were made of others, which were the first to take one of"
        f" {progress.transitions:,} transitions",
    )
    if progress.followed:
        sampled = sum(progress.goals[goal] > 0 for goal in GOALS)
        say(
            console,
            f"of the model's {len(GOALS)} goals {sampled} were reached in these,"
            f" {len(GOALS) - len(progress.unseen)} with {count(progress.directed, 'directed run')} (--coverage lists them)",
        )
    bound = f"a sample of {progress.runs:,} schedules, seed {plan.seed}"
    say(console, f"verdict: {verdict(report.outcome)} (within {bound})")


def _print_table(console: Console, lines: Sequence[gate.Line]) -> int:
    """One line for each property, with the beginning of its explanation; how many columns there are for that."""
    rows = [(line.id, line.name, line.outcome.value, f"{line.tested:,}") for line in lines]
    titles = ("id", "property", "verdict", "tested")
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    room = max(20, console.width - sum(widths) - _GAP * len(widths))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for title, width in zip(titles, widths, strict=True):
        table.add_column(title, justify="right" if title == "tested" else "left", no_wrap=True, width=width)
    table.add_column("why", no_wrap=True)
    for line, (known, name, _, tested) in zip(lines, rows, strict=True):
        table.add_row(
            known, name, verdict(line.outcome), tested, escape(clip(line.why.partition("\n")[0], room))
        )
    console.print(table)
    console.print()
    return room


def _undecided(lines: Sequence[gate.Line], room: int) -> list[tuple[str, list[str]]]:
    """The explanations without a schedule that are too long for the table, each with the properties that it is about."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.schedule is None and (len(line.why) > room or "\n" in line.why):
            found.setdefault(line.why, []).append(line.id)
    return list(found.items())


def _print_failure(console: Console, line: gate.Line, schedule: Schedule, folder: Path) -> None:
    pool = schedule.pool.replace(":", ".").removesuffix(".factory").rpartition(".")[2]
    path = folder / f"{pool}-{line.id}.json"
    what = f"{line.id}: {count(len(schedule.decisions), 'decision')}, feasible: {schedule.feasible}"
    try:
        save_schedule(schedule, path)
    except OSError as error:
        # The verdict counts for more than the file.
        say(console, escape(f"{what}; {path} cannot be written: {error}"))
    else:
        say(console, escape(f"{what}; acpool replay {path}"))


@quiet()  # what the pool would log is in the timeline, at its place
def replay(options: argparse.Namespace) -> int:
    """``acpool replay FILE``."""
    if is_scenario_schedule(options.file):
        return command.replay(options)
    console = Terminal()
    schedule = load_schedule(options.file)
    if options.pool is not None:
        target = load_target(options.pool)
    else:
        target = load_target(schedule.pool, f"{schedule.places}member 'pool'")
        if not options.anyway:
            require_same_code(schedule, target)
    watcher = Watcher()
    world = run_schedule(schedule, target, watcher.watch)
    violation = broken(world, schedule)
    known = BY_ID[schedule.property_id]
    scope = schedule.scope
    say(
        console,
        f"{escape(target.name)}, max_sessions={scope.max_sessions}, {count(scope.clients, 'client')}, mode {scope.mode},"
        f" {count(len(schedule.decisions), 'decision')}",
    )
    for text in render(watcher, world, violation, min(max(console.width, _NARROWEST), WIDTH)):
        console.print(text, markup=False, soft_wrap=True)
    if violation is None:
        say(console, f"{known.id} ({known.name}) holds in this schedule now; it was broken when it was found")
        return Outcome.HOLDS.exit_status
    say(console, f"[bold red]{known.id} {known.name} violated[/]: {escape(below(violation.message))}")
    say(console, f"  {known.id} says: {known.statement}")
    say(console, f"  feasible: {schedule.feasible}")
    return Outcome.VIOLATED.exit_status


def history(options: argparse.Namespace) -> int:
    """``acpool history FILE``."""
    console = Terminal()
    report = judge_file(options.file, max_sessions=options.max_sessions)
    for line in report.lines:
        why = f": {escape(below(line.why))}" if line.why else ""
        judged = verdict(line.outcome) if line.outcome is not None else "not judged"
        say(console, f"{line.id:4}{line.name:26}{judged}{why}")
    say(console, f"{count(report.events, 'event')}; verdict: {verdict(report.outcome)}")
    return report.outcome.exit_status
