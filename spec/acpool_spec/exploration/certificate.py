"""What an exploration did, counted, and the one place where *holds* is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from acpool_spec.verdict import Bound, Outcome


@dataclass(slots=True)
class Certificate:
    """The account of one exploration: everything enumerated, and everything that was not, by name.

    ``executions``: runs made, pruned ones included. ``choice_points`` and ``alternatives``: met for the first time; an
    alternative is *taken* when a run has followed it, and *open* until then. ``states``: distinct states at choice points,
    where states are pruned; ``pruned``: runs that ended at a state known already. ``classes``: runs with footprints that came to
    their end, one of each class of equivalent ones; there an alternative is one that is followed at first or that a race demands.
    ``blocked``: those that were ended, or could have been, since an equivalent one was known. ``abandoned``: runs made with
    footprints before it was seen that these cannot be used; ``no_footprints``: why not. ``repeated``: runs made a second time
    to see whether they are the same; ``elsewhere``: runs made once more in another interpreter, with another hash seed;
    ``unchecked``: such comparisons that could not be made, and why: each is a sample anyway, so that they are noted
    here, and only ``paranoid`` makes skips of them. ``not_canonical``: choice points whose state could not be compared, by
    the type that was in the way: nothing was pruned there, so nothing is missing either. ``exhaustive``: whether the
    strategy takes every alternative. ``made_by``: the executions by strategy, ``found_by``: the strategy whose run failed.
    ``features``: how many different ones the strategy ``coverage`` has seen. ``probes``: runs made for the estimate alone,
    ``replayed``: those of old failures, made first; neither are executions. ``skips``: what was left out, and how often; any
    one makes the exploration undecided.
    """

    exhaustive: bool
    executions: int = 0
    choice_points: int = 0
    alternatives: int = 0
    taken: int = 0
    states: int = 0
    pruned: int = 0
    classes: int = 0
    blocked: int = 0
    abandoned: int = 0
    repeated: int = 0
    elsewhere: int = 0
    unchecked: Counter[str] = field(default_factory=Counter[str])
    not_canonical: Counter[str] = field(default_factory=Counter[str])
    no_footprints: Counter[str] = field(default_factory=Counter[str])
    skips: Counter[str] = field(default_factory=Counter[str])
    made_by: Counter[str] = field(default_factory=Counter[str])
    found_by: str = ""
    features: int = 0
    probes: int = 0
    replayed: int = 0
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


def merge(top: Certificate, parts: Mapping[str, Certificate | str] | None = None) -> Certificate:
    """The account of a tree whose ``top`` was divided into ``parts``, by name; with none, a copy.

    Every part is one alternative that is open in the top; it is taken when the part, for itself, holds. Of a part that
    there is no account of, the text says why: it stays open, and is named. Raises ``TypeError`` for a member
    of the account that it does not know how to add up.
    """
    parts = {} if parts is None else parts
    found = [part for part in parts.values() if isinstance(part, Certificate)]
    accounts = [top, *found]
    total = Certificate(exhaustive=all(account.exhaustive for account in accounts))
    for known in fields(top):
        values: list[Any] = [getattr(account, known.name) for account in accounts]
        if known.name == "violated":
            total.violated = any(values)
        elif type(values[0]) is int:
            setattr(total, known.name, sum(values))
        elif type(values[0]) is Counter:
            setattr(total, known.name, sum(values, start=Counter[str]()))
        elif type(values[0]) is str:
            setattr(total, known.name, next((text for text in values if text), ""))
        elif known.name != "exhaustive":
            raise TypeError(f"the account of a part has a member that cannot be added up: {known.name}")
    total.taken += sum(part.outcome() is Outcome.HOLDS for part in found)
    for name, part in parts.items():
        if isinstance(part, str):
            total.skip(f"{name}: {part}")
    if parts and top.open != len(parts):
        total.skip(f"{len(parts)} parts, where {top.open} alternatives are open above them")
    return total
