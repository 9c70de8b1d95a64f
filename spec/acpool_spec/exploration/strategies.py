"""Who makes the choices when a scope is too big to be walked to its end: samplers, each an oracle of three methods."""

from __future__ import annotations

import random
from collections.abc import Callable

from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import Oracle, RandomOracle, View


class PriorityOracle:
    """Probabilistic concurrency testing: random priorities, lowered at ``depth`` - 1 random points of the run.

    Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010. Whatever may happen (a task's step, an outside event, time,
    a cancellation) has a priority of its own, drawn when it is first seen; the highest goes. The bound of the paper is in the
    number of choices of a run: here that of the longest run so far.
    """

    def __init__(self, seed: int, *, depth: int = 3) -> None:
        self._random = random.Random(seed)
        self._depth = depth
        self._length = 1
        self._priorities: dict[str, float] = {}
        self._changes: set[int] = set()
        self._made = 0
        self._view: View | None = None

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


SAMPLERS: dict[str, Callable[[int], Oracle]] = {"random": RandomOracle, "pct": PriorityOracle}
"""Name → sampler of a seed."""
