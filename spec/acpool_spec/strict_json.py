"""One line of JSON to one object, or a sentence about what is wrong with it. Nothing read here is code."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, cast

MAX_DEPTH = 64
"""How deep lists and objects may be nested."""


class Malformed(ValueError):
    """A piece of input that cannot be used: what was ``found``, and what was ``expected`` instead."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"found {found}; expected {expected}")
        self.found = found
        self.expected = expected


def parse_object(text: str) -> dict[str, Any]:
    """Parse ``text`` as one JSON object, more strictly than Python does.

    Raises :class:`Malformed` for anything else: broken JSON, another kind of value, a member given twice,
    NaN, an infinite or unreadably long number, or nesting deeper than ``MAX_DEPTH``.
    """
    if _depth(text) > MAX_DEPTH:
        raise Malformed("values nested too deep", f"at most {MAX_DEPTH} levels")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=_constant,
            parse_float=_number,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise Malformed(
            f"broken JSON ({error.msg}, column {error.colno})", "one JSON object on one line"
        ) from error
    if not isinstance(value, dict):
        raise Malformed(describe(value), "one JSON object on one line")
    return cast("dict[str, Any]", value)


def describe(value: object) -> str:
    """Show a JSON value in a message: its kind, and its beginning."""
    match value:
        case None | bool():
            return json.dumps(value)
        case int() | float():
            kind = "the number"
        case str():
            kind = "the string"
        case list():
            kind = "the list"
        case _:
            kind = "the object"
    text = json.dumps(value)
    return f"{kind} {text if len(text) <= 60 else text[:57] + '...'}"


def _depth(text: str) -> int:
    """The deepest nesting, counted without recursion, so that no input can exhaust the parser's stack."""
    deepest = depth = 0
    in_string = escaped = False
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Malformed(f"the member {describe(name)} twice", "each member of an object once")
        members[name] = value
    return members


def _constant(name: str) -> NoReturn:
    raise Malformed(name, "a finite number")


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Malformed(f"the number {digits[:60]}", "a finite number")
    return number


def _integer(digits: str) -> int:
    if len(digits) > 300:
        # Longer ones fit no float, and Python may refuse to convert them.
        raise Malformed(f"a number of {len(digits)} digits", "a number of at most 300")
    return int(digits)
