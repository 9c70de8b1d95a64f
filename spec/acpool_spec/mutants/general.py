"""Mutants that nobody thought of: those that cosmic-ray makes of a module, looked for like the declared ones.

``python -m acpool_spec.mutants.general FILE [--workers N] [--sample N] [ROOM...]``, with ``pip install 'acpool[mutation]'``,
makes every mutant of the rooms (or so many of each, drawn by a fixed seed), stops at the first strategy that sees one, and writes
the score and the survivors to ``FILE``. Not installed with the package are the tests, without which more survive.

Left out are operators whose mutants say the same or cannot be run at all: identity compared by anything else than identity, and
``|``, which stands in annotations alone.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

from acpool_spec.mutants.mutant import ACP, Mutant, functions_of, source_of
from acpool_spec.mutants.sensitivity import Row, run_mutants

ROOMS: Final = {
    **{name: ("acpool", name) for name in ("core", "slots", "pool", "shell", "lease", "closing", "bounds")},
    **{name: ("acpool", name) for name in ACP},
    **{name: ("acpool_model", name) for name in ("transitions", "machine", "invariants")},
}
"""By room: the package and the module."""
SEED: Final = 5
_LEFT_OUT: Final = re.compile(
    r"core/(ReplaceBinaryOperator_BitOr_\w+"
    r"|ReplaceComparisonOperator_(Is|IsNot)_(?!Is)\w+|ReplaceComparisonOperator_(?!Is)\w+_(Is|IsNot)"
    r"|VariableReplacer|VariableInserter)"
)


Place: TypeAlias = tuple[str, int]
"""An operator by its name, and the how-manieth of the places where it can be applied."""


def places(source: str) -> list[Place]:
    """Where which operator can be applied to a module, in the order of their names."""
    # By name, since it has no types, and is needed here alone.
    plugins: Any = import_module("cosmic_ray.plugins")
    trees: Any = import_module("cosmic_ray.ast")
    nodes = list(trees.ast_nodes(trees.get_ast(source)))
    found: list[Place] = []
    for name in sorted(plugins.operator_names()):
        if not _LEFT_OUT.fullmatch(name):
            operator: Any = plugins.get_operator(name)()
            times = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            found += [(name, occurrence) for occurrence in range(times)]
    return found


def generated(package: str, module: str, at: Iterable[Place]) -> Iterator[Mutant]:
    """The mutants of one module at some places, without those in which no function differs."""
    plugins: Any = import_module("cosmic_ray.plugins")
    mutating: Any = import_module("cosmic_ray.mutating")
    source = source_of(module, package)
    for name, occurrence in at:
        after: str | None = mutating.mutate_code(source, plugins.get_operator(name)(), occurrence)
        if after is not None and _is_new(source, after):
            yield Mutant(
                name=f"{module}:{name.removeprefix('core/')}:{occurrence}",
                module=module,
                package=package,
                keeps="what it says",
                breaks=("S1",),
                before=source,
                after=after,
            )


def _is_new(source: str, after: str) -> bool:
    try:
        return functions_of(after) != functions_of(source)
    except SyntaxError:
        return False


def difference(mutant: Mutant) -> str:
    """What a mutant changes, on one line: ``the line before => the line after``."""
    lines = [
        line
        for line in unified_diff(mutant.before.splitlines(), mutant.after.splitlines(), n=0, lineterm="")
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    removed = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    added = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    return f"{removed} => {added}"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one room: ``places`` to mutate, mutants ``run`` and ``caught``; ``survivors``: name and change."""

    room: str
    places: int
    run: int
    caught: int
    survivors: tuple[tuple[str, str], ...]


_ROOM_LINE: Final = re.compile(r"([\w.]+): (\d+) places, (\d+) run, (\d+) caught \(.*\)")


def results_of(text: str) -> list[Result]:
    """What a file of results says. Raises ``ValueError`` for one that ``main`` did not write."""
    found: list[Result] = []
    for line in text.splitlines():
        if line.startswith("  "):
            name, colon, change = line.strip().partition(": ")
            if not colon or not found:
                raise ValueError(f"{line!r}: expected a survivor below its room")
            found[-1] = replace(found[-1], survivors=(*found[-1].survivors, (name, change)))
        else:
            match = _ROOM_LINE.fullmatch(line)
            if match is None:
                raise ValueError(
                    f"{line!r}: expected a room, such as core: 300 places, 300 run, 290 caught (directed 290)"
                )
            found.append(Result(match[1], int(match[2]), int(match[3]), int(match[4]), ()))
    return found


def main(arguments: Sequence[str]) -> int:
    """Make the mutants, look for them, and write what came of it; 1 where one survived."""
    parser = argparse.ArgumentParser(prog="python -m acpool_spec.mutants.general")
    parser.add_argument("file", type=Path)
    parser.add_argument("room", nargs="*", choices=[*ROOMS, []], default=list(ROOMS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--budget", type=float, metavar="SECONDS")
    options = parser.parse_args(arguments)
    lines: list[str] = []
    survived = 0
    for room in options.room:
        package, module = ROOMS[room]
        every = places(source_of(module, package))
        chosen = every
        if options.sample is not None and options.sample < len(every):
            chosen = random.Random(SEED).sample(every, options.sample)
        some = list(generated(package, module, chosen))
        report = run_mutants(some, workers=options.workers, seconds=options.budget, first=True, show=_tell)
        ran = [row for row in report.rows if not row.unusable]
        caught = Counter(_by(row) for row in ran if row.caught)
        survived += len(report.survivors)
        by = ", ".join(f"{name} {times}" for name, times in sorted(caught.items()))
        lines.append(f"{room}: {len(every)} places, {len(ran)} run, {caught.total()} caught ({by})")
        lines += sorted(f"  {row.mutant.name}: {difference(row.mutant)}" for row in report.survivors)
        options.file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 1 if survived else 0


def _by(row: Row) -> str:
    return next(name for name, look in row.looks.items() if look.broken)


def _tell(row: Row) -> None:
    print(f"{row.mutant.name}: {_by(row) if row.caught else row.unusable or 'survived'}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
