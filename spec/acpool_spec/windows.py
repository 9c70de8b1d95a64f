"""Real time as bit masks: which operations may come next, given the first completed one that is not placed.

Completed operations are numbered in the order of their returns. If the first that is not placed is ``first``, whatever was
invoked no later than it returned may come next. All before it are placed, so that a mask needs bits from ``first`` on only: the
*window*, as wide as the history is concurrent, however long the history.
"""

from __future__ import annotations

from collections.abc import Sequence


def windows(intervals: Sequence[tuple[int, int]], chosen: Sequence[bool]) -> list[int]:
    """For each of ``intervals`` (invoked, returned), in order of return, the ``chosen`` that were invoked no later than its end.

    Bit k is for the interval k places further on.
    """
    by_invocation = sorted(range(len(intervals)), key=lambda k: intervals[k][0])
    found: list[int] = []
    window = added = 0
    for first, (_, returned_at) in enumerate(intervals):
        while added < len(by_invocation) and intervals[by_invocation[added]][0] <= returned_at:
            if chosen[by_invocation[added]]:
                window |= 1 << (by_invocation[added] - first)
            added += 1
        found.append(window)
        window >>= 1
    return found


def prefixes(invoked: Sequence[int], returned: Sequence[int], chosen: Sequence[bool]) -> list[int]:
    """For each return: the ``chosen`` pending operations invoked no later, as bits. Both sequences are sorted."""
    found: list[int] = []
    mask = count = 0
    for returned_at in returned:
        while count < len(invoked) and invoked[count] <= returned_at:
            mask |= chosen[count] << count
            count += 1
        found.append(mask)
    return found


def bits(mask: int) -> list[int]:
    """The places of the bits in ``mask``, ascending."""
    return [k for k in range(mask.bit_length()) if mask >> k & 1]
