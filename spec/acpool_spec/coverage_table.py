"""The coverage of the specification as a table: of each property, action, branch and goal how many runs exercised it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Protocol

from rich.console import Console
from rich.markup import escape

from acpool_spec.properties import EVERY, REFINEMENT
from acpool_spec.refinement.coverage import GOALS

_NAME = 12  # columns
_COUNT = 13
_NARROWEST = 60


class Counts(Protocol):
    """What a table is made of; see :class:`~acpool_spec.gate.Progress`."""

    followed: int

    @property
    def exercised(self) -> dict[str, int]:
        """By property: sampled runs that put it to the test."""
        ...

    @property
    def goals(self) -> dict[str, int]:
        """By goal: sampled runs that reached it."""
        ...

    @property
    def directed_goals(self) -> dict[str, int]:
        """By goal: directed runs that did."""
        ...


def print_coverage(console: Console, counts: Counts) -> None:
    """Print the table of ``counts``."""
    width = max(min(console.width, 120), _NARROWEST)
    for line in coverage_lines(counts, width):
        console.print(escape(line), soft_wrap=True, highlight=False)


def coverage_lines(counts: Counts, width: int) -> Iterator[str]:
    """The lines of the table, none longer than ``width`` columns."""
    yield ""
    yield from wrap("runs that exercised each part of the specification (sampled + directed)", width)
    known = [p.id for p in EVERY if p is not REFINEMENT or counts.followed]
    tested = ", ".join(f"{name} {counts.exercised.get(name, 0):,}" for name in known)
    yield from _row("properties", "", tested, width)
    if not counts.followed:
        yield from _row("model", "", "not applicable: no pool here tells of its steps", width)
        return
    for action in [goal for goal in GOALS if ": " not in goal]:
        branches = [goal for goal in GOALS if goal.startswith(f"{action}: ")]
        said = ", ".join(f"{goal.partition(': ')[2]} {_both(counts, goal)}" for goal in branches)
        yield from _row(action, _both(counts, action), said, width)
    others = [goal for goal in GOALS if goal.startswith("sometimes: ")]
    said = ", ".join(f"{goal.partition(': ')[2]} {_both(counts, goal)}" for goal in others)
    yield from _row("sometimes", "", said, width)


def _both(counts: Counts, goal: str) -> str:
    sampled, directed = counts.goals.get(goal, 0), counts.directed_goals.get(goal, 0)
    return f"{sampled:,}+{directed:,}" if sampled or directed else "never"


def _row(name: str, total: str, said: str, width: int) -> Iterator[str]:
    head = f"{name:{_NAME}}{total:>{_COUNT - 2}}  "
    lines = wrap(said, width - len(head)) or [""]
    yield (head + lines[0]).rstrip()
    for line in lines[1:]:
        yield " " * len(head) + line
