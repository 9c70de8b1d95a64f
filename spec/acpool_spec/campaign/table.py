"""The table of a campaign: a line for each scope that anything is known of, and why those that do not hold do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from acpool_spec.campaign.account import Line
from acpool_spec.campaign.progress import percent
from acpool_spec.console import STYLE, below, count, say
from acpool_spec.verdict import Outcome

_TITLES = ("verdict", "explored", "executions", "states", "seconds")


def print_table(console: Console, lines: Sequence[Line]) -> None:
    """One line for each scope that was begun; its name is last, and never cut, since it is what one types to explore it again."""
    begun = [line for line in lines if not is_untouched(line)]
    rows = [
        (
            line.outcome.value,
            percent(line.behind),
            f"{line.executions:,}",
            f"{line.states:,}",
            f"{line.seconds:.1f}",
        )
        for line in begun
    ]
    widths = [max(map(len, column)) for column in zip(_TITLES, *rows, strict=True)]
    say(console, f"[bold]{_row(_TITLES, widths)}  scope[/]")
    for line, row in zip(begun, rows, strict=True):
        word, figures = _row(row, widths)[: widths[0]], _row(row, widths)[widths[0] :]
        say(console, f"[{STYLE[line.outcome]}]{word}[/]{figures}  {escape(line.scope)}")
        if line.estimate is not None:
            known = line.estimate
            size = f"about {known.executions_in_all:.1e} executions in all without pruning"
            say(console, f"{'':{widths[0]}}  {size}, {known.share}")
    say(console, "")


def explain(console: Console, lines: Sequence[Line], written: Mapping[str, str]) -> None:
    """Why what does not hold does not; ``written``: where its schedule is, by scope. Scopes that were not begun are counted."""
    untouched: dict[str, list[str]] = {}
    for line in lines:
        if is_untouched(line):
            untouched.setdefault(line.why, []).append(line.scope)
            continue
        if line.outcome is not Outcome.HOLDS:
            say(console, f"{escape(line.scope)}: {line.outcome.value}: {escape(below(line.why))}")
        if line.scope in written:
            say(console, f"    {escape(written[line.scope])}")
    for why, names in untouched.items():
        which = f"from {names[0]} on" if len(names) > 1 else names[0]
        say(console, escape(f"{count(len(names), 'scope')} not begun, {which}: undecided: {why}"))


def is_untouched(line: Line) -> bool:
    """Whether nothing is known of the scope, since nobody came to it: one that was lost has a reason of its own."""
    return line.outcome is Outcome.UNDECIDED and not line.executions and not line.lost


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first cell to the left, the others to the right."""
    (first, width), *others = zip(cells, widths, strict=True)
    return "  ".join([first.ljust(width), *(cell.rjust(width) for cell, width in others)])
