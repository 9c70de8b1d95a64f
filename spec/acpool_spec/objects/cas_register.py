"""A register with compare-and-set.

``read``, ``write(value)``, and ``cas([expected, new])``, which answers whether it matched.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from acpool_spec.objects.values import UnknownOperation, hashable, kind, pair
from acpool_spec.sequential import Operation


@dataclass(frozen=True)
class CasRegister:
    """One register; ``start`` is its value before any write. The response of a write is not judged."""

    start: Hashable = None

    def initial(self) -> Hashable:
        """The value before any write."""
        return hashable(self.start)

    def step(self, state: Hashable, operation: Operation) -> Iterable[Hashable]:
        """Raises ``UnknownOperation`` for any other name, ``ValueError`` for a cas without a pair."""
        match operation.name:
            case "read":
                return (state,) if operation.pending or hashable(operation.response) == state else ()
            case "write":
                return (hashable(operation.argument),)
            case "cas":
                expected, new = pair(operation)
                matched = hashable(expected) == state
                if operation.pending or operation.response is matched:
                    return (hashable(new) if matched else state,)
                return ()
            case _:
                raise UnknownOperation("cas register", operation, "cas, read, write")

    def partition(self, operation: Operation) -> Hashable:
        """A register has no parts."""
        return None

    def kind(self, operation: Operation) -> Hashable:
        """What was asked and answered: who did it is all the same."""
        return kind(operation)

    def observes(self, operation: Operation) -> bool:
        """A read does, and a compare-and-set that did not match."""
        failed = operation.name == "cas" and not operation.pending and operation.response is False
        return failed or operation.name == "read"
