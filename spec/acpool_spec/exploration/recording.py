"""Runs whose choices are told in words: what was possible at each decision, and how far the run strays from stock asyncio."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.setting import Setting
from acpool_spec.oracles import View
from acpool_spec.simulation import Run

_FAULT = re.compile(r"cancel |let .*\b(dies|fails|hangs)\b.* happen")


class Decision(NamedTuple):
    """One choice: which alternative, and what there was to choose from; for a value only how many there were."""

    chosen: int
    of: int
    alternatives: tuple[str, ...]

    def __str__(self) -> str:
        return self.alternatives[self.chosen] if self.alternatives else f"value {self.chosen} of {self.of}"

    @property
    def is_fault(self) -> bool:
        """Whether it is a cancellation, a failure of the outside by its name, or a value that is not the first."""
        return self.chosen > 0 and (not self.alternatives or _FAULT.match(str(self)) is not None)


class Recorded(NamedTuple):
    """A run and its decisions."""

    run: Run
    decisions: tuple[Decision, ...]

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Smaller is easier to understand: context switches, decisions, faults, distance from the first alternatives.

        A context switch is a stretch of decisions that keep passing over the same alternative: to hold one task back for
        six steps is one, not six. A fault is a cancellation, something outside that ``dies``, ``fails`` or ``hangs`` by its name,
        or a value from outside that is not the first of its choice: it is no switch, and ends none.
        """
        switches = faults = 0
        held = ""
        for decision in self.decisions:
            if decision.is_fault:
                faults += 1
            elif decision.alternatives:
                first = decision.alternatives[0]
                switches += decision.chosen > 0 and first != held
                held = first if decision.chosen else ""
        distance = sum(decision.chosen for decision in self.decisions)
        return switches, len(self.decisions), faults, distance


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


def record(setting: Setting, wanted: Mapping[int, int]) -> Recorded:
    """Run the scenario of ``setting``, making the choice ``wanted[i]`` at decision ``i`` where it is possible."""
    oracle = _Following(wanted)
    return Recorded(setting.run(oracle), tuple(oracle.decisions))
