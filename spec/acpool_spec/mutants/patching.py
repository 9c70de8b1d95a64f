"""A mutant put into a module that is loaded: the code of the function that it changes is exchanged, whoever knows that by now.

So a mutant costs no new process with everything to be imported. Not every mutant can be had like this: what is done when the
module is imported was done, and so were the decorators and the defaults of a function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from acpool_spec.mutants.generated import OUTSIDE, parts_of


class Unfit(Exception):
    """The mutant cannot be put into a loaded module; the message says why in a sentence."""


def patch(module: ModuleType, name: str, before: str, after: str) -> None:
    """Give the function ``name`` of the loaded ``module``, of the source ``before``, the code that it has in ``after``.

    Raises :class:`Unfit`, with nothing changed.
    """
    if name == OUTSIDE:
        raise Unfit("it changes what is done when the module is imported")
    codes = [
        code for code in _codes(compile(after, str(module.__file__), "exec")) if code.co_qualname == name
    ]
    heads = [_head(source, name) for source in (before, after)]
    if len(codes) != 1 or None in heads:
        raise Unfit(f"{name} is not the name of one function")
    if heads[0] != heads[1]:
        raise Unfit(f"{name} has other decorators or defaults")
    function = _function(module, name)
    if (function.__code__.co_qualname, function.__code__.co_freevars) != (name, codes[0].co_freevars):
        raise Unfit(f"{name} is another function by now")
    function.__code__ = codes[0]


def _head(source: str, name: str) -> str | None:
    """What is evaluated where the function is defined; None where there is not one of that name."""
    nodes = [ast.parse(part.source).body[0] for part in parts_of(source) if part.name == name]
    if len(nodes) != 1 or not isinstance(nodes[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    node = nodes[0]
    return "\n".join(map(ast.unparse, [*node.decorator_list, node.args]))


def _function(module: ModuleType, name: str) -> FunctionType:
    """The function itself, below its decorators."""
    found: Any = module
    for piece in name.split("."):
        found = vars(found).get(piece)
    while not (isinstance(found, FunctionType) and found.__code__.co_qualname == name):
        inner = [getattr(found, attribute, None) for attribute in ("fget", "__func__", "__wrapped__")]
        found = next((one for one in inner if one is not None), None)
        if found is None:
            raise Unfit(f"{name} is no function by now")
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
