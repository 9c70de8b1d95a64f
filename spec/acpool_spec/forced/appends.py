"""What texts force to which others are appended: a read shows what was appended before it, and in which order.

Where each text was appended once, and a read can be taken apart in one way only, that is the order of all before it; what is
not in it comes later (the *version order* of K. Kingsbury and P. Alvaro, *Elle*, VLDB 14(3), 2020, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acpool_spec.forced.blocks import Block, apart
from acpool_spec.forced.facts import Orders, Seen
from acpool_spec.verdict import Contradiction

CLAIM = "what a read shows was appended before it, in that order, and everything else after it"


@dataclass(frozen=True, slots=True)
class Append:
    """``op`` appends ``text``."""

    op: int
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """``op`` found ``text``; None: nothing was there."""

    op: int
    text: str | None


def appended(
    appends: Sequence[Append],
    reads: Sequence[Read],
    starts: Sequence[str | None],
    seen: Seen[Any],
    orders: Orders,
) -> Contradiction | None:
    """Tell ``orders`` what follows for one text, or return why there is no order.

    ``appends``: all that were invoked; ``reads``: the completed ones; ``starts``: what may be there at the beginning.
    """
    by_text: dict[str, int | None] = {}
    for append in appends:
        by_text[append.text] = None if append.text in by_text else append.op
    if "" in by_text:
        return None
    parser = _Parser(by_text, list(dict.fromkeys(starts)))
    read: list[tuple[int, int]] = []
    longest: tuple[str | None, list[int]] = ("", [])
    longest_read = -1
    for each in sorted(reads, key=lambda read: len(read.text or ""), reverse=True):
        if each.op in seen.placed:
            continue
        found = parser.parse(each.text)
        if found is None:
            continue
        if isinstance(found, str):
            return Contradiction(found, (each.op,))
        start, order = found
        if longest_read < 0:
            longest, longest_read = found, each.op
        elif start != longest[0] or order != longest[1][: len(order)]:
            return Contradiction(
                "neither of two reads shows all that the other does", (longest_read, each.op)
            )
        read.append((len(order), each.op))
    if longest_read < 0:
        return None
    shown = {op: place for place, op in enumerate(longest[1])}
    block = Block([(2 * length + 1, op) for length, op in read])
    block.members += [(2 * place + 2, op) for op, place in shown.items()]
    late = 2 * len(longest[1]) + 2
    block.members += [
        (late, a.op)
        for a in appends
        if a.op < seen.completed and a.op not in shown and a.op not in seen.placed
    ]
    return apart([block], seen, orders, CLAIM)


def unshown(appends: Sequence[Append], reads: Sequence[Read]) -> list[Append]:
    """Those that appended what no read shows: none can have come after them while it was there."""
    texts: list[str] = []
    for read in sorted(reads, key=lambda read: len(read.text or ""), reverse=True):
        if read.text and not any(text.startswith(read.text) for text in texts):
            texts.append(read.text)
    return [append for append in appends if append.text and not any(append.text in text for text in texts)]


class _Parser:
    """Takes texts apart. ``by_text``: which operation appended it, or None where several did."""

    def __init__(self, by_text: dict[str, int | None], starts: Sequence[str | None]) -> None:
        self._by_text = by_text
        self._lengths = sorted({len(text) for text in by_text})
        self._starts = starts
        self._text = ""
        self._order: list[int] = []
        self._ends: dict[int, int] = {}

    def parse(self, text: str | None) -> tuple[str | None, list[int]] | str | None:
        """Where ``text`` began and what was appended to that; None: in more than one way; or why in none."""
        found: list[tuple[str | None, list[int]]] = []
        if text and len(self._starts) == 1 and self._text.startswith(text) and len(text) in self._ends:
            return self._starts[0], self._order[: self._ends[len(text)]]
        for start in self._starts:
            if text is None or (start or "") == text:
                if (text is None) == (start is None):
                    found.append((start, []))
                continue
            if not text.startswith(start or ""):
                continue
            order = self._appended(text, len(start or ""))
            if order is None:
                return None
            if order:
                found.append((start, order))
        if not found:
            return "no order of appends leads to what was read"
        return found[0] if len(found) == 1 else None

    def _appended(self, text: str, place: int) -> list[int] | None:
        """What was appended from ``place`` on; empty: nothing can have been; None: that is not clear."""
        order: dict[int, None] = {}
        ends: dict[int, int] = {}
        while place < len(text):
            found = [
                n
                for n in self._lengths
                if place + n <= len(text) and text[place : place + n] in self._by_text
            ]
            if len(found) > 1:
                return None
            op = self._by_text[text[place : place + found[0]]] if found else -1
            if op is None:
                return None
            if op < 0 or op in order:
                return []
            order[op] = None
            place += found[0]
            ends[place] = len(order)
        # Most reads show a beginning of what the longest one shows.
        if len(text) > len(self._text):
            self._text, self._order, self._ends = text, list(order), ends
        return list(order)
