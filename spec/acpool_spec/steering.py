"""Runs that took something new are kept, and changed a little to make further runs: a fuzzer's way, on schedules.

After AFL's corpus and mutations (Zalewski, "Technical whitepaper for afl-fuzz"), with transitions in the place of branches
(:mod:`~acpool_spec.novelty`). Most of the runs so made go back to where something was new and go on from there at random, as in
Go-Explore (Ecoffet and others, Nature 2021); what few runs have taken is gone back to most often, as in AFLFast (Böhme and
others, CCS 2016).

Decisions are text, and one that cannot be made any more after a change is left out: so anything may be cut, put elsewhere or
put together, and it is a run. Half of all runs stay what they were, random from the beginning: see :data:`STEERED`.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from acpool_spec.clients import Program
from acpool_spec.sampling import Walk
from acpool_spec.world import NotEnabled, Scope, World

AHEAD: Final = 16
"""A batch knows what was kept of those that came so many before it, or earlier: so many of one pool can run at a time."""
_MORE: Final = 30
"""Decisions made at random after a change, at least."""
_CHANGES: Final = ("cut", "cut", "cut", "splice", "splice", "call", "trouble", "leave out")


@dataclass(frozen=True, slots=True)
class Ran:
    """One run that is over. ``transitions``: what it took, each with the number of decisions made before it was taken first."""

    scope: Scope
    decisions: tuple[str, ...]
    transitions: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that was the first to take something."""

    scope: Scope
    decisions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parents:
    """What a run is made of: ``one``, which took something rare after ``at`` decisions, and ``other``, of which a part may be
    taken."""

    one: Kept
    at: int
    other: Kept


def steered(number: int) -> bool:
    """Whether the run ``number`` is made of others, where there are any: every second one, of either mode."""
    return number % 4 >= 2


class Corpus:
    """The runs kept so far, of one pool; it depends on what was added, in that order, and on nothing else."""

    def __init__(self) -> None:
        self._firsts: dict[int, tuple[Kept, int]] = {}
        self._times: Counter[int] = Counter()

    @property
    def transitions(self) -> int:
        """Different transitions that were taken."""
        return len(self._firsts)

    def add(self, ran: Ran) -> None:
        """Take note of a run; it is kept if it took anything first."""
        new = ran.transitions.keys() - self._firsts.keys()
        self._times.update(ran.transitions.keys())
        if new:
            kept = Kept(ran.scope, tuple(map(sys.intern, ran.decisions)))
            self._firsts.update({t: (kept, at) for t, at in ran.transitions.items() if t in new})

    def draw(self, draw: random.Random, numbers: Collection[int]) -> dict[int, Parents]:
        """Parents for the runs ``numbers``; none while nothing was kept."""
        if not self._firsts:
            return {}
        weights = [1 / self._times[transition] for transition in self._firsts]
        drawn = iter(draw.choices(list(self._firsts.values()), weights, k=2 * len(numbers)))
        return {number: Parents(*next(drawn), next(drawn)[0]) for number in numbers}


class Lineage:
    """The batches of one pool, from 0: what is known to each when it begins, whoever runs it and whenever it ends."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed
        self._done: dict[int, Sequence[Ran]] = {}
        self._merged = 0
        self.corpus = Corpus()

    def may_begin(self, batch: int) -> bool:
        """Whether all that ``batch`` is to know is known: batches are asked for in their order."""
        return batch - AHEAD < self._merged or batch - AHEAD in self._done

    def parents(self, batch: int, numbers: Collection[int]) -> dict[int, Parents]:
        """Parents for those of the runs ``numbers`` of ``batch`` that have any."""
        self._merge(batch - AHEAD)
        draw = random.Random(f"{self._seed}/{self._name}/{batch}")
        return self.corpus.draw(draw, [number for number in numbers if steered(number)])

    def add(self, batch: int, ran: Sequence[Ran]) -> None:
        """``batch`` has ended."""
        self._done[batch] = ran

    def end(self) -> None:
        """No batch begins any more: take in what has ended."""
        for batch in sorted(self._done):
            self._merge(batch)

    def _merge(self, last: int) -> None:
        """Take in the batches up to ``last``, each after those before it."""
        while self._merged <= last:
            for ran in self._done.pop(self._merged, ()):
                self.corpus.add(ran)
            self._merged += 1


class Steered:
    """A run made of two others, fully determined by them, ``seed`` and ``number``; see :class:`~acpool_spec.sampling.Walk`."""

    def __init__(self, seed: int, number: int, parents: Parents) -> None:
        self._random = random.Random(f"{seed}/{number}/steered")
        self._parents = parents
        self._walk = Walk(seed, number, scope=parents.one.scope)
        self.scope = parents.one.scope

    def run(self, world: World) -> None:
        """Make the decisions of this run in ``world``, without its end."""
        draw, decisions = self._random, self._parents.one.decisions
        new = self._parents.at + 1
        anywhere = draw.randrange(len(decisions) + 1)
        match draw.choice(_CHANGES):
            case "cut":
                _follow(world, decisions[:new])
            case "splice":
                other = self._parents.other.decisions
                _follow(world, decisions[:new])
                _follow(world, other[draw.randrange(len(other) + 1) :])
            case "call":
                _follow(world, self._with_another_call(decisions, world.programs))
            case "trouble":
                _follow(world, decisions[:anywhere])
                self._trouble(world)
                _follow(world, decisions[anywhere:])
            case _:
                _follow(world, decisions[:anywhere])
                _follow(world, decisions[anywhere + draw.choice((1, 1, 2, 4)) :])
        self._walk.go_on(world, _MORE)

    def _with_another_call(self, decisions: Sequence[str], programs: Sequence[Program]) -> Iterator[str]:
        """``decisions`` in which one client calls something else."""
        calls = [at for at, decision in enumerate(decisions) if decision.startswith("start ")]
        other = self._random.choice(calls) if calls else None
        for at, decision in enumerate(decisions):
            client = decision.split(" ")[1] if at == other else ""
            yield f"start {client} {self._random.choice(programs)}" if at == other else decision

    def _trouble(self, world: World) -> None:
        """A cancellation or a fault."""
        possible = [decisions for decisions in (world.cancellations(), world.faults()) if decisions]
        if possible:
            world.apply(self._random.choice(self._random.choice(possible)))


def _follow(world: World, decisions: Sequence[str] | Iterator[str]) -> None:
    """Make ``decisions``, but for those that cannot be made."""
    for decision in decisions:
        try:
            world.apply(decision)
        except NotEnabled:
            continue
