"""``acpool check --sensitivity``: whether every declared mutant of our pool is caught, and by what."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from acpool_spec.console import Terminal, count, say, verdict
from acpool_spec.making import clip
from acpool_spec.mutants.mutant import Mutant, declared
from acpool_spec.mutants.room_tests import repository
from acpool_spec.mutants.sensitivity import Report, Row, for_tests_alone, run_mutants
from acpool_spec.mutants.strategies import LAST, STRATEGIES, Look
from acpool_spec.naming import near
from acpool_spec.targets import BadInput

_UNUSABLE = 2
_SAYS_NOTHING = ("pool", "schedules", "coverage", "junit", "sarif", "report", "github")
"""Options of ``acpool check`` that would be left out without a word."""
_NAME = 38
"""Columns for the name of a mutant."""
_NAMES = 400  # characters of those that nobody came to
_NAMED = 5
"""Of the mutants that were left out, at most."""
_LEGEND = (
    "a cell: what broke, after how many executions, in how many seconds of CPU; –: nothing did in so many;\n"
    f"·: not asked ({LAST}: by the tests of the pool, which are asked where nothing else sees anything)"
)


def sensitivity(options: argparse.Namespace) -> int:
    """Look for the mutants that were asked for: none named, all; a number, so many of them, spread over the list; or by name, or
    by the name of their module."""
    for name in _SAYS_NOTHING:
        if getattr(options, name) not in (None, False):
            raise BadInput(
                f"--sensitivity: --{name} says nothing of mutants; expected one of them without the other"
            )
    console = Terminal()
    mutants = chosen(declared(), options.sensitivity)
    say(
        console,
        f"looking for {count(len(mutants), 'mutant')} of acpool on {count(options.workers, 'process', 'processes')}",
    )
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    survived: list[str] = []
    with bar:
        task = bar.add_task("starting", total=len(mutants))

        def show(row: Row) -> None:
            if not row.caught:
                survived.append(row.mutant.name)
            lost = f", [red]{len(survived)} not caught, {survived[-1]} the last[/]" if survived else ""
            bar.update(task, advance=1, description=f"{row.mutant.name}{lost}")

        report = run_mutants(mutants, workers=options.workers, seconds=options.budget, show=show)
    _print_table(console, report.rows)
    for row in report.rows:
        _print_row(console, row)
    _print_sums(console, report)
    return _UNUSABLE if report.unusable else report.outcome.exit_status


def chosen(mutants: dict[str, Mutant], asked: Sequence[str]) -> list[Mutant]:
    """Those that are ``asked`` for, in the order of the list; a module is asked for all of its own; by number, of those that can
    be seen where the pool's tests are not installed. Raises :class:`BadInput` for a name of none."""
    known = list(mutants.values())
    if not asked:
        return known
    if len(asked) == 1 and asked[0].isdecimal() and int(asked[0]) > 0:
        seen = [mutant for mutant in known if not for_tests_alone(mutant)] if repository() is None else known
        some = min(int(asked[0]), len(seen))
        return [seen[place * len(seen) // some] for place in range(some)]
    names = dict.fromkeys(name for mutant in known for name in (mutant.name, *_names_of(mutant.module)))
    for name in asked:
        if name not in names:
            such = ", ".join(near(name, names) or [known[0].name, known[0].module, "acp"])
            raise BadInput(
                f"--sensitivity {clip(repr(name))}: no mutant and no module has that name; expected a number, or names such as"
                f" {such}"
            )
    return [mutant for mutant in known if not {mutant.name, *_names_of(mutant.module)}.isdisjoint(asked)]


def _names_of(module: str) -> tuple[str, str]:
    """By which a module is asked for: its own, and that of its package, where it is in one: ``acp.process`` and ``acp``."""
    return module, module.partition(".")[0]


def _print_table(console: Console, rows: Sequence[Row]) -> None:
    """Each mutant in a line: of each strategy what it saw broken, in how many executions, in how many seconds of CPU."""
    if not rows:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("mutant", no_wrap=True, max_width=_NAME)
    for name in (*STRATEGIES, LAST):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(
            clip(row.mutant.name, _NAME), *(_said(row.looks.get(name)) for name in (*STRATEGIES, LAST))
        )
    console.print(table)
    say(console, f"\n{_LEGEND}\n")


def _said(look: Look | None) -> str:
    if look is None:
        return "·"
    broken = clip(look.broken.removeprefix("raised "), 16) or "–"
    return f"{escape(broken)} {look.executions:,} {look.seconds:.1f}s"


def _print_row(console: Console, row: Row) -> None:
    """What is to be said of a mutant that was not caught as it should be."""
    mutant = row.mutant
    where = f"{mutant.module}.py, {mutant.guard or mutant.before.strip().partition(chr(10))[0].strip()}"
    if row.unusable:
        say(console, f"[yellow]unusable[/] {mutant.name}: {escape(row.unusable)}")
    elif not row.caught:
        say(console, f"[bold red]survived[/] {mutant.name}: {escape(where)}")
        say(console, f"    it should break {' or '.join(mutant.breaks)}, since {escape(mutant.keeps)}")
    elif not row.expected:
        found = dict.fromkeys(look.broken for look in row.looks.values() if look.broken)
        say(
            console,
            escape(f"{mutant.name} was caught by {', '.join(found)}; expected {' or '.join(mutant.breaks)}"),
        )


def _print_sums(console: Console, report: Report) -> None:
    caught = sum(row.caught for row in report.rows)
    by = ", ".join(
        f"{name} {sum(name in row.looks and bool(row.looks[name].broken) for row in report.rows)}"
        for name in (*STRATEGIES, LAST)
    )
    say(console, f"{caught:,} of {count(len(report.rows), 'mutant')} caught ({by}), {report.seconds:.0f} s")
    if report.untested:
        names = ", ".join(mutant.name for mutant in report.untested[:_NAMED])
        more = f", and {len(report.untested) - _NAMED} more" if len(report.untested) > _NAMED else ""
        many = count(len(report.untested), "mutant")
        say(
            console,
            f"{many} for the pool's tests alone, which are in the repository and not here: {names}{more}",
        )
    if report.missing:
        names = clip(", ".join(mutant.name for mutant in report.missing), _NAMES)
        say(console, escape(f"the budget ran out before {count(len(report.missing), 'mutant')}: {names}"))
    say(console, f"verdict: {verdict(report.outcome)}")
