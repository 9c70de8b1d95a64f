"""The model of a picture: lanes over a common axis of steps, with bars and marks on them. Pure data, for any renderer.

The axis counts steps, so that a race in zero time is wide: step n (from 0) is the interval from n to n + 1, and what happened
in it has its place inside. Every text is as it came, of any characters: renderers escape it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Group = Literal["client", "task", "key", "connection"]

BarKind = Literal[
    # of an operation, by how it ended
    "operation",
    "failed",
    "unknown",
    "pending",
    # inside it
    "wait",
    "lease",
    # of a key
    "creating",
    "idle",
    "leased",
    "closing",
    "memory",
    # of a connection
    "opening",
    "initialize",
    "new",
    "load",
    "live",
    "prompt",
]
MarkKind = Literal["step", "decision", "point", "fault", "cancel", "answer", "event", "break"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``time``: virtual seconds. ``decision``: the number, from 1, of the decision that made it; 0: of none.

    ``what``: in a few words; ``details``: everything that was seen, a line each; ``lane``: whose step it is, empty: the
    outside's. ``notable``: something was decided or seen in it.
    """

    time: float
    decision: int
    what: str
    details: tuple[str, ...] = ()
    lane: str = ""
    notable: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One client, task, key or connection; ``rows``: how many bars may lie beside each other. ``bad``: a broken property
    is about it."""

    id: str
    group: Group
    label: str
    rows: int = 1
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted from ``begin`` to ``end``, in steps; ``open``: it was not over when the picture ends."""

    lane: str
    begin: float
    end: float
    kind: BarKind
    text: str
    detail: str = ""
    row: int = 0
    open: bool = False
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one place, ``at``, in steps."""

    lane: str
    at: float
    kind: MarkKind
    text: str
    row: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    """A property broken in step ``step``; ``main``: the picture is about it."""

    property: str
    name: str
    statement: str
    message: str
    step: int
    main: bool = False


def heading(broken: Break) -> str:
    """Id and name of what is broken; a failure that is no property has no name."""
    return f"{broken.property} {broken.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the state at the cursor: a title, and a line for each thing."""

    title: str
    lines: tuple[str, ...]


State = tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How far a history can be explained: the longest partial linearization, ``placed`` of ``total``, its last parts in words;
    the state that it leads to; and what could have come next, each with why it cannot. ``whole``: it explains everything.

    ``note``: what else there is to say, such as the bound of a search that did not end.
    """

    placed: int
    total: int
    last: tuple[str, ...] = ()
    state: str = ""
    stuck: tuple[tuple[str, str], ...] = ()
    whole: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over its steps. ``states``: the distinct states; ``state_at``: for each step the one after it.

    ``notes``: what is to be said beside the history after the event of each index; ``last_event``: the index of the last one.
    """

    title: str
    steps: tuple[Step, ...]
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    breaks: tuple[Break, ...] = ()
    states: tuple[State, ...] = ()
    state_at: tuple[int, ...] = ()
    note: str = ""
    notes: tuple[tuple[int, str], ...] = ()
    last_event: int = -1

    @property
    def main(self) -> Break | None:
        """The broken property that the picture is about."""
        return next((broken for broken in self.breaks if broken.main), None)


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of two schedules side by side: decision numbers from 1 and their texts; 0 and empty where one has none."""

    failing: tuple[int, str]
    passing: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest passing schedule, or that none was found. ``edits``: how it differs, in words; ``pairs``: both side by side.

    ``diverges``: the step of either run at which they part, failing first. ``tried`` runs were made; ``bound``: what was
    looked at, in words.
    """

    run: Run | None
    edits: tuple[str, ...]
    pairs: tuple[Pair, ...]
    diverges: tuple[int, int]
    tried: int
    bound: str


@dataclass(frozen=True, slots=True)
class Story:
    """A picture. ``facts``: what it is a picture of, name and value; ``verdict``: how it ends, in a sentence.

    ``callers``: what the first lanes are; ``actions``: what a linearization is made of; ``clock``: whose time it is.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    verdict: str
    bad: bool
    run: Run
    nearest: Nearest | None = None
    explanation: Explanation | None = None
    callers: str = "clients"
    actions: str = "actions"
    clock: str = "virtual time"


@dataclass(slots=True)
class States:
    """Collects states, each distinct one once."""

    distinct: list[State] = field(default_factory=list[State])
    at: list[int] = field(default_factory=list[int])
    _known: dict[State, int] = field(default_factory=dict[State, int])

    def add(self, state: State) -> None:
        """The state after the next step."""
        number = self._known.setdefault(state, len(self.distinct))
        if number == len(self.distinct):
            self.distinct.append(state)
        self.at.append(number)
