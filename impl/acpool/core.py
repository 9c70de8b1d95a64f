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

from acpool.contract import Connection, SessionInfo
from acpool.errors import ConnectionLost
from acpool.records import Close, Creation, Entry, Outcome, Suspended, Waiter, Wake, Want
from acpool.slots import CLOSING, CREATING, IDLE, LEASED, Slots


class Core(Slots):
    """The pool's whole state and every step it can take; times are seconds of one monotonic clock, passed in as ``now``."""

    # -- the hot path ------------------------------------------------------------------------------------------------

    def acquire(self, key: str, token: object, now: float) -> Entry | None:
        """Lease the idle session of ``key`` to ``token``; None when it takes more than that (then :meth:`ask`)."""
        entry = self.idle.pop(key, None)
        if entry is None:
            return None
        if not entry.connection.alive:
            self._bury(entry)
            return None
        entry.stage = LEASED
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
        entry.granted = None
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
            entry.stage = IDLE
            self.idle[entry.key] = entry
            if self.waiting:
                self._serve()

    def get(self, key: str, now: float) -> SessionInfo | None:
        """Describe the live session of ``key`` and count it as used; None when it takes more than that."""
        entry = self.live.get(key)
        if entry is None or not self.open or not entry.connection.alive:
            return None
        entry.used_at = now  # LP get
        if entry.stage is IDLE:
            self.idle[key] = self.idle.pop(key)
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
        elif outcome is Outcome.PENDING:
            assert waiter.entry is not None
            del waiter.entry.queue[waiter]

    # -- creations ---------------------------------------------------------------------------------------------------

    def opened(self, entry: Entry, connection: Connection) -> bool:
        """The process of ``entry`` runs. False when its start was defeated meanwhile; then it is being closed."""
        entry.connection, entry.opened = connection, True
        if entry.stage is CREATING:
            return True
        self.effects.append(Close(entry, kill=True, tell=False))
        return False

    def id_to_load(self, entry: Entry) -> str | None:
        """The session id that the process of ``entry`` is to load; from here on it may own that id."""
        remembered = self.suspended.get(entry.key)
        if entry.stage is not CREATING or remembered is None:
            return None
        entry.claimed_id = remembered.session_id
        return remembered.session_id

    def refused(self, entry: Entry) -> None:
        """The agent will not load the id; it does not own it."""
        entry.claimed_id = None

    def commit(self, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        """Install the started session and answer everybody who waits for it; False when the start was defeated meanwhile."""
        creation = entry.creation
        if entry.stage is not CREATING or creation is None:
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
        entry.stage = LEASED
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
        if entry.stage is not CREATING or creation is None:
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
        if entry.stage is CLOSING and not entry.opened:
            self.closed(entry, confirmed=True)

    def capacity_ran_out(self, creation: Creation) -> None:
        """``capacity_timeout`` passed: refuse the creation, unless it was served meanwhile."""
        if not creation.queued:
            return
        creation.queued = False
        del self.creations[creation.key]
        del self.waiting[creation.serial]
        self._emit("exhaust", creation.key)
        for waiter in creation.waiters:
            self._decide(waiter, Outcome.EXHAUSTED)

    def closed(self, entry: Entry, *, confirmed: bool) -> None:
        """The process of ``entry`` is dead (``confirmed``) or given up on: its slot goes to whoever it was promised to."""
        if self.entries.pop(entry.serial, None) is None:
            return
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
            if heir.key == entry.key:
                self._give(heir)  # the session's own slot; any other goes to whoever waited first
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
                if entry.stage is LEASED and now - entry.leased_at >= max_lease:
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
            if entry.stage is IDLE:
                self._remove(entry, "shutdown", kill=False)

    def revoke_all(self) -> None:
        """The deadline of the shutdown passed: take back every lease that is left."""
        for entry in list(self.live.values()):
            self._remove(entry, "shutdown", kill=True)

    # -- prompts -----------------------------------------------------------------------------------------------------

    def begun(self, waiter: Waiter) -> None:
        """The caller behind ``waiter`` begins to use the lease that it was handed; from now on it can be interrupted."""
        assert waiter.entry is not None
        waiter.entry.granted = None

    def prompt_begun(self, entry: Entry) -> None:
        """A prompt of the holder begins."""
        entry.prompts += 1

    def prompt_ended(self, entry: Entry, token: object, *, answered: bool) -> None:
        """A prompt ended; once one was answered to its holder, the reset flag has been delivered."""
        entry.prompts -= 1
        if answered and entry.lease is token:
            entry.session_reset = False

    def prompting(self, key: str) -> Entry | None:
        """The live session of ``key`` if a prompt runs on it."""
        entry = self.live.get(key)
        return entry if entry is not None and entry.prompts else None
