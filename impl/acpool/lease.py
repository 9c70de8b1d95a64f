"""The lease of one session: a single-use async context manager that is also the connection its holder talks to.

A holder whose lease is taken back is interrupted the way ``asyncio.timeout`` interrupts: its task is cancelled, and the
cancellation that the lease itself asked for leaves the ``async with`` block as :class:`~acpool.errors.LeaseRevoked`.
A cancellation that came from elsewhere goes through untouched, also when both meet.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from acpool.contract import SessionInfo
from acpool.errors import LeaseRevoked, PoolError
from acpool.records import Entry, Want

if TYPE_CHECKING:
    from acpool.pool import SessionPool

_REASONS = {
    "reset": "the key was reset",
    "max_lease": "the lease grew older than max_lease",
    "shutdown": "the deadline of the shutdown passed",
    "die": "its agent process died and another caller needed the key",
}


class Lease:
    """Exclusive use of one session, and a :class:`~acpool.contract.Connection` for as long as the lease lasts.

    Made by ``SessionPool.session`` and handed to the function of ``SessionPool.with_connection``. After its end every call
    raises ``LeaseRevoked``. What the pool's connector offers beyond the contract is reachable through the same object.
    """

    __slots__ = ("_cancelling", "_entry", "_interrupted", "_key", "_pool", "_revoked", "_task", "_want")

    def __init__(self, pool: SessionPool, key: str, want: Want) -> None:
        self._pool = pool
        self._key = key
        self._want = want
        self._entry: Entry | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._revoked = ""
        self._interrupted = False

    # -- the context manager -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError(f"the lease of {self._key!r} was entered before: ask the pool for another one")
        pool = self._pool
        entry = pool.core.acquire(self._key, self, pool.now())
        if entry is None:
            entry = await pool.wait_for_lease(self._key, self._want, self)
        # Nothing is awaited between holding the lease and knowing whom to interrupt.
        task = asyncio.current_task()
        assert task is not None
        self._entry = entry
        self._task = task
        self._cancelling = task.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        entry, self._entry = self._entry, None
        task = self._task
        assert entry is not None and task is not None
        if self._revoked:
            # ``uncancel`` always: the request that this lease made ends with this lease.
            ours = self._interrupted and task.uncancel() <= self._cancelling
            if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise self._revocation() from error
            return
        pool = self._pool
        pool.core.release(entry, self, pool.now())
        if pool.core.effects:
            pool.perform()

    def interrupt(self, reason: str) -> None:
        """Called by the pool when it takes the lease back: nothing happens to a holder that has not begun or has ended."""
        if self._entry is None or self._task is None:
            return
        self._revoked = reason
        # A holder that took its own lease away knows; cancelled in mid-step, it might carry the request out of its block.
        if self._task is not asyncio.current_task():
            self._interrupted = True
            self._task.cancel()

    # -- what the holder sees ----------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The key whose session this is."""
        return self._key

    @property
    def info(self) -> SessionInfo:
        """What ``get_or_create`` would answer now. Raises ``LeaseRevoked`` when the lease is over."""
        return self._held().info

    @property
    def session_id(self) -> str:
        """The id of the session. Raises ``LeaseRevoked`` when the lease is over."""
        return self._held().info.session_id

    @property
    def alive(self) -> bool:
        """Whether the lease still lasts and the agent process lives."""
        return self._entry is not None and not self._revoked and self._entry.connection.alive

    @property
    def supports_load(self) -> bool:
        """Whether the agent can load a session. Raises ``LeaseRevoked`` when the lease is over."""
        return self._held().connection.supports_load

    async def prompt(self, content: Any, **options: Any) -> Any:
        """Send one prompt and return the agent's answer; ``options`` go to the connection as they are.

        Raises ``LeaseRevoked`` when the lease is over, otherwise what the connection raises. Bounded by ``max_lease`` only,
        through ``cleanup_idle``; put ``asyncio.timeout`` around it for a bound of your own.
        """
        entry = self._held()
        core = self._pool.core
        if not core.prompt_begun(entry, self):
            raise self._revocation()
        answered = False
        try:
            answer = await entry.connection.prompt(content, **options)
            answered = True
            return answer
        finally:
            core.prompt_ended(entry, self, answered=answered)

    async def cancel(self) -> None:
        """Ask the agent to end the prompt in progress. Raises ``LeaseRevoked`` when the lease is over."""
        await self._held().connection.cancel()

    async def close(self) -> None:
        """End the agent process; the session is suspended when the lease ends. Bounded as the connection bounds it."""
        await self._held().connection.close()

    def kill(self) -> None:
        """End the agent process at once; the session is suspended when the lease ends."""
        self._held().connection.kill()

    async def initialize(self) -> None:
        """Not for holders: raises ``PoolError``, since the pool starts its sessions itself."""
        raise PoolError(
            f"the session of {self._key!r} is started by the pool: initialize is not for the holder of a lease"
        )

    async def new_session(self) -> str:
        """Not for holders: raises ``PoolError``; ``SessionPool.reset`` makes the next session a new one."""
        raise PoolError(
            f"the session of {self._key!r} is started by the pool: use reset(key) to get a new one"
        )

    async def load_session(self, session_id: str) -> None:
        """Not for holders: raises ``PoolError``, since the pool loads what it suspended."""
        raise PoolError(
            f"the session of {self._key!r} is started by the pool: load_session is not for the holder of a lease"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._held().connection, name)

    def _held(self) -> Entry:
        if self._entry is None or self._revoked:
            raise self._revocation()
        return self._entry

    def _revocation(self) -> LeaseRevoked:
        if self._revoked:
            why = _REASONS.get(self._revoked, self._revoked)
            return LeaseRevoked(f"the lease of {self._key!r} was taken back: {why}")
        return LeaseRevoked(f"the lease of {self._key!r} is not held: it has ended or has not begun")
