"""What a pool remembers, in its own words: its containers and plain attributes, a line each, clipped."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from acpool_spec.fakes import FakeConnection
from acpool_spec.making import clip
from acpool_spec.paths import attributes, own

_WIDTH = 160
_DEPTH = 3
_LINES = 40
_MEMBERS = 6
_CONTAINERS = (Mapping, list, tuple, set, frozenset, deque)
_PLAIN = (str, int, float, bool, bytes, type(None))


def contents(pool: object) -> tuple[str, ...]:
    """The containers of ``pool``, and of the objects that it is made of, as ``path: members``; the empty ones on one line.

    At most 40 lines of 160 characters. Looks at attributes only, and calls nothing but ``repr`` of plain values.
    """
    lines: list[str] = []
    empty: list[str] = []
    for where, member in _attributes(pool):
        if isinstance(member, _CONTAINERS):
            text = ", ".join(_members(member))
            if text:
                lines.append(clip(f"{where}: {text}", _WIDTH))
            else:
                empty.append(where)
        elif isinstance(member, bool):
            lines.append(f"{where}: {member}")
        if len(lines) == _LINES:
            break
    return (*lines, f"nothing in {', '.join(empty)}") if empty else tuple(lines)


def whereabouts_of_keys(pool: object, keys: Iterable[str]) -> dict[str, str]:
    """Key → the containers that it is a member of, such as ``_active, _gates``, for each of ``keys`` that is in one."""
    wanted = list(keys)
    found: dict[str, list[str]] = {}
    for where, member in _attributes(pool):
        if isinstance(member, _CONTAINERS):
            has: set[object] = {one for one in member if isinstance(one, str)}  # pyright: ignore[reportUnknownVariableType]
            for key in wanted:
                if key in has:
                    found.setdefault(key, []).append(where)
    return {key: ", ".join(places) for key, places in found.items()}


def _attributes(pool: object) -> Iterator[tuple[str, Any]]:
    """Every attribute of ``pool``, and of its own objects to a depth, each with its path."""
    seen: set[int] = set()
    queue: deque[tuple[str, object, int]] = deque([("", pool, 0)])
    while queue:
        path, value, depth = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        for name in attributes(value):
            member: Any = getattr(value, name)
            yield f"{path}{name}", member
            if depth < _DEPTH and own(member) and not isinstance(member, _CONTAINERS):
                queue.append((f"{path}{name}.", member, depth + 1))


def _members(container: Any) -> Iterator[str]:
    if isinstance(container, Mapping):
        found: Mapping[Any, Any] = container  # pyright: ignore[reportUnknownVariableType]
        for key, value in list(found.items())[: 2 * _MEMBERS]:
            yield f"{_brief(key)} → {_brief(value)}"
    else:
        yield from (_brief(value) for value in list(container)[: 2 * _MEMBERS])


def _brief(value: object, depth: int = 0) -> str:
    if isinstance(value, FakeConnection):
        return value.name
    if isinstance(value, _PLAIN):
        return clip(repr(value), 40)
    if isinstance(value, _CONTAINERS):
        members = list(_members(value)) if depth < 2 else ["…"]
        return f"({', '.join(members[:_MEMBERS])})"
    name = type(value).__name__
    if not own(value) or depth > 0:
        return name
    parts = [
        f"{attribute.lstrip('_')}={_brief(member, depth + 1)}"
        for attribute in attributes(value)
        if isinstance(member := getattr(value, attribute), (*_PLAIN, FakeConnection)) and attribute != "key"
    ]
    return f"{name}({', '.join(parts[:_MEMBERS])})" if parts else name
