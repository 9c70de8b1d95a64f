"""The plain records that the pool's decisions read and write, and the effects that a decision may ask for.

Nothing here decides and nothing here waits: ``core.py`` decides, ``pool.py`` performs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, cast

from acpool.contract import Connection, SessionInfo

_NOT_YET = cast(Connection, None)


class Stage(enum.Enum):
    """Where one agent process is in its life; every stage holds a slot."""

    CREATING = "creating"
    IDLE = "idle"
    LEASED = "leased"
    CLOSING = "closing"


class Want(enum.Enum):
    """What a caller asks for."""

    ANSWER = "answer"  # get_or_create: the session's description
    LEASE = "lease"  # with_connection: the lease of a session that is there
    BOTH = "both"  # session: the lease, creating the session where there is none


class Outcome(enum.Enum):
    """How a caller's wait ended; decided once, in the core, before the caller is woken."""

    PENDING = "pending"
    ANSWERED = "answered"
    GRANTED = "granted"
    EXHAUSTED = "exhausted"
    FAILED = "failed"
    BUSY = "busy"
    NO_SESSION = "no session"
    CLOSED = "closed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Suspended:
    """What is remembered of a key without a live session.

    ``session_id`` is None when the id was given up on: then only the promise to tell somebody (``session_reset``) is left.
    """

    session_id: str | None
    session_reset: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """One unit of ``max_sessions``: one agent process, from its reservation until it is confirmed dead."""

    serial: int
    key: str
    stage: Stage = Stage.CREATING
    opened: bool = False
    connection: Connection = _NOT_YET  # set with ``opened``; only later stages read it
    session_id: str | None = None
    # The id this process may own: set before the load is sent, not when it is answered.
    claimed_id: str | None = None
    resumed: bool = False
    session_reset: bool = False
    lease: Any = None  # identity of the holder; compared with ``is``, never looked into
    granted: Waiter | None = None  # who was handed the lease, until it begins
    leased_at: float = 0.0  # seconds of the monotonic clock
    used_at: float = 0.0
    prompts: int = 0
    queue: dict[Waiter, None] = field(default_factory=dict["Waiter", None])  # FIFO: waiting for the lease
    creation: Creation | None = None  # while CREATING
    heir: Creation | None = None  # while CLOSING: who gets the slot
    start_stage: str = "open"

    @property
    def info(self) -> SessionInfo:
        """What a caller is told of its session, once there is one."""
        assert self.session_id is not None
        return SessionInfo(self.session_id, self.resumed, self.session_reset)


@dataclass(slots=True, eq=False)
class Creation:
    """A start in flight, owned by the pool; the callers that joined it are its waiters.

    It has no slot (``entry`` None) while it waits for capacity, or for the closing process ``source`` whose slot it was
    promised; once it has one, its process is being started.
    """

    serial: int
    key: str
    waiters: dict[Waiter, None] = field(default_factory=dict["Waiter", None])
    entry: Entry | None = None
    source: Entry | None = None
    queued: bool = False  # its wait for capacity is bounded


@dataclass(slots=True, eq=False)
class Waiter:
    """One caller's stake in a creation (``creation``) or in the lease queue of a session (``entry``)."""

    key: str
    want: Want
    token: Any = None
    outcome: Outcome = Outcome.PENDING
    info: SessionInfo | None = None
    entry: Entry | None = None
    creation: Creation | None = None
    failed_stage: str = ""
    failure: BaseException | None = None
    wake: Any = (
        None  # the shell's: what to call when the outcome is decided, or the wait entered another phase
    )


@dataclass(slots=True, eq=False)  # not frozen: it is made at every hand-over, and freezing triples its cost
class Wake:
    """Tell the caller behind ``waiter``: its outcome is decided, or it waits for something else now (still PENDING)."""

    waiter: Waiter


@dataclass(frozen=True, slots=True)
class Start:
    """Start a process in ``entry``."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Stop:
    """The start in ``entry`` was defeated: stop it."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Close:
    """End the process of ``entry``: at once (``kill``) or asking first; ``tell`` the agent that its prompt is over."""

    entry: Entry
    kill: bool
    tell: bool


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The lease of ``token`` was taken back because of ``reason``: interrupt its holder."""

    token: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """``creation`` waits for capacity: bound its wait."""

    creation: Creation


@dataclass(frozen=True, slots=True)
class Served:
    """``creation`` no longer waits for capacity."""

    creation: Creation


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """One atomic step of the pool, as ``on_event`` sees it.

    ``action``: the step's name. ``entry``: number of the slot's record (unique in the pool's life), None where no slot is
    concerned. ``cause``: why, in one word, where an action has several causes. ``other``: the second key or entry concerned.
    """

    action: str
    key: str
    entry: int | None = None
    session_id: str | None = None
    cause: str = ""
    other: str = ""


Effect = PoolEvent | Wake | Start | Stop | Close | Interrupt | Queued | Served
