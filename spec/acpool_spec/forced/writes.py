"""What registers force: between the write of a value and whoever reads it, nothing else is written, and nothing else read.

So a value that was written once stands in a block with its reads (``blocks``). A compare-and-set that matched reads one value
and writes another: it is the last of the one block and the first of the other, and both are one. Values that were written more
than once, or might have been there from the beginning, have no blocks; whoever touches them stands alone, and outside of every
block.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from acpool_spec.forced.blocks import Block, apart
from acpool_spec.forced.facts import Orders, Seen
from acpool_spec.verdict import Contradiction

CLAIM = "between the write of a value and whoever reads it nothing else can be written"


class Nothing(Enum):
    """Where an access reads nothing, or writes nothing."""

    NOTHING = 0


NOTHING = Nothing.NOTHING


@dataclass(frozen=True, slots=True)
class Access:
    """One operation of a register: the value that it finds there, and the value that it leaves; a pending one may not
    happen."""

    op: int
    reads: Hashable
    writes: Hashable


def registers(
    accesses: Sequence[Access], starts: Sequence[Hashable], seen: Seen[Any], orders: Orders
) -> Contradiction | None:
    """Tell ``orders`` what ``accesses`` to one register force, or return why they cannot.

    ``accesses``: all that wrote or may have written, and the completed ones that read. What saw only that a value was *not*
    there is none. ``starts``: every value that may be there at the beginning.
    """
    told = _Told(accesses, frozenset(starts), seen)
    wrong = told.settle()
    if wrong is not None:
        return wrong
    blocks = told.blocks()
    return blocks if isinstance(blocks, Contradiction) else apart(blocks, seen, orders, CLAIM)


class _Told:
    """Who wrote what was read: of each value that can be only one's, that access; None: it was there from the beginning."""

    def __init__(self, accesses: Sequence[Access], starts: frozenset[Hashable], seen: Seen[Any]) -> None:
        self._seen = seen
        self._starts = starts
        self._writers: dict[Hashable, list[Access]] = {}
        for access in accesses:
            if access.writes is not NOTHING:
                self._writers.setdefault(access.writes, []).append(access)
        self._certain = [a for a in accesses if a.op < seen.completed and a.op not in seen.placed]
        self._of: dict[Hashable, Access | None] = {}

    def settle(self) -> Contradiction | None:
        """Find the writers; a pending one whose value was read has certainly happened."""
        asked = list(self._certain)
        for access in asked:
            for value in (access.reads, access.writes):
                if value is NOTHING or value in self._of:
                    continue
                writers = self._writers.get(value, ())
                if value in self._starts:
                    if not writers:
                        self._of[value] = None
                elif not writers:
                    return Contradiction("nobody can have written what was read", (access.op,))
                elif len(writers) == 1 and writers[0].op not in self._seen.placed:
                    (writer,) = writers
                    self._of[value] = writer
                    if writer.op >= self._seen.completed:
                        asked.append(writer)
        self._certain = asked
        return None

    def blocks(self) -> list[Block] | Contradiction:
        """A block for each value that follows from no other, with those that follow from it; one for each access besides."""
        readers: dict[Hashable, list[Access]] = {}
        alone: list[Block] = []
        for access in self._certain:
            if access.reads in self._of:
                readers.setdefault(access.reads, []).append(access)
            elif access.writes not in self._of:
                alone.append(Block([(0, access.op)]))
        found: list[Block] = []
        reached = 0
        for value, writer in self._of.items():
            if writer is not None and writer.reads in self._of:
                continue
            block = Block(first=writer is None)
            wrong = self._chain(block, value, readers)
            if isinstance(wrong, Contradiction):
                return wrong
            reached += wrong
            if block.members:
                found.append(block)
        if reached < len(self._of):
            around = tuple(writer.op for writer in self._of.values() if writer and writer.reads in self._of)
            return Contradiction("each found what another left, and none can have been the first", around)
        return found + alone

    def _chain(
        self, block: Block, value: Hashable, readers: dict[Hashable, list[Access]]
    ) -> int | Contradiction:
        """Put into ``block`` who wrote ``value``, who read it, and so on with what was made of it; how many values these
        were."""
        writer = self._of[value]
        if writer is not None:
            block.members.append((0, writer.op))
        rank, values = 1, 0
        while True:
            values += 1
            changing = [a for a in readers.get(value, ()) if a.writes is not NOTHING]
            if len(changing) > 1:
                return Contradiction(
                    "each found the same value, written once, and put another there",
                    tuple(a.op for a in changing),
                )
            block.members += [(rank, a.op) for a in readers.get(value, ()) if a.writes is NOTHING]
            if not changing:
                return values
            block.members.append((rank + 1, changing[0].op))
            value, rank = changing[0].writes, rank + 2
            if value not in self._of:
                return values


def unobserved(accesses: Sequence[Access], refused: Sequence[Hashable]) -> list[Access]:
    """Those that wrote what nobody can have seen: no access read it, and none saw that it was not there (``refused``)."""
    observed = {access.reads for access in accesses} | set(refused)
    return [a for a in accesses if a.writes is not NOTHING and a.writes not in observed]
