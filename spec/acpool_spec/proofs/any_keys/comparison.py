"""The second encoding asked about a state of the model: what it says of one, and where its step leads.

On each of CrossHair's paths the symbolic numbers of a state go into the encoding as terms, the same ones on every path. So a
step of the encoding is taken once, whatever the model's branches were, and what comes out is compared with each state that the
model's step has led to. Outside CrossHair numbers are Python's, and z3 says at once what holds of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from crosshair.libimpl import builtinslib
from crosshair.statespace import optional_context_statespace

from acpool_model.state import Client, Key, State
from acpool_spec.proofs.any_keys.chosen import Chosen
from acpool_spec.proofs.any_keys.view import SCALARS, View, drawn
from acpool_spec.proofs.formulas import no_tracing

z3: Any = importlib.import_module("z3")  # it comes without types


class Encoded:
    """A ``step`` of the encoding; one without cases is taken of each state once."""

    def __init__(self, step: Callable[[View], View]) -> None:
        self._step = step
        self._taken: dict[tuple[int, ...], tuple[State, Chosen, View, int]] = {}

    def compared(self, before: State, after: State) -> dict[str, bool]:
        """Whether it leads from one to the other, by what is compared."""
        old, new = _numbers(before), _numbers(after)
        with no_tracing():
            domain, came = self._from(_terms(old))
            there = drawn(_terms(new))
            found = {name: _same(getattr(came, name), getattr(there, name)) for name in SCALARS}
            found |= _same_places("key", Key._fields, came.key, there.key, domain.keys, domain.all_keys)
            found |= _same_places(
                "client", Client._fields, came.client, there.client, domain.clients, domain.all_clients
            )
            return _decided(found, domain.known)

    def _from(self, state: State) -> tuple[Chosen, View]:
        """Where it leads from a state of terms, and the domain in which choices were made."""
        name = tuple([number.get_id() for number in _flat(state)])
        if name in self._taken:
            _, taken, came, serial = self._taken[name]
            # Names go on from where the step left off, on every path: the terms are the same where the paths are.
            return replace(taken, known=[*taken.known], serials=count(serial)), came
        cases = _Cases()
        view = drawn(state, cases.holds)
        domain, came = view.domain, self._step(view)
        assert isinstance(domain, Chosen)
        if not cases.asked:
            serial = next(domain.serials)
            # The state is kept with it, so that the ids of its terms stay their own.
            self._taken[name] = state, domain, came, serial
            domain = replace(domain, known=[*domain.known], serials=count(serial))
        return domain, came


class _Cases:
    """Cases are looked at one after the other; whether any was ``asked`` for."""

    def __init__(self) -> None:
        self.asked = False

    def holds(self, condition: Any) -> bool:
        """Whether a condition holds in this case: on this path of CrossHair, which takes the other one on another path."""
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return bool(z3.is_true(condition))
        self.asked = True
        space: Any = optional_context_statespace()
        if space is None:
            raise TypeError(f"open outside CrossHair: {condition}")
        return bool(space.choose_possible(condition))


def said_of(state: State, say: Callable[[View], dict[str, Any]]) -> dict[str, bool]:
    """What is said of ``state`` as a state of any number of keys, and of the choices made in it, decided by z3."""
    numbers = _numbers(state)
    with no_tracing():
        view = drawn(_terms(numbers))
        return _decided(say(view), _known(view))


def said_of_two(before: State, after: State, say: Callable[[View, View], dict[str, Any]]) -> dict[str, bool]:
    """What is said of two states of any number of keys, decided by z3."""
    old, new = _numbers(before), _numbers(after)
    with no_tracing():
        view = drawn(_terms(old))
        return _decided(say(view, drawn(_terms(new))), _known(view))


def _known(view: View) -> list[Any]:
    assert isinstance(view.domain, Chosen)
    return view.domain.known


def _same_places(
    what: str,
    fields: tuple[str, ...],
    mine: Callable[[Any], Any],
    theirs: Callable[[Any], Any],
    last: int,
    all_: Callable[[Callable[[Any], Any]], Any],
) -> dict[str, Any]:
    """That each place is the same, and those beyond the ``last`` are, too."""
    found = {
        f"{what} {number} {field}": _same(
            getattr(mine(z3.IntVal(number)), field), getattr(theirs(z3.IntVal(number)), field)
        )
        for number in range(1, last + 1)
        for field in fields
    }
    beyond = all_(
        lambda number: z3.Implies(
            number > last,
            z3.And([_same(one, other) for one, other in zip(mine(number), theirs(number), strict=True)]),
        )
    )
    return found | {f"{what}s beyond": beyond}


def _same(one: Any, other: Any) -> Any:
    """Equality, told at once of what is one term."""
    return z3.BoolVal(True) if one is other or z3.eq(one, other) else one == other


def _numbers(state: State) -> tuple[Any, ...]:
    """The numbers of a state, as deep as they are in it, in tuples of Python's own."""
    return (
        *state[:6],
        tuple(tuple(key) for key in state.keys),
        tuple(tuple(client) for client in state.clients),
    )


def _terms(numbers: tuple[Any, ...]) -> State:
    """A state of terms."""
    *scalars, keys, clients = numbers
    held = tuple(Key(*map(number_term, key)) for key in keys)
    seated = tuple(Client(*map(number_term, client)) for client in clients)
    return State._make([*map(number_term, scalars), held, seated])


def _flat(state: State) -> list[Any]:
    *scalars, keys, clients = state
    return [*scalars, *[number for place in (*keys, *clients) for number in place]]


def number_term(number: Any) -> Any:
    """A number of Python's, or a symbolic one of CrossHair's, for z3."""
    match number:
        case builtinslib.SymbolicInt():
            return number.var
        case builtinslib.SymbolicBool():
            return z3.If(number.var, 1, 0)
        case int():
            return z3.IntVal(int(number))
        case _:
            raise TypeError(f"not a number: {type(number)}")


def _decided(found: dict[str, Any], known: list[Any]) -> dict[str, bool]:
    """The terms, and that the choices made in a view were open, as booleans of CrossHair's, or of Python's outside it."""
    choices = {f"choice {n}": term for n, term in enumerate(known)}
    return {name: _boolean(term) for name, term in (found | choices).items()}


def _boolean(term: Any) -> Any:
    if z3.is_true(term):
        return True
    if optional_context_statespace() is not None:
        return builtinslib.SymbolicBool(term)
    solver = z3.Solver()
    solver.add(z3.Not(term))
    return solver.check() == z3.unsat
