"""What all runs of one exploration have in common."""

from __future__ import annotations

from dataclasses import dataclass

from acpool_spec.oracles import Oracle
from acpool_spec.simulation import DEFAULT_MAX_STEPS, Cancellable, Mode, Run, Scenario, any_task, simulate


@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario, and what the world may do to it; the members are those of :func:`~acpool_spec.simulation.simulate`."""

    scenario: Scenario
    mode: Mode
    cancellations: int = 0
    cancellable: Cancellable = any_task
    max_steps: int = DEFAULT_MAX_STEPS

    def run(self, oracle: Oracle) -> Run:
        """One run, ``oracle`` making the choices. Raises and is bounded as ``simulate``."""
        return simulate(
            self.scenario,
            oracle,
            mode=self.mode,
            cancellations=self.cancellations,
            cancellable=self.cancellable,
            max_steps=self.max_steps,
        )
