"""What is known of one process, one operation and one key: the records that a ledger keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = 1 << 60
"""An event that does not come."""


@dataclass(slots=True, eq=False)
class Prompt:
    """A prompt in progress where no lease was recorded. ``process``: who sent it, None: not known; ``by``: the calls in progress
    of which one sent it."""

    process: int | None
    by: tuple[Pending, ...]


@dataclass(slots=True, eq=False)
class Process:
    """One agent process, seen through its connection. Times are indices of events, None: not yet."""

    name: str
    key: str
    opening: int
    opened: int | None = None
    closing: int | None = None
    closing_at_ns: int = 0
    ended: int | None = None
    ended_at_ns: int = 0
    given_up: bool = False
    session_id: str | None = None
    claimed_id: str | None = None  # the one it was asked to load, answered or not
    established: bool = False  # a caller was told of its session
    holder: int | None = None
    released: int = -1
    leased: int = 0
    excused: int | None = None  # an operation that may remove it was called then, and it was not used since
    first_use: int = -1  # the last use was not before this
    last_use: int = -1  # nor after this
    idle_since: int | None = None
    heard_of: bool = False  # whoever was to hear that it ended has heard of it
    prompts: list[Prompt] = field(default_factory=list[Prompt])
    removable: int = -1  # an operation that may take back its lease was in progress last at this event
    retired: bool = False  # it is over, and nothing that is in progress can depend on it

    @property
    def running(self) -> bool:
        """Whether it is, or is about to be, a process that holds a slot."""
        return self.ended is None and not self.given_up

    @property
    def alive(self) -> bool:
        """Whether the process exists; one given up on still does."""
        return self.opened is not None and self.ended is None


@dataclass(slots=True, eq=False)
class Pending:
    """An operation that was called and has not answered."""

    process: int
    f: str
    key: str | None
    invoked: int
    holds: Process | None = None
    taken_back: bool = False  # the process it held began to close under it
    short_of_slots: bool = False  # at one instant of the call there may have been no slot for it
    settled: bool = (
        False  # it was seen waiting: everything in the pool had come to a stop since it was called
    )
    claims: bool = (
        False  # a slot of its key that comes free may be its own: it may have waited for what was in it
    )
    failed: bool = False  # it was refused, or cancelled


@dataclass(slots=True, eq=False)
class Suspicion:
    """What breaks ``property``, as ``message`` says, unless it turns out at rest that what was seen came late.

    ``waiting``: who seemed to wait; ``idle``: who seemed to be idle.
    """

    property: str
    message: str
    waiting: Pending | None = None
    idle: tuple[Process, ...] = ()


@dataclass(slots=True)
class Key:
    """What is known of one key."""

    session_id: str | None = None  # the one that a caller was last told
    reset_called: int = -1
    reset_returned: int = -1
