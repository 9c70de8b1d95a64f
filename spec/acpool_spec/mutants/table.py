"""The table of the mutants: what each strategy saw of each, a line a mutant, kept beside the tests.

``python -m acpool_spec.mutants.table FILE [PROCESSES]`` looks for those mutants that were not caught in ``FILE`` as they are now,
and writes it anew; so after a change of one function only its mutants are looked for. A line is the mutant's name, the digest of
the mutated functions, and for each strategy what it saw broken and in how many executions: ``-`` where it saw nothing, ``.``
where it was not asked, since another had seen something. ``acpool check --sensitivity`` prints what all of them see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from acpool_spec.mutants.mutant import Mutant, declared, source_of
from acpool_spec.mutants.sensitivity import Row, run_mutants
from acpool_spec.mutants.strategies import LAST, STRATEGIES, Look

COLUMNS = (*STRATEGIES, LAST)
_HEAD = f"# mutant digest {' '.join(f'{name} executions' for name in COLUMNS)}"
_NOTHING, _UNASKED = "-", "."


class Line(NamedTuple):
    """One mutant: ``seen`` by each strategy that was asked, what was broken, empty for nothing, and the executions."""

    name: str
    digest: str
    seen: dict[str, tuple[str, int]]

    @property
    def caught(self) -> bool:
        """Whether a strategy saw it."""
        return any(broken for broken, _ in self.seen.values())

    def __str__(self) -> str:
        cells = [
            f"{self.seen[name][0].replace(' ', '_') or _NOTHING} {self.seen[name][1]}"
            if name in self.seen
            else f"{_UNASKED} {_UNASKED}"
            for name in COLUMNS
        ]
        return " ".join([self.name, self.digest, *cells])


def read(text: str) -> dict[str, Line]:
    """The lines of a table by their mutants."""
    found: dict[str, Line] = {}
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, digest, *cells = line.split()
        pairs = zip(COLUMNS, cells[::2], cells[1::2], strict=True)
        seen = {
            column: ("" if broken == _NOTHING else broken.replace("_", " "), int(times))
            for column, broken, times in pairs
            if broken != _UNASKED
        }
        found[name] = Line(name, digest, seen)
    return found


def line_of(row: Row) -> Line:
    """What is kept of a row."""
    looks: dict[str, Look] = row.looks
    return Line(
        row.mutant.name,
        digest_of(row.mutant),
        {name: (look.broken, look.executions) for name, look in looks.items()},
    )


def digest_of(mutant: Mutant) -> str:
    """What the mutant's line is about."""
    return mutant.digest(source_of(mutant.module))


def main(arguments: Sequence[str]) -> int:
    """Bring the table in the file up to date, on as many processes as are named or as there are cores; 1 where one survived."""
    file, workers = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else os.cpu_count() or 1
    known = read(file.read_text(encoding="utf-8")) if file.exists() else {}
    mutants = declared()
    fresh = {
        name: line
        for name, line in known.items()
        if line.caught and name in mutants and line.digest == digest_of(mutants[name])
    }

    def write(row: Row | None) -> None:
        if row is not None and not row.unusable:
            fresh[row.mutant.name] = line_of(row)
        lines = [str(fresh[name]) for name in mutants if name in fresh]
        file.write_text("\n".join([_HEAD, *lines, ""]), encoding="utf-8")

    write(None)
    todo = [mutant for name, mutant in mutants.items() if name not in fresh]
    report = run_mutants(todo, workers=workers, first=True, show=write)
    for row in [*report.survivors, *report.unusable]:
        print(f"{row.mutant.name}: {row.unusable or 'survived'}", file=sys.stderr)
    return 1 if report.survivors or report.unusable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
