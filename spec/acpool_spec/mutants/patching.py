"""A mutant put into a module that is loaded: the code of the function that it changes is exchanged, whoever knows that by now.

So a mutant costs no new process with everything to be imported. Not every mutant can be had like this: what is done when the
module is imported was done, and so were the decorators of a function, and defaults that are no literals.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import reduce
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
    was, becomes = _definition(before, name), _definition(after, name)
    if len(codes) != 1 or was is None or becomes is None:
        raise Unfit(f"{name} is not the name of one function")
    if list(map(ast.unparse, was.decorator_list)) != list(map(ast.unparse, becomes.decorator_list)):
        raise Unfit(f"{name} is decorated in another way")
    new = _new_defaults(was.args, becomes.args)
    function = _function(module, name)
    if (function.__code__.co_qualname, function.__code__.co_freevars) != (name, codes[0].co_freevars):
        raise Unfit(f"{name} is another function by now")
    function.__code__ = codes[0]
    if function.__defaults__ is not None:
        by_place = {index: value for index, value in new.items() if isinstance(index, int)}
        function.__defaults__ = tuple(by_place.get(i, value) for i, value in enumerate(function.__defaults__))
    if function.__kwdefaults__ is not None:
        function.__kwdefaults__.update({name: value for name, value in new.items() if isinstance(name, str)})


def _definition(source: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The one function of that name."""
    nodes = [ast.parse(part.source).body[0] for part in parts_of(source) if part.name == name]
    if len(nodes) != 1 or not isinstance(nodes[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return nodes[0]


def _new_defaults(before: ast.arguments, after: ast.arguments) -> dict[int | str, Any]:
    """The defaults that differ: by their place among those of arguments that have places, and by the name of the others."""
    was, becomes = _defaults(before), _defaults(after)
    if was.keys() != becomes.keys():
        raise Unfit("other arguments have defaults")
    try:
        return {of: ast.literal_eval(becomes[of]) for of in was if ast.dump(was[of]) != ast.dump(becomes[of])}
    except ValueError as error:
        raise Unfit("a default is no literal") from error


def _defaults(arguments: ast.arguments) -> dict[int | str, ast.expr]:
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {
        **dict(enumerate(arguments.defaults)),
        **{argument.arg: default for argument, default in by_name if default is not None},
    }


def _function(module: ModuleType, name: str) -> FunctionType:
    """The function itself, below its decorators."""
    found: Any = reduce(_member, name.split("."), module)
    while not (isinstance(found, FunctionType) and found.__code__.co_qualname == name):
        found = _below(found)
        if found is None:
            raise Unfit(f"{name} is no function by now")
    return found


def _member(of: Any, name: str) -> Any:
    return of.__dict__.get(name)


def _below(found: Any) -> Any:
    """What a decorator has taken in."""
    inner: list[Any] = [getattr(found, name, None) for name in ("fget", "__func__", "__wrapped__")]
    return next((one for one in inner if one is not None), None)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
