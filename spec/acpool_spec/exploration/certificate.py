"""What an exploration did, counted, and the one place where *holds* is made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from acpool_spec.verdict import Bound, Outcome


@dataclass(slots=True)
class Certificate:
    """The account of one exploration: everything enumerated, and everything that was not, by name.

    ``executions``: runs made, pruned ones included. ``choice_points`` and ``alternatives``: met for the first time; an
    alternative is *taken* when a run has followed it, and *open* until then. ``states``: distinct states at choice points,
    where states are pruned; ``pruned``: runs that ended at a state known already. ``repeated``: runs made a second time
    to see whether they are the same. ``not_canonical``: choice points whose state could not be compared, by the type
    that was in the way: nothing was pruned there, so nothing is missing either. ``exhaustive``: whether the strategy takes
    every alternative. ``made_by``: the executions by strategy, ``found_by``: the strategy whose run failed. ``features``: how
    many different ones the strategy ``coverage`` has seen. ``probes``: runs made for the estimate alone, which are no
    executions. ``skips``: what was left out, and how often; any one makes the exploration undecided.
    """

    exhaustive: bool
    executions: int = 0
    choice_points: int = 0
    alternatives: int = 0
    taken: int = 0
    states: int = 0
    pruned: int = 0
    repeated: int = 0
    not_canonical: Counter[str] = field(default_factory=Counter[str])
    skips: Counter[str] = field(default_factory=Counter[str])
    made_by: Counter[str] = field(default_factory=Counter[str])
    found_by: str | None = None
    features: int = 0
    probes: int = 0
    violated: bool = False

    @property
    def open(self) -> int:
        """Alternatives that were seen and that no run has followed."""
        return self.alternatives - self.taken

    def skip(self, what: str) -> None:
        """Something was not enumerated: say what."""
        self.skips[what] += 1

    def ran_out(self, bound: Bound) -> None:
        """A budget ended the exploration."""
        self.skips[f"the budget {bound} ran out"] += 1

    def outcome(self) -> Outcome:
        """Holds only if every alternative of every choice point was followed to an end and nothing at all was left out."""
        if self.violated:
            return Outcome.VIOLATED
        if self.exhaustive and not self.skips and self.open == 0 and self.executions > 0:
            return Outcome.HOLDS
        return Outcome.UNDECIDED

    def why(self) -> str:
        """What keeps it from *holds*, in words; empty where nothing does."""
        parts = [
            f"{what}" + (f" ({times}×)" if times > 1 else "") for what, times in sorted(self.skips.items())
        ]
        if not self.exhaustive:
            parts.append("the strategy samples")
        elif self.open:
            parts.append(f"{self.open} alternatives were seen and not followed")
        return "; ".join(parts)
