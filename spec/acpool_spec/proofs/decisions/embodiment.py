"""The core that looks like a state of the model: its real dictionaries and records, with concrete keys and callers.

The state is a template of ``frames``, or one of plain numbers. What is open in it is put where the core keeps a session id, a
flag or a number, and passed on as it is. The outside world has stand-ins: a process that is a flag, a caller that is a lease
without a task.
"""

from __future__ import annotations

from typing import Any, Final, cast

from acpool import Lease
from acpool.core import Core
from acpool.records import Creation, Entry, Outcome, Suspended, Waiter
from acpool.records import Stage as Life
from acpool.records import Want as Wish
from acpool_model.state import Client, Dying, Key, Phase, Stage, State, Want
from acpool_spec.proofs.decisions.structure import Values, filled
from acpool_spec.refinement.names import Names

KEY_NAMES: Final = ("a", "b", "c", "d")
"""The concrete keys, in the order of the model's numbers."""
WISHES: Final = {Want.ANSWER: Wish.ANSWER, Want.LEASE: Wish.LEASE, Want.BOTH: Wish.BOTH}
_STARTS: Final = {
    Stage.OPENING: "open",
    Stage.INITIALIZING: "initialize",
    Stage.LOADING: "load",
    Stage.NEW: "new",
}
_IN_LINE: Final = (Stage.QUEUED, Stage.PROMISED)


class Process:
    """Stands for a connection: the core asks it nothing but whether it lives."""

    def __init__(self, alive: Any) -> None:
        self.alive = alive


class Caller(Lease):
    """Stands for a lease in the hands of a caller: identity, what it asks for, and what it believes to hold."""

    def __init__(self, key: str, want: Wish) -> None:
        super().__init__(cast(Any, None), key)
        self.want = want

    def hold(self, entry: Entry | None) -> None:
        """Its block begins with ``entry``, or is over."""
        self._held = None if entry is None else (entry, cast(Any, None), cast(Any, None), 0)

    @property
    def held(self) -> Entry | None:
        """What it believes to hold."""
        return None if self._held is None else self._held[0]


class Numbers(Names):
    """Session ids are their own numbers here, and every client has its seat from the beginning."""

    def session(self, key: str, session_id: Any) -> Any:
        """The number that stands in the record."""
        return 0 if session_id is None else session_id

    def flag(self, up: Any) -> Any:
        """The flag that stands in the record."""
        return up

    def place(self, number: int, caller: object) -> None:
        """``caller`` is client ``number``."""
        waiter = caller if isinstance(caller, Waiter) else None
        who = caller if waiter is None or waiter.token is None else waiter.token
        self._seat_numbers[id(who)] = number
        self.seats[number - 1] = (who, waiter)


class EmbodiedCore(Core):
    """A core whose abstraction is ``template``, with ``values`` in its holes where they are given.

    ``backwards``: live sessions and creations are in their dictionaries in the other order; the model knows none.
    """

    def __init__(self, template: State, values: Values | None = None, *, backwards: bool = False) -> None:
        state = template if values is None else filled(template, values)
        super().__init__(
            state.capacity,
            waits_for_capacity=cast(Any, state.queueing),
            times_leases=True,
            suspended={},
            listening=False,
        )
        self.state = state
        self.open = state.open != 0
        self.names = Numbers()
        self.names.seats = [None] * len(state.clients)
        for name in KEY_NAMES[: len(state.keys)]:
            self.names.key(name)
        self.callers: list[Caller | Waiter | None] = [None] * len(state.clients)
        numbered = list(zip(KEY_NAMES, state.keys, template.keys, strict=False))
        for name, key, like in reversed(numbered) if backwards else numbered:
            self._embody_key(name, key, like)
        self._order(dict(zip(KEY_NAMES, template.keys, strict=False)))
        for number in sorted(range(1, len(state.clients) + 1), key=lambda n: state.clients[n - 1].arrival):
            prompts = 1 if values is None else getattr(values, f"prompts{number}")
            self._embody_client(number, state.clients[number - 1], prompts)

    def entry_of(self, at: int) -> Entry:
        """The process of key ``at`` that is not dying. Raises ``LookupError`` where it has none."""
        name = KEY_NAMES[at - 1]
        entry = self.live.get(name)
        if entry is None:
            entry = self.creations[name].entry
        if entry is None:
            raise LookupError(name)
        return entry

    # -- parts -------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _enter(self, name: str, **fields: Any) -> Entry:
        entry = Entry(self._next(), name, **fields)
        self.entries[entry.serial] = entry
        return entry

    def _embody_key(self, name: str, key: Key, like: Key) -> None:
        """``like`` is the same with an example where something is open in ``key``: only whether it is 0 is asked of it."""
        if key.stage in _IN_LINE:
            self.creations[name] = Creation(self._next(), name)
        elif Stage.OPENING <= key.stage <= Stage.NEW:
            self.creations[name] = self._start(name, key)
        elif key.stage >= Stage.IDLE:
            self.live[name] = self._enter(
                name,
                stage=Life.LEASED if key.stage == Stage.LEASED else Life.IDLE,
                opened=True,
                connection=Process(key.alive),
                session_id=key.session,
                claimed_id=key.session,
                resumed=key.resumed,
                session_reset=key.flag,
                start_stage="new",
            )
        if key.dying:
            entry = self._enter(name, stage=Life.CLOSING, opened=key.dying == Dying.CLOSING)
            if like.dying_session:
                entry.claimed_id = cast(Any, key.dying_session)
            if entry.opened:
                entry.connection = cast(Any, Process(1))
            self.dying[name] = entry
        if like.kept:
            self.suspended[name] = Suspended(cast(Any, key.kept), cast(Any, key.kept_flag))
        elif key.stage < Stage.IDLE and like.kept_flag:
            self.suspended[name] = Suspended(None, session_reset=True)

    def _start(self, name: str, key: Key) -> Creation:
        creation = Creation(self._next(), name)
        opened = key.stage >= Stage.INITIALIZING
        entry = self._enter(name, creation=creation, start_stage=_STARTS[key.stage], opened=opened)
        if opened:
            entry.connection = cast(Any, Process(key.alive))
        if key.stage == Stage.LOADING:
            entry.claimed_id = cast(Any, key.session)
        creation.entry = entry
        return creation

    def _order(self, keys: dict[str, Key]) -> None:
        """The dictionaries whose order means something, and the promises."""
        idle = [name for name, key in keys.items() if key.stage == Stage.IDLE]
        self.idle = {name: self.live[name] for name in sorted(idle, key=lambda name: keys[name].used)}
        dying = sorted(self.dying, key=lambda name: keys[name].dying_since)
        self.dying = {name: self.dying[name] for name in dying}
        line = [name for name, key in keys.items() if key.stage in _IN_LINE]
        for name in sorted(line, key=lambda name: keys[name].arrival):
            creation = self.creations[name]
            self.waiting[creation.serial] = creation
            if keys[name].source:
                creation.source = self.dying[KEY_NAMES[keys[name].source - 1]]
                creation.source.heir = creation
            else:
                creation.queued = True

    def _embody_client(self, number: int, client: Client, prompts: int) -> None:
        if client.phase == Phase.OUT:
            return
        name = KEY_NAMES[client.key - 1]
        if client.phase >= Phase.HOLDING:
            caller = Caller(name, Wish.BOTH)
            if client.phase == Phase.HOLDING:
                entry = self.live[name]
                entry.lease = caller
            else:  # a record that the core has forgotten
                entry = Entry(self._next(), name, stage=Life.CLOSING, opened=True)
                entry.connection = cast(Any, Process(1))
            entry.prompts = prompts if client.prompt else 0
            caller.hold(entry)
            self._seat(number, caller)
            return
        wish = WISHES[client.want]
        waiter = Waiter(name, wish, None if wish is Wish.ANSWER else Caller(name, wish))
        if client.phase == Phase.GRANTED:
            waiter.outcome, waiter.entry = Outcome.GRANTED, self.live[name]
            waiter.entry.lease, waiter.entry.granted = waiter.token, waiter
        elif name in self.creations:
            waiter.creation = self.creations[name]
            waiter.creation.waiters[waiter] = None
        else:
            waiter.entry = self.live[name]
            waiter.entry.queue[waiter] = None
        self._seat(number, waiter)

    def _seat(self, number: int, caller: Caller | Waiter) -> None:
        self.callers[number - 1] = caller
        self.names.place(number, caller)
