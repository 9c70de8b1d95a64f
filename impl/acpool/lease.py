"""The lease of one session: an async context manager that is also the connection its holder talks to.

A holder whose lease is taken back is interrupted the way ``asyncio.timeout`` interrupts: its task is cancelled, and the
cancellation that the lease itself asked for leaves the ``async with`` block as :class:`~acpool.errors.LeaseRevoked`.
A cancellation that came from elsewhere goes through untouched, also when both meet.
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from acpool.contract import SessionInfo
from acpool.core import Core
from acpool.errors import LeaseRevoked, PoolError
from acpool.records import Entry, Want

_REASONS = {
    "reset": "the key was reset",
    "max_lease": "the lease grew older than max_lease={max_lease} s",
    "shutdown": "the deadline of the shutdown passed",
    "die": "its agent process died and another caller needed the key",
}


class Pool(Protocol):
    """What a lease needs of the pool that gives it."""

    core: Core
    max_lease: float | None
    loop: asyncio.AbstractEventLoop | None
    now: Callable[[], float]
    perform: Callable[[], None]

    async def wait_for_lease(self, key: str, want: Want, lease: Lease) -> Entry:
        """Wait until ``lease`` holds the session of ``key``."""
        ...


class Lease:
    """Exclusive use of one session, and a :class:`~acpool.contract.Connection` for as long as the lease lasts.

    Made by ``SessionPool.session`` and handed to the function of ``SessionPool.with_connection``. It can be entered again
    after its end, not before; outside the block every call raises ``LeaseRevoked``. What the pool's connector offers beyond
    the contract is reachable through the same object.
    """

    # ``__getattr__`` below makes every load of an attribute of this class cost ten times a store, so the hot path loads two
    # tuples and nothing else; what is a class attribute here is stored only by leases that need it.
    want = Want.BOTH
    _held: tuple[Entry, Pool, asyncio.Task[Any], int] | None = None
    _revoked = ""
    _interrupted = False

    def __init__(self, pool: Pool, key: str) -> None:
        self._asked = (pool, key)

    # -- the context manager -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        pool, key = self._asked
        core = pool.core
        entry = core.acquire(key, self, pool.now() if core.times_leases else 0.0)
        if entry is None:
            entry = await self._wait(pool, key)
        # Nothing is awaited between holding the lease and knowing whom to interrupt.
        task = current_task(pool.loop)
        if task is None:
            core.release(entry, self, pool.now())
            raise RuntimeError(f"the pool is used in an event loop that is not its own: no lease of {key!r}")
        self._held = (entry, pool, task, task.cancelling())
        self._revoked = ""
        if core.effects:
            pool.perform()
        return self

    async def _wait(self, pool: Pool, key: str) -> Entry:
        if self._held is not None:
            raise RuntimeError(f"the lease of {key!r} is held already: ask the pool for another one")
        return await pool.wait_for_lease(key, self.want, self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        held, self._held = self._held, None
        assert held is not None
        entry, pool, task, cancelling = held
        if entry.lease is not self:
            pool.core.release(entry, self, 0.0)  # nothing to give back: only told
            # ``uncancel`` always: the request that this lease made ends with this lease.
            ours = self._interrupted and task.uncancel() <= cancelling
            self._interrupted = False
            if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise self._revocation() from error
            return
        core = pool.core
        core.release(entry, self, pool.now())
        if core.effects:
            pool.perform()

    def interrupt(self, reason: str) -> None:
        """Called by the pool when it takes the lease back: nothing happens to a holder that has not begun or has ended."""
        if self._held is None:
            return
        self._revoked = reason
        _, pool, task, _ = self._held
        # A holder that took its own lease away knows; cancelled in mid-step, it might carry the request out of its block.
        if task is not current_task(pool.loop):
            self._interrupted = True
            task.cancel()

    @property
    def lost(self) -> Entry | None:
        """What was taken back from a holder whose block goes on: for whoever compares the pool with its specification."""
        held = self._held
        return held[0] if held is not None and held[0].lease is not self else None

    # -- what the holder sees ----------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The key whose session this is."""
        return self._asked[1]

    @property
    def info(self) -> SessionInfo:
        """What ``get_or_create`` would answer now. Raises ``LeaseRevoked`` when the lease is over."""
        return self._entry().info

    @property
    def session_id(self) -> str:
        """The id of the session. Raises ``LeaseRevoked`` when the lease is over."""
        return self._entry().info.session_id

    @property
    def alive(self) -> bool:
        """Whether the lease still lasts and the agent process lives."""
        held = self._held
        return held is not None and held[0].lease is self and held[0].connection.alive

    @property
    def supports_load(self) -> bool:
        """Whether the agent can load a session. Raises ``LeaseRevoked`` when the lease is over."""
        return self._entry().connection.supports_load

    async def prompt(self, content: Any, **options: Any) -> Any:
        """Send one prompt and return the agent's answer; ``options`` go to the connection as they are.

        Raises ``LeaseRevoked`` when the lease is over, otherwise what the connection raises. Bounded by ``max_lease`` only,
        through ``cleanup_idle``; put ``asyncio.timeout`` around it for a bound of your own.
        """
        entry = self._entry()
        core = self._asked[0].core
        core.prompt_begun(entry)
        answered = False
        try:
            answer = await entry.connection.prompt(content, **options)
            answered = getattr(answer, "answered", True) is not False
            return answer
        finally:
            core.prompt_ended(entry, self, answered=answered)

    async def cancel(self) -> None:
        """Ask the agent to end the prompt in progress. Raises ``LeaseRevoked`` when the lease is over."""
        await self._entry().connection.cancel()

    async def close(self) -> None:
        """End the agent process; the session is suspended when the lease ends. Bounded as the connection bounds it."""
        await self._entry().connection.close()

    def kill(self) -> None:
        """End the agent process at once; the session is suspended when the lease ends."""
        self._entry().connection.kill()

    async def initialize(self) -> None:
        """Not for holders: raises ``PoolError``, since the pool starts its sessions itself."""
        raise PoolError(
            f"the session of {self._asked[1]!r} is started by the pool: initialize is not for the holder of a lease"
        )

    async def new_session(self) -> str:
        """Not for holders: raises ``PoolError``; ``SessionPool.reset`` makes the next session a new one."""
        raise PoolError(
            f"the session of {self._asked[1]!r} is started by the pool: use reset(key) to get a new one"
        )

    async def load_session(self, session_id: str) -> None:
        """Not for holders: raises ``PoolError``, since the pool loads what it suspended."""
        raise PoolError(
            f"the session of {self._asked[1]!r} is started by the pool: load_session is not for the holder of a lease"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._entry().connection, name)

    def _entry(self) -> Entry:
        held = self._held
        if held is None or held[0].lease is not self:
            raise self._revocation()
        return held[0]

    def _revocation(self) -> LeaseRevoked:
        if self._revoked:
            why = _REASONS[self._revoked].format(max_lease=self._asked[0].max_lease)
            return LeaseRevoked(f"the lease of {self._asked[1]!r} was taken back: {why}")
        return LeaseRevoked(f"the lease of {self._asked[1]!r} is not held: it has ended or has not begun")


class LeaseOfLiveSession(Lease):
    """The lease that ``with_connection`` takes: of a session that is there, or being created."""

    want = Want.LEASE
