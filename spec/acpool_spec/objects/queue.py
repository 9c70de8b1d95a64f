"""A first-in first-out queue: ``enqueue(value)``, and ``dequeue``, which answers the oldest value."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from acpool_spec.objects.values import UnknownOperation, hashable, kind
from acpool_spec.sequential import Operation


@dataclass(frozen=True)
class Queue:
    """One queue, unbounded, without values at first; ``empty`` is what ``dequeue`` answers then.

    The response of enqueue is not judged.
    """

    empty: Hashable = None

    def initial(self) -> tuple[Hashable, ...]:
        """The values inside, oldest first."""
        return ()

    def step(self, state: tuple[Hashable, ...], operation: Operation) -> Iterable[tuple[Hashable, ...]]:
        """Raises ``UnknownOperation`` for anything but enqueue and dequeue."""
        match operation.name:
            case "enqueue":
                return ((*state, hashable(operation.argument)),)
            case "dequeue":
                answer = state[0] if state else hashable(self.empty)
                return (state[1:],) if operation.pending or hashable(operation.response) == answer else ()
            case _:
                raise UnknownOperation("queue", operation, "dequeue, enqueue")

    def partition(self, operation: Operation) -> Hashable:
        """A queue has no parts."""
        return None

    def kind(self, operation: Operation) -> Hashable:
        """What was asked and answered: who did it is all the same."""
        return kind(operation)

    def observes(self, operation: Operation) -> bool:
        """None does: the value that stands for an empty queue may be in it."""
        return False
