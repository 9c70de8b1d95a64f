"""Scopes in which one property alone is judged, as a family that ``acpool explore --scopes acpool_spec.races.scopes`` takes.

A pool with one race breaks several properties one after the other, and a run ends at the first. Here it ends at the one that an
exhibit is about, so that its schedule replays: the name of a scope is that of a pool's scope, a slash, and the property.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acpool_spec import scopes
from acpool_spec.exploration import Report
from acpool_spec.properties import BY_ID
from acpool_spec.scopes import cancellable
from acpool_spec.scopes.catalogue import PROFILES
from acpool_spec.scopes.scenario import PoolScenario
from acpool_spec.simulation import Mode
from acpool_spec.world import PoolFactory

__all__ = ["PoolScope", "cancellable", "conclude", "profile", "scenario_of"]


@dataclass(frozen=True, slots=True)
class PoolScope:
    """``scope``, in which ``property_id`` alone is judged."""

    scope: scopes.PoolScope
    property_id: str

    @property
    def name(self) -> str:
        """``session:a,reset:a@1.fifo.f0.c0/S4``."""
        return f"{self.scope.name}/{self.property_id}"

    @property
    def mode(self) -> Mode:
        """``fifo`` or ``reordered``."""
        return self.scope.mode

    @property
    def cancellations(self) -> int:
        """How many callers may be cancelled in a run."""
        return self.scope.cancellations

    @staticmethod
    def parse(name: str) -> PoolScope:
        """The scope called ``name``. Raises ``ValueError`` with what was found and what was expected."""
        scope, _, property_id = name.partition("/")
        if property_id not in BY_ID:
            raise ValueError(f"{name!r}: expected a scope, a slash, and a property such as S4")
        return PoolScope(scopes.PoolScope.parse(scope), property_id)


def scenario_of(scope: PoolScope, factory: PoolFactory) -> PoolScenario:
    """``scope`` on the pools that ``factory`` makes."""
    return scopes.scenario_of(scope.scope, factory, only={scope.property_id})


def conclude(scenario: PoolScenario, report: Report, again: Callable[[], Report]) -> Report:
    """``report``, with what is known of S12 after it: see :func:`acpool_spec.scopes.conclude`."""
    return scopes.conclude(scenario, report, again)


def profile(name: str) -> Sequence[PoolScope]:
    """The scopes in which the exhibits are found, whatever the profile. Raises ``ValueError`` for an unknown one."""
    from acpool_spec.races.catalogue import EXHIBITS
    from acpool_spec.races.exhibit import Explored

    if name not in PROFILES:
        raise ValueError(f"profile {name!r}: expected {' or '.join(PROFILES)}")
    found = {
        f"{exhibit.way.scope}/{exhibit.property_id}": None
        for exhibit in EXHIBITS
        if isinstance(exhibit.way, Explored)
    }
    return [PoolScope.parse(each) for each in found]
