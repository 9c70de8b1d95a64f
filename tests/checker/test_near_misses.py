"""Defects that lie just beyond what the checker lets pass, since decisions are seen late: each is seen all the same.

Our own pool, with one decision of its core made wrongly, in the random runs of ``acpool check``.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from acpool import Connector, SessionPool
from acpool.core import Core
from acpool.records import Creation, Entry
from acpool_spec.quiet import quiet
from acpool_spec.reference import default, patient
from acpool_spec.sampling import Walk
from acpool_spec.world import PoolFactory, Scope, World

RUNS = 300


class TakesBackTooEarly(Core):
    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        return super().expire(ttl, None if max_lease is None else max_lease - 5.001, now)


class SuspendsTooEarly(Core):
    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        return super().expire(ttl / 30, max_lease, now)


class SuspendsTooLate(Core):
    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        return super().expire(ttl + 0.001, max_lease, now)


class KeepsTheLastIdleSession(Core):
    def _evict(self) -> Entry | None:
        return super()._evict() if len(self.idle) > 1 else None


class EvictsTheNextBut(Core):
    def _evict(self) -> Entry | None:
        found = next(islice(self.idle.values(), 1, None), None)
        if found is None:
            return super()._evict()
        self._take_out(found, "evict", kill=False)
        return found


class EvictsBesideAFreeSlot(Core):
    def _reserve(self, key: str) -> Creation | None:
        if len(self.entries) + 1 == self.max_sessions and self._evict() is None:
            return None
        return super()._reserve(key)


class LoadsWhatAnotherKeyHad(Core):
    def initialized(self, entry: Entry, *, can_load: bool) -> str | None:
        claimed = super().initialized(entry, can_load=can_load)
        others = [kept.session_id for key, kept in self.suspended.items() if key != entry.key]
        return claimed if claimed is None or not others else others[0]


class ServesTheLastInLine(Core):
    def _serve(self) -> None:
        self.waiting = type(self.waiting)(reversed(self.waiting.items()))
        super()._serve()
        self.waiting = type(self.waiting)(reversed(self.waiting.items()))


class GivesTheLeaseToTheLast(Core):
    def _hand_over(self, entry: Entry, now: float) -> None:
        entry.queue = dict(reversed(entry.queue.items()))
        super()._hand_over(entry, now)
        entry.queue = dict(reversed(entry.queue.items()))


class ForgetsStartsWhenShut(Core):
    def shut(self) -> None:
        super().shut()
        for serial, entry in list(self.entries.items()):
            if entry.opened and entry.session_id is None:
                del self.entries[serial]
                del self.dying[entry.key]


AGED = {"with_connection": 3.0, "session": 1.0, "get_or_create": 1.0, "cleanup_idle": 2.0}
SHUT = {"get_or_create": 1.0, "session": 1.0, "shutdown": 1.0}

#: The core, the pool, the property, and how often what is called, where it is not for the run to say.
DEFECTS: list[tuple[type[Core], PoolFactory, str, dict[str, float]]] = [
    (TakesBackTooEarly, patient, "S12", AGED),
    (SuspendsTooLate, default, "S12", {}),
    (KeepsTheLastIdleSession, default, "S8", {}),
    (EvictsTheNextBut, default, "S9", {}),
    (EvictsBesideAFreeSlot, default, "S12", {}),
    (LoadsWhatAnotherKeyHad, default, "S12", {}),
    (ServesTheLastInLine, patient, "L4", {}),
    (GivesTheLeaseToTheLast, patient, "L4", {}),
    (ForgetsStartsWhenShut, default, "S12", SHUT),
]


IDLE_FOR_A_SECOND = (
    *("start 0 get_or_create a 0", "", "start 0 get_or_create b 0", "", "start 0 with_connection b 1", ""),
    *("start 1 cancel b 0", "", "answer c2.cancel hang", "advance", "", "start 1 cleanup_idle - 30", ""),
)
"""The empty decision: everything happens that can without a fault and without time, but that the prompt is answered."""


def _of(core: type[Core], factory: PoolFactory) -> PoolFactory:
    def defective(connector: Connector, *, max_sessions: int) -> SessionPool:
        pool = factory(connector, max_sessions=max_sessions)
        assert isinstance(pool, SessionPool)
        pool.core.__class__ = core
        return pool

    defective.__dict__.update(factory.__dict__)
    return defective


def _broken(core: type[Core], factory: PoolFactory, known: str, weights: dict[str, float]) -> int | None:
    """The first run in which ``known`` breaks."""

    for number in range(RUNS):
        walk = Walk(5, number, reclaims=hasattr(factory, "reclaims_leases"))
        if weights:
            walk.habits = replace(walk.habits, weights=weights, advance=0.3 if weights is AGED else 0.0)
        with quiet(), World(_of(core, factory), walk.scope) as world:
            walk.run(world)
            world.finish(linearize=known == "S12")
            if known in world.judgement.violations:
                return number
    return None


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("core", "factory", "known", "weights"), DEFECTS, ids=[core.__name__ for core, *_ in DEFECTS]
)
def test_it_is_seen(core: type[Core], factory: PoolFactory, known: str, weights: dict[str, float]) -> None:
    assert _broken(core, factory, known, weights) is not None


@pytest.mark.parametrize(("core", "found"), [(SuspendsTooEarly, {"S12"}), (Core, set[str]())])
def test_what_was_idle_for_a_second_stays(core: type[Core], found: set[str]) -> None:
    with quiet(), World(_of(core, default), Scope(max_sessions=2)) as world:
        for decision in IDLE_FOR_A_SECOND:
            if decision:
                world.apply(decision)
            else:
                _go_on(world)
        world.finish(linearize=True)
    assert set(world.judgement.violations) - {"R1"} == found


def _go_on(world: World) -> None:
    while possible := [
        *world.ready(),
        *(a for a in world.answers() if ".prompt" not in a and ".cancel" not in a),
    ]:
        world.apply(possible[0])
