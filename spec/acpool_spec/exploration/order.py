"""In which order a walk visits the alternatives of a choice point: stock asyncio's first, or as a seed says."""

from __future__ import annotations

import math
import random
from typing import NamedTuple


class Visit(NamedTuple):
    """The order of ``count`` alternatives: ``start``, and then ``stride`` further each time, round and round.

    Two numbers however many alternatives there are, so that a choice among a million costs no list of a million.
    """

    start: int
    stride: int

    def alternative(self, position: int, count: int) -> int:
        """Which one is visited at ``position``."""
        return (self.start + position * self.stride) % count


STOCK = Visit(0, 1)
"""From the first alternative to the last: what stock asyncio does comes first."""


class VisitingOrder:
    """Draws the order for one choice point after another; decided by ``seed`` alone, 0 is :data:`STOCK` everywhere.

    The set of alternatives is the same for every seed, so a walk to the end makes the same runs, earlier or later.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed) if seed else None

    def draw(self, count: int) -> Visit:
        """The order at a new choice point of ``count`` alternatives."""
        draw = self._random
        if draw is None:
            return STOCK
        stride = draw.randrange(1, count)
        while math.gcd(stride, count) != 1:  # else some alternatives would be visited twice, others never
            stride = draw.randrange(1, count)
        return Visit(draw.randrange(count), stride)
