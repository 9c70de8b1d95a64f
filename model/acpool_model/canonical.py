"""One state for all those that differ in nothing that can matter later: what makes the state space finite.

Ticks become ranks among the ticks they are ever compared with, session ids are numbered by first appearance, and what no
transition reads (``resumed``, answers given, wants that were met) is cleared. Keys and clients are interchangeable, so they
are put in order. Sound because transitions compare ticks and ids only with each other and treat all keys and all clients
alike: exploring with and without it finds the same canonical states, which is tested.
"""

from __future__ import annotations

from collections.abc import Iterable

from acpool_model.state import Client, Key, Phase, Stage, State

_QUEUEING = (Phase.WAITING, Phase.GRANTED, Phase.HOLDING)
_ASKING = (Phase.WAITING, Phase.GRANTED)


def canonical(state: State) -> State:
    """The representative of every state that behaves as ``state`` does."""
    clients = [_client(client, state.clients) for client in state.clients]
    keys = _ranked(state)
    key_order = sorted(range(len(keys)), key=lambda at: _signature(at + 1, keys[at], clients))
    key_places = _places(key_order)
    clients = [client._replace(key=key_places[client.key]) for client in clients]
    client_order = sorted(range(len(clients)), key=clients.__getitem__)
    client_places = _places(client_order)
    placed = [
        keys[old]._replace(source=key_places[keys[old].source], holder=client_places[keys[old].holder])
        for old in key_order
    ]
    names = _names(placed)
    renamed = tuple(_rename(key, names) for key in placed)
    ordered = tuple(clients[old] for old in client_order)
    return state._replace(
        now=1 + _last_tick(renamed, ordered), fresh=len(names), keys=renamed, clients=ordered
    )


def _client(client: Client, clients: tuple[Client, ...]) -> Client:
    """``client`` with its rank in the queue of its key for a tick, and without what nobody reads any more."""
    earlier = [
        c for c in clients if c.phase in _QUEUEING and c.key == client.key and c.arrival < client.arrival
    ]
    return client._replace(
        want=client.want if client.phase in _ASKING else 0,
        arrival=1 + len(earlier) if client.phase in _QUEUEING else 0,
        answer=0,
    )


def _ranked(state: State) -> list[Key]:
    keys = state.keys
    arrivals = _rank(key.arrival for key in keys if key.stage in (Stage.QUEUED, Stage.PROMISED))
    uses = _rank(key.used for key in keys if key.stage == Stage.IDLE)
    # Who has been dying for longest decides who is promised a slot; after the shut nobody is.
    deaths = _rank(key.dying_since for key in keys if key.dying and state.open)
    return [
        key._replace(
            arrival=arrivals.get(key.arrival, 0),
            used=uses[key.used] if key.stage == Stage.IDLE else 0,
            dying_since=deaths.get(key.dying_since, 0),
            resumed=0,
            # Only whether the start began before the last reset can matter.
            resets=1,
            born=int(key.born == key.resets) if key.stage >= Stage.OPENING else 0,
        )
        for key in keys
    ]


def _signature(at: int, key: Key, clients: list[Client]) -> tuple[Key, list[Client]]:
    """What can be said of a key without the numbers of keys, clients and session ids; equal ones may come in any order."""
    anonymous = key._replace(
        source=(key.source != 0) + (key.source == at),
        holder=0,
        session=int(key.session != 0),
        kept=int(key.kept != 0),
        dying_session=int(key.dying_session != 0),
        established=int(key.established != 0),
        relic=0,
    )
    return anonymous, sorted(client._replace(key=0) for client in clients if client.key == at)


def _names(keys: list[Key]) -> dict[int, int]:
    names: dict[int, int] = {0: 0}
    for key in keys:
        for session in (key.session, key.kept, key.dying_session, key.established):
            names.setdefault(session, len(names))
    return names


def _rename(key: Key, names: dict[int, int]) -> Key:
    return key._replace(
        session=names[key.session],
        kept=names[key.kept],
        dying_session=names[key.dying_session],
        established=names[key.established],
        # An id that is nowhere but with a process given up on can come back no more.
        relic=names.get(key.relic, 0),
    )


def _places(order: list[int]) -> dict[int, int]:
    return {0: 0} | {old + 1: new for new, old in enumerate(order, 1)}


def _rank(ticks: Iterable[int]) -> dict[int, int]:
    return {tick: rank for rank, tick in enumerate(sorted(set(ticks)), 1)}


def _last_tick(keys: tuple[Key, ...], clients: tuple[Client, ...]) -> int:
    of_keys = [max(key.arrival, key.used, key.dying_since) for key in keys]
    return max(of_keys + [client.arrival for client in clients])
