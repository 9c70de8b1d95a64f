"""What is known of a partition before it is searched, and what follows from it: the terms of every rule in this folder.

Operations have numbers here: the completed ones in the order of their returns, then the pending ones, and then those in
progress.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, cast

from acpool_spec.sequential import Operation, State
from acpool_spec.verdict import Contradiction

NEVER = math.inf
"""When something ends that is not known to end."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[State]):
    """One partition, or a section of it.

    ``completed``: how many of ``operations`` have returned; ``begin``: every state that it may begin in; ``placed``:
    operations that may have taken effect before it begins; ``more``: whether operations may follow that are not among
    ``operations``, all of them invoked after whatever is.
    """

    operations: Sequence[Operation]
    completed: int
    begin: Sequence[State]
    placed: frozenset[int] = frozenset()
    more: bool = False

    def span(self, op: int) -> tuple[int, float]:
        """When ``op`` was invoked, and when it returned."""
        operation = self.operations[op]
        return operation.invoked_at, NEVER if operation.returned_at is None else operation.returned_at


class Orders:
    """Which operations come before which in every linearization, beyond what real time says.

    ``low``: of each operation, how many completed ones returned before it was invoked. ``completed``: of each, a mask of the
    completed ones that come before it; bit k is for the one with number ``low + k``. ``pending``: the same of those that have
    not returned, from the first of them on.
    """

    def __init__(self, seen: Seen[Any]) -> None:
        returned = [seen.span(op)[1] for op in range(seen.completed)]
        self._last = seen.completed
        self.low = [bisect_left(returned, op.invoked_at) for op in seen.operations]
        self.completed = [0] * len(seen.operations)
        self.pending = [0] * len(seen.operations)

    def after(self, op: int, mask: int) -> None:
        """``op`` comes after every operation in ``mask``, by number; itself aside, and what real time says anyway."""
        last, low = self._last, self.low[op]
        self.pending[op] |= mask >> last
        self.completed[op] |= (mask & (1 << last) - 1) >> low
        if op >= last:
            self.pending[op] &= ~(1 << op - last)
        elif op >= low:
            self.completed[op] &= ~(1 << op - low)

    @property
    def said(self) -> int:
        """How many orders there are."""
        return sum(mask.bit_count() for mask in (*self.completed, *self.pending))


@dataclass(slots=True)
class Forced:
    """What follows. Either ``contradiction``, or what a search may rely on.

    ``instead``: operations that the search may take for others, since nobody saw the difference. ``unneeded``: pending ones
    that need not happen. ``observing``: what changes nothing in this history, though such an operation may in others.
    """

    orders: Orders
    instead: dict[int, Operation] = field(default_factory=dict[int, Operation])
    unneeded: set[int] = field(default_factory=set[int])
    observing: set[int] = field(default_factory=set[int])
    contradiction: Contradiction | None = None

    @property
    def useful(self) -> bool:
        """Whether there is anything in it for a search."""
        return bool(self.instead or self.unneeded or self.observing or self.orders.said)


class Forces(Protocol[State]):
    """A specification that knows what histories of its objects force.

    What it says has to be true of every linearization of what was ``seen``, whatever it begins in, and whatever follows.
    Verdicts are those of a search alone as long as it is.
    """

    def forced(self, seen: Seen[State]) -> Forced:
        """What follows from what was seen of one partition."""
        ...


def forces_of(spec: object) -> Forces[Any] | None:
    """``spec`` itself where it has the method of :class:`Forces`."""
    return cast("Forces[Any]", spec) if callable(getattr(spec, "forced", None)) else None


@dataclass(frozen=True, slots=True)
class Unobserved:
    """Stands for every value of which nobody saw anything: all of them, of one ``sort``, are the same to whoever looks."""

    sort: Hashable = None
