"""Runs whose choices are told in words: what was possible at each decision, and how far the run strays from stock asyncio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import View
from acpool_spec.simulation import Cancellable, Mode, Run, Scenario, simulate


class Decision(NamedTuple):
    """One choice: which alternative, and what there was to choose from; for a value only how many there were."""

    chosen: int
    of: int
    alternatives: tuple[str, ...]

    def __str__(self) -> str:
        return self.alternatives[self.chosen] if self.alternatives else f"value {self.chosen} of {self.of}"


class Recorded(NamedTuple):
    """A run and its decisions."""

    run: Run
    decisions: tuple[Decision, ...]

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Smaller is easier to understand: deviations, cancellations, decisions, distance from the first alternatives.

        A deviation is a stretch of decisions that keep passing over the same alternative: to hold one task back for six
        steps is one deviation, not six.
        """
        deviations = cancellations = 0
        passed_over = ""
        for decision in self.decisions:
            strays = decision.chosen > 0
            first = decision.alternatives[0] if decision.alternatives else ""
            deviations += strays and (first == "" or first != passed_over)
            passed_over = first if strays else ""
            cancellations += str(decision).startswith("cancel ")
        distance = sum(decision.chosen for decision in self.decisions)
        return deviations, cancellations, len(self.decisions), distance


class _Following:
    """Makes the choices it is told where it can, else the nearest one; the first alternative elsewhere."""

    def __init__(self, wanted: Mapping[int, int]) -> None:
        self.decisions: list[Decision] = []
        self._wanted = wanted
        self._view: View | None = None

    def begin(self, view: View) -> None:
        self.decisions.clear()
        self._view = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        assert self._view is not None
        chosen = min(self._wanted.get(len(self.decisions), 0), count - 1)
        labels = self._view.labels() if kind == "schedule" else ()
        self.decisions.append(Decision(chosen, count, labels))
        return chosen

    def end(self) -> None:
        """Nothing to do: choices that were not asked for do not matter."""


def record(
    scenario: Scenario,
    wanted: Mapping[int, int],
    *,
    mode: Mode,
    cancellations: int,
    cancellable: Cancellable,
    max_steps: int,
) -> Recorded:
    """Run ``scenario``, making the choice ``wanted[i]`` at decision ``i`` where it is possible."""
    oracle = _Following(wanted)
    run = simulate(
        scenario,
        oracle,
        mode=mode,
        cancellations=cancellations,
        cancellable=cancellable,
        max_steps=max_steps,
    )
    return Recorded(run, tuple(oracle.decisions))
