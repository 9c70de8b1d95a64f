"""Probabilistic concurrency testing: random priorities, lowered at a few random points of the run.

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs",
ASPLOS 2010.
"""

from __future__ import annotations

import random

from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import View


class PriorityOracle:
    """Whatever may happen (a task's step, an outside event, time, a cancellation) has a priority, drawn when first seen; the
    highest goes. At ``depth`` - 1 random points of the run, the one about to go falls below all others.

    The paper's bound, at least 1 / (n k^(depth - 1)) for n such things and k choices of what to run, takes the length k of the
    run for known. It is not known before the run, so the points are drawn from the length of the longest run so far: the
    first run is a trial, in which the only point is its first choice. The bound is exact for every later run that is no
    longer than one before it, with k the length of that longest one; a longer run has no such point in what it is longer by,
    and says its length to those that follow.
    """

    def __init__(self, seed: int, *, depth: int = 3) -> None:
        self._random = random.Random(seed)
        self._depth = depth
        self._length = 1
        self._priorities: dict[str, float] = {}
        self._changes: set[int] = set()
        self._made = 0
        self._view: View | None = None

    @property
    def length(self) -> int:
        """The k of the next run: choices of what to run in the longest run so far; 1 before the first."""
        return self._length

    def begin(self, view: View) -> None:
        """New priorities, and new points at which they change."""
        self._view = view
        self._made = 0
        self._priorities.clear()
        points = min(self._depth - 1, self._length)
        self._changes = set(self._random.sample(range(self._length), points))

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """The alternative of the highest priority; a value at random."""
        if kind == "value":
            return self._random.randrange(count)
        assert self._view is not None
        labels = self._view.labels()
        for label in labels:
            if label not in self._priorities:
                self._priorities[label] = self._depth + self._random.random()
        if self._made in self._changes:
            highest = max(labels, key=self._priorities.__getitem__)
            self._priorities[highest] = self._random.random() - self._made
        self._made += 1
        return max(range(count), key=lambda index: self._priorities[labels[index]])

    def end(self) -> None:
        """The longest run so far says how many points there are to choose from."""
        self._length = max(self._length, self._made)
