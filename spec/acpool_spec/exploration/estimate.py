"""How big the tree of choices is, and which share of it a walk has behind it, where the walk was not finished.

Knuth's estimator ("Estimating the efficiency of backtrack programs", Mathematics of Computation 29, 1975): a run that takes each
alternative with the same probability, weighted with the product of the numbers of alternatives that it met, counts the leaves
of the tree without bias. Here two such trees are counted, cut apart along the path on which the walk stands: the *closed*
one, behind the path, and the *open* one, ahead of it. Where nothing was pruned the closed one needs no estimate: its leaves are
the executions made.

Where states were pruned, both are the parts of the *unpruned* tree. That is what brute force would have to run; the walk itself
may be much nearer to its end than the share says, since what is ahead may be known already, or much further, since pruning
pays less in one subtree than in another.

The size is unbiased, the share (a quotient) only nearly so. Its interval is a normal one of 95 % on the scale of log odds,
from the variance among the probes. The weights have a heavy tail: a part of the tree that is big but seldom entered is missed
by most samples, and then both the size and the interval come out too small. Read it as an order of magnitude.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import NamedTuple

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.depth_first import Branch, NotDeterministic
from acpool_spec.oracles import View

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """How far a walk got. ``executions_in_all``: of the tree without pruning, an unbiased estimate (inf where
    that is beyond a float).

    ``fraction``: the share of these that the walk has behind it, made or cut off as known; ``interval``: the bounds of
    that share at 95 % confidence. ``probes``: runs that it was made from, beside those of the walk.
    """

    executions_in_all: float
    fraction: float
    interval: tuple[float, float]
    probes: int

    def __str__(self) -> str:
        return f"about {self.executions_in_all:.3g} executions in all without pruning, {self.share}"

    @property
    def share(self) -> str:
        """The share behind the walk, in words, with its interval."""
        low, high = self.interval
        return f"{self.fraction:.2%} of them behind ({low:.2%} to {high:.2%}; {self.probes} probes)"


class Probe:
    """An oracle that takes every alternative of one part of the tree with the same probability.

    ``weight`` of the run that has just ended: how many leaves it stands for. Raises :class:`NotDeterministic` where a run
    does not follow ``path``.
    """

    def __init__(self, path: Sequence[Branch], *, closed: bool, seed: int) -> None:
        self.weight = 1
        self._random = random.Random(seed)
        self._path = [_Fork(branch.chosen, branch.of, _allowed(branch, closed)) for branch in path]
        if closed:
            # Below the deepest branch with something closed, the path itself leads to nothing closed.
            while self._path and self._path[-1].allowed == (self._path[-1].chosen,):
                self._path.pop()
            if self._path:
                deepest = self._path[-1]
                kept = tuple(each for each in deepest.allowed if each != deepest.chosen)
                self._path[-1] = deepest._replace(allowed=kept)
        self._depth: int | None = 0

    def begin(self, view: View) -> None:
        """Start from the root."""
        self._depth, self.weight = 0, 1

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """One of the alternatives that belong to this part of the tree."""
        depth = self._depth
        if depth is None or depth >= len(self._path):
            self.weight *= count
            return self._random.randrange(count)
        fork = self._path[depth]
        if fork.of != count:
            raise NotDeterministic(
                f"choice {depth}: {count} alternatives, where an earlier run had {fork.of}"
            )
        self.weight *= len(fork.allowed)
        chosen = self._random.choice(fork.allowed)
        self._depth = depth + 1 if chosen == fork.chosen else None
        return chosen

    def end(self) -> None:
        """Nothing to do: ``weight`` says it."""


class _Fork(NamedTuple):
    chosen: int
    of: int
    allowed: tuple[int, ...]


def _allowed(branch: Branch, closed: bool) -> tuple[int, ...]:
    """The alternatives that lead into the closed part, or into the open one; what was chosen may lead into both."""
    if closed:
        return (*branch.closed, branch.chosen)
    left = set(branch.closed)
    return tuple(alternative for alternative in range(branch.of) if alternative not in left)


def estimate(
    path: Sequence[Branch], made: int | None, run: Callable[[Probe], bool], *, probes: int, seed: int
) -> Estimate | None:
    """Estimate from at most ``probes`` runs how much of the tree is behind a walk that stands on ``path``.

    ``made``: the executions behind it where nothing was pruned, else None. ``run`` makes one run with the oracle that it is
    given, and says whether to go on. None where there were too few runs to say anything: less than two in each part. Raises what
    ``run`` raises. Bound on waiting: ``probes`` runs.
    """
    open_part = Probe(path, closed=False, seed=seed)
    parts = [open_part]
    if made is None and any(branch.closed for branch in path):
        parts.append(Probe(path, closed=True, seed=seed + 1))
    weights: list[list[int]] = [[] for _ in parts]
    for number in range(probes):
        part = number % len(parts)
        if not run(parts[part]):
            break
        weights[part].append(parts[part].weight)
    if any(len(each) < 2 for each in weights):
        return None
    ahead, ahead_spread = _mean(weights[0])
    behind, behind_spread = _mean(weights[1]) if len(parts) > 1 else (Fraction(made or 0), 0.0)
    odds = behind / ahead
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.hypot(ahead_spread, behind_spread)
    return Estimate(
        executions_in_all=_float(ahead + behind),
        fraction=float(odds / (1 + odds)),
        # Normal in log(behind / ahead), whose deviation follows from those of the two to the first order (delta method).
        interval=(_share(odds, math.exp(-reach)), _share(odds, math.exp(reach))),
        probes=sum(map(len, weights)),
    )


def _mean(weights: Sequence[int]) -> tuple[Fraction, float]:
    """The mean, and its standard deviation relative to itself. In whole numbers: a weight may be beyond any float."""
    size, total = len(weights), sum(weights)
    squares = sum((weight * size - total) ** 2 for weight in weights)
    return Fraction(total, size), math.sqrt(Fraction(squares, (size - 1) * size * total**2))


def _share(odds: Fraction, times: float) -> float:
    moved = odds * Fraction(times)
    return float(moved / (1 + moved))


def _float(size: Fraction) -> float:
    try:
        return float(size)
    except OverflowError:
        return math.inf
