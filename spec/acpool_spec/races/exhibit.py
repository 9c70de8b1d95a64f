"""What an exhibit is: one race, the pool that has it, the property it breaks, how it is found, and its story."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acpool_spec.properties import BY_ID, PROPERTIES, Property

SCHEDULES = Path(__file__).parent / "schedules"
STORY_LINES = 10
STORY_WIDTH = 100

#: Promises about a store, which no property of the checker is about, since a pool under test has none.
OF_A_STORE = (
    Property(
        "D1",
        "durable",
        "after kill -9 at any instant the store holds, for each key, the id last established and not dropped",
    ),
)
#: Every property that an exhibit may break, by its id.
BREAKABLE: Mapping[str, Property] = {known.id: known for known in (*PROPERTIES, *OF_A_STORE)} | BY_ID


@dataclass(frozen=True, slots=True)
class Explored:
    """Found by the explorer, which walks every schedule of the scope called ``scope`` (``acpool explore SCOPE``)."""

    scope: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """Found by random walks of ``acpool check``: the first of ``runs`` with this ``seed`` that breaks the property."""

    seed: int
    runs: int


@dataclass(frozen=True, slots=True)
class Real:
    """Shown on real processes or files by the function ``run``, named ``module:function``.

    It takes one argument, ``avoided``: False shows the race, True the same on the design that avoids it. It returns a
    :class:`Sighting`. It waits for events that the processes tell over pipes, never for time.
    """

    run: str


Way = Explored | Sampled | Real


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a run on real processes has shown: ``broken`` says for each property that broke how; ``lines``: what happened.

    ``undecided``: why this system could not show it, empty where it could.
    """

    broken: Mapping[str, str] = field(default_factory=dict[str, str])
    lines: tuple[str, ...] = ()
    undecided: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One race.

    ``row``: its number among the single races, or the name of the historical pool that it is. ``pool``: what has the race, as
    ``module:factory``. ``story``: what happens, in ten lines at most. ``avoided_by``: the design that does not have it.
    Raises ``ValueError`` for one that cannot be shown so.
    """

    id: str
    row: int | str
    title: str
    pool: str
    property_id: str
    way: Way
    story: str
    avoided_by: str

    def __post_init__(self) -> None:
        if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id) is None:
            raise ValueError(f"exhibit {self.id!r}: expected an id such as busy-victim")
        if self.property_id not in BREAKABLE:
            raise ValueError(f"exhibit {self.id}: no property is called {self.property_id!r}")
        if not 0 < len(self.lines) <= STORY_LINES:
            raise ValueError(f"exhibit {self.id}: a story of {len(self.lines)} lines, at most {STORY_LINES}")
        if any(len(line) > STORY_WIDTH for line in self.lines):
            raise ValueError(f"exhibit {self.id}: a line of more than {STORY_WIDTH} columns in its story")

    @property
    def lines(self) -> tuple[str, ...]:
        """The story, line by line."""
        return tuple(line.strip() for line in self.story.strip().splitlines())

    @property
    def breaks(self) -> Property:
        """The property that it breaks."""
        return BREAKABLE[self.property_id]

    @property
    def schedule(self) -> Path | None:
        """The kept schedule file, None for one that is shown on real processes."""
        return None if isinstance(self.way, Real) else SCHEDULES / f"{self.id}.json"
