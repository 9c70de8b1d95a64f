"""Where in a pool something is: a walk through its containers and its own objects, without knowing what they are for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from acpool_spec.making import clip

MOST = 5_000
"""Objects looked at before the search gives up."""
_OPAQUE = frozenset(
    {"asyncio", "_asyncio", "logging", "contextvars", "threading", "builtins", "enum", "functools"}
)
_CHECKERS = frozenset(
    f"acpool_spec.{room}"
    for room in (
        "fakes",
        "lanes",
        "loop",
        "outside",
        "recorder",
        "refinement.follower",
        "scopes.agents",
        "tasks",
        "timers",
    )
)
_LONGEST_KEY = 40


def path_to(root: object, wanted: object) -> str:
    """The shortest path from ``root`` to ``wanted``, such as ``Pool._gates['a']``; empty where there is none."""
    seen: set[int] = set()
    queue: deque[tuple[str, object]] = deque([(type(root).__name__, root)])
    while queue and len(seen) < MOST:
        path, value = queue.popleft()
        if value is wanted:
            return path
        if id(value) in seen:
            continue
        seen.add(id(value))
        queue.extend(members(path, value))
    return ""


def members(path: str, value: object) -> Iterator[tuple[str, object]]:
    """What ``value`` consists of, each with its path: nothing where it is no container and no object of the pool's own."""
    if isinstance(value, Mapping):
        items: list[tuple[Any, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for number, (key, member) in enumerate(items):
            # Another key's text may be an address, and differ from run to run.
            where = f"{path}[{clip(repr(key), _LONGEST_KEY) if plain(key) else number}]"
            yield where, member
            if not plain(key):
                yield where, key
    elif isinstance(value, (list, tuple, deque, set, frozenset)):
        parts: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        yield from ((f"{path}[{number}]", member) for number, member in enumerate(parts))
    elif own(value):
        yield from ((f"{path}.{name}", getattr(value, name)) for name in attributes(value))


def plain(value: object) -> bool:
    """Whether ``value`` is a number, a text or the like: equal values are as good as the same."""
    return value is None or type(value) in (str, bytes, int, float, bool)


def own(value: object) -> bool:
    """Whether ``value`` is an object of somebody's own class: no plain value, and none of asyncio's or the checker's."""
    kind = type(value)
    module = kind.__module__
    return not (isinstance(value, type) or callable(value) or plain(value)) and not (
        module.split(".")[0] in _OPAQUE or module in _CHECKERS
    )


def attributes(value: object) -> list[str]:
    """The names of the attributes that ``value`` has in its dictionary or in slots, set now."""
    names = [*getattr(value, "__dict__", {})]
    for kind in type(value).__mro__:
        slots: Any = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if hasattr(value, name)]
