"""A walk and several samplers by turns, for a scope that may be too big to be walked to its end."""

from __future__ import annotations

from collections.abc import Mapping

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.oracles import Oracle, View


class Portfolio:
    """Every other run goes on with the walk; those between go to the samplers in turn, the same number to each.

    By turns, rather than one after the other: half of any budget goes to the walk, be it counted in runs, states or seconds,
    nobody has to know beforehand how far the budget reaches, and a bug that one strategy finds in ten runs is found in a
    hundred. ``finished``: the walk has come to its end, so that nothing is left to sample. ``turn``: whose run it is.
    """

    def __init__(self, walk: DepthFirst, samplers: Mapping[str, Oracle]) -> None:
        self.walk = walk
        self.turn = "exhaustive"
        self._samplers = samplers
        self._names = tuple(samplers)
        self._runs = 0
        self._current: Oracle = walk

    @property
    def finished(self) -> bool:
        """Whether every run is known."""
        return self.walk.finished

    def begin(self, view: View) -> None:
        """The next strategy's turn."""
        round_, sampled = divmod(self._runs, 2)
        self._runs += 1
        self.turn = self._names[round_ % len(self._names)] if sampled else "exhaustive"
        self._current = self._samplers[self.turn] if sampled else self.walk
        self._current.begin(view)

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """What the strategy whose turn it is chooses."""
        return self._current.choose(count, kind)

    def pause(self) -> None:
        """The walk's, where it is its turn; samplers cut nothing."""
        if self._current is self.walk:
            self.walk.pause()

    def end(self) -> None:
        """The end of the run for the strategy whose turn it is."""
        self._current.end()
