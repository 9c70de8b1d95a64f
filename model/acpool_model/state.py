"""What a state of the pool is: nested tuples of integers, and the few questions everybody asks of them.

Frozen, hashable, ordered. Keys and clients are numbered from 1, so 0 means none everywhere; flags are 0 or 1. Session ids
and ticks are taken from counters in the state and compared, never computed with: a tick stands for one instant of one
monotonic clock, and only which of two came first matters.

The fields called *ghosts* record what is true of the world whatever the pool remembers. Transitions write them and never
read them; they are there for the invariants to compare the pool's own fields with.

What the model leaves out, and why that loses nothing: the number of a process (a key has one current and one dying
process, S2), the age of a lease (only the clock knows, so any lease may be found too old), a second prompt beside the first
of the same lease, and prompts on a process that was taken out of use (nobody looks at how they end).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Stage:
    """Where the creation or the live session of a key is; from OPENING on it holds a slot."""

    ABSENT: Final = 0
    QUEUED: Final = 1  # a creation in line for capacity
    PROMISED: Final = 2  # a creation that gets the slot of the closing process of ``source``
    OPENING: Final = 3  # from here on the start runs
    INITIALIZING: Final = 4  # from here on there is a process
    LOADING: Final = 5
    NEW: Final = 6
    IDLE: Final = 7  # from here on the session is established
    LEASED: Final = 8


class Dying:
    """What holds a slot for a key although it is out of use."""

    NOTHING: Final = 0
    STOPPING: Final = 1  # a start defeated before its process was seen
    CLOSING: Final = 2  # a process


class Phase:
    """What a client does."""

    OUT: Final = 0
    WAITING: Final = 1  # for the creation of its key, or for the lease where the key is leased
    GRANTED: Final = 2  # the lease was handed over, the client has not run since
    HOLDING: Final = 3
    REVOKED: Final = 4  # the lease was taken back, the client is still on its way out


class Want:
    """What a client asks for."""

    ANSWER: Final = 1  # get_or_create
    LEASE: Final = 2  # with_connection
    BOTH: Final = 3  # session


class Prompt:
    """The prompt of a client's lease."""

    NONE: Final = 0
    RUNNING: Final = 1
    CANCELLING: Final = 2  # the agent was told to end it


class Answer:
    """How a client's last call ended; 0 while it goes on, and where the client itself ended it."""

    NONE: Final = 0
    ANSWERED: Final = 1
    EXHAUSTED: Final = 2
    FAILED: Final = 3
    NO_SESSION: Final = 4
    CLOSED: Final = 5


class Key(NamedTuple):
    """All there is to one key: its creation or live session, what is suspended, its dying process, its ghosts."""

    stage: int = Stage.ABSENT
    arrival: int = 0  # tick at which a creation without a slot got in line
    source: int = 0  # PROMISED: the key whose closing process leaves the slot
    alive: int = 0  # whether the process runs; it may be dead for long before the pool looks
    session: int = 0  # the session id the process may own: from the moment the load is sent
    resumed: int = 0
    flag: int = 0  # the reset flag of the live session
    holder: int = 0  # the client that has the lease
    used: int = 0  # tick of the last use
    kept: int = 0  # the suspended session id
    kept_flag: int = 0  # the reset flag that goes with it, or is all that is left of it
    dying: int = Dying.NOTHING
    dying_session: int = 0  # the session id the dying process may own
    dying_since: int = 0  # tick
    established: int = 0  # ghost: the id last established and neither dropped nor lost
    owed: int = 0  # ghost: a session was lost and nobody has been told
    relic: int = 0  # ghost: the id that a process given up on may still own
    resets: int = 0  # ghost: how many resets there were
    born: int = 0  # ghost: how many there had been when the start began


class Client(NamedTuple):
    """One caller, one call at a time."""

    phase: int = Phase.OUT
    key: int = 0
    want: int = 0
    arrival: int = 0  # tick; the queues are in this order
    prompt: int = Prompt.NONE
    answer: int = Answer.NONE


class State(NamedTuple):
    """The whole pool with its callers."""

    capacity: int  # max_sessions
    queueing: int  # whether a creation may wait for capacity
    open: int
    now: int  # the next tick
    fresh: int  # the next session id
    processes: int  # ghost: processes that were seen and neither confirmed dead nor given up on
    keys: tuple[Key, ...]
    clients: tuple[Client, ...]


class Scope(NamedTuple):
    """How large a world to look at. ``capacity`` is in sessions; ``queueing``: whether a creation may wait for capacity."""

    keys: int
    clients: int
    capacity: int
    queueing: int = 1


def is_creating(key: Key) -> bool:
    """Whether a creation of ``key`` is in flight, with or without a slot."""
    return (key.stage >= Stage.QUEUED) & (key.stage <= Stage.NEW)


def is_starting(key: Key) -> bool:
    """Whether the start of ``key`` runs."""
    return (key.stage >= Stage.OPENING) & (key.stage <= Stage.NEW)


def is_live(key: Key) -> bool:
    """Whether ``key`` has an established session in use."""
    return key.stage >= Stage.IDLE


def has_process(key: Key) -> bool:
    """Whether ``key`` has a process that is not dying."""
    return key.stage >= Stage.INITIALIZING


def slots(state: State) -> int:
    """How many units of capacity are taken: creating with a slot, idle, leased and closing."""
    return sum([(key.stage >= Stage.OPENING) + (key.dying != Dying.NOTHING) for key in state.keys])
