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
* Every atomic step ends in one call of ``trace``, where somebody listens (:mod:`acpool.trace`).

Each linearization point is marked ``# LP`` beside the line that takes effect.
"""

from __future__ import annotations

from acpool.contract import Connection, SessionInfo
from acpool.errors import ConnectionLost
from acpool.records import Close, Creation, Entry, Outcome, Suspended, Waiter, Wake, Want
from acpool.slots import CREATING, IDLE, LEASED, Slots
from acpool.trace import Action, Step


class Core(Slots):
    """The pool's whole state and every step it can take; times are seconds of one monotonic clock, passed in as ``now``."""

    # -- the hot path ------------------------------------------------------------------------------------------------

    def acquire(self, key: str, token: object, now: float) -> Entry | None:
        """Lease the idle session of ``key`` to ``token``; None when it takes more than that (then :meth:`ask`)."""
        entry = self.idle.get(key)
        if entry is None or not entry.connection.alive:
            return None
        del self.idle[key]
        entry.stage = LEASED
        entry.lease = token  # LP acquire
        entry.leased_at = now
        if self.listening:
            self._emit("acquire", key, entry)
        if self.trace is not None:
            self._took("ask", entry, token, want=getattr(token, "want", Want.BOTH))
        return entry

    def release(self, entry: Entry, token: object, now: float, step: Action = "release") -> None:
        """End the lease of ``token``: hand it to the next waiter, or leave the session idle as the most recently used."""
        if entry.lease is not token:
            # Taken back before; the slot is somebody else's business now.
            if self.trace is not None:
                self._took(step, entry, token)
            return
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
        if self.trace is not None:
            self._took(step, entry, token)

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
        if self.trace is not None:
            self._took("ask", entry, want=Want.ANSWER)
        return entry.info

    # -- callers -----------------------------------------------------------------------------------------------------

    def ask(self, key: str, want: Want, token: object, now: float) -> Waiter:
        """Decide what a caller gets: an answer now, a place in a queue, or a refusal."""
        waiter = Waiter(key, want, token)
        entry = self.live.get(key)
        if not self.open:
            waiter.outcome = Outcome.CLOSED
        elif entry is None or not entry.connection.alive:
            if entry is not None:
                self._bury(entry)
            self._ask_for_creation(waiter)
        elif want is Want.ANSWER:
            waiter.info = self.get(key, now)  # tells of the step
            waiter.outcome = Outcome.ANSWERED
            return waiter
        elif self.acquire(key, token, now) is not None:  # likewise
            waiter.entry = entry
            waiter.outcome = Outcome.GRANTED
            return waiter
        else:
            self._wait_for_lease(waiter, entry)
        if self.trace is not None:
            self.trace(Step("ask", key, waiter, want=want))
        return waiter

    def _ask_for_creation(self, waiter: Waiter) -> None:
        """Join the creation in flight, or begin one; refuse who wants neither, and whom there is no room for."""
        key = waiter.key
        creation = self.creations.get(key)
        if creation is None:
            if waiter.want is Want.LEASE:
                waiter.outcome = Outcome.NO_SESSION
                return
            creation = self._reserve(key)
            if creation is None:
                waiter.outcome = (
                    Outcome.EXHAUSTED
                )  # LP exhausted: nothing free, closing unpromised, or idle in this very step
                self._emit("exhaust", key)
                return
        else:
            self._emit("join", key, creation.entry)
        waiter.creation = creation
        creation.waiters[waiter] = None

    def leave(self, waiter: Waiter, now: float) -> None:
        """The caller stops waiting (cancelled, or out of time): give back what it was granted, abandon what nobody awaits."""
        outcome, waiter.outcome = waiter.outcome, Outcome.LEFT
        if outcome is Outcome.GRANTED:
            assert waiter.entry is not None
            self.release(waiter.entry, waiter.token, now, "leave")
            return
        if outcome is not Outcome.PENDING:
            return  # it had its answer; that it never reads it changes nothing
        if waiter.creation is not None:
            creation = waiter.creation
            del creation.waiters[waiter]
            if not creation.waiters:
                self._abandon(creation, "abandoned")
                self._serve()
        else:
            assert waiter.entry is not None
            del waiter.entry.queue[waiter]
        if self.trace is not None:
            self.trace(Step("leave", waiter.key, waiter))

    # -- creations ---------------------------------------------------------------------------------------------------

    def opened(self, entry: Entry, connection: Connection) -> bool:
        """The process of ``entry`` runs. False when its start was defeated meanwhile; then it is being closed."""
        entry.connection, entry.opened = connection, True
        defeated = entry.stage is not CREATING
        if defeated:
            self.effects.append(Close(entry, kill=True, tell=False))
        else:
            entry.start_stage = "initialize"
        if self.trace is not None:
            self._took("opened", entry)
        return not defeated

    def initialized(self, entry: Entry, *, can_load: bool) -> str | None:
        """The agent shook hands. The session id that its process is to load, None for a new one; it may own that id now."""
        if entry.stage is not CREATING:
            return None
        remembered = self.suspended.get(entry.key)
        if can_load and remembered is not None:
            entry.claimed_id = remembered.session_id
        entry.start_stage = "new" if entry.claimed_id is None else "load"
        if self.trace is not None:
            self._took("initialized", entry, can_load=can_load)
        return entry.claimed_id

    def refused(self, entry: Entry) -> None:
        """The agent will not load the id; it does not own it."""
        if entry.stage is not CREATING:
            return
        entry.claimed_id = None
        entry.start_stage = "new"
        if self.trace is not None:
            self._took("refused", entry)

    def commit(self, entry: Entry, session_id: str, *, resumed: bool, now: float) -> bool:
        """Install the started session and answer everybody who waits for it; False when the start was defeated meanwhile."""
        creation = entry.creation
        if creation is None:
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
        # What is remembered without an id is remembered for its flag.
        entry.session_reset = remembered is not None and (remembered.session_reset or not resumed)
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
        if self.trace is not None:
            self._took("commit", entry)
        return True

    def fail(self, entry: Entry, cause: BaseException) -> None:
        """The start in ``entry`` failed: tell everybody who waits for it; a known session id stays suspended."""
        creation = entry.creation
        if creation is None:
            return
        self._emit("fail", entry.key, entry, cause=entry.start_stage)
        for waiter in creation.waiters:
            waiter.failed_stage, waiter.failure = entry.start_stage, cause
            self._decide(waiter, Outcome.FAILED)
        del self.creations[entry.key]  # LP fail
        self._doom(entry)
        if not entry.opened:
            self._free(entry, confirmed=True)
        else:
            self.effects.append(Close(entry, kill=True, tell=False))
            self._serve()
        if self.trace is not None:
            self._took("fail", entry)

    def stopped(self, entry: Entry) -> None:
        """The defeated start in ``entry`` ended; with no process it frees the slot, otherwise its closing does."""
        if not entry.opened and entry.serial in self.entries:
            self._free(entry, confirmed=True)
            if self.trace is not None:
                self._took("stopped", entry)

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
        if self.trace is not None:
            self.trace(Step("exhaust", creation.key))

    def closed(self, entry: Entry, *, confirmed: bool) -> None:
        """The process of ``entry`` is dead (``confirmed``) or given up on: its slot is free."""
        if entry.serial in self.entries:
            self._free(entry, confirmed=confirmed)
            if self.trace is not None:
                self._took("closed" if confirmed else "give_up", entry)

    def _free(self, entry: Entry, *, confirmed: bool) -> None:
        """Give the slot of ``entry`` to whoever is served next."""
        del self.entries[entry.serial]
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
        if not self.open:
            return removed
        # Least recently used first, so both passes read the idle order as it is; a copy, because removal changes it.
        for key, entry in list(self.idle.items()):
            if not entry.connection.alive:
                self._bury(entry)
            elif now - entry.used_at >= ttl:
                self._remove(entry, "expire", kill=False)
            else:
                continue
            removed.append(key)
            if self.trace is not None:
                self._took("expire", entry)
        if max_lease is not None:
            for key, entry in list(self.live.items()):
                if entry.stage is LEASED and now - entry.leased_at >= max_lease:
                    self._remove(entry, "max_lease", kill=True)
                    removed.append(key)
                    if self.trace is not None:
                        self._took("reclaim", entry)
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
            self._begin(key, waiters, source)  # in its own slot, so that nothing comes free
        if self.trace is not None:
            self.trace(Step("reset", key))
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
        if self.trace is not None:
            self.trace(Step("shut"))

    def revoke_all(self) -> None:
        """The deadline of the shutdown passed: take back every lease that is left."""
        left = list(self.live.values())
        for entry in left:
            self._remove(entry, "shutdown", kill=True)
        if self.trace is not None and left:
            self.trace(Step("revoke"))

    # -- prompts -----------------------------------------------------------------------------------------------------

    def begun(self, waiter: Waiter) -> None:
        """The caller behind ``waiter`` begins to use the lease that it was handed; from now on it can be interrupted."""
        entry = waiter.entry
        assert entry is not None
        handed, entry.granted = entry.granted, None
        if self.trace is not None and handed is not None:
            self._took("begin", entry, waiter.token)

    def prompt_begun(self, entry: Entry) -> None:
        """A prompt of the holder begins."""
        entry.prompts += 1
        if self.trace is not None:
            self._took("prompt", entry, entry.lease, prompts=entry.prompts)

    def prompt_ended(self, entry: Entry, token: object, *, answered: bool) -> None:
        """A prompt ended; once one was answered to its holder, the reset flag has been delivered."""
        entry.prompts -= 1
        if answered and entry.lease is token:
            entry.session_reset = False
        if self.trace is not None:
            self._took("answered" if answered else "unanswered", entry, token, prompts=entry.prompts)

    def cancel(self, key: str) -> Entry | None:
        """The live session of ``key`` if a prompt runs on it, whose agent is to be told to end it."""
        entry = self.live.get(key)
        if entry is None or not entry.prompts:
            return None
        if self.trace is not None:
            self._took("cancel", entry)
        return entry
