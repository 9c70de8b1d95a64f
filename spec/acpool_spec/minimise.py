"""Cuts a failing schedule down to what its failure needs.

Delta debugging (Zeller and Hildebrandt, TSE 2002) on the list of decisions, with one addition: what is left out may make
later decisions impossible, and those are left out with it. The weaker mode and the smaller scope are tried first, since a
failure on stock asyncio with fewer clients and keys is worth more than a short one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from acpool_spec.properties import Violation
from acpool_spec.refinement.direction import world_of
from acpool_spec.world import DIRECTED, NotEnabled, PoolFactory, Scope


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that breaks ``violation.property`` within ``scope``."""

    scope: Scope
    decisions: tuple[str, ...]
    violation: Violation


def attempt(factory: PoolFactory, scope: Scope, decisions: Sequence[str], property_id: str) -> Failure | None:
    """Run ``decisions``, skipping those that cannot be made; the failure if ``property_id`` breaks, None otherwise."""
    made: list[str] = []
    with world_of(factory, scope) as world:
        for decision in decisions:
            try:
                world.apply(decision)
            except NotEnabled:
                continue
            made.append(decision)
            if property_id in world.judgement.violations:
                break
        else:
            world.finish(linearize=property_id == "S12")
        found = world.judgement.violations.get(property_id)
    return None if found is None else Failure(scope, tuple(made), found)


class Minimiser:
    """Minimises one failure; ``executions`` counts the runs made, at most ``budget``."""

    def __init__(self, factory: PoolFactory, failure: Failure, *, budget: int = 2_000) -> None:
        self._factory = factory
        self._property = failure.violation.property
        self._budget = budget
        self.best = failure
        self.executions = 0

    def minimise(self) -> Failure:
        """The smallest failure found; the bound that ends the search is a fixed point or ``budget`` runs."""
        self._weaken()
        while self._shorten() or self._shrink_scope():
            pass
        return self.best

    def _try(self, scope: Scope, decisions: Sequence[str]) -> bool:
        if self.executions >= self._budget:
            return False
        self.executions += 1
        failure = attempt(self._factory, scope, decisions, self._property)
        if failure is None or not _smaller(failure, self.best):
            return False
        self.best = failure
        return True

    def _weaken(self) -> None:
        """On stock asyncio's order every run of steps becomes a turn; sometimes that is the same failure."""
        if self.best.scope.mode in ("fifo", DIRECTED):
            return
        scope = replace(self.best.scope, mode="fifo")
        turns = tuple(
            "turn" if decision.startswith("step ") else decision for decision in self.best.decisions
        )
        for decisions in (turns, _without_repeats(turns)):
            failure = attempt(self._factory, scope, decisions, self._property)
            self.executions += 1
            if failure is not None:
                self.best = failure
                return

    def _shorten(self) -> bool:
        progress = False
        size = max(1, len(self.best.decisions) // 2)
        while size:
            start = 0
            while start < len(self.best.decisions):
                decisions = self.best.decisions
                if self._try(self.best.scope, decisions[:start] + decisions[start + size :]):
                    progress = True
                else:
                    start += size
            size //= 2
        return progress

    def _shrink_scope(self) -> bool:
        return any(self._try(scope, self.best.decisions) for scope in _smaller_scopes(self.best))


def _smaller(one: Failure, other: Failure) -> bool:
    return _size(one) < _size(other)


def _size(failure: Failure) -> tuple[int, int, int]:
    scope = failure.scope
    return len(failure.decisions), scope.clients + len(scope.keys) + scope.max_sessions, not scope.agents_load


def _smaller_scopes(failure: Failure) -> Iterator[Scope]:
    scope = failure.scope
    if scope.clients > 1:
        yield replace(scope, clients=scope.clients - 1)
    if len(scope.keys) > 1:
        yield replace(scope, keys=scope.keys[:-1])
    if scope.max_sessions > 1:
        yield replace(scope, max_sessions=scope.max_sessions - 1)


def _without_repeats(decisions: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        d
        for number, d in enumerate(decisions)
        if d != "turn" or number == 0 or decisions[number - 1] != "turn"
    )
