"""Values of histories as parts of a state: hashable, and equal only where the JSON values are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, cast

from acpool_spec.sequential import Operation


class UnknownOperation(ValueError):
    """The object has no operation of that name; judge the history against another specification."""

    def __init__(self, kind: str, operation: Operation, known: str) -> None:
        super().__init__(f"a {kind} has no operation {operation.name!r}; expected one of: {known}")


def hashable(value: Any) -> Hashable:
    """Return ``value`` in a form that can be part of a state.

    Lists and mappings become tagged tuples, and so do booleans, since Python takes True for 1 and JSON does
    not. Anything else stays. Raises ``TypeError`` for what cannot be hashed.
    """
    if value is None or type(value) is str or type(value) is int:
        return cast("Hashable", value)
    if isinstance(value, bool):
        return ("bool", str(value))
    if isinstance(value, list | tuple):
        return ("list", *(hashable(item) for item in cast("list[Any]", value)))
    if isinstance(value, Mapping):
        items = sorted(cast("Mapping[str, Any]", value).items())
        return ("object", *((key, hashable(item)) for key, item in items))
    hash(value)
    return cast("Hashable", value)


def pair(operation: Operation) -> tuple[Any, Any]:
    """Return the halves of an argument like ``[key, value]``; raises ``ValueError`` if there are not two."""
    match operation.argument:
        case [first, second]:
            return first, second
        case other:
            raise ValueError(f"operation {operation.name!r} takes a pair as its argument, not {other!r}")


def kind(operation: Operation) -> Hashable:
    """What was asked and answered; operations alike in that are alike for an object that does not care who does them."""
    return operation.name, hashable(operation.argument), hashable(operation.response), operation.pending
