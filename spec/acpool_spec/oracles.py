"""Oracles: who makes the choices of a run.

An oracle is asked once per choice point, with the number of alternatives; alternative 0 is always what stock asyncio
would do. A new strategy is a class of three methods.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from acpool_spec.driven import ChoiceKind, DrivenLoop

Choice = tuple[int, int]
"""What was chosen, among how many."""


class ReplayDivergence(Exception):
    """The run is not the recorded one: the code, the scenario or Python differs from when it was recorded."""


class View(Protocol):
    """What an oracle may look at, at a choice point, if it wants to know more than the number of alternatives."""

    @property
    def loop(self) -> DrivenLoop:
        """The loop of the run."""
        ...

    @property
    def cancellations_left(self) -> int:
        """How many more tasks the outside world may cancel in this run."""
        ...

    @property
    def late(self) -> bool:
        """Mode ``fifo``: time has passed between these two iterations, so that the selector reports nothing more."""
        ...

    def labels(self) -> tuple[str, ...]:
        """The alternatives of a ``schedule`` choice point in words, such as ``step Task-2``; no two alike."""
        ...


class PrunedRun(Exception):
    """Raised by ``choose`` at a ``schedule`` choice point: what comes from here on is known already, end the run."""


class Oracle(Protocol):
    """Makes the choices of one run after another.

    One that has a method ``pause()`` as well is called where nothing but time can pass: no choice point, but it may end the run
    there with :class:`PrunedRun`.
    """

    def begin(self, view: View) -> None:
        """A run begins; ``view`` is of that run."""
        ...

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """One of ``range(count)``; ``count`` is at least 2. ``kind`` says whether to schedule or to pick a value."""
        ...

    def end(self) -> None:
        """The run came to its end, whichever that is."""
        ...


class FirstOracle:
    """Always alternative 0: what stock asyncio would do."""

    def begin(self, view: View) -> None:
        """Nothing to do."""

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """0."""
        return 0

    def end(self) -> None:
        """Nothing to do."""


class RandomOracle:
    """Every alternative with the same probability; its runs are decided by ``seed`` and their order alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def begin(self, view: View) -> None:
        """Nothing to do: the next run continues the sequence."""

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """A random alternative."""
        return int(self._random() * count)

    def end(self) -> None:
        """Nothing to do."""


class ReplayOracle:
    """The choices of a recorded run again.

    ``choose`` and ``end`` raise :class:`ReplayDivergence` at the first difference: another number of alternatives, more
    choice points than recorded, or fewer. Raises ``ValueError`` for a record that no run can have made.
    """

    def __init__(self, choices: Sequence[Choice]) -> None:
        for index, (chosen, count) in enumerate(choices):
            if count < 2 or not 0 <= chosen < count:
                raise ValueError(f"choice {index}: alternative {chosen} of {count} cannot have been recorded")
        self._choices = tuple(choices)
        self._position = 0

    def begin(self, view: View) -> None:
        """Start from the first choice."""
        self._position = 0

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """The recorded choice. Raises :class:`ReplayDivergence` when there is none or it was among another number."""
        position = self._position
        if position == len(self._choices):
            raise ReplayDivergence(
                f"choice {position} ({kind}, {count} alternatives): the record ends before it"
            )
        chosen, recorded = self._choices[position]
        if recorded != count:
            raise ReplayDivergence(
                f"choice {position} ({kind}): {count} alternatives, {recorded} were recorded"
            )
        self._position = position + 1
        return chosen

    def end(self) -> None:
        """Raises :class:`ReplayDivergence` when recorded choices are left."""
        left = len(self._choices) - self._position
        if left:
            raise ReplayDivergence(
                f"the run ended at choice {self._position}: {left} recorded choices are left"
            )
