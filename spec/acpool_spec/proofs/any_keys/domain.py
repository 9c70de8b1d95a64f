"""What there is in a state, and what can be asked of all of it: of so many keys and clients, or of any number.

What is asked of *all* keys or clients goes through the ``Domain`` of a state: ``Few`` looks at each, ``Unbounded`` says it with
a quantifier. Which one is the first of a queue is a fresh number there, of which is known that it is one, and that none comes
before it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from acpool_model.invariants import every

z3: Any = importlib.import_module("z3")  # it comes without types


NUMBERS = z3.IntSort()


class Domain(Protocol):
    """What there is, and what can be asked of all of it. Numbers and conditions are Python's, or z3's."""

    def all_keys(self, holds: Callable[[Any], Any]) -> Any:
        """Whether ``holds`` of the number of every key."""
        ...

    def all_clients(self, holds: Callable[[Any], Any]) -> Any:
        """Whether ``holds`` of the number of every client."""
        ...

    def first_key(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """One ``among`` the keys with none of them ``before`` it; 0: there is none."""
        ...

    def first_client(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """As ``first_key``."""
        ...

    def count_clients(self, among: Callable[[Any], Any]) -> Any:
        """How many clients there are ``among`` them."""
        ...

    def sum_keys(self, term: Callable[[Any], Any]) -> Any:
        """The sum of ``term`` over the numbers of all keys."""
        ...

    def decided(self, condition: Any) -> Any:
        """``condition``, or whether it holds, where one case is looked at after the other."""
        ...

    def turns(self, lasts: Callable[[Any], Any], now: Any) -> tuple[Callable[[Any], Any], Any]:
        """One key after the other, each for as many ticks as it ``lasts``: number of a key → tick; and the tick after all."""
        ...


@dataclass(frozen=True)
class Few:
    """So many keys and clients."""

    keys: int
    clients: int

    def all_keys(self, holds: Callable[[Any], Any]) -> Any:
        """Each is looked at."""
        return every([holds(number) for number in range(1, self.keys + 1)])

    def all_clients(self, holds: Callable[[Any], Any]) -> Any:
        """Each is looked at."""
        return every([holds(number) for number in range(1, self.clients + 1)])

    def first_key(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, the one with the lowest number."""
        return _first(self.keys, among, before)

    def first_client(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, the one with the lowest number."""
        return _first(self.clients, among, before)

    def count_clients(self, among: Callable[[Any], Any]) -> Any:
        """Each is looked at."""
        return sum([among(number) for number in range(1, self.clients + 1)])

    def sum_keys(self, term: Callable[[Any], Any]) -> Any:
        """Each is looked at."""
        return sum([term(number) for number in range(1, self.keys + 1)])

    def decided(self, condition: Any) -> Any:
        """As it is."""
        return condition

    def turns(self, lasts: Callable[[Any], Any], now: Any) -> tuple[Callable[[Any], Any], Any]:
        """In the order of their numbers."""
        began = [now]
        for number in range(1, self.keys + 1):
            began.append(began[-1] + lasts(number))
        return lambda at: began[at - 1] if at else now, began[-1]


def _first(last: int, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> int:
    found = 0
    for number in range(1, last + 1):
        if among(number) and (not found or before(number, found)):
            found = number
    return found


@dataclass(frozen=True)
class Unbounded:
    """Any number of keys and clients; ``known`` collects what is known of the fresh numbers.

    The same questions are the same terms each time that they are asked of a new domain, as CrossHair needs them.
    """

    known: list[Any] = field(default_factory=list[Any])
    serials: Iterator[int] = field(default_factory=count)

    def fresh(self, what: str) -> Any:
        """A number that nothing is known of."""
        return z3.Int(f"{what}!{next(self.serials)}")

    def all_keys(self, holds: Callable[[Any], Any]) -> Any:
        """A quantifier."""
        number = self.fresh("key")
        return z3.ForAll([number], z3.Implies(number >= 1, holds(number)))

    def all_clients(self, holds: Callable[[Any], Any]) -> Any:
        """A quantifier."""
        number = self.fresh("client")
        return z3.ForAll([number], z3.Implies(number >= 1, holds(number)))

    def first_key(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, any."""
        return self._first(self.all_keys, among, before)

    def first_client(self, among: Callable[[Any], Any], before: Callable[[Any, Any], Any]) -> Any:
        """Of several, any."""
        return self._first(self.all_clients, among, before)

    def count_clients(self, among: Callable[[Any], Any]) -> Any:
        """No less than 0; nothing else is known of it."""
        number = self.fresh("count")
        self.known.append(number >= 0)
        return number

    def sum_keys(self, term: Callable[[Any], Any]) -> Any:
        """That of no negative terms is none, that of no positive ones neither; nothing else is known of it."""
        return self._summed(self.fresh("sum"), term)

    def _summed(self, total: Any, term: Callable[[Any], Any]) -> Any:
        self.known.append(z3.Implies(self.all_keys(lambda at: term(at) >= 0), total >= 0))
        self.known.append(z3.Implies(self.all_keys(lambda at: term(at) <= 0), total <= 0))
        return total

    def decided(self, condition: Any) -> Any:
        """As it is."""
        return condition

    def turns(self, lasts: Callable[[Any], Any], now: Any) -> tuple[Callable[[Any], Any], Any]:
        """In any order."""
        began = z3.Array(f"turn!{next(self.serials)}", NUMBERS, NUMBERS)
        return self._taken_in_turn(lasts, now, lambda at: z3.Select(began, at), self.fresh("end"))

    def _taken_in_turn(
        self, lasts: Callable[[Any], Any], now: Any, turn: Callable[[Any], Any], end: Any
    ) -> tuple[Callable[[Any], Any], Any]:
        def after(at: Any) -> Any:
            return turn(at) + lasts(at)

        def apart(one: Any, other: Any) -> Any:
            both = z3.And(one != other, lasts(one) > 0, lasts(other) > 0)
            return z3.Implies(both, z3.Or(after(one) <= turn(other), after(other) <= turn(one)))

        within = self.all_keys(
            lambda at: z3.Implies(lasts(at) > 0, z3.And(turn(at) >= now, after(at) <= end))
        )
        self.known.append(z3.And(end >= now, within))
        self.known.append(self.all_keys(lambda one: self.all_keys(lambda other: apart(one, other))))
        return turn, end

    def _first(
        self,
        all_: Callable[[Callable[[Any], Any]], Any],
        among: Callable[[Any], Any],
        before: Callable[[Any, Any], Any],
    ) -> Any:
        return self._found(self.fresh("first"), all_, among, before)

    def _found(
        self,
        found: Any,
        all_: Callable[[Callable[[Any], Any]], Any],
        among: Callable[[Any], Any],
        before: Callable[[Any, Any], Any],
    ) -> Any:
        none = z3.And(found == 0, all_(lambda number: z3.Not(among(number))))
        least = all_(lambda number: z3.Not(z3.And(among(number), before(number, found))))
        self.known.append(z3.Or(none, z3.And(found >= 1, among(found), least)))
        return found
