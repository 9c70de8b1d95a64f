"""A walk that can be left to others at any time: what lies open is told as parts, and what is known goes with them.

A known state is closed: each of its alternatives was walked, or is on the path and open, and then it is one of the parts, or lies
below one. So a part may be cut off at any state that the walk before it knew, and all parts together reach what the walk
would have reached (the invariant of every search with a visited set). What two parts come by both is walked twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.subtree import Prefix

KEY_BYTES = 16
"""Of one known state."""


class Part(NamedTuple):
    """What lies below ``prefix``. ``share``: the probability that a run which takes every alternative with the same
    probability comes there."""

    prefix: Prefix
    share: float


@dataclass(frozen=True, slots=True)
class Handover:
    """What a walk leaves: its open ``parts``, in its order, and the states that it was the first to know, one key after the
    other."""

    parts: tuple[Part, ...]
    known: bytes


class Walk(DepthFirst):
    """A walk below ``prefix`` that takes states for known which others know: ``known``, one key after the other."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        prefix: Prefix = (),
        known: bytes = b"",
        prune: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(certificate, prune=prune, seed=seed)
        self._prefix = prefix
        self._before = frozenset(known[at : at + KEY_BYTES] for at in range(0, len(known), KEY_BYTES))
        self._known.update(self._before)

    @property
    def behind(self) -> float:
        """The share of the tree behind the walk, from 0 to 1: the probability that a run which takes every alternative with the
        same probability ends there.

        It grows with every run, and costs no runs. As an estimate of the share of the executions it is the weighted backtrack
        estimator of Kilby, Slaney, Thiébaux and Walsh ("Estimating search tree size", AAAI 2006).
        """
        if self.finished:
            return 1.0
        behind, here = 0.0, 1.0
        for branch in self.frontier():
            here /= branch.of
            behind += here * len(branch.closed)
        return behind

    def leave(self) -> Handover:
        """Leave what is open to others: the account no longer has it as open below the path, only as parts."""
        path, above, here = self.frontier(), list(self._prefix), 1.0
        levels: list[list[Part]] = []
        for depth, branch in enumerate(path):
            here /= branch.of
            last = depth == len(path) - 1
            ahead = [each for each in self._in_order(depth) if last or each != branch.chosen]
            levels.append([Part((*above, each), here) for each in ahead])
            above.append(branch.chosen)
        # What was chosen above the last branch has no other part than those below it.
        self.certificate.taken += max(0, len(path) - 1)
        parts = tuple(part for level in reversed(levels) for part in level)
        return Handover(parts, b"".join(sorted(self._known - self._before)))

    def _in_order(self, depth: int) -> list[int]:
        """The alternatives of a branch that are not closed, in the order of their visits."""
        step = self._path[depth]
        return [step.order.alternative(position, step.count) for position in range(step.taken, step.count)]
