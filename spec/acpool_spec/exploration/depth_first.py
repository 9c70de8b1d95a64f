"""Depth first through the tree of all choices, with states that were met before cut off.

The tree is walked by running the scenario anew for each leaf (stateless search, as in Godefroid's VeriSoft), keeping only the
path from the root. A state at a choice point that an earlier run has met leads to nothing new: everything below it has been
walked, or lies on the path and will be. That is sound for whatever can be seen in the state (safety); a run that was cut is
judged as far as it went. States that cannot be compared are not cut.
"""

from __future__ import annotations

from typing import cast

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.canonical import state_key
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.contents import NotCanonical
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import PrunedRun, View


class NotDeterministic(Exception):
    """The same choices did not lead to the same run: the message says where the runs part."""


class DepthFirst:
    """The exhaustive oracle: each run follows the next path. ``finished`` when there is none left.

    ``prune``: cut off states met before.
    """

    def __init__(self, certificate: Certificate, *, prune: bool) -> None:
        self.certificate = certificate
        self.finished = False
        self._prune = prune
        self._path: list[list[int]] = []
        self._position = 0
        self._known: set[bytes] = set()
        self._view: View | None = None

    def begin(self, view: View) -> None:
        """The next path, from the root."""
        self._position = 0
        self._view = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As the path says; beyond its end, the first alternative, unless the state was met before."""
        position = self._position
        if position < len(self._path):
            chosen, known = self._path[position]
            if count != known:
                raise NotDeterministic(
                    f"choice {position}: {count} alternatives, where an earlier run had {known}"
                )
            self._position += 1
            return chosen
        if kind == "schedule" and self._prune and not self._is_new():
            raise PrunedRun
        certificate = self.certificate
        certificate.choice_points += 1
        certificate.alternatives += count
        self._path.append([0, count])
        self._position += 1
        return 0

    def pause(self) -> None:
        """Nothing but time can pass: many paths come to rest in one state, and what follows has no choice point to cut it at."""
        if self._prune and self._position == len(self._path) and not self._is_new():
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
            path[-1][0] += 1
            if path[-1][0] < path[-1][1]:
                return
            path.pop()
        self.finished = True

    def _is_new(self) -> bool:
        assert self._view is not None
        try:
            view = self._view
            key = state_key(cast("DeterministicLoop", view.loop), (view.cancellations_left, view.late))
        except NotCanonical as error:
            self.certificate.not_canonical[str(error)] += 1
            return True
        if key in self._known:
            self.certificate.pruned += 1
            return False
        self._known.add(key)
        self.certificate.states += 1
        return True
