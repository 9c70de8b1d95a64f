"""A first-in first-out queue: ``enqueue(value)``, and ``dequeue``, which answers the oldest value."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from acpool_spec.forced.facts import Forced, Orders, Seen, Unobserved
from acpool_spec.forced.fifo import Left, Put, Taken, queue
from acpool_spec.objects.values import UnknownOperation, hashable, kind
from acpool_spec.sequential import Operation
from acpool_spec.verdict import Contradiction


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

    def forced(self, seen: Seen[tuple[Hashable, ...]]) -> Forced:
        """Which of two values was put in first, where that was done once; values that nobody took out are alike."""
        empty = hashable(self.empty)
        puts: list[Put] = []
        takes: list[Taken] = []
        refused: list[int] = []
        takers: list[int] = []
        for op, operation in enumerate(seen.operations):
            if operation.name == "enqueue":
                puts.append(Put(op, hashable(operation.argument)))
            elif operation.pending:
                takers.append(op)
            elif (value := hashable(operation.response)) == empty:
                refused.append(op)
            else:
                takes.append(Taken(op, value))
        # Where the answer "empty" may be a value, nothing is known of it.
        is_value = any(put.value == empty for put in puts) or any(empty in start for start in seen.begin)
        if is_value:
            puts = [put for put in puts if put.value != empty]
        found = Forced(orders := Orders(seen))
        surely = [] if is_value else refused
        begin = [tuple(v for v in start if v != empty) for start in seen.begin]
        left = queue(puts, takes, surely, begin, seen, orders, takers=takers, everything=not is_value)
        if isinstance(left, Contradiction):
            found.contradiction = left
            return found
        found.observing.update(surely)
        if not seen.more:
            taken = {take.value for take in takes}
            self._alike([put.op for put in puts if put.value not in taken], takers, left, seen, found)
        return found

    def _alike(
        self,
        puts: Sequence[int],
        takers: Sequence[int],
        left: Left,
        seen: Seen[tuple[Hashable, ...]],
        found: Forced,
    ) -> None:
        """Take what nobody is known to have taken for one value, but for what stays; and let the ``takers`` take nothing
        else."""
        stays, perhaps = Unobserved("stays"), Unobserved("perhaps taken")
        for op in puts:
            value = stays if op in left.stays else perhaps
            found.instead[op] = replace(seen.operations[op], argument=value)
            if op >= seen.completed:
                found.unneeded.add(op)
        if not left.known:
            return
        for op in takers:
            if left.open:
                answered = replace(
                    seen.operations[op], response=perhaps, returned_at=seen.operations[op].invoked_at
                )
                found.instead[op] = answered
            else:
                found.unneeded.add(op)
