"""Where a member stands in the text of a JSON file, for messages about it. The text is known to be well-formed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def line_of(text: str, *path: str | int) -> int | None:
    """The line, from 1, of the value at ``path``: names of members, numbers of elements from 0. None where there is none."""
    at = _value(text, path)
    return None if at is None else text.count("\n", 0, at) + 1


def lines_of(text: str, *path: str | int) -> tuple[int, ...]:
    """The lines, from 1, of the elements of the list at ``path``."""
    at = _value(text, path)
    lines: list[int] = []
    seen, line = 0, 1
    for _, place in _children(text, at) if at is not None else ():
        line += text.count("\n", seen, place)
        seen = place
        lines.append(line)
    return tuple(lines)


def _value(text: str, path: tuple[str | int, ...]) -> int | None:
    at = _skip(text, 0)
    for step in path:
        found = next((place for name, place in _children(text, at) if name == step), None)
        if found is None:
            return None
        at = found
    return at


def _children(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """The name or number of each value of the list or object at ``at``, and where the value begins."""
    opened = text[at]
    if opened not in "[{":
        return
    number = 0
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name: str | int = number
        if opened == "{":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        yield name, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        number += 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
