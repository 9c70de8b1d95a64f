"""Reading and changing one place of a state: the queues as lists of numbers, a state with one key or client replaced.

Nothing here decides. Every change lets a tick pass, so no two instants share one. Conditions are one expression, without
``and`` and ``in``: these are branches, and what is proved is proved of each path through all branches.
"""

from __future__ import annotations

from acpool_model.state import Client, Phase, Stage, State


def in_line(state: State) -> list[int]:
    """The keys whose creation has no slot, in order of arrival."""
    line = [
        at
        for at, key in enumerate(state.keys, 1)
        if (key.stage == Stage.QUEUED) | (key.stage == Stage.PROMISED)
    ]
    return sorted(line, key=lambda at: state.keys[at - 1].arrival)


def heir_of(state: State, at: int) -> int:
    """The key that was promised the slot of the dying process of ``at``; 0: none."""
    return next((n for n, key in enumerate(state.keys, 1) if key.source == at), 0)


def waiters(state: State, at: int) -> list[int]:
    """The clients that wait for the creation or the lease of a key, in order of arrival."""
    queue = [
        n for n, client in enumerate(state.clients, 1) if (client.phase == Phase.WAITING) & (client.key == at)
    ]
    return sorted(queue, key=lambda n: state.clients[n - 1].arrival)


def with_key(state: State, at: int, **changes: int) -> State:
    """Change fields of the key at place ``at``; a tick passes."""
    keys = (*state.keys[: at - 1], state.keys[at - 1]._replace(**changes), *state.keys[at:])
    return state._replace(keys=keys, now=state.now + 1)


def vacate(state: State, at: int) -> State:
    """Leave nothing in use for a key; what is suspended or dying stays."""
    return with_key(
        state,
        at,
        stage=Stage.ABSENT,
        arrival=0,
        source=0,
        alive=0,
        session=0,
        resumed=0,
        flag=0,
        holder=0,
        used=0,
        born=0,
    )


def seat(state: State, number: int, client: Client) -> State:
    """Put ``client`` at place ``number``; a tick passes."""
    clients = (*state.clients[: number - 1], client, *state.clients[number:])
    return state._replace(clients=clients, now=state.now + 1)


def tell(state: State, number: int, answer: int) -> State:
    """End a client's call with ``answer``."""
    return seat(state, number, Client(answer=answer))
