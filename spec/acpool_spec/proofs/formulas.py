"""What has no branches is built as one formula, where CrossHair does not trace.

Premises and conclusions have no branches, and are nine tenths of what is evaluated on a path: traced, each ``&`` in them costs
a thousand times what it costs z3. So they are evaluated untraced, on :class:`Term`: the z3 term of a symbolic number, with the
operations that the invariants use, each of which is z3's. A term is made once, however many paths ask for it. What a term is
not made for raises ``TypeError``, a branch above all, and then nothing is proved.

What has branches, the transitions and the guards, is CrossHair's as ever.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

from crosshair import tracers
from crosshair.libimpl.builtinslib import SymbolicBool, SymbolicInt

from acpool_model.invariants import every

_P = ParamSpec("_P")
_T = TypeVar("_T")

z3: Any = importlib.import_module("z3")  # it comes without types

_untyped: Mapping[str, Any] = vars(tracers)
no_tracing, is_tracing = (_untyped[name] for name in ("NoTracing", "is_tracing"))


class Term:
    """A number or a truth value of z3's, as an operand of Python's operators."""

    __slots__ = ("z3",)

    def __init__(self, term: Any) -> None:
        self.z3 = term

    def __eq__(self, other: object) -> Any:
        return _made("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return _made("ne", self, other)

    def __lt__(self, other: Any) -> Any:
        return _made("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return _made("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return _made("lt", other, self)

    def __ge__(self, other: Any) -> Any:
        return _made("le", other, self)

    def __add__(self, other: Any) -> Any:
        return _made("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _made("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _made("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _made("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return _made("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _made("mul", other, self)

    def __and__(self, other: Any) -> Any:
        return _joined("and", self, other, neutral=True)

    def __rand__(self, other: Any) -> Any:
        return _joined("and", self, other, neutral=True)

    def __or__(self, other: Any) -> Any:
        return _joined("or", self, other, neutral=False)

    def __ror__(self, other: Any) -> Any:
        return _joined("or", self, other, neutral=False)

    def __xor__(self, other: Any) -> Any:
        return _made("ne", _truth(self), _truth(other))

    def __rxor__(self, other: Any) -> Any:
        return _made("ne", _truth(self), _truth(other))

    def __bool__(self) -> NoReturn:
        raise TypeError("a formula has no branches")

    def __hash__(self) -> NoReturn:
        raise TypeError("a term is not looked up")


_OF_NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
    "add": lambda one, other: one + other,
    "sub": lambda one, other: one - other,
    "mul": lambda one, other: one * other,
}
_OF_TRUTHS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda one, other: one == other,
    "ne": z3.Xor,
    "and": z3.And,
    "or": z3.Or,
}

# Terms live for as long as these do, so that the numbers by which they are found, z3's and Python's, stay their own.
_terms: dict[tuple[type[Term], int], Term] = {}
_known: dict[
    tuple[str, int, int], tuple[Term, Term, Term]
] = {}  # the result, and the operands that are in the name
_constants: dict[int, Term] = {}


def _term(of_type: type[Term], found: Any) -> Term:
    """The one ``Term`` of this type that is a term of z3's."""
    name = of_type, found.get_id()
    if name not in _terms:
        _terms[name] = of_type(found)
    return _terms[name]


def _made(operation: str, one: Any, other: Any) -> Any:
    """The result of an operation, one of whose operands is a ``Term``; the same whenever it is asked for again."""
    if one is None or other is None:
        return NotImplemented
    mine, theirs = _operand(one), _operand(other)
    name = operation, id(mine), id(theirs)
    known = _known.get(name)
    if known is None:
        if operation in _OF_TRUTHS and z3.is_bool(mine.z3) and z3.is_bool(theirs.z3):
            made = _OF_TRUTHS[operation](mine.z3, theirs.z3)
        else:
            made = _OF_NUMBERS[operation](_number(mine.z3), _number(theirs.z3))
        of_type = type(one) if isinstance(one, Term) else type(other)
        known = _known[name] = _term(of_type, made), mine, theirs
    return known[0]


def _joined(operation: str, one: Term, other: Any, *, neutral: bool) -> Any:
    """A conjunction or a disjunction; one with a truth value of Python's is that, or what it was."""
    if isinstance(other, bool):
        return one if other is neutral else other
    return _made(operation, _truth(one), _truth(other))


def _truth(value: Any) -> Any:
    """The same, if it is a truth value. Raises ``TypeError`` of a number: bits are not z3's."""
    if isinstance(value, bool) or (isinstance(value, Term) and z3.is_bool(value.z3)):
        return value
    raise TypeError("no truth value")


def _operand(value: Any) -> Term:
    if isinstance(value, Term):
        return value
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if not isinstance(value, int):
        raise TypeError(f"neither a number nor a truth value: {type(value)}")
    found = _constants.get(value)
    if found is None:
        found = _constants[value] = _term(Term, z3.IntVal(int(value)))
    return found


def _number(term: Any) -> Any:
    return z3.If(term, 1, 0) if z3.is_bool(term) else term


_TRUE, _FALSE = Term(z3.BoolVal(True)), Term(z3.BoolVal(False))


def as_formula(says: Callable[_P, _T]) -> Callable[_P, _T]:
    """``says``; where CrossHair traces, without that, and with what is symbolic in its arguments as terms.

    The arguments are text, numbers, or tuples of these however deep; the result is a truth value, or a dictionary of them.
    """

    @wraps(says)
    def said(*arguments: _P.args, **named: _P.kwargs) -> _T:
        if not is_tracing():
            return says(*arguments, **named)
        with no_tracing():
            terms: Any = [of_parts(Term, argument) for argument in arguments]
            found: _T = _symbolic(says(*terms, **named))
            return found

    return said


@as_formula
def all_hold(found: tuple[bool, ...]) -> bool:
    """Whether all of them do."""
    return every(found)


def of_parts(of_type: type[Term], value: Any) -> Any:
    """Text, a number, or tuples of these however deep, with terms of this type in the place of what is symbolic."""
    if isinstance(value, SymbolicInt | SymbolicBool):
        return _term(of_type, value.var)
    if _is_tuple(value):
        parts = [of_parts(of_type, part) for part in value]
        return value._make(parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, int | str):
        return value
    raise TypeError(f"neither a number nor a tuple: {type(value)}")


def _is_tuple(value: Any) -> bool:
    return isinstance(value, tuple)


def _symbolic(found: Any) -> Any:
    """With terms as CrossHair's truth values again."""
    if isinstance(found, dict):
        return {name: _symbolic(holds) for name, holds in found.items()}
    return SymbolicBool(found.z3) if isinstance(found, Term) else found
