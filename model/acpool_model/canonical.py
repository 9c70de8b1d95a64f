"""One state for all those that differ in nothing that can matter later: what makes the state space finite.

Ticks become ranks among the ticks they are ever compared with, session ids are numbered by first appearance, and what no
transition reads (``resumed``, answers given, wants that were met) is cleared. Keys and clients are interchangeable, so they
are put in order. Sound because transitions compare ticks and ids only with each other and treat all keys and all clients
alike: a state and its representative are bisimilar, step for step. That is tested: in every state that is met each action has
one in the representative that leads to the same representative, and exploring with and without it finds the same ones.

An exploration spends most of its time here, and meets few different keys and clients in its many states; so what is
computed from one key or one client alone is remembered.
"""

from __future__ import annotations

from functools import lru_cache

from acpool_model.state import Client, Key, Phase, Stage, State

_QUEUEING = frozenset((Phase.WAITING, Phase.GRANTED, Phase.HOLDING))
_ASKING = (Phase.WAITING, Phase.GRANTED)
_IN_LINE = (Stage.QUEUED, Stage.PROMISED)
_REMEMBERED = 1 << 16


def canonical(state: State) -> State:
    """The representative of every state that behaves as ``state`` does."""
    return represented(state)[0]


def represented(state: State) -> tuple[State, list[int], list[int]]:
    """The representative of ``state``, and the numbers that its keys and its clients have there, by those that they have here."""
    clients = [_client(client, _rank(client, state.clients)) for client in state.clients]
    keys = _ranked(state)
    count = len(keys)
    if count > 1:
        key_order = sorted(range(count), key=lambda at: _signature(at + 1, keys[at], clients))
        places = [0] * (count + 1)
        for new, old in enumerate(key_order, 1):
            places[old + 1] = new
        clients = [_moved(client, places[client.key]) for client in clients]
    else:
        key_order, places = [0], [0, 1]
    client_order = sorted(range(len(clients)), key=clients.__getitem__)
    seats = [0] * (len(clients) + 1)
    for new, old in enumerate(client_order, 1):
        seats[old + 1] = new
    names: dict[int, int] = {0: 0}
    for old in key_order:
        key = keys[old]
        for session in (key.session, key.kept, key.dying_session, key.established):
            if session not in names:
                names[session] = len(names)
    renamed = tuple(
        _renamed(
            key,
            places[key.source],
            seats[key.holder],
            names[key.session],
            names[key.kept],
            names[key.dying_session],
            names[key.established],
            # An id that is nowhere but with a process given up on can come back no more.
            names.get(key.relic, 0),
        )
        for key in [keys[old] for old in key_order]
    )
    ordered = tuple([clients[old] for old in client_order])
    last = max([max(key.arrival, key.used, key.dying_since) for key in renamed])
    last = max([last] + [client.arrival for client in ordered])
    shown = state._replace(now=1 + last, fresh=len(names), keys=renamed, clients=ordered)
    return shown, places, seats


def _rank(client: Client, clients: tuple[Client, ...]) -> int:
    """The place of ``client`` in the queue for its key, from 1; 0: it is in none."""
    if client.phase not in _QUEUEING:
        return 0
    earlier = [c for c in clients if c.phase in _QUEUEING and c.key == client.key]
    return 1 + sum([c.arrival < client.arrival for c in earlier])


@lru_cache(_REMEMBERED)
def _client(client: Client, rank: int) -> Client:
    """``client`` with its rank in the queue of its key for a tick, and without what nobody reads any more."""
    return client._replace(want=client.want if client.phase in _ASKING else 0, arrival=rank, answer=0)


@lru_cache(_REMEMBERED)
def _moved(client: Client, key: int) -> Client:
    return client._replace(key=key)


def _ranked(state: State) -> list[Key]:
    """The keys with ranks for ticks, from 1, each among those that it is compared with; 0 where nobody compares it."""
    keys = state.keys
    arrivals = sorted([key.arrival for key in keys if key.stage in _IN_LINE])
    uses = sorted([key.used for key in keys if key.stage == Stage.IDLE])
    # Who has been dying for longest decides who is promised a slot; after the shut nobody is.
    deaths = sorted([key.dying_since for key in keys if key.dying and state.open])
    return [
        _plain(
            key,
            1 + arrivals.index(key.arrival) if key.stage in _IN_LINE else 0,
            1 + uses.index(key.used) if key.stage == Stage.IDLE else 0,
            1 + deaths.index(key.dying_since) if key.dying and state.open else 0,
        )
        for key in keys
    ]


@lru_cache(_REMEMBERED)
def _plain(key: Key, arrival: int, used: int, dying_since: int) -> Key:
    return key._replace(
        arrival=arrival,
        used=used,
        dying_since=dying_since,
        resumed=0,
        # Only whether the start began before the last reset can matter.
        resets=1,
        born=int(key.born == key.resets) if key.stage >= Stage.OPENING else 0,
    )


def _signature(at: int, key: Key, clients: list[Client]) -> tuple[Key, list[Client]]:
    """What can be said of a key without the numbers of keys, clients and session ids; equal ones may come in any order."""
    return _anonymous(key, at), sorted([_moved(client, 0) for client in clients if client.key == at])


@lru_cache(_REMEMBERED)
def _anonymous(key: Key, at: int) -> Key:
    return key._replace(
        source=(key.source != 0) + (key.source == at),
        holder=0,
        session=int(key.session != 0),
        kept=int(key.kept != 0),
        dying_session=int(key.dying_session != 0),
        established=int(key.established != 0),
        relic=0,
    )


@lru_cache(_REMEMBERED)
def _renamed(
    key: Key,
    source: int,
    holder: int,
    session: int,
    kept: int,
    dying_session: int,
    established: int,
    relic: int,
) -> Key:
    return key._replace(
        source=source,
        holder=holder,
        session=session,
        kept=kept,
        dying_session=dying_session,
        established=established,
        relic=relic,
    )
