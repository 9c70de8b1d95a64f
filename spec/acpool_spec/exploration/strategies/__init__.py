"""Who makes the choices of an exploration: each strategy an oracle of three methods, in a room of its own.

The default is ``exhaustive``: it alone can end with *holds*, in a scope that is small enough it does so, and on the
classic bugs it is no slower than chance. The others sample, for scopes that are too big to be walked to their end;
``portfolio`` does both, half of its runs each.
"""

from __future__ import annotations

from collections.abc import Callable

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.exploration.strategies.coverage_guided import CoverageGuided
from acpool_spec.exploration.strategies.portfolio import Portfolio
from acpool_spec.exploration.strategies.priorities import PriorityOracle
from acpool_spec.exploration.strategies.surw import SelectivelyUniform
from acpool_spec.oracles import Oracle, RandomOracle

HYPOTHESIS = "hypothesis"
"""The strategy that is not asked but asks: Hypothesis calls for one run after another (``hypothesis_driven``)."""
EXHAUSTIVE = "exhaustive"
WALKS = (EXHAUSTIVE, "portfolio")
"""Strategies that walk the tree of all choices, and so can come to its end."""


def strategy_names() -> tuple[str, ...]:
    """Every name that :func:`oracle_of` knows, and ``hypothesis``."""
    return (*WALKS, *_SAMPLERS, HYPOTHESIS)


def oracle_of(name: str, seed: int, certificate: Certificate, *, prune: bool) -> Oracle:
    """The strategy called ``name``; it keeps account in ``certificate``. Raises ``ValueError`` for a name that none has."""
    if name == "exhaustive":
        return DepthFirst(certificate, prune=prune, seed=seed)
    if name == "portfolio":
        return portfolio_of(DepthFirst(certificate, prune=prune, seed=seed), seed)
    if name in _SAMPLERS:
        return _SAMPLERS[name](seed, certificate)
    raise ValueError(f"strategy {name!r}: expected one of {', '.join(strategy_names())}, or an oracle")


def portfolio_of(walk: DepthFirst, seed: int) -> Portfolio:
    """``walk``, wherever it stands, and every sampler by turns; all keep account where ``walk`` does."""
    # Seeds of their own, or two strategies would make the same first runs.
    samplers = {
        sampler: make(seed + number, walk.certificate)
        for number, (sampler, make) in enumerate(_SAMPLERS.items())
    }
    return Portfolio(walk, samplers)


def _random(seed: int, _certificate: Certificate) -> Oracle:
    return RandomOracle(seed)


def _pct(seed: int, _certificate: Certificate) -> Oracle:
    return PriorityOracle(seed)


def _surw(seed: int, _certificate: Certificate) -> Oracle:
    return SelectivelyUniform(seed)


_SAMPLERS: dict[str, Callable[[int, Certificate], Oracle]] = {
    "pct": _pct,
    "surw": _surw,
    "coverage": CoverageGuided,
    "random": _random,
}
"""Name → sampler of a seed, in the order in which a portfolio takes turns."""
