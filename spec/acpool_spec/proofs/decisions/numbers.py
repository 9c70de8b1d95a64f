"""Numbers that CrossHair holds open, in code that CrossHair does not trace.

Tracing costs a thousand times what a decision costs, and is needed only where something is done to a symbolic number. So what
is decided is decided untraced, and the symbolic numbers in it are wrapped: an :class:`Open` has the operations of a ``Term``,
each of which is z3's, and truth, which CrossHair decides, one path after the other. Nothing else: whatever else is tried on
one, by the core, by the model or by C code beneath them, raises ``TypeError``, and then nothing is proved. That it is an object
of its own (``is``, ``is None``) tells nothing of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crosshair.libimpl.builtinslib import SymbolicBool
from crosshair.statespace import context_statespace

from acpool_spec.proofs.formulas import Term, is_tracing, no_tracing, of_parts, z3


class Open(Term):
    """A symbolic number or truth value of CrossHair, to be used where it does not trace."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # a term that is not open has none
        """Which of the two it is on this path: where both are possible CrossHair takes each, one path after the other."""
        number = self.z3.get_id()
        if number not in _decided:
            is_so = self.z3 if z3.is_bool(self.z3) else self.z3 != 0
            _decided[number] = bool(context_statespace().choose_possible(is_so))
        return _decided[number]

    def __int__(self) -> int:
        """0 or 1 of a truth value, decided like it. Raises ``TypeError`` of a number: it would be one of many."""
        if not z3.is_bool(self.z3):
            raise TypeError("an open number is not one integer")
        return 1 if self else 0


_decided: dict[int, bool] = {}
"""What was decided on this path, by z3's number of the term: what was asked once has the same answer again."""


def untraced(conclude: Callable[[Any], Any], values: Any) -> Any:
    """``conclude(values)``; where CrossHair traces, without that, and with what is symbolic in ``values`` wrapped.

    ``values`` is a number, or tuples of numbers however deep.
    """
    if not is_tracing():
        return conclude(values)
    with no_tracing():
        _decided.clear()
        found = conclude(of_parts(Open, values))
        return SymbolicBool(found.z3) if isinstance(found, Open) else found


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
