"""A key-value map, partitioned by key.

``get(key)``, ``put([key, value])``, ``append([key, text])``, ``delete(key)``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from acpool_spec.objects.values import UnknownOperation, hashable, pair
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
        key = _key(operation)
        held = next((entry for entry in state if entry[0] == key), None)
        match operation.name:
            case "get":
                value = hashable(self.absent) if held is None else held[1]
                return (state,) if operation.pending or hashable(operation.response) == value else ()
            case "put":
                after: Hashable = hashable(pair(operation)[1])
            case "append":
                text, before = pair(operation)[1], "" if held is None else held[1]
                if not isinstance(text, str) or not isinstance(before, str):
                    raise TypeError(f"append joins text to text, not {text!r} to {before!r}")
                after = before + text
            case _:
                return (state if held is None else state - {held},)
        entry = (key, after)
        if held is None:
            return (state | {entry},)
        return (state if entry == held else state ^ {held, entry},)

    def partition(self, operation: Operation) -> Hashable:
        """Name the key."""
        return _key(operation) if self.partitioned else None


def _key(operation: Operation) -> Hashable:
    match operation.name:
        case "get" | "delete":
            return hashable(operation.argument)
        case "put" | "append":
            return hashable(pair(operation)[0])
        case _:
            raise UnknownOperation("key-value map", operation, _NAMES)
