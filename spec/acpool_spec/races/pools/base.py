"""A small pool that is right, in steps that can each be taken wrongly: most of the pools beside it are made from it.

Design: one gate per key, which its callers pass in order. A slot, and the victim that has to make room, are taken in the step
that decides to create; the process is opened when a place is free. An entry is looked at again after every await. A creation
belongs to the pool, is abandoned when nobody is at the gate any more, and is defeated by a reset. What is ended is ended by a
task of the pool. Each step is a method with an underscore in front.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import (
    ConnectionLost,
    LeaseRevoked,
    NoSession,
    PoolClosed,
    PoolError,
    PoolExhausted,
    SessionBusy,
    SessionRefused,
    SessionStartError,
)
from acpool_spec.pools._start import START_TIMEOUT_S, end
from acpool_spec.races.pools.turns import Turns

T = TypeVar("T")

LEASE_TIMEOUT_S = 30.0
CANCEL_TIMEOUT_S = 5.0


@dataclass(eq=False, slots=True)
class Entry:
    """One live session, until its process is gone; ``users`` are its holder and those who wait for the lease,
    ``prompts`` those in progress.

    ``used_at``: loop time in seconds. ``ending``: the task that ends its process, once it is on its way.
    """

    key: str
    connection: Connection
    session_id: str
    resumed: bool
    used_at: float
    lease: Turns = field(default_factory=Turns)
    users: int = 0
    prompts: int = 0
    ending: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether a caller can still be given this session."""
        return self.ending is None and self.connection.alive


@dataclass(eq=False, slots=True)
class Creation:
    """A session being started, by ``task``, for whoever is at the gate of ``key``; ``abandoned`` when nobody is any more.

    ``entry`` or ``failure``: what it came to. ``bound``: of the start in flight, which ``resets`` have defeated so often.
    """

    key: str
    task: asyncio.Task[None] = field(init=False)
    begun: bool = False
    abandoned: bool = False
    entry: Entry | None = None
    failure: PoolError | None = None
    bound: asyncio.Timeout | None = None
    resets: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False, slots=True)
class Gate:
    """What the callers of a key pass one at a time; ``users`` are those inside and those in front of it, ``guests`` those of
    them who will ask for the lease."""

    turns: Turns = field(default_factory=Turns)
    users: int = 0
    guests: int = 0


class Leased:
    """The connection of ``entry`` as its holder sees it; ``told`` is called when a prompt was answered."""

    def __init__(self, entry: Entry, told: Callable[[Entry], object]) -> None:
        self._entry = entry
        self._told = told

    async def prompt(self, content: Any) -> Any:
        """Run one prompt."""
        self._entry.prompts += 1
        try:
            answer = await self._entry.connection.prompt(content)
        finally:
            self._entry.prompts -= 1
        self._told(self._entry)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry.connection, name)


class BasePool:
    """At most ``max_sessions`` sessions. ``live`` is in order of use, ``saved`` has the ids to resume.

    ``untold``: the keys that lost a session of which nobody was told. ``creations``: each has a slot, and no session yet.
    """

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self.max_sessions = max_sessions
        self.live: dict[str, Entry] = {}
        self.saved: dict[str, str] = {}
        self.untold: set[str] = set()
        self.creations: dict[str, Creation] = {}
        self.closed = False
        self.lease_timeout_s: float | None = LEASE_TIMEOUT_S
        self._connector = connector
        self._places = Turns(max_sessions)
        self._gates: dict[str, Gate] = {}
        self._endings: set[asyncio.Task[None]] = set()

    # -- the operations ----------------------------------------------------------------------------------------------

    async def get_or_create(self, key: str) -> SessionInfo:
        """Return the session of ``key``, starting it where there is none; raises PoolExhausted, SessionStartError."""
        async with self._gate(key):
            return self._info(await self._ready(key))

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``fn`` under the lease of ``key``; joins its start, then waits for the lease up to ``LEASE_TIMEOUT_S``."""
        async with self._gate(key, guest=True):
            creation = self.creations.get(key)
            if creation is not None and not creation.abandoned:
                await self._over(creation)
            self._check_open()
            entry = self.live.get(key)
            if entry is None or not entry.usable:
                raise NoSession(f"no live session of {key!r}")
            entry.users += 1
        await self._acquire(entry)
        async with self._held(entry) as connection:
            return await fn(connection)

    @contextlib.asynccontextmanager
    async def session(self, key: str) -> AsyncGenerator[Connection, None]:
        """The two above with no instant in between at which the session could be evicted."""
        while True:
            async with self._gate(key, guest=True):
                entry = await self._ready(key)
                entry.users += 1
            try:
                await self._acquire(entry)
            except NoSession:
                continue  # it ended while this caller waited for it: the next one is as good
            break
        async with self._held(entry) as connection:
            yield connection

    async def cleanup_idle(self, ttl: float) -> list[str]:
        """Suspend the idle sessions not used for ``ttl`` seconds and return their keys, without waiting for their ends."""
        self._check_open()
        stale = [entry for entry in self.live.values() if self._idle(entry) and self._expired(entry, ttl)]
        for entry in stale:
            self._end(entry)
        return [entry.key for entry in stale]

    async def cancel(self, key: str) -> bool:
        """Ask the agent of ``key`` to end its prompt, for ``CANCEL_TIMEOUT_S`` at most; tell whether there was one."""
        self._check_open()
        entry = self.live.get(key)
        if entry is None or not entry.usable or not entry.prompts:
            return False
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await entry.connection.cancel()
        except Exception:  # noqa: BLE001 the prompt was there, and that is the answer
            return True
        return True

    async def reset(self, key: str) -> bool:
        """End the session of ``key``, forget its id, and defeat its start; tell whether there was anything to forget."""
        self._check_open()
        found, creation, entry = self._forget(key), self.creations.get(key), self.live.get(key)
        found |= entry is not None and entry.ending is None
        found |= creation is not None and not creation.abandoned
        if creation is not None:
            await self._defeated(creation)
        if entry is not None:
            await self._ended(entry)
        return found

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Abandon the starts, let leases finish for ``timeout`` seconds, and end every session."""
        self.closed = True
        for creation in self.creations.values():
            self._abandon(creation)
        for entry in [entry for entry in self.live.values() if self._idle(entry)]:
            self._end(entry)
        while self.creations:
            await asyncio.wait([creation.task for creation in self.creations.values()])
        await self._leases_over(timeout)
        for entry in self.live.values():
            self._end(entry)
        while self._endings:
            await asyncio.wait(self._endings)

    # -- creating ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _gate(self, key: str, *, guest: bool = False) -> AsyncGenerator[None, None]:
        """Be the only one inside for ``key``; the last one to leave takes the gate along."""
        gate = self._gates.setdefault(key, Gate())
        gate.users += 1
        gate.guests += guest
        try:
            await gate.turns.take()
            try:
                yield
            finally:
                gate.turns.give()
        finally:
            gate.users -= 1
            gate.guests -= guest
            if not gate.users:
                self._deserted(key)

    def _deserted(self, key: str) -> None:
        """Nobody is at the gate of ``key`` any more."""
        del self._gates[key]
        if key in self.creations:
            self._abandon(self.creations[key])

    async def _ready(self, key: str) -> Entry:
        """The session of ``key``, under its gate: the live one, that of the creation in flight, or a new one."""
        while True:
            self._check_open()
            entry = self.live.get(key)
            if entry is not None and entry.usable:
                self._touch(entry)
                return entry
            creation = self.creations.get(key)
            if creation is None and entry is not None:
                await self._bury(entry)
                continue
            if creation is None:
                self._make_room(key)
                creation = self._create(key)
            await self._over(creation)
            if creation.failure is not None:
                raise creation.failure

    def _create(self, key: str) -> Creation:
        """Write the creation down, in the step that decided it; it belongs to the pool."""
        creation = self.creations[key] = Creation(key)
        creation.task = asyncio.get_running_loop().create_task(self._run(creation))
        return creation

    async def _run(self, creation: Creation) -> None:
        """Start when there is a place for a process."""
        creation.begun = True
        try:
            if not creation.abandoned:
                await self._places.take()
                try:
                    creation.entry = await self._start(creation)
                finally:
                    if creation.entry is None:
                        self._undone(creation)
        except PoolError as error:
            creation.failure = error
        finally:
            creation.over.set()
            if self.creations.get(creation.key) is creation:
                del self.creations[creation.key]

    async def _over(self, creation: Creation) -> None:
        """Wait until ``creation`` is over; a caller that is cancelled leaves it to the others."""
        await asyncio.wait([creation.task])

    async def _bury(self, entry: Entry) -> None:
        """See to it that ``entry``, which is dead or dying, is gone before its key gets another."""
        await self._ended(entry)

    def _undone(self, creation: Creation) -> None:
        """``creation`` came to nothing: its place is the next one's."""
        self._places.give()

    def _abandon(self, creation: Creation) -> None:
        """Nobody waits for ``creation`` any more: its process goes, and then its slot is free."""
        creation.abandoned = True
        if creation.begun:
            creation.task.cancel()

    def _make_room(self, key: str) -> None:
        """Have a slot for ``key``, ending a session for it where all are taken; raises PoolExhausted."""
        if self._taken() >= self.max_sessions:
            victim = self._victim()
            if victim is None:
                raise PoolExhausted(f"no slot for {key!r}: all {self.max_sessions} sessions are in use")
            self._end(victim)

    def _taken(self) -> int:
        """The slots of creations and of sessions that are not on their way out."""
        return len(self.creations) + sum(entry.ending is None for entry in self.live.values())

    def _victim(self) -> Entry | None:
        """The session to end for another: a dead one, whoever holds it, else the least recently used idle one."""
        entries = [entry for entry in self.live.values() if entry.ending is None]
        dead = next((entry for entry in entries if not entry.connection.alive), None)
        return dead or next((entry for entry in entries if self._idle(entry)), None)

    async def _start(self, creation: Creation) -> Entry:
        """Start until no reset came meanwhile, and install what was started; raises SessionStartError."""
        key = creation.key
        while True:
            resets, creation.bound = creation.resets, asyncio.timeout(START_TIMEOUT_S)
            creation.over.clear()
            try:
                connection, info = await self._started(key, creation.bound)
            except SessionStartError:
                if creation.resets == resets:
                    raise
                continue
            finally:
                creation.over.set()
            if creation.resets == resets:
                return self._install(key, connection, info)
            await end(connection)

    async def _started(self, key: str, bound: asyncio.Timeout) -> tuple[Connection, SessionInfo]:
        """A process with a session of ``key``: the saved one, or a new one; raises SessionStartError."""
        saved, stage, claims = self.saved.get(key), "open", False
        connection: Connection | None = None
        try:
            async with bound:
                connection = await self._connector.open(key)
                stage = "initialize"
                await connection.initialize()
                if saved is not None and connection.supports_load:
                    stage, claims = "load", True
                    if await self._loads(connection, saved):
                        return connection, SessionInfo(saved, resumed=True, session_reset=False)
                    claims = False
                stage = "new"
                session_id = await connection.new_session()
                return connection, SessionInfo(session_id, resumed=False, session_reset=saved is not None)
        except BaseException as cause:
            if connection is not None:
                await self._undo(key, connection, cause, claims=claims)
            if isinstance(cause, Exception):
                raise SessionStartError(key, stage, cause) from cause
            raise

    async def _loads(self, connection: Connection, saved: str) -> bool:
        """Whether the agent loads ``saved``: False where it refuses to; any other failure is one of the start."""
        try:
            await connection.load_session(saved)
        except SessionRefused:
            return False
        return True

    async def _undo(self, key: str, connection: Connection, cause: BaseException, *, claims: bool) -> None:
        """Take along the process of a start that failed with ``cause``; it may own the saved id where it ``claims`` it."""
        try:
            await end(connection)
        finally:
            if connection.alive and claims:
                self._lose(key)

    async def _defeated(self, creation: Creation) -> None:
        """Have the start in flight begin anew, without the old id, and wait until the old one is over."""
        creation.resets += 1
        if creation.bound is not None:
            _expire(creation.bound)
            await creation.over.wait()

    def _install(self, key: str, connection: Connection, info: SessionInfo) -> Entry:
        """Make ``connection`` the session of ``key``, the most recently used of all."""
        entry = Entry(key, connection, info.session_id, info.resumed, asyncio.get_running_loop().time())
        if info.session_reset:
            self.untold.add(key)
        self.live[key] = entry
        self.saved[key] = info.session_id
        del self.creations[key]
        return entry

    # -- leasing -----------------------------------------------------------------------------------------------------

    async def _acquire(self, entry: Entry) -> None:
        """Take the lease of ``entry``, among whose users the caller is; raises NoSession, SessionBusy, PoolClosed."""
        try:
            async with asyncio.timeout(self.lease_timeout_s):
                await entry.lease.take()
        except BaseException as error:
            entry.users -= 1
            if isinstance(error, TimeoutError):
                raise SessionBusy(
                    f"the lease of {entry.key!r} was held for {self.lease_timeout_s} s"
                ) from error
            raise
        try:
            self._check_open()
            if not entry.usable:
                raise NoSession(f"the session of {entry.key!r} ended while this caller waited for it")
        except PoolError:
            self._release(entry)
            raise

    @contextlib.asynccontextmanager
    async def _held(self, entry: Entry) -> AsyncGenerator[Connection, None]:
        """What a holder does, and the end of its lease; raises LeaseRevoked where the session was ended meanwhile."""
        revoked = LeaseRevoked(f"the session of {entry.key!r} was ended under its holder")
        try:
            yield cast(Connection, Leased(entry, self._told))
        except ConnectionLost as lost:
            if entry.ending is not None:
                raise revoked from lost
            raise
        else:
            if entry.ending is not None:
                raise revoked
        finally:
            self._release(entry)

    def _release(self, entry: Entry) -> None:
        self._touch(entry)
        entry.lease.give()
        entry.users -= 1

    async def _leases_over(self, timeout: float) -> None:
        """Wait until nobody has a lease, for ``timeout`` seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for entry in list(self.live.values()):
                    await entry.lease.take()
                    entry.lease.give()

    def _told(self, entry: Entry) -> None:
        """A prompt was answered: its caller knows that an older session was lost."""
        if self.live.get(entry.key) is entry:
            self.untold.discard(entry.key)

    # -- ending ------------------------------------------------------------------------------------------------------

    def _end(self, entry: Entry) -> None:
        """Have the process of ``entry`` ended; its slot is free when that is done."""
        if entry.ending is None:
            entry.ending = asyncio.get_running_loop().create_task(self._close(entry))
            self._endings.add(entry.ending)
            entry.ending.add_done_callback(self._endings.discard)

    async def _ended(self, entry: Entry) -> None:
        """End ``entry`` and wait until its process is gone, or was given up on."""
        self._end(entry)
        assert entry.ending is not None
        await asyncio.wait([entry.ending])

    async def _close(self, entry: Entry) -> None:
        await end(entry.connection)
        if entry.connection.alive and self.saved.get(entry.key) == entry.session_id:
            self._lose(entry.key)
        if self.live.get(entry.key) is entry:
            del self.live[entry.key]
        self._places.give()

    def _forget(self, key: str) -> bool:
        """Forget what is remembered of ``key``; whether there was anything."""
        saved, untold = self.saved.pop(key, None), key in self.untold
        self.untold.discard(key)
        return saved is not None or untold

    def _lose(self, key: str) -> None:
        """A process that was given up on may own the session of ``key``: nobody may load it again, and somebody must be told."""
        if self.saved.pop(key, None) is not None:
            self.untold.add(key)

    # -- looking -----------------------------------------------------------------------------------------------------

    def _info(self, entry: Entry) -> SessionInfo:
        return SessionInfo(entry.session_id, entry.resumed, entry.key in self.untold)

    def _idle(self, entry: Entry) -> bool:
        """Whether nobody has the lease of ``entry``, waits for it, or is about to ask for it."""
        gate = self._gates.get(entry.key)
        return not entry.users and entry.ending is None and (gate is None or not gate.guests)

    def _touch(self, entry: Entry) -> None:
        """Count a use of ``entry``: it becomes the most recently used, if it is still its key's session."""
        if self.live.get(entry.key) is entry:
            self.live[entry.key] = self.live.pop(entry.key)
            entry.used_at = asyncio.get_running_loop().time()

    def _expired(self, entry: Entry, ttl: float) -> bool:
        """Whether ``entry`` is dead or was not used for ``ttl`` seconds."""
        return not entry.connection.alive or asyncio.get_running_loop().time() - entry.used_at >= ttl

    def _check_open(self) -> None:
        if self.closed:
            raise PoolClosed("the pool is shutting down")


def _expire(bound: asyncio.Timeout) -> None:
    """Let ``bound`` run out now, unless what it bounds is over."""
    if not bound.expired():
        with contextlib.suppress(RuntimeError):
            bound.reschedule(asyncio.get_running_loop().time())


def factory(connector: Connector, *, max_sessions: int) -> BasePool:
    """Make the pool for the checker."""
    return BasePool(connector, max_sessions=max_sessions)
