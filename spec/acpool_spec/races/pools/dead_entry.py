"""A pool that puts a dead session back where it was when the start that was to replace it has failed."""

from __future__ import annotations

from dataclasses import replace

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.races.pools.base import BasePool, Creation, Entry


class DeadEntryPool(BasePool):
    """``_buried``: for each key that is being started, the entry that it had before; ``_put_back``: those that came back."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._buried: dict[str, Entry] = {}
        self._put_back: dict[str, Entry] = {}

    async def _bury(self, entry: Entry) -> None:
        await super()._bury(entry)
        self._buried[entry.key] = entry

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        self._buried.pop(key, None)
        return super()._install(key, connection, info)

    def _undone(self, creation: Creation) -> None:
        entry = self._buried.pop(creation.key, None)
        if entry is None:
            super()._undone(creation)
        else:
            # The race: it is dead, and has a slot again, as the most recently used of all.
            self.live[creation.key] = self._put_back[creation.key] = replace(entry, ending=None)

    def _victim(self) -> Entry | None:
        entries = [entry for entry in self.live.values() if entry.ending is None]
        unheard = (entry for entry in entries if not entry.connection.alive)
        dead = next((entry for entry in unheard if self._put_back.get(entry.key) is not entry), None)
        return dead or next((entry for entry in entries if self._idle(entry)), None)


def factory(connector: Connector, *, max_sessions: int) -> DeadEntryPool:
    """Make the pool for the checker."""
    return DeadEntryPool(connector, max_sessions=max_sessions)
