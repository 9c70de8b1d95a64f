"""A pool that keeps its victim until the newcomer is ready, and does not look again whether it is idle still."""

from __future__ import annotations

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import PoolExhausted
from acpool_spec.races.pools.base import BasePool, Entry
from acpool_spec.races.pools.turns import Turns


class BusyVictimPool(BasePool):
    """``_victims``: for each key that is being started, the session that is to make room for it."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._victims: dict[str, Entry] = {}
        self._places = Turns(2 * max_sessions)  # a victim lives on beside the one that it makes room for

    def _make_room(self, key: str) -> None:
        if self._taken() < self.max_sessions:
            return
        victim = self._victim()
        if victim is None or victim in self._victims.values():
            raise PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")
        self._victims[key] = victim

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        victim = self._victims.pop(key, None)
        if victim is not None and self.live.get(victim.key) is victim:
            self._end(victim)  # the race: it is the entry that was sampled, but is it idle still?
        return super()._install(key, connection, info)


def factory(connector: Connector, *, max_sessions: int) -> BusyVictimPool:
    """Make the pool for the checker."""
    return BusyVictimPool(connector, max_sessions=max_sessions)
