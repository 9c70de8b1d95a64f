"""The book that most of these pools keep: which sessions are live, who uses them, what a suspended key resumes.

It decides nothing: in which order to look, to wait and to write is each pool's design, and there its race lies. An entry
stays in the book while its process is dying, so that a key's next start can wait for the old process to be gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import (
    ConnectionLost,
    LeaseRevoked,
    NoSession,
    PoolClosed,
    PoolExhausted,
    SessionBusy,
    SessionStartError,
)
from acpool_spec.pools._start import START_TIMEOUT_S, end, start

T = TypeVar("T")

LEASE_TIMEOUT_S = 30.0


@dataclass(eq=False, slots=True)
class Entry:
    """One live session; ``users`` are its holder and those who wait for the lease, ``used_at`` is loop time in seconds."""

    key: str
    connection: Connection
    session_id: str
    resumed: bool
    used_at: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    ending: bool = False

    @property
    def usable(self) -> bool:
        """Whether a caller can still be given this session."""
        return not self.ending and self.connection.alive

    @property
    def idle(self) -> bool:
        """Whether nobody holds the lease or waits for it (an ``asyncio.Lock`` handed on looks free for a moment)."""
        return self.users == 0 and not self.ending


class Sessions:
    """The live sessions in order of use, the starts in flight, the ids to resume and the resets not yet told."""

    def __init__(self, connector: Connector, max_sessions: int) -> None:
        self.max_sessions = max_sessions
        self.live: dict[str, Entry] = {}
        self.saved: dict[str, str] = {}
        self.untold: set[str] = set()
        self.closed = False
        self._connector = connector
        self._starting: Counter[str] = Counter()
        self._bounds: dict[asyncio.Timeout, None] = {}
        self._no_starts = asyncio.Event()
        self._no_starts.set()

    def check_open(self) -> None:
        """Raise PoolClosed once the shutdown has begun."""
        if self.closed:
            raise PoolClosed("the pool is shutting down")

    def info(self, entry: Entry) -> SessionInfo:
        """Describe ``entry`` as ``get_or_create`` answers it."""
        return SessionInfo(entry.session_id, entry.resumed, entry.key in self.untold)

    def touch(self, entry: Entry) -> None:
        """Count a use of ``entry``: it becomes the most recently used, if it is still its key's session."""
        if self.live.get(entry.key) is entry:
            self.live[entry.key] = self.live.pop(entry.key)
            entry.used_at = asyncio.get_running_loop().time()

    # -- capacity ----------------------------------------------------------------------------------------------------

    def must_evict(self, key: str) -> bool:
        """Whether a start of ``key`` needs somebody else's slot; a key takes one slot, however many starts it has."""
        return (
            key not in self._starting and len(self.live.keys() | self._starting.keys()) >= self.max_sessions
        )

    def victim(self) -> Entry | None:
        """The session to evict: a dead one, whoever holds it, else the least recently used idle one."""
        dead = (entry for entry in self.live.values() if not entry.ending and not entry.connection.alive)
        return next(dead, None) or next((entry for entry in self.live.values() if entry.idle), None)

    def exhausted(self, key: str) -> PoolExhausted:
        """The refusal of ``key``, to be raised."""
        return PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")

    @contextlib.contextmanager
    def reservation(self, key: str) -> Generator[None, None, None]:
        """Hold a slot for a start of ``key``."""
        self._starting[key] += 1
        self._no_starts.clear()
        try:
            yield
        finally:
            self._starting[key] -= 1
            if not self._starting[key]:
                del self._starting[key]
            if not self._starting:
                self._no_starts.set()

    # -- start, use, end ---------------------------------------------------------------------------------------------

    async def start(self, key: str) -> tuple[Connection, SessionInfo]:
        """Start a process for ``key`` with its saved id; raises SessionStartError, or PoolClosed after a shutdown began.

        Waits for :data:`~acpool_spec.pools._start.START_TIMEOUT_S` at most, and until a shutdown begins.
        """
        self.check_open()
        bound = asyncio.timeout(START_TIMEOUT_S)
        self._bounds[bound] = None
        try:
            connection, info = await start(
                self._connector, key, self.saved.get(key), bound, lambda: self._forget(key)
            )
        except SessionStartError as error:
            if self.closed:
                raise PoolClosed(f"the start of {key!r} was abandoned: the pool is shutting down") from error
            raise
        finally:
            del self._bounds[bound]
        if self.closed:
            await end(connection)
            self.check_open()
        return connection, info

    def install(self, key: str, connection: Connection, info: SessionInfo) -> SessionInfo:
        """Make ``connection`` the session of ``key``, as the most recently used, whatever was there before."""
        now = asyncio.get_running_loop().time()
        entry = Entry(key, connection, info.session_id, info.resumed, now)
        if info.session_reset:
            self.untold.add(key)
        self.live.pop(key, None)
        self.live[key] = entry
        self.saved[key] = info.session_id
        return self.info(entry)

    async def use(self, key: str, fn: Callable[[Connection], Awaitable[T]], wait_s: float | None) -> T:
        """Run ``fn`` under the lease of ``key``, waiting for the lease ``wait_s`` seconds (None: without bound).

        Raises NoSession, SessionBusy, PoolClosed, or LeaseRevoked where the process was ended under the lease.
        """
        self.check_open()
        entry = self.live.get(key)
        if entry is None or not entry.usable:
            raise NoSession(f"no live session of {key!r}")
        entry.users += 1
        try:
            try:
                async with asyncio.timeout(wait_s):
                    await entry.lock.acquire()
            except TimeoutError:
                raise SessionBusy(f"the lease of {key!r} was held by others for {wait_s} s") from None
            try:
                return await self._run(entry, fn)
            finally:
                self.touch(entry)
                entry.lock.release()
        finally:
            entry.users -= 1

    async def _run(self, entry: Entry, fn: Callable[[Connection], Awaitable[T]]) -> T:
        self.check_open()
        if not entry.usable:
            raise NoSession(f"the session of {entry.key!r} ended while this caller waited for it")
        try:
            answer = await fn(entry.connection)
        except ConnectionLost as lost:
            if entry.ending:
                raise LeaseRevoked(f"the session of {entry.key!r} was ended under its holder") from lost
            raise
        if self.live.get(entry.key) is entry:
            self.untold.discard(entry.key)  # the prompt that carries the notice was answered
        return answer

    async def remove(self, entries: Sequence[Entry]) -> None:
        """End all ``entries`` at once and strike them out when they are dead; what has their key by then is left alone.

        Waits for the slowest of them, :data:`~acpool_spec.pools._start.CLOSE_TIMEOUT_S` at most.
        """
        try:
            await self.end_all(entries)
        finally:
            for entry in entries:
                if self.live.get(entry.key) is entry:
                    del self.live[entry.key]

    async def end_all(self, entries: Sequence[Entry]) -> None:
        """End all ``entries`` at once, and leave it to the caller to strike them out."""
        for entry in entries:
            entry.ending = True
        try:
            await end(*(entry.connection for entry in entries))
        finally:
            for entry in entries:
                if entry.connection.alive and self.saved.get(entry.key) == entry.session_id:
                    self._forget(entry.key)

    def _forget(self, key: str) -> None:
        # A process that was given up on may own the session still, so nobody may load it again.
        if self.saved.pop(key, None) is not None:
            self.untold.add(key)

    def expired(self, ttl: float) -> list[Entry]:
        """The idle entries that are dead or were not used for ``ttl`` seconds."""
        now = asyncio.get_running_loop().time()
        return [
            entry
            for entry in self.live.values()
            if entry.idle and (now - entry.used_at >= ttl or not entry.connection.alive)
        ]

    async def shutdown(self, timeout: float) -> None:
        """Refuse new work, abandon the starts, let leases finish for ``timeout`` seconds, then end every session."""
        self.closed = True
        now = asyncio.get_running_loop().time()
        for bound in self._bounds:
            if not bound.expired():
                bound.reschedule(now)
        await self._no_starts.wait()
        try:
            async with asyncio.timeout(timeout):
                for entry in list(self.live.values()):
                    async with entry.lock:
                        pass
        except TimeoutError:
            pass
        await self.remove(list(self.live.values()))
