"""Operations that stand together: no operation of one block comes between two of another.

So of two blocks all of one comes before all of the other, and which one, real time says where any operation of the one
returned before some operation of the other was invoked. With the *zone* of a block, from its first return to its last
invocation (P. Gibbons and E. Korach, *Testing shared memories*, SIAM J. Comput. 26(4), 1997, on registers): the relation has a
cycle only where two blocks each come before the other, which a sweep over the zones finds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from acpool_spec.forced.facts import NEVER, Orders, Seen
from acpool_spec.verdict import Contradiction


@dataclass(slots=True)
class Block:
    """``members``: operations with their ranks; within the block, each comes after those of a lower rank.

    ``first``: it begins before everything that was seen; ``last``: it ends after that.
    """

    members: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    first: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class _Zone:
    """``low``: when the first member returned, and ``returned``, which that was; ``high`` and ``invoked``: the last invocation;
    ``mask``: all members."""

    block: Block
    low: float
    returned: int | None
    high: float
    invoked: int | None
    mask: int


def apart(blocks: Sequence[Block], seen: Seen[Any], orders: Orders, claim: str) -> Contradiction | None:
    """Tell ``orders`` what ``blocks`` that all exclude each other force, or return why they cannot."""
    for block in blocks:
        wrong = _ranked(block, seen, orders)
        if wrong is not None:
            return Contradiction(claim, wrong)
    zones = sorted((_zone(block, seen) for block in blocks), key=lambda zone: zone.low)
    wrong = _crossing(zones)
    if wrong is not None:
        return Contradiction(claim, wrong)
    before = added = 0
    for zone in sorted(zones, key=lambda zone: zone.high):
        while added < len(zones) and zones[added].low < zone.high:
            before |= zones[added].mask
            added += 1
        others = before & ~zone.mask
        if others:
            for _, op in zone.block.members:
                orders.after(op, others)
    return None


def _zone(block: Block, seen: Seen[Any]) -> _Zone:
    spans = [(*seen.span(op), op) for _, op in block.members]
    low, returned = min((end, op) for _, end, op in spans)
    high, invoked = max((begin, op) for begin, _, op in spans)
    mask = sum(1 << op for _, op in block.members)
    return _Zone(
        block,
        -1 - NEVER if block.first else low,
        None if block.first else returned,
        NEVER if block.last else high,
        None if block.last else invoked,
        mask,
    )


def _ranked(block: Block, seen: Seen[Any], orders: Orders) -> tuple[int, ...] | None:
    """Tell the orders within a block; or two members in real time the other way round."""
    members = sorted(block.members)
    latest: tuple[int, int] | None = None
    mask = start = 0
    while start < len(members):
        end = start
        while end < len(members) and members[end][0] == members[start][0]:
            end += 1
        group = [op for _, op in members[start:end]]
        for op in group:
            if latest is not None and seen.span(op)[1] < latest[0]:
                return latest[1], op
            if mask:
                orders.after(op, mask)
        for op in group:
            begin = seen.span(op)[0]
            latest = (begin, op) if latest is None or begin > latest[0] else latest
            mask |= 1 << op
        start = end
    return None


def _crossing(zones: Sequence[_Zone]) -> tuple[int, ...] | None:
    """Of zones sorted by ``low``: the ends of two blocks of which each would have to come before the other."""
    # What is not wide need not be there at any one instant; it only has to be outside of what is.
    wide = [zone for zone in zones if zone.low < zone.high]
    for earlier, later in pairwise(wide):
        if later.low < earlier.high:
            return _ends(earlier, later)
    lows = [zone.low for zone in wide]
    for narrow in zones:
        if narrow.low >= narrow.high:
            place = bisect_left(lows, narrow.high) - 1
            if place >= 0 and narrow.low < wide[place].high:
                return _ends(wide[place], narrow)
    return None


def _ends(*zones: _Zone) -> tuple[int, ...]:
    found = dict.fromkeys(op for zone in zones for op in (zone.returned, zone.invoked) if op is not None)
    return tuple(found)
