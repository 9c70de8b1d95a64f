"""A pool that cancels prompts by a handle which it keeps beside the sessions, and which outlives them."""

from __future__ import annotations

from acpool.contract import Connection, Connector, SessionInfo
from acpool_spec.races.pools.base import BasePool, Entry


class OldHandlePool(BasePool):
    """``_handles``: the connection to cancel on, for every key that had a session."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        super().__init__(connector, max_sessions=max_sessions)
        self._handles: dict[str, Connection] = {}

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        self._handles[key] = connection
        return super()._install(key, connection, info)

    async def cancel(self, key: str) -> bool:
        """Ask the agent behind the handle of ``key`` to end its prompt; tell whether there was one."""
        self._check_open()
        handle = self._handles.get(key)
        if handle is None:
            return False
        # The race: its session may be gone, and somebody else's may be at the other end.
        await handle.cancel()
        return key in self.live and self.live[key].prompts > 0


def factory(connector: Connector, *, max_sessions: int) -> OldHandlePool:
    """Make the pool for the checker."""
    return OldHandlePool(connector, max_sessions=max_sessions)
