"""A key-value map, partitioned by key.

``get(key)``, ``put([key, value])``, ``append([key, text])``, ``delete(key)``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from acpool_spec.forced.appends import Append, Read, appended, unshown
from acpool_spec.forced.facts import Forced, Orders, Seen, Unobserved
from acpool_spec.forced.writes import NOTHING, Access, registers, unobserved
from acpool_spec.objects.values import UnknownOperation, hashable, kind, pair
from acpool_spec.sequential import Operation
from acpool_spec.verdict import Contradiction

_NAMES = "append, delete, get, put"

Entries = frozenset[tuple[Hashable, Hashable]]
"""The map as a state: its pairs of key and value. A key that is absent has no pair."""


@dataclass(frozen=True)
class KeyValue:
    """A map that starts empty; ``absent`` is what ``get`` answers for a key that is not there.

    ``append`` joins text to the text there, or to the empty text. The responses of put, append and delete are
    not judged. ``partitioned`` False searches all keys as one, which is slower and finds the same.
    """

    absent: Hashable = None
    partitioned: bool = True

    def initial(self) -> Entries:
        """The empty map."""
        return frozenset()

    def step(self, state: Entries, operation: Operation) -> Iterable[Entries]:
        """Raises ``UnknownOperation`` for another name, ``ValueError`` or ``TypeError`` for a wrong argument."""
        key, held = _key(operation), None
        for entry in state:
            if entry[0] == key:
                held = entry
                break
        name = operation.name
        if name == "get":
            value = hashable(self.absent) if held is None else held[1]
            return (state,) if operation.pending or hashable(operation.response) == value else ()
        if name == "delete":
            return (state if held is None else state - {held},)
        after: Hashable
        if name == "put":
            after = hashable(pair(operation)[1])
        else:
            text, before = pair(operation)[1], "" if held is None else held[1]
            if not isinstance(text, str) or not isinstance(before, str):
                raise TypeError(f"append joins text to text, not {text!r} to {before!r}")
            after = before + text
        changed = (key, after)
        if held is None:
            return (state | {changed},)
        return (state if changed == held else state ^ {held, changed},)

    def partition(self, operation: Operation) -> Hashable:
        """Name the key."""
        return _key(operation) if self.partitioned else None

    def kind(self, operation: Operation) -> Hashable:
        """What was asked and answered: who did it is all the same."""
        return kind(operation)

    def observes(self, operation: Operation) -> bool:
        """A get does."""
        return operation.name == "get"

    def forced(self, seen: Seen[Entries]) -> Forced:
        """For each key: the order of what was appended, as reads show it, or of what was put there, where that was done once.

        Nothing for a key to which texts were appended and values were put.
        """
        by_key: dict[Hashable, list[int]] = {}
        for op, operation in enumerate(seen.operations):
            by_key.setdefault(_key(operation), []).append(op)
        starts = [dict(entries) for entries in seen.begin]
        found = Forced(Orders(seen))
        for key, ops in by_key.items():
            names = {seen.operations[op].name for op in ops}
            begin = list(dict.fromkeys(start.get(key, _ABSENT) for start in starts))
            if "append" not in names:
                self._put(ops, begin, seen, found)
            elif names <= {"append", "get"} and all(isinstance(v, str) or v is _ABSENT for v in begin):
                self._appended(ops, begin, seen, found)
            if found.contradiction is not None:
                break
        return found

    def _put(self, ops: Sequence[int], begin: Sequence[Hashable], seen: Seen[Entries], found: Forced) -> None:
        absent = hashable(self.absent)
        accesses: list[Access] = []
        for op in ops:
            operation = seen.operations[op]
            if operation.name == "put":
                accesses.append(Access(op, NOTHING, hashable(pair(operation)[1])))
            elif operation.name == "delete":
                accesses.append(Access(op, NOTHING, absent))
            elif not operation.pending:
                accesses.append(Access(op, hashable(operation.response), NOTHING))
        values = [absent if value is _ABSENT else value for value in begin]
        found.contradiction = registers(accesses, values, seen, found.orders)
        for access in () if seen.more else unobserved(accesses, ()):
            operation = seen.operations[access.op]
            key = operation.argument if operation.name == "delete" else pair(operation)[0]
            found.instead[access.op] = replace(operation, name="put", argument=[key, Unobserved()])
            if access.op >= seen.completed:
                found.unneeded.add(access.op)

    def _appended(
        self, ops: Sequence[int], begin: Sequence[Hashable], seen: Seen[Entries], found: Forced
    ) -> None:
        appends: list[Append] = []
        reads: list[Read] = []
        for op in ops:
            operation = seen.operations[op]
            if operation.name == "append":
                text = pair(operation)[1]
                if not isinstance(text, str):
                    return
                appends.append(Append(op, text))
            elif not operation.pending:
                answer = operation.response
                if answer == self.absent and not isinstance(answer, str):
                    answer = None
                elif not isinstance(answer, str):
                    found.contradiction = Contradiction("no text that was appended to is read so", (op,))
                    return
                reads.append(Read(op, answer))
        if isinstance(self.absent, str):
            return
        texts = [value if isinstance(value, str) else None for value in begin]
        found.contradiction = appended(appends, reads, texts, seen, found.orders)
        if seen.more or found.contradiction is not None:
            return
        shown = {character for read in reads for character in read.text or ""}
        other = next(chr(code) for code in range(0xE000, 0x110000) if chr(code) not in shown)
        for append in unshown(appends, reads):
            operation = seen.operations[append.op]
            found.instead[append.op] = replace(operation, argument=[pair(operation)[0], other])
            if append.op >= seen.completed:
                found.unneeded.add(append.op)


_ABSENT = Unobserved()
"""Stands for a key that is not there; no value of a history is one."""


def _key(operation: Operation) -> Hashable:
    if operation.name in ("put", "append"):
        return hashable(pair(operation)[0])
    if operation.name in ("get", "delete"):
        return hashable(operation.argument)
    raise UnknownOperation("key-value map", operation, _NAMES)
