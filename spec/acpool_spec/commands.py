"""What the commands print. The work is elsewhere: ``gate``, ``schedule``, ``timeline`` and ``history_report``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from acpool_spec import gate
from acpool_spec.history_report import judge_file
from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.schedule import broken, load_schedule, require_same_code, run_schedule, save_schedule
from acpool_spec.targets import OURS, load_target
from acpool_spec.timeline import Watcher, render
from acpool_spec.verdict import Outcome


class _Console(Console):
    """A console that tells when nobody reads any more, where rich would exit with the status of a violation."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


_STYLE = {Outcome.HOLDS: "green", Outcome.VIOLATED: "bold red", Outcome.UNDECIDED: "yellow"}


def check(options: argparse.Namespace) -> int:
    """``acpool check``."""
    console = _Console(highlight=False)
    names = gate.targets_of([options.pool] if options.pool else OURS)
    plan = gate.Plan(names, options.seed, options.budget, options.schedules, options.workers)
    console.print(f"checking {escape(', '.join(names))}, seed {plan.seed}, on {plan.workers} processes")
    bar = Progress(TextColumn("{task.description}"), BarColumn(bar_width=24), console=console, transient=True)
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
    return report.outcome.exit_status


def _print_report(console: Console, report: gate.Report, folder: Path) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("id", no_wrap=True)
    table.add_column("property", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("tested", justify="right", no_wrap=True)
    table.add_column("why", ratio=1)
    for line in report.lines:
        verdict = f"[{_STYLE[line.outcome]}]{line.outcome.value}[/]"
        table.add_row(line.id, line.name, verdict, f"{line.tested:,}", escape(line.why))
    console.print(table)
    for line in report.lines:
        if line.schedule is not None:
            pool = line.schedule.pool.replace(":", ".").removesuffix(".factory").rpartition(".")[2]
            path = folder / f"{pool}-{line.id}.json"
            what = f"{line.id}: {len(line.schedule.decisions)} decisions, feasible: {line.schedule.feasible}"
            try:
                save_schedule(line.schedule, path)
            except OSError as error:
                # The verdict counts for more than the file.
                console.print(escape(f"{what}; {path} cannot be written: {error}"), soft_wrap=True)
            else:
                console.print(escape(f"{what}; acpool replay {path}"), soft_wrap=True)
    progress, plan = report.progress, report.plan
    console.print(
        f"{progress.runs:,} random schedules and {progress.machine_runs:,} of the Hypothesis machine, {progress.steps:,} steps,"
        f" {len(progress.histories):,} distinct histories, {progress.seconds:.0f} s",
        soft_wrap=True,
    )
    bound = f"a sample of {progress.runs:,} schedules, seed {plan.seed}"
    console.print(
        f"verdict: [{_STYLE[report.outcome]}]{report.outcome.value}[/] (within {bound})", soft_wrap=True
    )


@quiet()  # what the pool would log is in the timeline, at its place
def replay(options: argparse.Namespace) -> int:
    """``acpool replay FILE``."""
    console = _Console(highlight=False)
    schedule = load_schedule(options.file)
    target = load_target(options.pool or schedule.pool)
    if not options.anyway and not options.pool:
        require_same_code(schedule, target)
    watcher = Watcher()
    world = run_schedule(schedule, target, watcher.watch)
    violation = broken(world, schedule)
    known = BY_ID[schedule.property_id]
    scope = schedule.scope
    console.print(
        f"{escape(target.name)}, max_sessions={scope.max_sessions}, {scope.clients} clients, mode {scope.mode},"
        f" {len(schedule.decisions)} decisions",
        soft_wrap=True,
    )
    for text in render(watcher, world, violation):
        console.print(text, markup=False, soft_wrap=True)
    if violation is None:
        console.print(
            f"{known.id} ({known.name}) holds in this schedule now; it was broken when the file was written"
        )
        return Outcome.HOLDS.exit_status
    console.print(
        f"[bold red]{known.id} {known.name} violated[/]: {escape(violation.message)}", soft_wrap=True
    )
    console.print(f"  {known.id} says: {known.statement}", soft_wrap=True)
    console.print(f"  feasible: {schedule.feasible}", soft_wrap=True)
    return Outcome.VIOLATED.exit_status


def history(options: argparse.Namespace) -> int:
    """``acpool history FILE``."""
    console = _Console(highlight=False)
    report = judge_file(options.file, max_sessions=options.max_sessions)
    for line in report.lines:
        why = f": {escape(line.why)}" if line.why else ""
        verdict = (
            f"[{_STYLE[line.outcome]}]{line.outcome.value}[/]" if line.outcome is not None else "not judged"
        )
        console.print(f"{line.id:4}{line.name:26}{verdict}{why}", soft_wrap=True)
    console.print(f"{report.events:,} events; verdict: [{_STYLE[report.outcome]}]{report.outcome.value}[/]")
    return report.outcome.exit_status
