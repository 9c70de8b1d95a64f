"""Which step of a run had to come before which, and which pairs could have come the other way round.

A step happens before another that comes later in the run where both are of one lane, where it made the other ready, where the two
conflict, and where there is one between them that it happens before, which happens before the other. Two runs in which the same
steps happen before the same are one run told in two orders (A. Mazurkiewicz, *Trace theory*, 1986): explore one of them.

A race is a pair of steps in conflict with nothing between them, the first of which did not make the second ready; it is what a
search has to reverse (P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, *Optimal dynamic partial order reduction*, POPL 2014,
definition 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acpool_spec.exploration.footprints.cells import Footprint


class Step(NamedTuple):
    """One callback that ran: ``lane`` by its number in the run; ``enabler``: the step that made it ready, None for none."""

    lane: int
    enabler: int | None
    footprint: Footprint


class Race(NamedTuple):
    """``first`` and ``second``: positions. ``initials``: the lanes that may go next in the place of ``first``, when what did not
    have to come after it is to come before it, and ``second`` as well."""

    first: int
    second: int
    initials: frozenset[int]


class HappensBefore:
    """The relation over the steps of one run. ``before[j]``: those that happen before step ``j``, a bit each."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._conflicts: list[int] = []
        self._certain: list[int] = []
        self.before: list[int] = []
        latest: dict[int, int] = {}
        for position, step in enumerate(steps):
            certain = self._and_all_before(latest.get(step.lane)) | self._made_ready(position)
            ordered = certain
            conflicts = 0
            for earlier in range(position - 1, -1, -1):
                if step.footprint.conflicts(steps[earlier].footprint):
                    conflicts |= 1 << earlier
            self._conflicts.append(conflicts)
            self._certain.append(certain)
            for earlier in _bits(conflicts):
                ordered |= self._and_all_before(earlier)
            self.before.append(ordered)
            latest[step.lane] = position

    def _and_all_before(self, position: int | None) -> int:
        return 0 if position is None else self.before[position] | 1 << position

    def _made_ready(self, position: int) -> int:
        """What made a step ready, and all before that. Who completes a count wakes for all who have counted."""
        enabler = self._steps[position].enabler
        if enabler is None:
            return 0
        ordered = self._and_all_before(enabler)
        last = self._steps[enabler].footprint
        for earlier in range(enabler):
            if last.counts_with(self._steps[earlier].footprint):
                ordered |= self._and_all_before(earlier)
        return ordered

    def races(self, since: int) -> Iterator[Race]:
        """The races whose second step is number ``since`` or later."""
        steps, before = self._steps, self.before
        for second in range(since, len(steps)):
            # What is ordered for another reason than the conflict itself is no race.
            for first in _bits(self._conflicts[second] & ~self._certain[second]):
                between = before[second] >> first + 1 << first + 1
                if not any(before[other] >> first & 1 for other in _bits(between)):
                    yield Race(first, second, self._initials(first, second))

    def _initials(self, first: int, second: int) -> frozenset[int]:
        moved = [each for each in range(first + 1, second) if not self.before[each] >> first & 1] + [second]
        found: set[int] = set()
        together = 0
        for each in moved:
            together |= 1 << each
        for each in moved:
            # The second step itself happens after the first; that is what is to be reversed.
            if not self.before[each] & together:
                found.add(self._steps[each].lane)
        return frozenset(found)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
