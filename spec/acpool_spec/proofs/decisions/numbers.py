"""Numbers that CrossHair holds open, in code that CrossHair does not trace.

Tracing costs a thousand times what a decision costs, and is needed only where something is done to a symbolic number. So what
is decided is decided untraced, and the symbolic numbers in it are wrapped: an :class:`Open` has comparisons, addition, ``&``,
``|``, ``^``, truth, and of a boolean ``int``, each handed on to CrossHair's own with tracing on for just as long. Nothing else:
whatever else is tried on one, by the core, by the model or by C code beneath them, raises ``TypeError``, and then nothing is
proved. That it is an object of its own (``is``, ``is None``) tells nothing of its value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from crosshair import tracers
from crosshair.libimpl.builtinslib import SymbolicBool

_untyped: Mapping[str, Any] = vars(tracers)
no_tracing, resumed_tracing, is_tracing = (
    _untyped[name] for name in ("NoTracing", "ResumedTracing", "is_tracing")
)


class Open:
    """A symbolic number or boolean of CrossHair, to be used where it does not trace."""

    __slots__ = ("_known", "_truth", "symbolic")

    def __init__(self, symbolic: Any) -> None:
        self.symbolic = symbolic
        # It lives for one path, so what was asked of it once has the same answer again.
        self._known: dict[Any, Any] = {}
        self._truth: bool | None = None

    def __bool__(self) -> bool:
        """Which of the two it is on this path: where both are possible CrossHair takes each, one path after the other."""
        if self._truth is None:
            with resumed_tracing():
                # ``bool`` of it would be a symbolic value again.
                self._truth = True if self.symbolic else False  # noqa: SIM210
        return self._truth

    def known(self, name: Any) -> Any:
        """The result of an operation, if it was done before, and the other operand."""
        return self._known.get(name)

    def know(self, name: Any, result: Any) -> None:
        """Keep the result of an operation."""
        self._known[name] = result

    def __int__(self) -> int:
        """0 or 1 of a boolean, decided like its truth. Raises ``TypeError`` of a number: it would be one of many."""
        if not isinstance(self.symbolic, SymbolicBool):
            raise TypeError("an open number is not one integer")
        return 1 if self else 0

    def __eq__(self, other: object) -> Any:
        return _apply("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return _apply("ne", self, other)

    def __lt__(self, other: Any) -> Any:
        return _apply("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return _apply("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return _apply("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return _apply("ge", self, other)

    def __add__(self, other: Any) -> Any:
        return _apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _apply("sub", self, other)

    def __and__(self, other: Any) -> Any:
        return _apply("and", self, other)

    def __rand__(self, other: Any) -> Any:
        return _apply("and", other, self)

    def __or__(self, other: Any) -> Any:
        return _apply("or", self, other)

    def __ror__(self, other: Any) -> Any:
        return _apply("or", other, self)

    def __xor__(self, other: Any) -> Any:
        return _apply("xor", self, other)

    def __rxor__(self, other: Any) -> Any:
        return _apply("xor", other, self)

    def __hash__(self) -> NoReturn:
        raise TypeError("an open number is not looked up")


_operations: Mapping[str, Any] = vars(operator)


def _apply(operation: str, one: Any, other: Any) -> Any:
    """The result of ``operation``, a dunder method's name; the same object whenever it is asked for again."""
    if one is None or other is None:
        return NotImplemented
    owner, besides, mirrored = (one, other, False) if isinstance(one, Open) else (other, one, True)
    identity = id(besides) if isinstance(besides, Open) else besides
    name = (operation, mirrored, isinstance(besides, Open), isinstance(besides, bool), identity)
    known = owner.known(name)
    if known is not None:
        return known[0]
    mine = one.symbolic if isinstance(one, Open) else one
    theirs = other.symbolic if isinstance(other, Open) else other
    with resumed_tracing():
        made = _operations[f"__{operation}__"](mine, theirs)
    result = made if type(made) in (bool, int) else Open(made)
    owner.know(name, (result, besides))  # which keeps it alive, so that its identity stays its own
    return result


def untraced(conclude: Callable[[Any], Any], values: Any) -> Any:
    """``conclude(values)``; where CrossHair traces, without that, and with what is symbolic in ``values`` wrapped.

    ``values`` is a number, or tuples of numbers however deep.
    """
    if not is_tracing():
        return conclude(values)
    with no_tracing():
        found = conclude(_wrapped(values))
    return found.symbolic if isinstance(found, Open) else found


def _wrapped(values: Any) -> Any:
    if not _is_tuple(values):
        return values if type(values) is int else Open(values)
    parts = [_wrapped(value) for value in values]
    return values._make(parts) if hasattr(values, "_fields") else tuple(parts)


def _is_tuple(value: Any) -> bool:
    return isinstance(value, tuple)


def conjunction(terms: Iterable[Any]) -> Any:
    """Whether all ``terms`` hold; open where that depends on what is open in them. It decides nothing, so it forks no path."""
    found: Any = True
    for term in terms:
        if isinstance(term, Open):
            found = term if found is True else found & term
        elif not term:
            return False
    return found


def disjunction(terms: Iterable[Any]) -> Any:
    """Whether one of ``terms`` holds, likewise."""
    found: Any = False
    for term in terms:
        if isinstance(term, Open):
            found = term if found is False else found | term
        elif term:
            return True
    return found
