"""Every decision of the pool, each a synchronous function over plain dictionaries. No asyncio, no I/O, no clock.

The rules, which every method keeps:

* A slot is an entry. ``len(entries) <= max_sessions`` at all times; an entry leaves only through :meth:`Core.closed`.
* A key has at most one creation or one live entry, never both, and at most one dying process; a creation gets its slot, and
  starts its process in it, only when its key's dying process is gone.
* ``idle`` holds exactly the entries that are alive as far as known, not leased and not waited for, least recently used first.
* ``waiting`` holds the creations without a slot, in order of arrival. The first ones of it that can be served are served
  within the step that made it possible, so a newcomer never overtakes.
* An entry is compared by identity or stage before anything is done to it, since its key may have another one by now.
* A decision is whole when the method returns; what remains to be done outside is in ``effects``.

Each linearization point is marked ``# LP`` beside the line that takes effect.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from acpool.contract import Connection, SessionInfo
from acpool.errors import ConnectionLost
from acpool.records import (
    Close,
    Creation,
    Effect,
    Entry,
    Interrupt,
    Outcome,
    PoolEvent,
    Queued,
    Served,
    Stage,
    Start,
    Stop,
    Suspended,
    Waiter,
    Wake,
    Want,
)

# Looking a member up in its Enum costs a descriptor call on CPython 3.11, as much as the rest of a lease's bookkeeping.
_CREATING, _IDLE, _LEASED, _CLOSING = Stage.CREATING, Stage.IDLE, Stage.LEASED, Stage.CLOSING


class Core:
    """The pool's whole state and every step it can take; times are seconds of one monotonic clock, passed in as ``now``."""

    def __init__(
        self,
        max_sessions: int,
        *,
        waits_for_capacity: bool,
        times_leases: bool,
        suspended: Mapping[str, str],
        listening: bool,
    ) -> None:
        self.max_sessions = max_sessions
        self.waits_for_capacity = waits_for_capacity
        self.times_leases = times_leases
        self.open = True
        self.entries: dict[int, Entry] = {}
        self.live: dict[str, Entry] = {}
        self.idle: OrderedDict[str, Entry] = OrderedDict()
        self.dying: dict[str, Entry] = {}
        self.creations: dict[str, Creation] = {}
        self.waiting: OrderedDict[int, Creation] = OrderedDict()
        self.suspended: dict[str, Suspended] = {
            key: Suspended(session_id) for key, session_id in suspended.items()
        }
        self.given_up = 0
        self.effects: list[Effect] = []
        self.listening = listening
        self._serial = 0

    # -- the hot path ------------------------------------------------------------------------------------------------

    def acquire(self, key: str, token: object, now: float) -> Entry | None:
        """Lease the idle session of ``key`` to ``token``; None when it takes more than that (then :meth:`ask`)."""
        entry = self.idle.pop(key, None)
        if entry is None:
            return None
        if not entry.connection.alive:
            self._bury(entry)
            return None
        entry.stage = _LEASED
        entry.lease = token  # LP acquire
        entry.leased_at = now
        if self.listening:
            self._emit("acquire", key, entry)
        return entry

    def release(self, entry: Entry, token: object, now: float) -> None:
        """End the lease of ``token``: hand it to the next waiter, or leave the session idle as the most recently used."""
        if entry.lease is not token:
            return  # taken back before; the slot is somebody else's business now
        entry.lease = None  # LP release
        entry.used_at = now
        if self.listening:
            self._emit("release", entry.key, entry)
        if not entry.connection.alive:
            self._bury(entry)
        elif not self.open or entry.prompts:
            # A prompt that outlives its lease would run beside the next holder's.
            self._remove(entry, "shutdown" if not self.open else "orphaned prompt", kill=False)
        elif entry.queue:
            self._hand_over(entry, now)
        else:
            # As in ``_rest``, without the call: this is the end of nearly every lease.
            entry.stage = _IDLE
            self.idle[entry.key] = entry
            if self.waiting:
                self._serve()

    def get(self, key: str, now: float) -> SessionInfo | None:
        """Describe the live session of ``key`` and count it as used; None when it takes more than that."""
        entry = self.live.get(key)
        if entry is None or not self.open or not entry.connection.alive:
            return None
        entry.used_at = now  # LP get
        if entry.stage is _IDLE:
            self.idle.move_to_end(key)
        if self.listening:
            self._emit("touch", key, entry)
        return entry.info

    # -- callers -----------------------------------------------------------------------------------------------------

    def ask(self, key: str, want: Want, token: object, now: float) -> Waiter:
        """Decide what a caller gets: an answer now, a place in a queue, or a refusal."""
        waiter = Waiter(key, want, token)
        if not self.open:
            waiter.outcome = Outcome.CLOSED
            return waiter
        entry = self.live.get(key)
        if entry is not None and not entry.connection.alive:
            self._bury(entry)
            entry = None
        if entry is not None:
            if want is Want.ANSWER:
                waiter.info = self.get(key, now)
                waiter.outcome = Outcome.ANSWERED
            elif self.acquire(key, token, now) is not None:
                waiter.entry = entry
                waiter.outcome = Outcome.GRANTED
            else:
                self._wait_for_lease(waiter, entry)
            return waiter
        creation = self.creations.get(key)
        if creation is None:
            if want is Want.LEASE:
                waiter.outcome = Outcome.NO_SESSION
                return waiter
            creation = self._reserve(key)
            if creation is None:
                waiter.outcome = (
                    Outcome.EXHAUSTED
                )  # LP exhausted: nothing free, closing unpromised, or idle in this very step
                self._emit("exhaust", key)
                return waiter
        else:
            self._emit("join", key, creation.entry)

        waiter.creation = creation
        creation.waiters[waiter] = None
        return waiter

    def leave(self, waiter: Waiter, now: float) -> None:
        """The caller stops waiting (cancelled, or out of time): give back what it was granted, abandon what nobody awaits."""
        outcome, waiter.outcome = waiter.outcome, Outcome.LEFT
        if outcome is Outcome.GRANTED:
            assert waiter.entry is not None
            self.release(waiter.entry, waiter.token, now)
        elif outcome is Outcome.PENDING and waiter.creation is not None:
            creation = waiter.creation
            del creation.waiters[waiter]
            if not creation.waiters:
                self._abandon(creation, "abandoned")
                self._serve()
        elif outcome is Outcome.PENDING and waiter.entry is not None:
            del waiter.entry.queue[waiter]

    # -- creations ---------------------------------------------------------------------------------------------------

    def opened(self, entry: Entry, connection: Connection) -> bool:
        """The process of ``entry`` runs. False when its start was defeated meanwhile; then it is being closed."""
        entry.connection, entry.opened = connection, True
        if entry.stage is _CREATING:
            return True
        self.effects.append(Close(entry, kill=True, tell=False))
        return False

    def id_to_load(self, entry: Entry) -> str | None:
        """The session id that the process of ``entry`` is to load; from here on it may own that id."""
        remembered = self.suspended.get(entry.key)
        if entry.stage is not _CREATING or remembered is None:
            return None
        entry.claimed_id = remembered.session_id
        return remembered.session_id

    def refused(self, entry: Entry) -> None:
        """The agent will not load the id; it does not own it."""
        entry.claimed_id = None

    def commit(self, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        """Install the started session and answer everybody who waits for it; False when the start was defeated meanwhile."""
        creation = entry.creation
        if entry.stage is not _CREATING or creation is None:
            return False
        if not entry.connection.alive:
            self.fail(
                entry,
                ConnectionLost(f"the agent process of {entry.key!r} died as its session was established"),
            )
            return False
        remembered = self.suspended.pop(entry.key, None)
        entry.session_id = entry.claimed_id = session_id
        entry.resumed = resumed
        entry.session_reset = remembered is not None and (
            remembered.session_reset or (remembered.session_id is not None and not resumed)
        )
        entry.used_at = now
        entry.creation = None
        del self.creations[entry.key]
        self.live[entry.key] = entry  # LP commit
        entry.stage = _LEASED
        self._emit("commit", entry.key, entry)
        for waiter in creation.waiters:
            waiter.creation = None
            if waiter.want is Want.ANSWER:
                waiter.info = entry.info
                self._decide(waiter, Outcome.ANSWERED)
            else:
                self._wait_for_lease(waiter, entry)
                self.effects.append(Wake(waiter))
        if entry.queue:
            self._hand_over(entry, now)
        else:
            self._rest(entry)
        return True

    def fail(self, entry: Entry, cause: BaseException) -> None:
        """The start in ``entry`` failed: tell everybody who waits for it; a known session id stays suspended."""
        creation = entry.creation
        if entry.stage is not _CREATING or creation is None:
            return
        self._emit("fail", entry.key, entry, cause=entry.start_stage)
        for waiter in creation.waiters:
            waiter.failed_stage, waiter.failure = entry.start_stage, cause
            self._decide(waiter, Outcome.FAILED)
        del self.creations[entry.key]  # LP fail
        self._doom(entry)
        if not entry.opened:
            self.closed(entry, confirmed=True)
        else:
            self.effects.append(Close(entry, kill=True, tell=False))
            self._serve()

    def stopped(self, entry: Entry) -> None:
        """The defeated start in ``entry`` ended; with no process it frees the slot, otherwise its closing does."""
        if entry.stage is _CLOSING and not entry.opened:
            self.closed(entry, confirmed=True)

    def capacity_ran_out(self, creation: Creation) -> None:
        """``capacity_timeout`` passed: refuse the creation, unless it was served meanwhile."""
        if (
            self.creations.get(creation.key) is not creation
            or creation.entry is not None
            or creation.source is not None
        ):
            return
        del self.creations[creation.key]
        del self.waiting[creation.serial]
        self._emit("exhaust", creation.key)
        for waiter in creation.waiters:
            self._decide(waiter, Outcome.EXHAUSTED)

    def closed(self, entry: Entry, *, confirmed: bool) -> None:
        """The process of ``entry`` is dead (``confirmed``) or given up on: its slot goes to whoever it was promised to."""
        if self.entries.pop(entry.serial, None) is None:
            return
        if self.dying.get(entry.key) is entry:
            del self.dying[entry.key]
        self._emit("closed" if confirmed else "give_up", entry.key, entry)
        if not confirmed:
            self.given_up += 1
            remembered = self.suspended.get(entry.key)
            if remembered is not None and entry.claimed_id is not None:
                self.suspended[entry.key] = Suspended(None, session_reset=True)  # it may still own the id
        heir, entry.heir = entry.heir, None
        if heir is not None:
            heir.source = None
            self._give(heir)
        self._serve()

    # -- the operator ------------------------------------------------------------------------------------------------

    def expire(self, ttl: float, max_lease: float | None, now: float) -> list[str]:
        """Suspend what has been idle for ``ttl`` seconds or is dead, take back leases older than ``max_lease`` seconds."""
        removed: list[str] = []
        # Least recently used first, so both passes read the idle order as it is; a copy, because removal changes it.
        for key, entry in list(self.idle.items()):
            if not entry.connection.alive:
                self._bury(entry)
                removed.append(key)
            elif now - entry.used_at >= ttl:
                self._remove(entry, "expire", kill=False)
                removed.append(key)
        if max_lease is not None:
            for key, entry in list(self.live.items()):
                if entry.stage is _LEASED and now - entry.leased_at >= max_lease:
                    self._remove(entry, "max_lease", kill=True)
                    removed.append(key)
        return removed

    def reset(self, key: str) -> bool:
        """Forget everything about ``key`` and defeat its creation in flight, which starts over without the old id."""
        remembered = self.suspended.pop(key, None)
        entry = self.live.get(key)
        creation = self.creations.get(key)
        found = remembered is not None or entry is not None or creation is not None
        self._emit("reset", key, entry)
        if entry is not None:
            self._remove(entry, "reset", kill=True, keep=False)
        elif creation is not None and creation.entry is not None:
            waiters = tuple(creation.waiters)
            source = creation.entry
            self._abandon(creation, "reset")
            self._begin(key, waiters, source)
            self._serve()
        return found  # LP reset

    def shut(self) -> None:
        """Refuse new work from now on, fail everybody who waits, suspend what is idle; leases may go on."""
        self.open = False  # LP shut
        self._emit("shut", "")
        for creation in list(self.creations.values()):
            for waiter in creation.waiters:
                self._decide(waiter, Outcome.CLOSED)
            self._abandon(creation, "shutdown")
        for entry in list(self.live.values()):
            for waiter in entry.queue:
                self._decide(waiter, Outcome.CLOSED)
            entry.queue.clear()
            if entry.stage is _IDLE:
                self._remove(entry, "shutdown", kill=False)

    def revoke_all(self) -> None:
        """The deadline of the shutdown passed: take back every lease that is left."""
        for entry in list(self.live.values()):
            self._remove(entry, "shutdown", kill=True)

    # -- prompts -----------------------------------------------------------------------------------------------------

    def prompt_begun(self, entry: Entry, token: object) -> bool:
        """A prompt of the holder ``token`` begins; False when the lease is no longer its own."""
        if entry.lease is not token:
            return False
        entry.prompts += 1
        return True

    def prompt_ended(self, entry: Entry, token: object, *, answered: bool) -> None:
        """A prompt ended; once one was answered to its holder, the reset flag has been delivered."""
        entry.prompts -= 1
        if answered and entry.lease is token:
            entry.session_reset = False

    def prompting(self, key: str) -> Entry | None:
        """The live session of ``key`` if a prompt runs on it."""
        entry = self.live.get(key)
        return entry if entry is not None and entry.prompts else None

    # -- parts of steps ----------------------------------------------------------------------------------------------

    def _reserve(self, key: str) -> Creation | None:
        creation = self._begin(key, (), None)
        self._serve()
        if creation.entry is None and creation.source is None:
            if not self.waits_for_capacity:
                del self.creations[key]
                del self.waiting[creation.serial]
                return None
            self._emit("queue", key)
            creation.queued = True
            self.effects.append(Queued(creation))
        return creation

    def _begin(self, key: str, waiters: Iterable[Waiter], source: Entry | None) -> Creation:
        self._serial += 1
        creation = Creation(self._serial, key)
        self.creations[key] = creation
        self.waiting[creation.serial] = creation
        for waiter in waiters:
            waiter.entry, waiter.creation = None, creation
            creation.waiters[waiter] = None
        if source is not None:
            self._promise(source, creation)
        return creation

    def _serve(self) -> None:
        """Find every creation without a slot the one it can have, in order of arrival: its own key's dying process, which it
        must wait for anyway, then a free slot, then a dead session's, then one that closes for nobody, then an idle one's."""
        if not self.open:
            return
        for creation in list(self.waiting.values()):
            own = self.dying.get(creation.key)
            if own is not None and own.heir is creation:
                continue
            if len(self.entries) < self.max_sessions:
                self._give(creation)
            elif own is not None and own.heir is None:
                self._promise(own, creation)
            elif creation.source is None:
                source = self._dead() or self._unpromised() or self._evict()
                if source is None:
                    return
                self._promise(source, creation)

    def _give(self, creation: Creation) -> None:
        """Use a free slot for ``creation``; if its key's process is still dying it takes the slot of that one instead, and the
        free one goes to whoever was promised that: no slot waits for a process it does not belong to."""
        own = self.dying.get(creation.key)
        if own is None:
            self._grant(creation)
            return
        other = own.heir
        if other is not creation:
            self._promise(own, creation)
            if other is not None:
                self._give(other)

    def _unpromised(self) -> Entry | None:
        """A closing entry whose slot nobody was promised."""
        return next((entry for entry in self.dying.values() if entry.heir is None), None)

    def _dead(self) -> Entry | None:
        """Retire an idle session whose process is found dead: not a victim, but the slot nearest at hand."""
        dead = next((entry for entry in self.idle.values() if not entry.connection.alive), None)
        if dead is not None:
            self._take_out(dead, "die", kill=True)
        return dead

    def _evict(self) -> Entry | None:
        """Retire the least recently used idle session."""
        victim = next(iter(self.idle.values()), None)
        if victim is not None:
            self._take_out(victim, "evict", kill=False)  # LP evict
        return victim

    def _promise(self, source: Entry, creation: Creation) -> None:
        if source.heir is not None:
            source.heir.source = None
        if creation.source is not None:
            creation.source.heir = None
        source.heir = creation
        creation.source = source
        self._unqueue(creation)
        self._emit("promise", creation.key, source, other=source.key)

    def _grant(self, creation: Creation) -> None:
        """Reserve a free slot for ``creation`` and start its process in it."""
        del self.waiting[creation.serial]
        self._unqueue(creation)
        source, creation.source = creation.source, None
        if source is not None:
            source.heir = None
            self._emit("victim_changed", creation.key, other=source.key)
        self._serial += 1
        entry = Entry(self._serial, creation.key, creation=creation)
        creation.entry = self.entries[entry.serial] = entry  # LP reserve
        self._emit("start", creation.key, entry)
        self.effects.append(Start(entry))

    def _unqueue(self, creation: Creation) -> None:
        if creation.queued:
            creation.queued = False
            self.effects.append(Served(creation))

    def _abandon(self, creation: Creation, cause: str) -> None:
        """Defeat ``creation``: whatever its process does from now on is not looked at."""
        del self.creations[creation.key]  # LP abandon
        self._emit("abandon", creation.key, creation.entry, cause=cause)
        if creation.entry is None:
            del self.waiting[creation.serial]
            self._unqueue(creation)
            if creation.source is not None:
                creation.source.heir = None
        else:
            entry = creation.entry
            self._doom(entry)
            self.effects.append(Stop(entry))
            if entry.opened:
                self.effects.append(Close(entry, kill=True, tell=False))

    def _doom(self, entry: Entry) -> None:
        entry.stage = _CLOSING
        entry.creation = None
        self.dying[entry.key] = entry

    def _bury(self, entry: Entry) -> None:
        """The process of a live ``entry`` was found dead: it leaves, its session id stays."""
        self._remove(entry, "die", kill=True)

    def _remove(self, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        """Take a live ``entry`` out of use and let those who wait for a slot have its slot once it is closed."""
        self._take_out(entry, cause, kill=kill, keep=keep)
        self._serve()

    def _take_out(self, entry: Entry, cause: str, *, kill: bool, keep: bool = True) -> None:
        """Take a live ``entry`` out of use; ``keep``: suspend its session id. Its slot stays taken until it is closed."""
        del self.live[entry.key]
        self.idle.pop(entry.key, None)
        token, entry.lease = entry.lease, None
        if keep:
            self.suspended[entry.key] = Suspended(entry.session_id, entry.session_reset)
        self._doom(entry)
        self._emit("remove", entry.key, entry, cause=cause)
        if token is not None:
            self.effects.append(Interrupt(token, cause))
        self.effects.append(Close(entry, kill=kill, tell=entry.prompts > 0))
        queue, entry.queue = entry.queue, {}
        heirs = [waiter for waiter in queue if waiter.want is Want.BOTH]
        for waiter in queue:
            if waiter.want is Want.LEASE:
                self._decide(waiter, Outcome.NO_SESSION)
        if heirs:
            # Those who asked for a session whatever its state get the next one, in their order, in the slot of this one.
            self._begin(entry.key, heirs, entry)
            self.effects.extend(Wake(waiter) for waiter in heirs)

    def _wait_for_lease(self, waiter: Waiter, entry: Entry) -> None:
        waiter.entry = entry
        entry.queue[waiter] = None
        self._emit("wait", entry.key, entry)

    def _hand_over(self, entry: Entry, now: float) -> None:
        """Give the lease to the first who waits for it, in this step: no instant between in which another could take it."""
        waiter = next(iter(entry.queue))
        del entry.queue[waiter]
        entry.stage = _LEASED
        entry.lease = waiter.token  # LP acquire
        entry.leased_at = now
        self._decide(waiter, Outcome.GRANTED)
        if self.listening:
            self._emit("acquire", entry.key, entry)

    def _rest(self, entry: Entry) -> None:
        entry.stage = _IDLE
        self.idle[entry.key] = entry
        if self.waiting:
            self._serve()

    def _decide(self, waiter: Waiter, outcome: Outcome) -> None:
        waiter.outcome = outcome
        if outcome is not Outcome.GRANTED:
            waiter.creation = waiter.entry = None
        self.effects.append(Wake(waiter))

    def _emit(
        self, action: str, key: str, entry: Entry | None = None, *, cause: str = "", other: str = ""
    ) -> None:
        serial, session_id = (entry.serial, entry.session_id) if entry is not None else (None, None)
        self.effects.append(PoolEvent(action, key, serial, session_id, cause, other))
