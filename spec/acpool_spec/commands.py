"""What the commands print. The work is elsewhere: ``gate``, ``schedule``, ``timeline`` and ``history_report``."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from acpool_spec import gate
from acpool_spec.campaign import command
from acpool_spec.campaign.old_failures import Replayed, replay_old
from acpool_spec.campaign.replaying import is_scenario_schedule
from acpool_spec.console import Terminal, below, count, say, text_width, verdict
from acpool_spec.coverage_table import print_coverage
from acpool_spec.explanation import explanation_of, lines_of
from acpool_spec.history import read_history
from acpool_spec.history_report import judge_file
from acpool_spec.linearizability import check_history
from acpool_spec.making import clip, plain
from acpool_spec.mutants.command import sensitivity
from acpool_spec.object_histories import OBJECTS, ObjectReport, first_object, judge_objects, times_of
from acpool_spec.picture.history_story import (
    IN_JSON,
    STEPS,
    story_of_history,
    story_of_operations,
    story_of_window,
)
from acpool_spec.picture.page import write_picture
from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.picture.text import closing_lines
from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.refinement.coverage import GOALS
from acpool_spec.reports.folder import Wanted, require_room, write_reports
from acpool_spec.reports.github import old_annotation, workflow_commands
from acpool_spec.reports.result import overall, result_of
from acpool_spec.schedule import (
    Schedule,
    broken,
    load_schedule,
    require_same_code,
    run_schedule,
    save_schedule,
)
from acpool_spec.targets import OURS, BadInput, load_target
from acpool_spec.timeline import Watcher, render
from acpool_spec.verdict import Budget, Outcome
from acpool_spec.world import DIRECTED

_KEYS_SHOWN = 5
_GAP = 2  # columns between those of the table


def check(options: argparse.Namespace) -> int:
    """``acpool check``."""
    if options.sensitivity is not None:
        return sensitivity(options)
    console = Terminal()
    require_room(_wanted(options))
    names = gate.targets_of([options.pool] if options.pool is not None else OURS)
    plan = gate.Plan(names, options.seed, options.budget, options.schedules, options.workers, options.profile)
    where = f"on {count(plan.workers, 'process', 'processes')}"
    say(console, f"checking {escape(', '.join(names))}, seed {plan.seed}, {where}")
    old = _replay_old(console, options, names)
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
            broke = " ".join(known for known in BY_ID if known in progress.broken)
            text = f"{progress.phase}: {progress.runs:,} schedules, {len(progress.histories):,} distinct histories"
            bar.update(
                task, completed=done, description=text + (f", [red]broken: {broke}[/]" if broke else "")
            )

        report = gate.run_check(plan, show)
    files = _print_report(console, report, options.failures, old)
    if options.coverage:
        print_coverage(console, report.progress)
    return _conclude(console, options, report, old, files)


def _replay_old(console: Console, options: argparse.Namespace, pools: Sequence[str]) -> list[Replayed]:
    """Replay the failures that are kept in the folder, and say at once what became of each."""
    found: list[Replayed] = []
    for pool in {
        name.partition(":")[0]: name for name in pools
    }.values():  # a file is about all pools of a module
        for replayed in replay_old(options.failures, pool):
            found.append(replayed)
            say(console, f"old failure: {escape(below(str(replayed)))}")
            if options.github and replayed.outcome is not Outcome.HOLDS:
                _tell_github(console, old_annotation(replayed))
    return found


def _tell_github(console: Console, command: str) -> None:
    console.print(command, markup=False, emoji=False, soft_wrap=True)


def _wanted(options: argparse.Namespace) -> Wanted:
    return Wanted(options.junit, options.sarif, options.report, options.github)


def _conclude(
    console: Console,
    options: argparse.Namespace,
    report: gate.Report,
    old: Sequence[Replayed],
    files: Mapping[tuple[str, str], Path],
) -> int:
    """Write the reports that were asked for, and say the verdict; the exit status."""
    bound = f"a sample of {report.progress.runs:,} schedules, seed {report.plan.seed}"
    wanted = _wanted(options)
    problems: list[str] = []
    if wanted:
        result = result_of(report, old, files, bound)
        problems = write_reports(result, wanted)
        for command in workflow_commands(result) if options.github else ():
            _tell_github(console, command)
    say(console, escape(str(report.canary)))
    failing = [replayed.path.name for replayed in old if replayed.outcome is Outcome.VIOLATED]
    if failing:
        say(console, escape(f"{count(len(failing), 'old failure')} as before: {', '.join(failing)}"))
    outcome = overall(report.canary, old, [case.outcome for case in report.cases])
    say(console, f"verdict: {verdict(outcome)} (within {bound})")
    if problems and outcome is not Outcome.VIOLATED:
        raise BadInput("; ".join(problems))  # who asked for a report must not take its absence for a pass
    for problem in problems:
        say(console, escape(problem))
    return outcome.exit_status


def _print_report(
    console: Console, report: gate.Report, folder: Path, old: Sequence[Replayed]
) -> dict[tuple[str, str], Path]:
    """Print what was found and write its schedules; where they are, by pool and property."""
    files: dict[tuple[str, str], Path] = {}
    room = _print_table(console, report.lines)
    for why, ids in _undecided(report.lines, room):
        say(console, f"{', '.join(ids)}: {escape(below(why))}")
    for line in report.cases:
        if line.schedule is not None:
            path = _print_failure(console, line, line.schedule, folder, old)
            if path is not None:
                files[line.pool, line.id] = path
            if len(line.why) > room or "\n" in line.why:
                say(console, f"    {escape(below(line.why))}")
    progress = report.progress
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
    return files


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


def _print_failure(
    console: Console, line: gate.Line, schedule: Schedule, folder: Path, old: Sequence[Replayed]
) -> Path | None:
    """Write the schedule and say so; where it is, None where it cannot be written."""
    path = _room_for(schedule, folder, old)
    what = f"{line.id}: {count(len(schedule.decisions), 'decision')}, feasible: {schedule.feasible}"
    try:
        save_schedule(schedule, path)
    except OSError as error:
        # The verdict counts for more than the file.
        say(console, escape(f"{what}; {path} cannot be written: {error}"))
        return None
    say(console, escape(f"{what}; acpool replay {path}"))
    return path


def _room_for(schedule: Schedule, folder: Path, old: Sequence[Replayed]) -> Path:
    """The file for a schedule. What is in the way is replaced if it is the same one, or was replayed and holds: the failure of
    another pool, or one that has not gone away, must not get lost."""
    pool = schedule.pool.replace(":", ".").removesuffix(".factory").rpartition(".")[2]
    path = folder / f"{pool}-{schedule.property_id}.json"
    if not path.exists() or any(one.path == path and one.outcome is Outcome.HOLDS for one in old):
        return path
    try:
        same = load_schedule(path).fingerprint == schedule.fingerprint
    except BadInput:  # of another kind; what cannot be read at all has ended the check before
        same = False
    return path if same else path.with_stem(f"{path.stem}-{schedule.fingerprint}")


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
    directed = schedule.scope.mode == DIRECTED
    if directed and options.html is not None:
        raise BadInput(
            f"{schedule.places}a directed run has no picture: it records nothing but where the pool leaves the model;"
            " expected a schedule of another mode with --html"
        )
    watcher = Watcher()
    world = run_schedule(schedule, target, watcher.watch)
    violation = broken(world, schedule)
    story = None if directed else tell(schedule, target)
    known = BY_ID[schedule.property_id]
    scope = schedule.scope
    say(
        console,
        f"{escape(target.name)}, max_sessions={scope.max_sessions}, {count(scope.clients, 'client')}, mode {scope.mode},"
        f" {count(len(schedule.decisions), 'decision')}",
    )
    width = text_width(console)
    notes: dict[int, list[str]] = {}
    closing: Sequence[str] = ()
    shown = violation
    if story is not None:
        for event, note in story.run.notes:
            notes.setdefault(event, []).append(note)
        closing = ("", *closing_lines(story, width, explain=known.id != "S12"), "")
        if violation is not None and known.id == "S12":
            shown = dataclasses.replace(
                violation, index=story.run.last_event
            )  # the first that cannot be explained
    for text in (*render(watcher, world, shown, width, notes), *closing):
        console.print(text, markup=False, soft_wrap=True)
    if violation is None:
        say(console, f"{known.id} ({known.name}) holds in this schedule now; it was broken when it was found")
    else:
        say(console, f"[bold red]{known.id} {known.name} violated[/]: {escape(below(violation.message))}")
        say(console, f"  {known.id} says: {known.statement}")
        say(console, f"  feasible: {schedule.feasible}")
    if options.html is not None and story is not None:
        write_picture(console, story, options.html)
    return (Outcome.HOLDS if violation is None else Outcome.VIOLATED).exit_status


def history(options: argparse.Namespace) -> int:
    """``acpool history FILE``."""
    console = Terminal()
    if options.spec is not None:
        return _objects(console, options)
    report = judge_file(options.file, max_sessions=options.max_sessions)
    for line in report.lines:
        why = f": {escape(below(line.why))}" if line.why else ""
        judged = verdict(line.outcome) if line.outcome is not None else "not judged"
        say(console, f"{line.id:4}{line.name:26}{judged}{why}")
    say(console, f"{count(report.events, 'event')}; verdict: {verdict(report.outcome)}")
    if options.html is not None:
        recorded = read_history(options.file)
        story = story_of_history(recorded, report.violations, title=str(options.file))
        write_picture(console, story, options.html)
    return report.outcome.exit_status


def _story_of_objects(options: argparse.Namespace, report: ObjectReport) -> Story:
    """What is told of a violation is the window that shows it; else how the first object's history begins, and its order."""
    if report.violated is not None:
        key, window = report.violated
        title = str(options.file) if key is None else f"{options.file}, key {key!r}"
        times = times_of(options.file, options.spec, window.operations)
        return story_of_window(window, key, title=title, times=times)
    key, operations, times = first_object(options.file, options.spec, STEPS // 2)
    title = str(options.file) if key is None else f"{options.file}, key {key!r}"
    judged = check_history(operations, OBJECTS[options.spec].spec, budget=Budget(states=options.states))
    story = story_of_operations(operations, judged, title=title, words=IN_JSON, times=times)
    if len(operations) < report.operations:
        note = f"the first {len(operations):,} operations of one of {report.keys:,} objects; {report.operations:,} were judged"
        story = dataclasses.replace(story, run=dataclasses.replace(story.run, note=note))
    return story


def _objects(console: Terminal, options: argparse.Namespace) -> int:
    report = judge_objects(options.file, options.spec, states=options.states)
    if report.violated is not None:
        key, window = report.violated
        found = explanation_of(window, OBJECTS[options.spec].spec, key)
        for text in lines_of(found, window.operations):
            console.print(plain(text), markup=False, highlight=False, soft_wrap=True)
    for key in report.undecided[:_KEYS_SHOWN]:
        what = "the history" if key is None else f"the history of key {key!r}"
        say(console, escape(f"undecided: a search in {what} ended at its bound {report.bound} (--states)"))
    if not report.answered:
        say(console, "undecided: no operation of the file was answered, so nothing puts it to the test")
    if len(report.undecided) > _KEYS_SHOWN:
        say(console, f"… and the histories of {len(report.undecided) - _KEYS_SHOWN:,} more keys")
    say(
        console,
        f"{count(report.until, 'line')}, {count(report.operations, 'operation')}, {report.pending:,} of them pending,"
        f" {count(report.keys, 'object')}, {report.states:,} configurations, at most {report.most_held:,} operations in memory",
    )
    say(console, f"linearizable as {options.spec}: {verdict(report.outcome)}")
    if options.html is not None:
        write_picture(console, _story_of_objects(options, report), options.html)
    return report.outcome.exit_status
