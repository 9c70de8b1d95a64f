"""``acpool prove``: what it prints."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from acpool_model import Action, State, describe
from acpool_spec.console import STYLE, Terminal, below, count, say
from acpool_spec.proofs.any_keys.obligations import AnyNumber
from acpool_spec.proofs.crew import AnyObligation, Order, Running, prove_all, table_of
from acpool_spec.proofs.decisions.obligations import OfStructures
from acpool_spec.proofs.decisions.prover import FAILS
from acpool_spec.proofs.decisions.structure import Values, filled
from acpool_spec.proofs.shapes import Size
from acpool_spec.proofs.solver import BROKEN, Finding
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

WORDS = {Outcome.HOLDS: "proved", Outcome.VIOLATED: "refuted", Outcome.UNDECIDED: "undecided"}
PROVED_AT = Size(3, 2)
"""What ``expected.txt`` is about."""
CORE_PROVED_AT = Size(2, 1)
"""What ``decisions/expected.txt`` is about."""
_WORST = (Outcome.VIOLATED, Outcome.UNDECIDED)
_GAP = 2  # columns between those of the table
_WHY = 300  # characters of what CrossHair says


class Proved(NamedTuple):
    """What one obligation took: how many paths or structures, and about how many seconds of CPU."""

    number: int
    seconds: float


def expected(*, core: bool = False) -> dict[str, Proved]:
    """The obligations that were proved of states of the size ``PROVED_AT``, and how many paths that took.

    ``core``: those about the decisions of the core, of states of the size ``CORE_PROVED_AT``, and of how many structures; of
    the one that is about all states, how many paths.
    """
    room = "acpool_spec.proofs.decisions" if core else "acpool_spec.proofs"
    text = files(room).joinpath("expected.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: Proved(int(number), float(seconds)) for name, number, seconds in lines}


def prove(options: argparse.Namespace) -> int:
    """``acpool prove``."""
    console = Terminal()
    core: bool = options.core
    proved_at = CORE_PROVED_AT if core else PROVED_AT
    size = Size(options.keys or proved_at.keys, options.clients or proved_at.clients)
    table = table_of(size, core=core)
    names = _selected(table, options.obligation)
    if options.list:
        for name in names:
            say(console, escape(f"{name}: {table[name].says}"))
        return Outcome.HOLDS.exit_status
    proved = expected(core=core)
    # The longest first, so that no process is left with a long one at the end; of one that is new nothing is known.
    longest_first = sorted(names, key=lambda name: -proved[name].seconds if name in proved else -math.inf)
    order = Order(names=longest_first, size=size, seconds=options.seconds, workers=options.workers, core=core)
    open_ = f"{count(size.keys, 'key')} and {count(size.clients, 'client')}"
    where = count(options.workers, "process", "processes")
    say(
        console,
        f"proving {count(len(names), 'obligation')} on {where}, symbolic states of {open_}, at most"
        f" {options.seconds:g} s of CPU for each",
    )
    began = time.monotonic()
    findings = _watched(console, order)
    in_order = [findings[name] for name in names]
    _print_table(console, in_order, structures=core)
    for finding in in_order:
        smaller = size.keys <= proved_at.keys and size.clients <= proved_at.clients
        _explain(console, table[finding.name], finding, used_to_be=smaller and finding.name in proved)
    return _conclude(console, in_order, time.monotonic() - began)


def _selected(table: Mapping[str, AnyObligation], asked: Sequence[str]) -> list[str]:
    """The names that were asked for, each once; all where none were."""
    for name in asked:
        if name not in table:
            raise BadInput(f"OBLIGATION {name!r}: expected one of {', '.join(table)}")
    return list(dict.fromkeys(asked)) or list(table)


def _watched(console: Console, order: Order) -> dict[str, Finding]:
    """Prove them, and show how far it is: on a terminal a line that changes, elsewhere a line for each that is over."""
    findings: dict[str, Finding] = {}
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def look(running: Iterable[Running]) -> None:
            if console.is_terminal:
                now = time.monotonic()
                trying = ", ".join(f"{one.name} {now - one.began:.0f} s" for one in running)
                live.update(
                    Text(f"{len(findings)} of {len(order.names)} over; trying {trying}"), refresh=True
                )

        for finding in prove_all(order, look):
            findings[finding.name] = finding
            if not console.is_terminal:
                say(
                    console,
                    escape(f"{finding.name}: {WORDS[finding.outcome]}, {finding.seconds:.1f} s"),
                )
    return findings


def _print_table(console: Console, findings: Sequence[Finding], *, structures: bool) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    numbers = ("seconds", *["structures"] * structures, "paths")
    for title in ("obligation", "verdict", *numbers):
        table.add_column(title, justify="right" if title in numbers else "left", no_wrap=True)
    for finding in findings:
        word = f"[{STYLE[finding.outcome]}]{WORDS[finding.outcome]}[/]"
        visited = [f"{finding.structures:,}" if finding.structures else ""] * structures
        table.add_row(escape(finding.name), word, f"{finding.seconds:.1f}", *visited, f"{finding.paths:,}")
    console.print(table)
    console.print()


def _explain(console: Console, obligation: AnyObligation, finding: Finding, *, used_to_be: bool) -> None:
    """What refutes it, or why it is undecided, and whether it used to be proved."""
    if finding.outcome is Outcome.HOLDS:
        return
    before = ", which used to be proved" if used_to_be else ""
    say(console, f"{escape(finding.name)}: {WORDS[finding.outcome]}{before}: {escape(obligation.says)}")
    if finding.why:
        say(console, f"    {escape(below(finding.why[:_WHY]))}")
    for line in refutation(obligation, finding):
        say(console, f"    {escape(line)}")


def refutation(obligation: AnyObligation, finding: Finding) -> list[str]:
    """The states and the action that refute an obligation, in words, and what is wrong; one line each."""
    lines: list[str] = []
    if isinstance(obligation, OfStructures):
        return _of_a_structure(obligation, *finding.states) if finding.states else lines
    for state in finding.states:
        lines += _in_words(state)
    if not finding.states or isinstance(obligation, AnyNumber):
        return lines
    try:
        if obligation.happens:
            lines += [
                "-->",
                f"{obligation.happens}, and then",
                *_in_words(obligation.after(*finding.states)),
            ]
        broken = obligation.broken(*finding.states)
    except BROKEN as error:
        return [*lines, f"cannot be: {type(error).__name__}: {error}"]
    return [*lines, f"broken: {', '.join(broken)}"]


def _of_a_structure(obligation: OfStructures, template: State, values: Values) -> list[str]:
    """The same of a structure and the values in it."""
    lines = _in_words(filled(template, values))
    for number, client in enumerate(template.clients, 1):
        prompts = getattr(values, f"prompts{number}")
        if client.prompt and prompts > 1:
            lines.append(f"{prompts} prompts run of client {number}")
    try:
        broken = obligation.broken(template, values)
        after = _in_words(obligation.after(template, values)) if obligation.happens else []
    except FAILS as error:
        return [*lines, "-->", f"cannot be: {type(error).__name__}: {error}"]
    happened = ["-->", f"{obligation.happens}, and then", *after] if obligation.happens else []
    return [*lines, *happened, f"broken: {', '.join(broken)}"]


def _in_words(what: Action | State) -> list[str]:
    """The lines that describe it; its numbers, where they are none that there are words for."""
    try:
        return describe(what).splitlines()
    except BROKEN:
        return [str(what)]


def _conclude(console: Console, findings: Sequence[Finding], seconds: float) -> int:
    outcomes = [finding.outcome for finding in findings]
    outcome = next((worst for worst in _WORST if worst in outcomes), Outcome.HOLDS)
    tally = ", ".join(f"{outcomes.count(known)} {WORDS[known]}" for known in Outcome if known in outcomes)
    spent = sum(finding.seconds for finding in findings)
    paths = sum(finding.paths for finding in findings)
    say(console, f"{count(paths, 'path')}, {spent:.0f} s of CPU, {seconds:.0f} s")
    say(console, f"verdict: [{STYLE[outcome]}]{outcome.value}[/] ({tally})")
    return outcome.exit_status
