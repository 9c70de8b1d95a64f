"""A key-value map, partitioned by key.

``get(key)``, ``put([key, value])``, ``append([key, text])``, ``delete(key)``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from acpool_spec.objects.values import UnknownOperation, hashable, kind, pair
from acpool_spec.sequential import Operation

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


def _key(operation: Operation) -> Hashable:
    if operation.name in ("put", "append"):
        return hashable(pair(operation)[0])
    if operation.name in ("get", "delete"):
        return hashable(operation.argument)
    raise UnknownOperation("key-value map", operation, _NAMES)
