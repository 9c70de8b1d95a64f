"""What all commands have in common when they print: a console, whole sentences, the colours of the three verdicts."""

from __future__ import annotations

import os

from rich.console import Console

from acpool_spec.making import plain
from acpool_spec.verdict import Outcome

NARROWEST, WIDEST = 60, 100  # columns: on less a text would be nothing but breaks
STYLE = {Outcome.HOLDS: "green", Outcome.VIOLATED: "bold red", Outcome.UNDECIDED: "yellow"}


class Terminal(Console):
    """A console that tells when nobody reads any more, where rich would exit with the status of a violation."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> None:
        """Raise ``BrokenPipeError``."""
        raise BrokenPipeError


def say(console: Console, sentence: str) -> None:
    """Print one sentence, in which the terminal and nothing else may break lines, and nothing else moves its cursor."""
    console.print(plain(sentence), soft_wrap=True)


def text_width(console: Console) -> int:
    """Columns of a text that is made for reading: the terminal's, 60 to 100; 100 where it is none, ``COLUMNS`` unset."""
    known = console.is_terminal or "COLUMNS" in os.environ
    return min(max(console.width, NARROWEST), WIDEST) if known else WIDEST


def verdict(outcome: Outcome) -> str:
    """An outcome in its colour."""
    return f"[{STYLE[outcome]}]{outcome.value}[/]"


def below(why: str) -> str:
    """An explanation whose further lines are indented."""
    return why.replace("\n", "\n    ")


def count(number: int, one: str, many: str = "") -> str:
    """A number of things: ``1 process``, ``2 processes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
