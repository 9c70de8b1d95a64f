"""A lock: ``acquire`` and ``release`` by processes; each answers whether it did."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from acpool_spec.forced.facts import Forced, Seen
from acpool_spec.forced.locks import locks
from acpool_spec.objects.values import UnknownOperation, kind
from acpool_spec.sequential import Operation


@dataclass(frozen=True)
class Lock:
    """One lock, free at first, not reentrant; its state is the process that holds it, or None.

    ``acquire`` answers False, and ``release`` answers False, where it cannot be done; any other response
    means it was done.
    """

    def initial(self) -> int | None:
        """Held by nobody."""
        return None

    def step(self, state: int | None, operation: Operation) -> Iterable[int | None]:
        """Raises ``UnknownOperation`` for anything but acquire and release."""
        target: int | None
        match operation.name:
            case "acquire":
                possible, target = state is None, operation.process
            case "release":
                possible, target = state == operation.process, None
            case _:
                raise UnknownOperation("lock", operation, "acquire, release")
        if operation.pending:
            return (target if possible else state,)
        done = operation.response is not False
        if done is not possible:
            return ()
        return (target if done else state,)

    def partition(self, operation: Operation) -> Hashable:
        """A lock has no parts."""
        return None

    def kind(self, operation: Operation) -> Hashable:
        """What was asked and answered, and by whom."""
        return operation.process, kind(operation)

    def observes(self, operation: Operation) -> bool:
        """What was refused does."""
        return not operation.pending and operation.response is False

    def forced(self, seen: Seen[int | None]) -> Forced:
        """While one process holds the lock no other gets it or gives it back."""
        return locks(seen)
