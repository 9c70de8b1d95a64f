"""Defects that lie just beyond what the checker lets pass, since decisions are seen late: each is seen all the same.

Our own pool, with one decision of its core made wrongly, in the random runs of ``acpool check``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest

from acpool import Connector, SessionPool
from acpool.core import Core
from acpool.records import Creation, Entry
from acpool_spec.quiet import quiet
from acpool_spec.reference import default, patient
from acpool_spec.sampling import Walk
from acpool_spec.world import PoolFactory, World

RUNS = 60


class TakesBackTooEarly(Core):
    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        return super().expire(ttl, None if max_lease is None else max_lease - 5.001, now)


class SuspendsTooEarly(Core):
    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        return super().expire(max(0.0, ttl - 10.001), max_lease, now)


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


DEFECTS: list[tuple[type[Core], PoolFactory, str]] = [
    (TakesBackTooEarly, patient, "S12"),
    (SuspendsTooEarly, patient, "S12"),
    (SuspendsTooLate, default, "S12"),
    (KeepsTheLastIdleSession, default, "S8"),
    (EvictsTheNextBut, default, "S9"),
    (EvictsBesideAFreeSlot, default, "S12"),
    (LoadsWhatAnotherKeyHad, default, "S12"),
    (ServesTheLastInLine, patient, "L4"),
    (GivesTheLeaseToTheLast, patient, "L4"),
    (ForgetsStartsWhenShut, default, "S12"),
]


def _broken(core: type[Core], factory: PoolFactory, known: str) -> int | None:
    """The first run in which ``known`` breaks."""

    def defective(connector: Connector, *, max_sessions: int) -> SessionPool:
        pool = factory(connector, max_sessions=max_sessions)
        assert isinstance(pool, SessionPool)
        pool.core.__class__ = core
        return pool

    defective.__dict__.update(getattr(factory, "__dict__", {}))
    for number in range(RUNS):
        walk = Walk(5, number, reclaims=hasattr(factory, "reclaims_leases"))
        with quiet(), World(defective, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=known == "S12")
            if known in world.judgement.violations:
                return number
    return None


@pytest.mark.no_cover
@pytest.mark.parametrize(("core", "factory", "known"), DEFECTS, ids=[core.__name__ for core, *_ in DEFECTS])
def test_it_is_seen(core: type[Core], factory: PoolFactory, known: str) -> None:
    assert _broken(core, factory, known) is not None
