"""The atomic actions of the pool as values: a kind and up to three integers.

Each is one step of a caller, of the world (agent processes and time) or of the operator. An operation is a sequence of them;
what the pool does of itself within a step (reserve, promise, evict, hand over, start) is part of the action that caused it.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from acpool_model.state import Want


class Kind:
    """What happens; the comment names the arguments used."""

    ASK: Final = 1  # client, key, arg (Want): a call begins: touch, acquire, wait, join, reserve or refuse
    LEAVE: Final = 2  # client: cancelled, or out of time, while it waits or after the hand-over
    BEGIN: Final = 3  # client: runs after the hand-over
    RELEASE: Final = 4  # client: the end of its block
    PROMPT: Final = 5  # client
    ANSWERED: Final = 6  # client: its prompt was answered
    UNANSWERED: Final = 7  # client: its prompt failed
    OPENED: Final = 8  # key: the process runs, also where its start was defeated meanwhile
    INITIALIZED: Final = 9  # key, arg: whether the agent can load
    REFUSED: Final = 10  # key: the agent will not load the id
    COMMIT: Final = 11  # key: the session is established
    FAIL: Final = 12  # key: the start failed, at any stage; a load in transit too
    DIE: Final = 13  # key: the process dies, unseen
    STOPPED: Final = 14  # key: a defeated start ended without a process
    CLOSED: Final = 15  # key: the dying process is confirmed dead
    GIVE_UP: Final = 16  # key: the dying process could not be confirmed dead in time
    EXHAUST: Final = 17  # key: capacity_timeout passed
    CANCEL: Final = 18  # key: the agent is told to end its prompt
    EXPIRE: Final = 19  # key: idle for the ttl, or found dead by the cleanup
    RECLAIM: Final = 20  # key: its lease is older than max_lease
    RESET: Final = 21  # key
    SHUT: Final = 22
    REVOKE: Final = 23  # the deadline of the shutdown


class Action(NamedTuple):
    """One atomic action; arguments that its kind does not use are 0."""

    kind: int
    key: int = 0
    client: int = 0
    arg: int = 0


class Shape(NamedTuple):
    """Which arguments a kind of action takes, and the values of ``arg``."""

    key: bool
    client: bool
    args: tuple[int, ...] = (0,)


_CLIENT = Shape(key=False, client=True)
_KEY = Shape(key=True, client=False)
_NONE = Shape(key=False, client=False)

SHAPES: Final[dict[int, Shape]] = {
    Kind.ASK: Shape(key=True, client=True, args=(Want.ANSWER, Want.LEASE, Want.BOTH)),
    **dict.fromkeys(
        (Kind.LEAVE, Kind.BEGIN, Kind.RELEASE, Kind.PROMPT, Kind.ANSWERED, Kind.UNANSWERED), _CLIENT
    ),
    Kind.OPENED: _KEY,
    Kind.INITIALIZED: Shape(key=True, client=False, args=(0, 1)),
    **dict.fromkeys((Kind.REFUSED, Kind.COMMIT, Kind.FAIL, Kind.DIE), _KEY),
    **dict.fromkeys((Kind.STOPPED, Kind.CLOSED, Kind.GIVE_UP, Kind.EXHAUST), _KEY),
    **dict.fromkeys((Kind.CANCEL, Kind.EXPIRE, Kind.RECLAIM, Kind.RESET), _KEY),
    **dict.fromkeys((Kind.SHUT, Kind.REVOKE), _NONE),
}
"""Every kind of action, in the order in which they are offered."""


@cache
def universe(keys: int, clients: int) -> tuple[Action, ...]:
    """Every action there can be with so many keys and clients, enabled or not, in one fixed order."""
    return tuple(
        Action(kind, key, client, arg)
        for kind, shape in SHAPES.items()
        for client in (range(1, clients + 1) if shape.client else (0,))
        for key in (range(1, keys + 1) if shape.key else (0,))
        for arg in shape.args
    )
