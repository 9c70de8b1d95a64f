"""``acpool races``: the museum's list, the story of one exhibit, and its race found anew.

``list`` and ``show`` end with 0. ``run ID`` ends as a check of its pool would: 1 when the race shows, 0 when everything was
looked at and it does not, 3 when a bound ran out before that. ``run --all`` ends with 0 when every exhibit is red with its own
property and our pool green beside it, 1 when one is not, 3 when some were not looked at to the end. 2: there is no such exhibit.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from acpool_spec.console import STYLE, Terminal, count, say, verdict
from acpool_spec.races.catalogue import EXHIBITS, exhibit_of
from acpool_spec.races.exhibit import Exhibit, Explored, Real, Sampled
from acpool_spec.races.finding import Found, find, is_kept
from acpool_spec.races.matrix import Matrix, Row, make_matrix
from acpool_spec.races.survey import OURS
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

WIDTH = 100  # columns at most
_CELL = 4  # columns of a cell of the matrix


def races(options: argparse.Namespace) -> int:
    """``acpool races``."""
    console = Terminal()
    console.width = min(console.width, WIDTH)
    if options.action == "show":
        if options.exhibit is None:
            raise BadInput("show: expected the ID of an exhibit, as acpool races lists them")
        return _show(console, exhibit_of(options.exhibit))
    if options.action == "run":
        if options.all is (options.exhibit is not None):
            raise BadInput("run: expected the ID of one exhibit, or --all")
        return (
            _run_all(console, options.workers) if options.all else _run(console, exhibit_of(options.exhibit))
        )
    if options.exhibit is not None:
        raise BadInput(f"list: found {options.exhibit!r}; expected nothing behind it")
    return _list(console)


def _list(console: Console) -> int:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("row", "id", "breaks", "found by", "what goes wrong"):
        table.add_column(title, no_wrap=title != "what goes wrong")
    for exhibit in EXHIBITS:
        row = str(exhibit.row) if isinstance(exhibit.row, int) else "–"
        table.add_row(row, exhibit.id, exhibit.property_id, _found_by(exhibit), escape(exhibit.title))
    console.print(table)
    say(console, "\nacpool races show ID tells the story of one; acpool races run ID finds it anew")
    return Outcome.HOLDS.exit_status


def _found_by(exhibit: Exhibit) -> str:
    return {Explored: "explorer", Sampled: "sampling", Real: "processes"}[type(exhibit.way)]


def _show(console: Console, exhibit: Exhibit) -> int:
    kind = f"race {exhibit.row}" if isinstance(exhibit.row, int) else "a historical design"
    say(console, f"[bold]{exhibit.id}[/] ({kind}): {escape(exhibit.title)}")
    say(console, f"breaks {exhibit.property_id} ({exhibit.breaks.name}): {escape(exhibit.breaks.statement)}")
    say(console, "")
    for line in exhibit.lines:
        say(console, f"  {escape(line)}")
    say(console, "")
    console.print(f"[bold]avoided by[/]: {escape(exhibit.avoided_by)}", highlight=False)
    say(console, "")
    say(console, escape(f"pool      {exhibit.pool}"))
    match exhibit.way:
        case Explored(scope):
            say(console, escape(f"scope     {scope}"))
        case Sampled(seed, runs):
            say(console, f"sample    {count(runs, 'random walk')}, seed {seed}")
        case Real(run):
            say(console, escape(f"shown by  {run}"))
    if exhibit.schedule is not None:
        say(console, escape(f"replay    {_replay(exhibit.schedule)}"))
        say(console, escape(f"picture   the same with --html {exhibit.id}.html"))
    say(console, f"find anew acpool races run {exhibit.id}")
    return Outcome.HOLDS.exit_status


def _replay(schedule: Path) -> str:
    return f"acpool replay --anyway {_near(schedule)}"


def _near(path: Path) -> Path:
    """``path`` as it is called from here, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _run(console: Console, exhibit: Exhibit) -> int:
    say(console, escape(f"looking for {exhibit.id} in {exhibit.pool}"))
    began = time.monotonic()
    found = find(exhibit)
    for line in found.lines:
        say(console, f"  {escape(line)}")
    _conclude(console, exhibit, found, time.monotonic() - began)
    return found.outcome.exit_status


def _conclude(console: Console, exhibit: Exhibit, found: Found, took_s: float) -> None:
    after = f"after {count(found.executions, 'execution')}, in {took_s:.1f} s"
    if found.outcome != Outcome.VIOLATED:
        say(console, f"{exhibit.property_id} {exhibit.breaks.name} {verdict(found.outcome)} {after}")
        if found.message:
            say(console, f"  {escape(found.message)}")
        return
    say(console, f"[{STYLE[found.outcome]}]violated[/] {after}: {escape(found.message)}")
    if found.schedule is not None and exhibit.schedule is not None:
        decisions = count(len(found.schedule.decisions), "decision")
        which = (
            "those of the kept schedule" if is_kept(exhibit, found) else "others than in the kept schedule"
        )
        say(console, f"  {decisions}, {which}; feasible: {found.schedule.feasible}")
        say(console, escape(f"  step by step: {_replay(exhibit.schedule)}, with --html OUT as a picture"))


def _run_all(console: Console, workers: int) -> int:
    where = count(workers, "process", "processes")
    say(console, f"{count(len(EXHIBITS), 'exhibit')}, and {OURS} in the same places, on {where}")
    bar = Progress(
        TextColumn("looking"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    began = time.monotonic()
    with bar:
        task = bar.add_task("looking", total=2 * len(EXHIBITS))
        matrix = make_matrix(EXHIBITS, workers, lambda done, of: bar.update(task, completed=done, total=of))
    print_matrix(console, matrix)
    for row in matrix.rows:
        _complain(console, row)
    red = sum(row.red for row in matrix.rows)
    green = sum(row.green == Outcome.HOLDS for row in matrix.rows)
    say(
        console,
        f"\n{red} of {len(matrix.rows)} exhibits red with their own property, our pool green beside {green},"
        f" in {time.monotonic() - began:.0f} s; verdict: {verdict(matrix.outcome)}",
    )
    return matrix.outcome.exit_status


def print_matrix(console: Console, matrix: Matrix) -> None:
    """One row for each exhibit and one for our pool; blocks of properties where the terminal is too narrow for all of them."""
    width = max(len(row.exhibit.id) for row in matrix.rows)
    head = f"{'pool':{width}} own "
    beside = len(head)
    columns, ours = matrix.columns, matrix.ours()
    fit = max(1, (console.width - beside) // _CELL) if console.is_terminal else len(columns)
    for block in (columns[start : start + fit] for start in range(0, len(columns), fit)):
        if block[0] != columns[0]:
            say(console, "")
        say(console, f"[bold]{head}{''.join(f'{column:>{_CELL}}' for column in block)}[/]")
        for row in matrix.rows:
            name = f"{row.exhibit.id:{width}} {row.exhibit.property_id}"
            say(console, f"{name:{beside}}{''.join(_cell(row, column) for column in block)}")
        say(console, f"[bold]{'acpool':{beside}}[/]{''.join(f'{ours[column]:>{_CELL}}' for column in block)}")
    say(
        console,
        "\nown: the exhibit's property; a number: broken, after so many executions ([bold red reverse]the own one[/]);"
        "\n·: held in every run; ?: held in those that were made, not all; empty: never put to the test",
    )


def _cell(row: Row, column: str) -> str:
    cell = "?" if row.shown is None else row.shown.cell(column)
    own = row.red and column == row.exhibit.property_id
    return f"{' ' * (_CELL - len(cell))}[bold red reverse]{cell}[/]" if own else f"{cell:>{_CELL}}"


def _complain(console: Console, row: Row) -> None:
    """Say what is not as it should be."""
    name = row.exhibit.id
    if row.unseen:
        say(console, f"{name}: [yellow]{escape(row.unseen)}[/]")
    elif row.shown is not None and not row.red:
        say(
            console,
            f"[bold red]{name}[/]: {row.exhibit.property_id} did not break in {row.shown.executions} executions",
        )
    if row.ours is not None and row.green != Outcome.HOLDS:
        broken = (
            ", ".join(row.ours.broken)
            or row.ours.strange
            or row.ours.undecided
            or f"not done after {row.ours.executions} executions"
        )
        say(console, f"[bold red]{name}[/]: our own pool: {escape(broken)}")
