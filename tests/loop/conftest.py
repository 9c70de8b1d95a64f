"""What the tests of the deterministic loop share: brute force over all runs of a scenario, and a driven loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from acpool_spec.driven import ChoiceKind
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import Choice, View
from acpool_spec.simulation import Mode, Run, Scenario, simulate


class _Prefix:
    """Follows given choices, then always 0."""

    def __init__(self, prefix: list[int]) -> None:
        self.prefix = prefix
        self.made = 0

    def begin(self, view: View) -> None:
        self.made = 0

    def choose(self, count: int, kind: ChoiceKind) -> int:
        chosen = self.prefix[self.made] if self.made < len(self.prefix) else 0
        self.made += 1
        return chosen

    def end(self) -> None:
        assert self.made >= len(self.prefix)


def _after(choices: tuple[Choice, ...]) -> list[int] | None:
    """The prefix of the next run in depth-first order; None after the last."""
    made = list(choices)
    while made:
        chosen, count = made.pop()
        if chosen + 1 < count:
            return [earlier for earlier, _ in made] + [chosen + 1]
    return None


def _all_runs(scenario: Scenario, mode: Mode) -> list[Run]:
    runs: list[Run] = []
    prefix: list[int] | None = []
    while prefix is not None:
        runs.append(simulate(scenario, _Prefix(prefix), mode=mode))
        assert len(runs) <= 50_000, "the scenario is too big for brute force"
        prefix = _after(runs[-1].choices)
    return runs


@pytest.fixture
def all_runs() -> Callable[[Scenario, Mode], list[Run]]:
    """Every run of a scenario in a mode, depth first."""
    return _all_runs


@pytest.fixture
def loop() -> Iterator[DeterministicLoop]:
    """A deterministic loop that is running and driven by the test; disposed of afterwards."""
    driven = DeterministicLoop()
    with driven.running():
        try:
            yield driven
        finally:
            driven.dispose()
