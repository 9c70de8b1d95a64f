"""States whose every number is open: the types that CrossHair makes symbolic values of, and its counterexamples read back.

A model state has tuples of any length; a symbolic one has so many keys and clients, which is all that bounds a proof.
"""

from __future__ import annotations

import ast
from functools import cache
from types import GenericAlias
from typing import Any, Final, NamedTuple

from acpool_model.actions import Action
from acpool_model.state import Client, Key, State


class Size(NamedTuple):
    """How many keys and clients the symbolic states have; everything else about them is unbounded."""

    keys: int
    clients: int


@cache
def shape(size: Size) -> type[Any]:
    """The type of a state of so many keys and clients: fields as in ``State``, with tuples of fixed length."""
    numbers = dict.fromkeys((name for name in State._fields if name not in ("keys", "clients")), int)
    fields: dict[str, Any] = {
        **numbers,
        "keys": GenericAlias(tuple, (Key,) * size.keys),
        "clients": GenericAlias(tuple, (Client,) * size.clients),
    }
    make: Any = NamedTuple  # the fields are a parameter, which type checkers do not follow
    made: type[Any] = make("Shape", fields.items())
    made.__module__ = __name__
    return made


def read_arguments(message: str) -> tuple[Any, ...]:
    """The states, and the action if there is one, in a message of CrossHair, ``... when calling obligation(Shape(...), ...)...``.

    Raises ``ValueError`` where it has none that can be read.
    """
    return tuple(_argument(argument) for argument in _arguments(message))


def read_numbers(message: str) -> tuple[int, ...]:
    """The numbers in such a message, ``... when calling obligation(Values(...))...``.

    Raises ``ValueError`` where it has none that can be read.
    """
    match _arguments(message):
        case [ast.Call(args=numbers, keywords=[])]:
            return tuple(map(_value, numbers))
        case _:
            raise ValueError(f"no numbers in {message!r}")


def _arguments(message: str) -> list[ast.expr]:
    """What is in the call that a message tells of."""
    _, found, call = message.partition(_CALLING)
    if not found:
        raise ValueError(f"no call in {message!r}")
    # The call ends somewhere before the end of the message: at the first bracket that makes it an expression.
    ends = [at for at, character in enumerate(call, 1) if character == ")"]
    for end in ends:
        try:
            parsed = ast.parse("_(" + call[:end], mode="eval").body
        except SyntaxError:
            continue
        if isinstance(parsed, ast.Call):
            return parsed.args
    raise ValueError(f"no call in {message!r}")


_CALLING: Final = "when calling obligation("
_RECORDS: Final = {"Shape": State, "Key": Key, "Client": Client, "Action": Action}


def _argument(node: ast.expr) -> State | Action:
    found = _value(node)
    if not isinstance(found, State | Action):
        raise ValueError(f"neither a state nor an action: {ast.unparse(node)}")
    return found


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _RECORDS:
            named = {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
            return _RECORDS[name](*map(_value, node.args), **named)
        case ast.Tuple():
            return tuple(map(_value, node.elts))
        case _:
            return int(ast.literal_eval(node))
