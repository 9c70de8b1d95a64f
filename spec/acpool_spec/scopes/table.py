"""The table of a profile: one line a scope, with what its exploration counted.

    python -m acpool_spec.scopes.table pr > tests/scopes/pr.txt

writes the lines that the tests hold against; what each cost goes to the standard error, in seconds of the processor. A line is
``name verdict executions states``, and the first line names the Python that it was made with, since asyncio's own steps, and so
the counts, differ from one to another.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

from acpool_spec import reference
from acpool_spec.scopes.catalogue import profile
from acpool_spec.scopes.grammar import PoolScope
from acpool_spec.scopes.scenario import explore_scope


@dataclass(frozen=True, slots=True)
class Line:
    """What one exploration of ``scope`` to the end counted."""

    scope: PoolScope
    verdict: str
    executions: int
    states: int

    def __str__(self) -> str:
        return f"{self.scope.name} {self.verdict} {self.executions} {self.states}"

    @staticmethod
    def parse(text: str) -> Line:
        """The line that ``str`` wrote. Raises ``ValueError``."""
        name, verdict, executions, states = text.split()
        return Line(PoolScope.parse(name), verdict, int(executions), int(states))


def explored(scope: PoolScope) -> Line:
    """Explore ``scope`` on our pool to the end."""
    report = explore_scope(scope, reference.explored)
    return Line(scope, str(report.verdict), report.executions, report.states)


def python_of(line: str) -> tuple[int, int]:
    """The version in the first line of a table. Raises ``ValueError``."""
    major, minor = line.removeprefix("# python ").split(".")
    return int(major), int(minor)


def main(names: Iterable[str]) -> None:
    """Print the tables of the profiles ``names``."""
    sys.stdout.write(f"# python {sys.version_info.major}.{sys.version_info.minor}\n")
    total = 0.0
    for name in names:
        for scope in profile(name):
            before = time.process_time()
            line = explored(scope)
            spent = time.process_time() - before
            total += spent
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            sys.stderr.write(f"{spent:7.2f} s {line}\n")
    sys.stderr.write(f"{total:7.2f} s in all\n")


if __name__ == "__main__":
    main(sys.argv[1:])
