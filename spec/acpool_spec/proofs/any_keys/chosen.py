"""Any number of keys and clients of which few are something: where an open choice of ``Unbounded`` is made, and shown to be open.

``any-...`` is proved of every choice that ``Unbounded`` leaves. Here one is made; that it is one of these is to be shown, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from acpool_spec.proofs.any_keys.domain import Unbounded
from acpool_spec.proofs.any_keys.terms import choose, is_place

z3: Any = importlib.import_module("z3")  # it comes without types


def as_it_is(condition: Any) -> Any:
    """Of all cases at once."""
    return condition


@dataclass(frozen=True)
class Chosen(Unbounded):
    """Any number of them, of which all but so many are nothing; the fresh numbers are told, as terms.

    What ``known`` collects is then to be shown: that these are numbers of which all that holds. There are no quantifiers:
    what is asked of all is asked of those that are something, and of one of the others, any, another one each time. If what
    is to be shown is so whichever these are, it is so of the quantifiers: where one is true, all its instances are; where it
    is false, one of these is, if no other one then that of some number beyond.
    """

    keys: int = 0
    clients: int = 0
    decide: Callable[[Any], Any] = as_it_is

    def all_keys(self, holds: Callable[[Any], Any]) -> Any:
        """Each that is something is looked at, and one beyond."""
        return self._all(self.keys, holds)

    def all_clients(self, holds: Callable[[Any], Any]) -> Any:
        """Each that is something is looked at, and one beyond."""
        return self._all(self.clients, holds)

    def _all(self, last: int, holds: Callable[[Any], Any]) -> Any:
        some = self.fresh("beyond")
        beyond = z3.If(some > last, some, last + 1)
        return z3.And([holds(number) for number in (*map(z3.IntVal, range(1, last + 1)), beyond)])

    def first_key(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, the one with the lowest number."""
        return self._found(self._first_term(self.keys, among, before), self.all_keys, among, before)

    def first_client(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, the one with the lowest number."""
        return self._found(self._first_term(self.clients, among, before), self.all_clients, among, before)

    def _first_term(self, last: int, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """The first of the places up to ``last``, and of one beyond, which is like all those that are nothing."""
        found = z3.IntVal(0)
        for number in map(z3.IntVal, range(1, last + 2)):
            first = is_place(found, z3.IntVal(0))
            here = z3.And(among(number), z3.Or(first, before(number, found)))
            found = choose(self.decided(here), number, found)
        return found

    def decided(self, condition: Any) -> Any:
        """Whether it holds in the case that is looked at."""
        return self.decide(condition) if isinstance(condition, z3.ExprRef) else condition

    def count_clients(self, among: Callable[[Any], Any]) -> Any:
        """How many there are."""
        counted = z3.Sum([z3.If(among(z3.IntVal(n)), 1, 0) for n in range(1, self.clients + 1)])
        self.known.append(counted >= 0)
        return counted

    def sum_keys(self, term: Callable[[Any], Any]) -> Any:
        """Their sum; one beyond is shown to add nothing."""
        self.known.append(term(z3.IntVal(self.keys + 1)) == 0)
        return self._summed(z3.Sum([term(z3.IntVal(n)) for n in range(1, self.keys + 1)]), term)

    def turns(self, lasts: Callable[[Any], Any], now: Any) -> tuple[Callable[[Any], Any], Any]:
        """In the order of their numbers."""
        began = [now]
        for number in map(z3.IntVal, range(1, self.keys + 1)):
            began.append(began[-1] + lasts(number))

        def turn(at: Any) -> Any:
            if z3.is_int_value(at) and 1 <= at.as_long() <= self.keys:
                return began[at.as_long() - 1]
            found = began[-1]
            for place, tick in enumerate(began[:-1], 1):
                found = z3.If(at == place, tick, found)
            return found

        return self._taken_in_turn(lasts, now, turn, began[-1])
