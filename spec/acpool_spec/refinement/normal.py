"""One state of the model for all those that differ in nothing but how far its counters have come.

So the states of runs recur, and a step that was taken once is known for ever. Keys and clients keep their numbers, and so do
session ids while they are anywhere in the state; the next session gets the lowest number that is not.
"""

from __future__ import annotations

from acpool_model import Answer, Client, Key, Phase, Stage, State

_IN_A_QUEUE = (Phase.WAITING, Phase.GRANTED, Phase.HOLDING)
_OUT = Client()
_NOTHING = Key(resets=1)


def normal(state: State) -> State:
    """``state`` with ranks for ticks, and without answers that were given: it behaves as ``state`` does."""
    keys = state.keys
    arrivals = [0, *sorted([key.arrival for key in keys if key.stage in (Stage.QUEUED, Stage.PROMISED)])]
    uses = [0, *sorted([key.used for key in keys if key.stage == Stage.IDLE])]
    deaths = [0, *sorted([key.dying_since for key in keys if key.dying and state.open])]
    tidied = tuple([_key(key, arrivals, uses, deaths) for key in keys])
    clients = tuple([_client(client, state.clients) for client in state.clients])
    queues = max([client.arrival for client in clients], default=0)
    now = 1 + max(len(arrivals) - 1, len(uses) - 1, len(deaths) - 1, queues)
    return State(
        state.capacity, state.queueing, state.open, now, _fresh(tidied), state.processes, tidied, clients
    )


def _key(key: Key, arrivals: list[int], uses: list[int], deaths: list[int]) -> Key:
    if key.stage == Stage.ABSENT and not (key.kept or key.kept_flag or key.dying or key.owed or key.relic):
        return _NOTHING if not key.established else _NOTHING._replace(established=key.established)
    return Key(
        key.stage,
        arrivals.index(key.arrival) if key.stage in (Stage.QUEUED, Stage.PROMISED) else 0,
        key.source,
        key.alive,
        key.session,
        key.resumed,
        key.flag,
        key.holder,
        uses.index(key.used) if key.stage == Stage.IDLE else 0,
        key.kept,
        key.kept_flag,
        key.dying,
        key.dying_session,
        deaths.index(key.dying_since) if len(deaths) > 1 and key.dying else 0,
        key.established,
        key.owed,
        key.relic,
        1,
        int(key.born == key.resets) if key.stage >= Stage.OPENING else 0,
    )


def _fresh(keys: tuple[Key, ...]) -> int:
    used = {n for key in keys for n in (key.session, key.kept, key.dying_session, key.established, key.relic)}
    fresh = 1
    while fresh in used:
        fresh += 1
    return fresh


def _client(client: Client, clients: tuple[Client, ...]) -> Client:
    if client.phase == Phase.OUT:
        return _OUT
    if client.phase not in _IN_A_QUEUE:
        return client._replace(arrival=0, answer=Answer.NONE)
    rank = 1
    for other in clients:
        if other.key == client.key and other.arrival < client.arrival and other.phase in _IN_A_QUEUE:
            rank += 1
    return client if client.arrival == rank else client._replace(arrival=rank)
