"""A register: ``write(value)``, and ``read`` which answers the last value written."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from acpool_spec.forced.facts import Forced, Orders, Seen, Unobserved
from acpool_spec.forced.writes import NOTHING, Access, registers, unobserved
from acpool_spec.objects.values import UnknownOperation, hashable, kind
from acpool_spec.sequential import Operation


@dataclass(frozen=True)
class Register:
    """One register; ``start`` is its value before any write. The response of a write is not judged."""

    start: Hashable = None

    def initial(self) -> Hashable:
        """The value before any write."""
        return hashable(self.start)

    def step(self, state: Hashable, operation: Operation) -> Iterable[Hashable]:
        """Raises ``UnknownOperation`` for anything but read and write."""
        match operation.name:
            case "read":
                return (state,) if operation.pending or hashable(operation.response) == state else ()
            case "write":
                return (hashable(operation.argument),)
            case _:
                raise UnknownOperation("register", operation, "read, write")

    def partition(self, operation: Operation) -> Hashable:
        """A register has no parts."""
        return None

    def kind(self, operation: Operation) -> Hashable:
        """What was asked and answered: who did it is all the same."""
        return kind(operation)

    def observes(self, operation: Operation) -> bool:
        """A read does."""
        return operation.name == "read"

    def forced(self, seen: Seen[Hashable]) -> Forced:
        """Who read from whom, where a value was written once; a value that nobody read is like any other."""
        accesses: list[Access] = []
        for op, operation in enumerate(seen.operations):
            if operation.name == "write":
                accesses.append(Access(op, NOTHING, hashable(operation.argument)))
            elif not operation.pending:
                accesses.append(Access(op, hashable(operation.response), NOTHING))
        found = Forced(orders := Orders(seen))
        found.contradiction = registers(accesses, seen.begin, seen, orders)
        for access in () if seen.more else unobserved(accesses, ()):
            found.instead[access.op] = replace(seen.operations[access.op], argument=Unobserved())
            if access.op >= seen.completed:
                found.unneeded.add(access.op)
        return found
