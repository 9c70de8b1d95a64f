"""A register with compare-and-set.

``read``, ``write(value)``, and ``cas([expected, new])``, which answers whether it matched.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from acpool_spec.forced.facts import Forced, Orders, Seen, Unobserved
from acpool_spec.forced.writes import NOTHING, Access, registers, unobserved
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

    def forced(self, seen: Seen[Hashable]) -> Forced:
        """Who found what whom left, where a value was written once; a value that nobody saw is like any other."""
        accesses: list[Access] = []
        refused: list[Hashable] = []
        for op, operation in enumerate(seen.operations):
            if operation.name == "write":
                accesses.append(Access(op, NOTHING, hashable(operation.argument)))
            elif operation.name == "cas":
                expected, new = (hashable(value) for value in pair(operation))
                if operation.pending or operation.response is True:
                    accesses.append(Access(op, expected, new))
                else:
                    refused.append(expected)
            elif not operation.pending:
                accesses.append(Access(op, hashable(operation.response), NOTHING))
        found = Forced(orders := Orders(seen))
        found.contradiction = registers(accesses, seen.begin, seen, orders)
        for access in () if seen.more else unobserved(accesses, refused):
            operation = seen.operations[access.op]
            nobody_saw: object = Unobserved()
            if operation.name == "cas":
                nobody_saw = [pair(operation)[0], nobody_saw]
            found.instead[access.op] = replace(operation, argument=nobody_saw)
            # Whoever was refused may have been so because of any other value.
            if access.op >= seen.completed and not refused:
                found.unneeded.add(access.op)
        return found
