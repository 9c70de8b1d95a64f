"""Who holds a slot, who is promised one, who waits: the parts of which the pool's decisions are made.

The rules are stated in ``core.py``, whose methods are the decisions; a method here is a part of one and leaves a whole state
only when the decision that called it is over.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any

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
from acpool.trace import Action, Listener, Step

# Looking a member up in its Enum costs a descriptor call on CPython 3.11, as much as the rest of a lease's bookkeeping.
CREATING, IDLE, LEASED, CLOSING = Stage.CREATING, Stage.IDLE, Stage.LEASED, Stage.CLOSING


class Slots:
    """The pool's whole state, and what moves slots between entries, creations and waiters."""

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
        self.idle: dict[str, Entry] = {}
        self.dying: dict[str, Entry] = {}
        self.creations: dict[str, Creation] = {}
        self.waiting: OrderedDict[int, Creation] = OrderedDict()
        self.suspended: dict[str, Suspended] = {
            key: Suspended(session_id) for key, session_id in suspended.items()
        }
        self.given_up: int = 0
        self.effects: deque[Effect] = deque()
        self.listening = listening
        self.trace: Listener | None = None
        self._serial = 0

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
        """Find every creation without a slot the one it can have, in order of arrival: a free slot, then its own key's if that
        closes for nobody, that of a dead session, that of an idle session, any other that closes for nobody."""
        for creation in list(self.waiting.values()):
            if len(self.entries) < self.max_sessions:
                self._give(creation)
            elif creation.source is None:
                source = self._own(creation) or self._dead() or self._evict() or self._unpromised()
                if source is None:
                    return
                self._promise(source, creation)

    def _give(self, creation: Creation) -> None:
        """Use a free slot for ``creation``; if its key's process is still dying it takes the slot of that one instead, and the
        free one is for the next in line: no slot waits for a process it does not belong to."""
        own = self.dying.get(creation.key)
        if own is None:
            self._grant(creation)
        elif own.heir is not creation:
            self._promise(
                own, creation
            )  # whoever was promised it came later, and its turn comes in this same pass

    def _own(self, creation: Creation) -> Entry | None:
        """The dying process of the same key, which ``creation`` must wait for anyway, if its slot was promised to nobody."""
        own = self.dying.get(creation.key)
        return own if own is not None and own.heir is None else None

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
        entry.stage = CLOSING
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
        granted, entry.granted = entry.granted, None
        if keep:
            self.suspended[entry.key] = Suspended(entry.session_id, entry.session_reset)
        self._doom(entry)
        self._emit("remove", entry.key, entry, cause=cause)
        if token is not None and granted is None:
            self.effects.append(Interrupt(token, cause))
        self.effects.append(Close(entry, kill=kill, tell=entry.prompts > 0))
        queue, entry.queue = entry.queue, {}
        if granted is not None and not self.open:
            self._decide(granted, Outcome.CLOSED)  # whoever waited was told when the pool was shut
        elif granted is not None:
            # It was handed the lease but has not begun: it is still the first of those who wait.
            granted.outcome = Outcome.PENDING
            queue = {granted: None, **queue}
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
        if self.listening:
            self._emit("wait", entry.key, entry)

    def _hand_over(self, entry: Entry, now: float) -> None:
        """Give the lease to the first who waits for it, in this step: no instant between in which another could take it."""
        waiter = next(iter(entry.queue))
        del entry.queue[waiter]
        entry.stage = LEASED
        entry.lease = waiter.token  # LP acquire
        entry.granted = waiter
        entry.leased_at = now
        self._decide(waiter, Outcome.GRANTED)
        if self.listening:
            self._emit("acquire", entry.key, entry)

    def _rest(self, entry: Entry) -> None:
        entry.stage = IDLE
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

    def _took(self, action: Action, entry: Entry, caller: object = None, **besides: Any) -> None:
        """Tell the listener, which must be there, of a step that concerns the slot ``entry``."""
        assert self.trace is not None
        self.trace(Step(action, entry.key, caller, entry.serial, **besides))
