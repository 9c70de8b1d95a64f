"""``python -m acpool_spec.races.keep [ID ...]`` finds races anew and writes their schedules, which the tests replay."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from acpool_spec.console import Terminal, say
from acpool_spec.races.catalogue import EXHIBITS, exhibit_of
from acpool_spec.races.finding import find, keep


def main(names: Sequence[str]) -> int:
    """Write the schedules of the exhibits called ``names``, of all where there are none; 1 where a race was not found."""
    console, missed = Terminal(), 0
    for exhibit in [exhibit_of(name) for name in names] or EXHIBITS:
        if exhibit.schedule is None:
            continue
        found = find(exhibit)
        keep(exhibit, found)
        missed += found.schedule is None
        say(console, f"{exhibit.id}: {found.outcome.value} after {found.executions}, {found.message}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
