"""Selectively uniform random walk: interleavings with about the same probability each, rather than steps.

Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing", ASPLOS 2025. A walk that lets every ready task
go next with the same probability makes some interleavings far likelier than others: of a task with one step left and one with
nine, the former goes at once in half of the runs, though only one interleaving in ten begins so. Weighted with the number of
events that each has left, every interleaving of independent tasks comes with the same probability.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from acpool_spec.driven import ChoiceKind
from acpool_spec.lanes import Lane
from acpool_spec.oracles import View

_TURN, _TIME, _CANCEL = "iterate", "let time pass", "cancel"


class SelectivelyUniform:
    """Lets go whoever was drawn with the weight of its events left, as a trial run, the first, has counted them. In that
    run each alternative has the same probability, but nobody is cancelled.

    What has events: each task and each other lane (its steps), each offer (one to happen), time (each advance), in mode
    ``fifo`` the loop (its iterations), and the outside's cancellations, of which as many are left as the exploration allows.
    Those for whose name ``interesting`` is true (default: all) are interleaved uniformly among each other; the rest go at any
    time, as in the paper: what was drawn goes next of all that is interesting, and before it any of the rest may go. The
    weights are exact where the tasks have as many events in every run and none waits for another; elsewhere they are the
    trial's, and never nothing, so that every interleaving remains possible.
    """

    def __init__(self, seed: int, *, interesting: Callable[[str], bool] | None = None) -> None:
        self._random = random.Random(seed)
        self._interesting = interesting
        self._trial: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._drawn: str | None = None
        self._tried = False
        self._time = 0.0
        self._iterations = 0
        self._view: View | None = None

    def begin(self, view: View) -> None:
        """Count the events of the run, those with one alternative included, which are no choice points."""
        self._view = view
        self._events = Counter()
        self._drawn, self._time, self._iterations = None, view.loop.time(), view.loop.iterations
        before = view.loop.on_step

        def on_step(lane: Lane) -> None:
            if before is not None:
                before(lane)
            self._catch_up()
            self._happened(lane.name)

        view.loop.on_step = on_step

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """An alternative by its weight; for a value, and in the trial run, each with the same probability."""
        if kind == "value":
            return self._random.randrange(count)
        assert self._view is not None
        names = [_name_of(label) for label in self._view.labels()]
        if not self._tried:
            # Whoever is cancelled has fewer events than it would have: nobody is, as long as anything else can happen.
            return self._random.randrange(names.index(_CANCEL) or count if _CANCEL in names else count)
        self._catch_up()
        return self._go(names)

    def end(self) -> None:
        """The trial is over with the first run."""
        if not self._tried:
            self._trial, self._tried = self._events, True

    def _go(self, names: Sequence[str]) -> int:
        keen = self._interesting
        drawable = [name for name in dict.fromkeys(names) if keen is None or keen(name)]
        rest = [at for at, name in enumerate(names) if keen is not None and not keen(name)]
        if self._drawn not in drawable and drawable:
            self._drawn = self._random.choices(drawable, [self._left(name) for name in drawable])[0]
        candidates = rest + [at for at, name in enumerate(names) if name == self._drawn and drawable]
        chosen = self._random.choice(candidates)
        if names[chosen] == self._drawn:
            self._drawn = None  # its event happens now; the next one is drawn anew
        return chosen

    def _left(self, name: str) -> int:
        assert self._view is not None
        if name == _CANCEL:
            return self._view.cancellations_left
        return max(1, self._trial[name] - self._events[name])

    def _happened(self, name: str) -> None:
        self._events[name] += 1
        if name == self._drawn:
            self._drawn = None

    def _catch_up(self) -> None:
        """Count what is no step: time that has passed, iterations that have begun."""
        assert self._view is not None
        loop = self._view.loop
        if loop.time() != self._time:
            self._time = loop.time()
            self._happened(_TIME)
        self._events[_TURN] = loop.iterations - self._iterations


def _name_of(label: str) -> str:
    """Whose event an alternative is: of a lane or an offer, its name, which the lane of an accepted offer has as well."""
    if label.startswith("step "):
        return label.removeprefix("step ")
    if label.startswith("cancel "):
        return _CANCEL
    return label.removeprefix("let ").removesuffix(" happen") if label.endswith(" happen") else label
