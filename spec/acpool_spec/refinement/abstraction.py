"""From the pool's decisions to the model's state, and what of the two is compared.

``abstract(core)`` is what a pool looks like in the fields of the model; ``comparable`` is what the same looks like from the
model's side. Both have ranks in the place of ticks: who came first is compared, not when. Left out, by name:

* ``established``, ``owed``, ``relic``, ``resets``, ``born``: ghosts. The pool does not keep them; the model's own invariants
  (S3, S6, S7, S11) tie them to the fields that are compared.
* ``now``, ``fresh``: counters of the model.
* ``used`` of a session that is not idle, ``dying_since`` after the shut, ``want`` and ``arrival`` of a holder: no transition
  reads them before it has set them anew.
* whether the agent was told to end its prompt (``CANCELLING``): the pool does not keep it, so it is a prompt like any other.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from acpool import Lease
from acpool.core import Core
from acpool.records import Creation, Entry, Outcome, Waiter
from acpool.records import Stage as Life
from acpool.records import Want as Wish
from acpool_model import Answer, Client, Dying, Key, Phase, Prompt, Stage, State, Want
from acpool_spec.refinement.names import AtOnce, Names

COMPARED: Final = 14
"""So many of the fields of a key are compared, the first ones; the others are ghosts."""

Row: TypeAlias = tuple[int, ...]
"""The compared fields of a :class:`~acpool_model.Key`, or all those of a :class:`~acpool_model.Client`."""


class View(NamedTuple):
    """A state as it is compared."""

    open: int
    processes: int
    keys: tuple[Row, ...]
    clients: tuple[Row, ...]

    def state(self, capacity: int, queueing: int) -> State:
        """The same as a state of the model, to be shown."""
        keys = tuple(Key(*row) for row in self.keys)
        clients = tuple(Client(*row) for row in self.clients)
        return State(capacity, queueing, self.open, 0, 0, self.processes, keys, clients)

    def padded(self, keys: int, clients: int) -> View:
        """With so many keys and clients at least."""
        blank, out = tuple(Key())[:COMPARED], tuple(Client())
        return self._replace(
            keys=self.keys + (blank,) * (keys - len(self.keys)),
            clients=self.clients + (out,) * (clients - len(self.clients)),
        )


_STARTS = {
    "open": Stage.OPENING,
    "initialize": Stage.INITIALIZING,
    "load": Stage.LOADING,
    "new": Stage.NEW,
}
_ANSWERS = {
    Outcome.ANSWERED: Answer.ANSWERED,
    Outcome.EXHAUSTED: Answer.EXHAUSTED,
    Outcome.FAILED: Answer.FAILED,
    Outcome.NO_SESSION: Answer.NO_SESSION,
    Outcome.CLOSED: Answer.CLOSED,
}
WANTS = {Wish.ANSWER: Want.ANSWER, Wish.LEASE: Want.LEASE, Wish.BOTH: Want.BOTH}
_ASKING = (Phase.WAITING, Phase.GRANTED)
_OUT: Final[Row] = tuple(Client())


def abstract(core: Core, names: Names) -> View:
    """What ``core`` looks like to the model; callers and keys that were not met before get numbers."""
    for of_pool in (core.live, core.creations, core.dying, core.suspended):
        for name in of_pool:
            names.key(name)
    clients = _clients(core, names)
    ranks = _Ranks(core)
    keys = tuple([_key(core, name, names, ranks) for name in names.keys])
    processes = sum([entry.opened for entry in core.entries.values()])
    return View(int(core.open), processes, keys, clients)


class _Ranks:
    """The orders in which the pool serves, evicts and waits for the dying, as numbers from 1."""

    def __init__(self, core: Core) -> None:
        self.line = {creation.key: rank for rank, creation in enumerate(core.waiting.values(), 1)}
        self.idle = {key: rank for rank, key in enumerate(core.idle, 1)}
        self.dying = {key: rank for rank, key in enumerate(core.dying, 1)} if core.open else {}


def _key(core: Core, name: str, names: Names, ranks: _Ranks) -> Row:
    entry, creation = core.live.get(name), core.creations.get(name)
    stage = source = alive = session = holder = 0
    resumed = flag = False
    if creation is not None:
        stage, source = _creating(creation, names)
        entry = creation.entry
    elif entry is not None:
        stage = Stage.LEASED if entry.stage is Life.LEASED else Stage.IDLE
        resumed, flag = entry.resumed, entry.session_reset
        holder = 0 if entry.lease is None else names.seat(entry.lease)
    if entry is not None:
        session = names.session(name, entry.claimed_id)
        alive = int(stage != Stage.OPENING and entry.connection.alive)
    kept, dying = core.suspended.get(name), core.dying.get(name)
    return (
        stage,
        ranks.line.get(name, 0),
        source,
        alive,
        session,
        names.flag(resumed),
        names.flag(flag),
        holder,
        ranks.idle.get(name, 0),
        0 if kept is None else names.session(name, kept.session_id),
        0 if kept is None else names.flag(kept.session_reset),
        Dying.NOTHING if dying is None else Dying.CLOSING if dying.opened else Dying.STOPPING,
        0 if dying is None else names.session(name, dying.claimed_id),
        ranks.dying.get(name, 0),
    )


def _creating(creation: Creation, names: Names) -> tuple[int, int]:
    if creation.entry is not None:
        return _STARTS[creation.entry.start_stage], 0
    if creation.source is not None:
        return Stage.PROMISED, names.key(creation.source.key)
    return Stage.QUEUED, 0


def _clients(core: Core, names: Names) -> tuple[Row, ...]:
    found: dict[int, Row] = {}
    for name, entry in core.live.items():
        if entry.lease is not None:
            found[names.seat(entry.lease)] = _holder(entry, names.key(name))
        for rank, waiter in enumerate(entry.queue, 1):
            found[names.seat(waiter)] = _waiting(waiter, names.key(name), rank)
    for name, creation in core.creations.items():
        for rank, waiter in enumerate(creation.waiters, 1):
            found[names.seat(waiter)] = _waiting(waiter, names.key(name), rank)
    return tuple([found.get(number) or _gone(names, number) for number in range(1, len(names.seats) + 1)])


def _holder(entry: Entry, at: int) -> Row:
    handed = entry.granted
    if handed is None:
        return (Phase.HOLDING, at, 0, 0, _prompt(entry), 0)
    return (Phase.GRANTED, at, WANTS[handed.want], 0, 0, 0)


def _waiting(waiter: Waiter, at: int, rank: int) -> Row:
    return (Phase.WAITING, at, WANTS[waiter.want], rank, 0, 0)


def _gone(names: Names, number: int) -> Row:
    """A client that neither waits nor holds: its lease was taken back, or its call is over."""
    taken = names.seats[number - 1]
    if taken is None:
        return _OUT
    caller, waiter = taken
    if isinstance(caller, Lease) and (lost := caller.lost) is not None:
        return (Phase.REVOKED, names.key(lost.key), 0, 0, _prompt(lost), 0)
    if isinstance(caller, AtOnce):
        return (0, 0, 0, 0, 0, Answer.ANSWERED)
    return _OUT if waiter is None else (0, 0, 0, 0, 0, _ANSWERS.get(waiter.outcome, Answer.NONE))


def _prompt(entry: Entry) -> int:
    return Prompt.RUNNING if entry.prompts else Prompt.NONE


def comparable(state: State, ranked: State) -> View:
    """What of ``state`` is compared with a pool; ``ranked`` is the same with ranks for ticks
    (:func:`~acpool_spec.refinement.normal.normal`)."""
    keys = tuple([key[:COMPARED] for key in ranked.keys])
    clients = tuple([_client(client, state.clients) for client in state.clients])
    return View(state.open, state.processes, keys, clients)


def _client(client: Client, clients: tuple[Client, ...]) -> Row:
    phase = client.phase
    if phase == Phase.OUT:
        return client
    arrival = 0
    if phase == Phase.WAITING:
        arrival = 1
        for other in clients:
            if other.key == client.key and other.arrival < client.arrival and other.phase == Phase.WAITING:
                arrival += 1
    want = client.want if phase in _ASKING else 0
    return (phase, client.key, want, arrival, min(client.prompt, Prompt.RUNNING), client.answer)
