"""What a check answers: one of three outcomes, what it was bounded by, and what it found.

*holds* means explored to the end; *violated* carries what shows it; *undecided* names the budget that ran
out. The three never collapse into two: an :class:`Outcome` is compared by name, and a :class:`Verdict`
refuses to be used as a truth value.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The three answers of a check; each equals its name as text."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNDECIDED = "undecided"

    @property
    def exit_status(self) -> int:
        """The exit status of a command that ends with this outcome: 0 holds, 1 violated, 3 undecided."""
        return _EXIT_STATUS[self]

    def __bool__(self) -> bool:
        raise TypeError("an Outcome is one of three: compare it with Outcome.HOLDS, VIOLATED or UNDECIDED")


_EXIT_STATUS = {Outcome.HOLDS: 0, Outcome.VIOLATED: 1, Outcome.UNDECIDED: 3}


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit that ended a check: ``name`` is a field of :class:`Budget`, ``limit`` its value."""

    name: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name}={self.limit:g}" if isinstance(self.limit, float) else f"{self.name}={self.limit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much a check may spend; None: unbounded.

    ``executions``: runs of the code under test. ``states``: distinct states (or configurations) explored.
    ``seconds``: time on ``clock``, a monotonic clock in seconds; prefer counting, which gives the same
    verdict everywhere. A check ignores the counts it has no use for. Raises ``ValueError`` for a negative,
    infinite or NaN limit and ``TypeError`` for one that is no number.
    """

    executions: int | None = None
    seconds: float | None = None
    states: int | None = None
    clock: Callable[[], float] = field(default=time.monotonic, compare=False, repr=False)

    def __post_init__(self) -> None:
        _require_limit("executions", self.executions, int)
        _require_limit("seconds", self.seconds, (int, float))
        _require_limit("states", self.states, int)


def _require_limit(name: str, limit: float | None, kind: type | tuple[type, ...]) -> None:
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, kind):
        raise TypeError(f"budget {name}={limit!r}: expected a number, or None for no bound")
    if not math.isfinite(limit) or limit < 0:
        raise ValueError(f"budget {name}={limit!r}: expected a finite number >= 0, or None for no bound")


class Meter:
    """A budget being spent; the clock starts when the meter is made."""

    def __init__(self, budget: Budget | None) -> None:
        self.budget = Budget() if budget is None else budget
        self.executions = 0
        self.states = 0
        self._started = None if self.budget.seconds is None else self.budget.clock()

    @property
    def states_left(self) -> int | None:
        """How many states may still be explored; None: no bound."""
        return None if self.budget.states is None else max(0, self.budget.states - self.states)

    @property
    def seconds_spent(self) -> float:
        """Seconds since the start; 0 where seconds are not bounded (the clock is then not read)."""
        return 0.0 if self._started is None else self.budget.clock() - self._started

    def exhausted(self) -> Bound | None:
        """The first bound that has run out (executions, then states, then seconds), or None."""
        budget = self.budget
        if budget.executions is not None and self.executions >= budget.executions:
            return Bound("executions", budget.executions)
        if budget.states is not None and self.states >= budget.states:
            return Bound("states", budget.states)
        if budget.seconds is not None and self.seconds_spent >= budget.seconds:
            return Bound("seconds", budget.seconds)
        return None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why one operation could not follow the longest partial linearization.

    ``operation``: its index in the history. ``state``: the state reached there. ``allowed``: False when the
    specification has no step for it (with its response) in that state; True for a pending operation that may
    take effect there, after which still no completed operation fits.
    """

    operation: int
    state: Hashable
    allowed: bool

    @property
    def reason(self) -> str:
        """The same in one sentence."""
        if self.allowed:
            return f"operation {self.operation} is pending and would not help in state {self.state!r}"
        return f"operation {self.operation} is not allowed in state {self.state!r}"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why there is no linearization, as far as that is seen without a search: ``operations`` (their indices) of which no order
    keeps to what ``claim`` says is so in every linearization."""

    claim: str
    operations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check decided, and on what grounds.

    ``bound``: which budget ran out; given exactly when undecided. ``counts``: how much was looked at, by name (a history
    check: ``operations``, ``partitions``, ``partitions_decided``, ``states``, and ``placed``, the length of ``longest`` or
    ``linearization``). ``linearization``: for *holds*, indices of the operations in an order that explains the history;
    pending operations that need not have happened are left out. ``longest``: otherwise, the longest partial linearization
    found, within ``partition``. ``stuck``: for *violated*, every operation that could have come next there, and why it could
    not. ``contradiction``: for *violated*, the few operations that show it by themselves, where it was seen so. Raises
    ``ValueError`` when the bound and the outcome contradict each other.
    """

    outcome: Outcome
    bound: Bound | None = None
    counts: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    linearization: tuple[int, ...] | None = None
    longest: tuple[int, ...] | None = None
    stuck: tuple[Stuck, ...] = ()
    partition: Hashable = None
    contradiction: Contradiction | None = None

    def __post_init__(self) -> None:
        if (self.bound is not None) != (self.outcome is Outcome.UNDECIDED):
            raise ValueError(
                f"a verdict names the bound that ran out when, and only when, it is undecided: {self}"
            )

    @property
    def holds(self) -> bool:
        """Whether everything was explored and nothing is wrong."""
        return self.outcome is Outcome.HOLDS

    @property
    def violated(self) -> bool:
        """Whether a violation was found."""
        return self.outcome is Outcome.VIOLATED

    @property
    def undecided(self) -> bool:
        """Whether a budget ran out before the answer was known."""
        return self.outcome is Outcome.UNDECIDED

    @property
    def exit_status(self) -> int:
        """The exit status of a command that ends with this verdict."""
        return self.outcome.exit_status

    def __bool__(self) -> bool:
        raise TypeError("a Verdict is one of three: ask .holds, .violated or .undecided")
