"""Which reduction a walk uses: footprints of steps, known states, or both by turns, since neither is better everywhere.

Where tasks meet seldom, one run of each class of equivalent ones is by far the less; where they meet all the time and it comes to
the same, states are. Nobody knows beforehand. So footprints begin, and when they have not finished after a few runs, known states
get most of the turns: whichever comes to its end first has walked everything. Where footprints cannot be used, the runs that were
made with them count as runs, and nothing is concluded from them.
"""

from __future__ import annotations

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.footprints.source_sets import SourceSets
from acpool_spec.oracles import View

ALONE = 64
"""Runs that footprints have for themselves."""
TURNS = 8
"""After that: so many runs with known states for each one with footprints, which takes about ten times as long."""


class Reduction:
    """The exhaustive oracle of mode ``reordered``. ``walk``: the part of it that cuts off known states.

    The account in ``certificate`` is that of the walk as soon as it has begun, unless footprints finish before it. The two share
    nothing: a run that is watched holds on to objects longer than others, and a state is compared with such as it is.
    """

    def __init__(self, certificate: Certificate, *, seed: int = 0) -> None:
        self._certificate = certificate
        self._walks = Certificate(exhaustive=True)
        self.walk = DepthFirst(self._walks, prune=True, seed=seed)
        self._own = Certificate(exhaustive=True)
        self._sets: SourceSets | None = SourceSets(self._own, seed=seed)
        self._runs = 0
        self._current: SourceSets | DepthFirst = self._sets

    @property
    def finished(self) -> bool:
        """Whether every run, or one equivalent to it, was made."""
        return self.walk.finished or (self._sets is not None and self._sets.finished)

    def stop(self) -> None:
        """No more runs will be made."""
        if self._sets is not None:
            self._sets.observer.stop()

    def begin(self, view: View) -> None:
        """A run of one of the two."""
        sets = self._sets
        turn = self._runs < ALONE or (self._runs - ALONE) % (TURNS + 1) == TURNS
        self._runs += 1
        self._current = self.walk if sets is None or not turn else sets
        self._current.begin(view)

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As the one whose turn it is says."""
        return self._current.choose(count, kind)

    def pause(self) -> None:
        """The walk's, where it is its turn."""
        if self._current is self.walk:
            self.walk.pause()

    def end(self) -> None:
        """The end of the run for the one whose turn it was; the end of footprints where they cannot be used."""
        self._current.end()
        certificate, sets, own = self._certificate, self._sets, self._own
        if sets is not None and sets.unfit:
            certificate.no_footprints[sets.unfit] += 1
            own.abandoned += own.classes + own.blocked + 1
            own.classes = own.blocked = 0
            self._sets = sets = None
        finished = sets is not None and sets.finished
        by_sets = finished or (sets is not None and self._walks.choice_points == 0)
        for name in ("choice_points", "alternatives", "taken"):
            setattr(certificate, name, getattr(own if by_sets else self._walks, name))
        certificate.classes, certificate.blocked = own.classes, own.blocked
        certificate.abandoned = own.abandoned
        certificate.states, certificate.pruned = self._walks.states, self._walks.pruned
        certificate.not_canonical = self._walks.not_canonical
