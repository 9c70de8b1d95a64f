"""The pool as its users see it: each operation asks the core for a decision, has it performed, and bounds every wait.

No lock is held anywhere: between two awaits asyncio runs one step of one task, and each decision is one such step.
Everything that talks to a process runs in a task that the pool owns, never in a caller's, except the prompt itself and
``cancel``; so a caller can be cancelled at any await without leaving anything half done.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from acpool.bounds import Bounds, require_seconds
from acpool.closing import tell_agent
from acpool.contract import Connector, SessionInfo
from acpool.core import Core
from acpool.errors import NoSession, PoolClosed, PoolExhausted, SessionBusy, SessionStartError
from acpool.lease import Lease, LeaseOfLiveSession
from acpool.observe import PoolStats, count, resumable
from acpool.records import Entry, Outcome, PoolEvent, Waiter, Want
from acpool.shell import Shell
from acpool.trace import Listener

log = logging.getLogger("acpool")

T = TypeVar("T")


class SessionPool:
    """At most ``max_sessions`` agent processes, one per key, created, leased, suspended and resumed on demand.

    Use it as an async context manager, or end it with ``shutdown``: what is not shut down outlives the event loop.
    All times are seconds, none may be negative; ``math.inf`` takes a bound away.

    ``capacity_timeout``: how long a creation waits for a slot while none is free, closing or idle (0: not at all).
    ``start_timeout``: open, initialize and new or load together.
    ``lease_timeout``: how long a caller waits for others to end their lease.
    ``max_lease``: the age at which ``cleanup_idle`` takes a lease back (None: never).
    ``cancel_timeout``: how long the agent gets to take note that its prompt is over.
    ``close_timeout``: how long a process gets to close when asked, and again to be confirmed dead when killed.
    ``idle_ttl``: clean up every ``cleanup_interval`` seconds what has been idle for so long (None: only when asked to).
    ``suspended``: key → session id of conversations to resume on demand.
    ``on_event``: called with a :class:`PoolEvent` at every atomic step; what it raises is logged and goes no further.

    Raises ``ValueError`` for a bound that is negative or not a number and for ``max_sessions`` below 1.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        max_sessions: int,
        capacity_timeout: float = 0.0,
        start_timeout: float = 60.0,
        lease_timeout: float = 300.0,
        max_lease: float | None = None,
        cancel_timeout: float = 1.0,
        close_timeout: float = 5.0,
        idle_ttl: float | None = None,
        cleanup_interval: float = 60.0,
        suspended: Mapping[str, str] | None = None,
        on_event: Callable[[PoolEvent], None] | None = None,
    ) -> None:
        if not isinstance(max_sessions, int) or max_sessions < 1:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise ValueError(f"max_sessions is {max_sessions}: expected a whole number, 1 or more")
        self._bounds = Bounds(
            capacity_timeout=capacity_timeout,
            start_timeout=start_timeout,
            lease_timeout=lease_timeout,
            max_lease=max_lease,
            cancel_timeout=cancel_timeout,
            close_timeout=close_timeout,
            idle_ttl=idle_ttl,
            cleanup_interval=cleanup_interval,
        )
        self.max_lease = max_lease
        self.loop: asyncio.AbstractEventLoop | None = None  # the one that first used the pool
        self.now: Callable[[], float] = self._first_now
        self.core = Core(
            max_sessions,
            waits_for_capacity=capacity_timeout > 0,
            times_leases=max_lease is not None,
            suspended=suspended or {},
            listening=on_event is not None,
        )
        self._shell = Shell(self.core, connector, self._bounds, on_event)
        self.perform = self._shell.perform
        self._cleanup: asyncio.Task[None] | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._deadline: asyncio.Timeout | None = None
        self._shutdown_at = math.inf

    # -- operations --------------------------------------------------------------------------------------------------

    async def get_or_create(self, key: str) -> SessionInfo:
        """Describe the session of ``key``, creating or resuming it where there is none; never waits for a lease.

        Raises ``PoolExhausted``, ``SessionStartError``, ``PoolClosed``. Bound: at once on a live session, otherwise
        ``capacity_timeout + cancel_timeout + 2 × close_timeout + start_timeout`` seconds.
        """
        info = self.core.get(key, self.now())
        if info is not None:
            if self.core.effects:
                self.perform()
            return info
        waiter = await self._wait(key, Want.ANSWER, None)
        assert waiter.info is not None
        return waiter.info

    async def with_connection(self, key: str, fn: Callable[[Lease], Awaitable[T]]) -> T:
        """Run ``fn`` with the connection of ``key`` under its lease and return what it returns.

        Joins a creation in flight. Raises ``NoSession`` (also when that creation comes to nothing), ``SessionBusy``,
        ``LeaseRevoked``, ``PoolClosed``, and what ``fn`` raises. Bound until ``fn`` begins: ``lease_timeout`` seconds, after
        the bound of ``get_or_create`` where it joins a creation.
        """
        async with LeaseOfLiveSession(self, key) as lease:
            return await fn(lease)

    def session(self, key: str) -> Lease:
        """``async with pool.session(key) as connection``: get_or_create and the lease in one atomic step.

        Raises, on entering, what ``get_or_create`` and ``with_connection`` raise, but ``NoSession``. Bound on entering:
        that of ``get_or_create`` plus ``lease_timeout`` seconds.
        """
        return Lease(self, key)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the sessions idle for ``ttl`` seconds or more, drop dead ones, take back leases older than ``max_lease``.

        Returns their keys. Waits for nothing: the processes end in the background. Raises ``PoolClosed``; ``ValueError``
        for a ``ttl`` that is negative or not a number.
        """
        self._refuse_when_shut("cleanup_idle")
        require_seconds("ttl", ttl)
        removed = self.core.expire(ttl, self._bounds.max_lease, self.now())
        self.perform()
        return removed

    async def cancel(self, key: str) -> bool:
        """Ask the agent of ``key`` to end its prompt; whether there was a prompt. Never waits for the lease.

        Raises ``PoolClosed``. Bound: ``cancel_timeout`` seconds.
        """
        self._refuse_when_shut("cancel", key)
        entry = self.core.cancel(key)
        if entry is None:
            return False
        await tell_agent(entry.connection, key, self._bounds.cancel_timeout, self._shell.spawn)
        return True

    async def reset(self, key: str) -> bool:
        """Forget ``key``: end its process, revoke its lease, drop its session id, defeat its creation in flight.

        Returns whether there was anything to forget, once the process is dead or given up on. A caller that still waits for
        the defeated creation gets a new session. Raises ``PoolClosed``. Bound: ``cancel_timeout + 2 × close_timeout`` seconds.
        """
        self._refuse_when_shut("reset", key)
        found = self.core.reset(key)
        dying = self.core.dying.get(key)
        self.perform()
        if dying is not None:
            try:
                async with asyncio.timeout(self._bounds.ending):
                    await self._shell.until_gone(dying)
            except TimeoutError:
                log.warning("the process of %r outlived its reset", key)
        return found

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Refuse new work, let leases end for ``timeout`` seconds, revoke the rest, suspend every session, end every process.

        Idempotent; concurrent calls share one shutdown with the earliest of their deadlines. A cancelled caller leaves it
        going on. Bound: ``timeout + cancel_timeout + 2 × close_timeout`` seconds.
        """
        require_seconds("timeout", timeout)
        at = self.now() + timeout
        if self._shutdown is None or self._shutdown.cancelled():
            self._shutdown_at = at
            self.core.shut()
            self.perform()
            self._shutdown = self._shell.spawn(self._shut_down(), "acpool-shutdown")
        elif at < self._shutdown_at and not self._shutdown.done():
            self._shutdown_at = at
            if self._deadline is not None:
                self._deadline.reschedule(at)
        await asyncio.shield(self._shutdown)

    def stats(self) -> PoolStats:
        """Counts of sessions by stage, of waiters, and of processes given up on; costs a pass over the slots."""
        return count(self.core)

    @property
    def suspended(self) -> dict[str, str]:
        """key → session id of every suspended conversation; after ``shutdown``, of every conversation."""
        return resumable(self.core)

    async def __aenter__(self) -> Self:
        self._keep_clean()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    def trace(self, listener: Listener | None) -> None:
        """From now on call ``listener`` with a :class:`~acpool.trace.Step` at the end of every atomic step; None: nobody.

        It hears the step inside it: it must neither raise nor call the pool. For checkers; see :mod:`acpool.trace` for what
        it costs and promises. ``on_event`` is for operators.
        """
        self.core.trace = listener

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def wait_for_lease(self, key: str, want: Want, lease: Lease) -> Entry:
        """The slow way to a lease, for :class:`~acpool.lease.Lease`; raises and waits as ``session`` documents."""
        waiter = await self._wait(key, want, lease)
        assert waiter.entry is not None
        self.core.begun(waiter)
        return waiter.entry

    async def _wait(self, key: str, want: Want, token: Lease | None) -> Waiter:
        """Ask, and wait until the core has decided; a caller that stops waiting gives back what it was granted meanwhile."""
        self._keep_clean()
        waiter = self.core.ask(key, want, token, self.now())
        last = (
            self.now() + self._bounds.creation + (0.0 if want is Want.ANSWER else self._bounds.lease_timeout)
        )
        try:
            self.perform()
            while waiter.outcome is Outcome.PENDING:
                await self._wait_for_phase(waiter, last)
        except BaseException:
            self._leave(waiter)
            raise
        finally:
            waiter.wake = None
        if waiter.outcome is not Outcome.GRANTED and waiter.outcome is not Outcome.ANSWERED:
            self._raise_refusal(waiter)
        return waiter

    async def _wait_for_phase(self, waiter: Waiter, last: float) -> None:
        """Wait until ``waiter`` is decided or waits for something else, at most until the bound of this phase, or ``last``."""
        creation = waiter.creation
        bound = self._bounds.lease_timeout if creation is None else self._bounds.creation
        at = min(last, self.now() + bound)
        loop = asyncio.get_running_loop()
        ran_out: asyncio.Future[bool] = loop.create_future()
        waiter.wake = partial(_resolve, ran_out, False)
        # A bare timer, at half the cost of ``asyncio.timeout``: it ends the wait by its future, so that a cancellation is
        # always somebody else's and never has to be told apart from it.
        timer = loop.call_at(at, _resolve, ran_out, True) if at < math.inf else None
        try:
            expired = await ran_out
        finally:
            if timer is not None:
                timer.cancel()
        # At one and the same instant the change wins: it was made before the time ran out.
        if expired and waiter.outcome is Outcome.PENDING and waiter.creation is creation:
            parts = "capacity_timeout + cancel_timeout + 2 × close_timeout + start_timeout"
            self._run_out(waiter, TimeoutError(f"{parts} = {bound:g} s ran out"))

    def _leave(self, waiter: Waiter) -> None:
        self.core.leave(waiter, self.now())
        self.perform()

    def _run_out(self, waiter: Waiter, error: TimeoutError) -> None:
        """The caller's own bound passed: of a lease queue, or of creations that were defeated again and again."""
        creation = waiter.creation
        self._leave(waiter)
        if creation is None:
            waiter.outcome = Outcome.BUSY
        else:
            waiter.outcome, waiter.failure = Outcome.FAILED, error
            waiter.failed_stage = "capacity" if creation.entry is None else creation.entry.start_stage

    def _raise_refusal(self, waiter: Waiter) -> None:
        try:
            self._raise_outcome(waiter)
        except (PoolExhausted, SessionStartError) as error:
            if waiter.want is not Want.LEASE:
                raise
            # It only joined the creation of others: for it there is no session, whatever their trouble was.
            raise NoSession(
                f"{waiter.key!r} has no live session: the creation in flight came to nothing"
            ) from error

    def _raise_outcome(self, waiter: Waiter) -> None:
        key = waiter.key
        match waiter.outcome:
            case Outcome.EXHAUSTED:
                bound = f"capacity_timeout={self._bounds.capacity_timeout} s"
                log.warning("all busy: no slot for %r within %s", key, bound)
                raise PoolExhausted(
                    f"no slot for {key!r} within {bound}: all {self.core.max_sessions} were leased, creating or closing"
                )
            case Outcome.FAILED:
                assert waiter.failure is not None
                raise SessionStartError(key, waiter.failed_stage, waiter.failure) from waiter.failure
            case Outcome.BUSY:
                raise SessionBusy(
                    f"the lease of {key!r} was held by others for lease_timeout={self._bounds.lease_timeout} s"
                )
            case Outcome.NO_SESSION:
                raise NoSession(f"{key!r} has no live session: call get_or_create first, or use session(key)")
            case Outcome.CLOSED:
                raise PoolClosed(f"the pool is shut: nothing more for {key!r}")
            case undecided:
                raise AssertionError(f"a caller was let go with its outcome {undecided.value}")

    def _refuse_when_shut(self, operation: str, key: str | None = None) -> None:
        if not self.core.open:
            raise PoolClosed(
                f"the pool is shut: no {operation}" + (f" of {key!r}" if key is not None else "")
            )

    # -- in the background ---------------------------------------------------------------------------------------------

    async def _shut_down(self) -> None:
        if self._cleanup is not None:
            self._cleanup.cancel()
            await asyncio.wait([self._cleanup])
        try:
            async with asyncio.timeout_at(self._shutdown_at) as self._deadline:
                await self._shell.until_drained()
        except TimeoutError:
            self._deadline = None  # it has passed: from here on there is nothing to bring forward
            self.core.revoke_all()
            self.perform()
            await self._finish_ending()

    async def _finish_ending(self) -> None:
        """Wait for every process to end; each is bounded by itself, but a start that ignores its cancellation is not."""
        while self.core.entries:
            try:
                async with asyncio.timeout(self._bounds.ending):
                    await self._shell.until_drained()
            except TimeoutError:
                # A loop that was blocked may get here before the endings that it held up have even begun.
                if not any(entry.opened for entry in self.core.entries.values()):
                    keys = ", ".join(repr(entry.key) for entry in self.core.entries.values())
                    log.error("shut down with starts that do not end when cancelled: %s", keys)
                    return

    def _keep_clean(self) -> None:
        if self._bounds.idle_ttl is not None and self._cleanup is None and self.core.open:
            self._cleanup = self._shell.spawn(
                self._clean_up_periodically(self._bounds.idle_ttl), "acpool-cleanup"
            )

    async def _clean_up_periodically(self, ttl: float) -> None:
        while True:
            await asyncio.sleep(self._bounds.cleanup_interval)
            self.core.expire(ttl, self._bounds.max_lease, self.now())
            self.perform()

    def _first_now(self) -> float:
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        return self.now()


def _resolve(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)
