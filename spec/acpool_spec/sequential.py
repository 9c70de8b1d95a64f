"""Operations of a concurrent history, and what a sequential specification of an object is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of a history: what was asked, what was answered, and when.

    ``invoked_at`` and ``returned_at`` are integers on one clock of any unit (nanoseconds, or the index of the
    event); ``returned_at`` is None for a pending operation, whose response is unknown: it may have taken
    effect at any time after its invocation, or never.
    """

    process: int
    name: str
    argument: Any
    response: Any
    invoked_at: int
    returned_at: int | None

    @property
    def pending(self) -> bool:
        """Whether the response is unknown."""
        return self.returned_at is None


class SequentialSpec(Protocol[State]):
    """A sequential object: where it starts, and where each operation may lead. Purely functional."""

    def initial(self) -> State:
        """The state before any operation; hashable, and equal only to states that behave alike."""
        ...

    def step(self, state: State, operation: Operation) -> Iterable[State]:
        """Return the states that ``operation``, with its response, may lead to; empty: not allowed.

        A pending operation comes with response None and ``returned_at`` None: return every state that it
        could lead to with *some* response. That it may also never happen is the checker's business. Depends
        on nothing but its arguments, and returns its states in an order of their own (a set has none):
        results are remembered.
        """
        ...

    def partition(self, operation: Operation) -> Hashable:
        """Name the part of the object that ``operation`` touches; operations of different partitions commute.

        Each partition is searched alone, from ``initial()``. Return a constant where the object has no parts.
        """
        ...


class Hints(Protocol):
    """What a specification may say besides, so that its histories are searched faster; a specification has both methods, or none.

    They promise something of ``step``; verdicts are those of a search without them as long as that is true.
    """

    def kind(self, operation: Operation) -> Hashable:
        """Operations of equal kinds behave alike: in every state ``step`` answers the same for them. Times are no part of it."""
        ...

    def observes(self, operation: Operation) -> bool:
        """Whether ``operation`` changes nothing: in every state ``step`` answers that very state, or that it is not allowed."""
        ...


def hints_of(spec: object) -> Hints | None:
    """``spec`` itself where it has the methods of :class:`Hints`."""
    has_both = callable(getattr(spec, "kind", None)) and callable(getattr(spec, "observes", None))
    return cast("Hints", spec) if has_both else None
