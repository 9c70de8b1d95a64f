"""Depth first through the tree of all choices, with states that were met before cut off.

The tree is walked by running the scenario anew for each leaf (stateless search, as in Godefroid's VeriSoft), keeping only the
path from the root. A state at a choice point that an earlier run has met leads to nothing new: everything below it has been
walked, or lies on the path and will be. That is sound for whatever can be seen in the state (safety); a run that was cut is
judged as far as it went. States that cannot be compared are not cut.
"""

from __future__ import annotations

from typing import NamedTuple

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.canonical import state_at
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.contents import NotCanonical
from acpool_spec.exploration.order import Visit, VisitingOrder
from acpool_spec.oracles import PrunedRun, View


class NotDeterministic(Exception):
    """The same choices did not lead to the same run: the message says where the runs part."""


class Branch(NamedTuple):
    """One choice point on the path of the next run: the alternative that it will follow, among ``of``.

    ``closed``: the alternatives that were walked to their ends, or cut off as known. What lies below ``chosen`` is on the
    path as well, except at the last branch, where nothing of it has been walked. All others are open.
    """

    chosen: int
    of: int
    closed: tuple[int, ...]


class _Step:
    """One choice point on the path: how many of its alternatives were left behind, and in which order they come."""

    __slots__ = ("count", "order", "taken")

    def __init__(self, count: int, order: Visit) -> None:
        self.count = count
        self.order = order
        self.taken = 0

    def branch(self) -> Branch:
        visited = [self.order.alternative(position, self.count) for position in range(self.taken + 1)]
        return Branch(visited[-1], self.count, tuple(visited[:-1]))


class DepthFirst:
    """The exhaustive oracle: each run follows the next path. ``finished`` when there is none left.

    ``prune``: cut off states met before. ``seed``: in which order alternatives are visited; 0 is stock asyncio's first.
    """

    def __init__(self, certificate: Certificate, *, prune: bool, seed: int = 0) -> None:
        self.certificate = certificate
        self.finished = False
        self.prune = prune
        self._order = VisitingOrder(seed)
        self._path: list[_Step] = []
        self._position = 0
        self._known: set[bytes] = set()
        self._view: View | None = None

    def begin(self, view: View) -> None:
        """The next path, from the root."""
        self._position = 0
        self._view = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As the path says; beyond its end, the first in the order of visits, unless the state was met before."""
        position = self._position
        if position < len(self._path):
            step = self._path[position]
            if count != step.count:
                raise NotDeterministic(
                    f"choice {position}: {count} alternatives, where an earlier run had {step.count}"
                )
            self._position += 1
            return step.order.alternative(step.taken, count)
        if kind == "schedule" and self.prune and not self._is_new():
            raise PrunedRun
        certificate = self.certificate
        certificate.choice_points += 1
        certificate.alternatives += count
        step = _Step(count, self._order.draw(count))
        self._path.append(step)
        self._position += 1
        return step.order.start

    def pause(self) -> None:
        """Nothing but time can pass: many paths come to rest in one state, and what follows has no choice point to cut it at."""
        if self.prune and self._position == len(self._path) and not self._is_new():
            raise PrunedRun

    def end(self) -> None:
        """The path was followed to its end: go on to the next."""
        if self._position < len(self._path):
            raise NotDeterministic(
                f"the run ended at choice {self._position}, where an earlier run with the same choices went on"
            )
        path = self._path
        while path:
            # The last alternative of a choice point is taken when the walk leaves it, as all others when it turns to the next.
            self.certificate.taken += 1
            path[-1].taken += 1
            if path[-1].taken < path[-1].count:
                return
            path.pop()
        self.finished = True

    def frontier(self) -> tuple[Branch, ...]:
        """Where the walk stands between two runs: the path of the next run, from the root. Empty before the first run."""
        return tuple(step.branch() for step in self._path)

    def _is_new(self) -> bool:
        assert self._view is not None
        try:
            key = state_at(self._view)
        except NotCanonical as error:
            self.certificate.not_canonical[str(error)] += 1
            return True
        if key in self._known:
            self.certificate.pruned += 1
            return False
        self._known.add(key)
        self.certificate.states += 1
        return True
