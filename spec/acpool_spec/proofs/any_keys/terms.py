"""Numbers and conditions that may be Python's or z3's, and records of them.

A condition of Python's chooses at once; one of z3's makes a term of both choices.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

z3: Any = importlib.import_module("z3")  # it comes without types


def no(condition: Any) -> Any:
    """``not``, of a condition of Python's or of z3's."""
    return condition ^ True


def choose(condition: Any, one: Any, other: Any) -> Any:
    """``one`` where the condition holds, else ``other``."""
    if not isinstance(condition, z3.ExprRef):
        return one if condition else other
    if one is other:
        return one
    if z3.is_true(condition) or z3.is_false(condition):
        chosen = one if z3.is_true(condition) else other
        return z3.IntVal(chosen) if isinstance(chosen, int) else chosen
    return z3.If(condition, one, other)


def is_place(number: Any, at: Any) -> Any:
    """Whether the two are one place; told at once of two that are known, which keeps terms small."""
    if z3.is_int_value(number) and z3.is_int_value(at):
        return z3.BoolVal(number.as_long() == at.as_long())
    return number == at


class Parts:
    """Stands for a ``Key`` or a ``Client`` with these ``fields``; each part is built when it is first read, most never are."""

    def __init__(self, fields: tuple[str, ...], build: Callable[[str], Any]) -> None:
        self._fields = fields
        self._build = build

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet."""
        if name not in self._fields:
            raise AttributeError(name)
        value = self._build(name)
        setattr(self, name, value)
        return value

    def __iter__(self) -> Iterator[Any]:
        """All of them."""
        return (getattr(self, name) for name in self._fields)

    def _replace(self, **changes: Any) -> Parts:
        """As of a named tuple."""
        return Parts(self._fields, lambda name: changes[name] if name in changes else getattr(self, name))


def each(condition: Any, one: Any, other: Any) -> Any:
    """As ``choose``, for keys and for clients."""
    if not isinstance(condition, z3.ExprRef):
        return one if condition else other
    return Parts(one._fields, lambda name: choose(condition, getattr(one, name), getattr(other, name)))


def remembered(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``look``, each place looked at once: views are made of views, and the terms of one place would be built over and over."""
    seen: dict[int, tuple[Any, Any]] = {}

    def looked(number: Any) -> Any:
        if not isinstance(number, z3.ExprRef):
            return look(number)
        name = number.get_id()
        if name not in seen:
            seen[name] = number, look(number)  # the term is kept, so that its id stays its own
        return seen[name][1]

    return looked
