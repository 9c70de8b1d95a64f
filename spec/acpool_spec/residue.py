"""What a pool still remembers of a key: a walk through its containers, without knowing what they are for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

_NOT_THE_POOLS = (
    "asyncio",
    "logging",
    "_asyncio",
    "contextvars",
    "threading",
    "builtins",
    "enum",
    "functools",
)
_THE_CHECKERS = ("acpool_spec.fakes", "acpool_spec.refinement.follower")


def residue(pool: object, keys: Iterable[str]) -> dict[str, str]:
    """Key → where it is found, for each of ``keys`` that is a member of a container reachable from ``pool``.

    Walks mappings, sets, sequences and the attributes of the pool's own objects, nearest first.
    """
    wanted = set(keys)
    found: dict[str, str] = {}
    seen: set[int] = set()
    queue: deque[tuple[str, object]] = deque([(type(pool).__name__, pool)])
    alive: list[object] = []  # what was looked at must not be freed, or its id could be met again
    while queue and len(found) < len(wanted):
        path, value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        alive.append(value)
        for name, member in _members(path, value, wanted, found):
            queue.append((name, member))
    return {key: found[key] for key in sorted(found)}


def _members(path: str, value: object, wanted: set[str], found: dict[str, str]) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        items: list[tuple[Any, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for key, _ in items:
            _note(path, key, wanted, found)
        return [(f"{path}[…]", member) for _, member in items]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        members: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for member in members:
            _note(path, member, wanted, found)
        return [(f"{path}[…]", member) for member in members]
    module = type(value).__module__
    if module.split(".")[0] in _NOT_THE_POOLS or module in _THE_CHECKERS:
        return []
    names = [*getattr(value, "__dict__", {})]
    for kind in type(value).__mro__:
        slots: Any = getattr(kind, "__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [(f"{path}.{name}", getattr(value, name)) for name in names if hasattr(value, name)]


def _note(path: str, member: object, wanted: set[str], found: dict[str, str]) -> None:
    if isinstance(member, str) and member in wanted:
        found.setdefault(member, path)
    elif isinstance(member, tuple):
        for part in member:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(part, str) and part in wanted:
                found.setdefault(part, path)
