"""A state as functions from numbers to keys and clients: of so many, as in the model, or of any number, as z3 arrays.

The steps and the claims are written once, over ``View``. What is asked of *all* keys or clients goes through its ``Domain``:
``Few`` looks at each, ``Unbounded`` says it with a quantifier. Which one is the first of a queue is a fresh number there, of
which is known that it is one, and that none comes before it.

The keys and clients of a state of any number are those of the numbers from 1; finitely many differ from ``Key()`` and
``Client()``, so sums over them exist. Two of these are ghosts: ``taken`` slots, and those of ``unseen`` processes, which are
starts whose process was not seen yet. ``with_key``, alone in changing keys, adds what the changed one has more than before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol

from acpool_model.invariants import every
from acpool_model.state import Client, Dying, Key, Stage, State, slots

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


def _as_it_is(condition: Any) -> Any:
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
    decide: Callable[[Any], Any] = _as_it_is

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
            first = _is_place(found, z3.IntVal(0))
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


@dataclass(frozen=True, kw_only=True)
class View:
    """A state; the fields of ``State``, and two counts of keys."""

    domain: Domain
    capacity: Any
    queueing: Any
    open: Any
    now: Any
    fresh: Any
    processes: Any
    taken: Any  # ghost: slots
    unseen: Any  # ghost: slots without a process that was seen
    key: Callable[[Any], Key]
    client: Callable[[Any], Client]


SCALARS = ("capacity", "queueing", "open", "now", "fresh", "processes", "taken", "unseen")


def few(state: State) -> View:
    """A state of the model."""

    def key(at: int) -> Key:
        return state.keys[at - 1] if at else Key()

    def client(number: int) -> Client:
        return state.clients[number - 1] if number else Client()

    return View(
        domain=Few(len(state.keys), len(state.clients)),
        **{name: getattr(state, name) for name in SCALARS[:-2]},
        taken=slots(state),
        unseen=sum([unseen_of(key) for key in state.keys]),
        key=key,
        client=client,
    )


def any_number(name: str) -> View:
    """A state of which nothing is known."""
    keys = [z3.Array(f"{name}.{part}", NUMBERS, NUMBERS) for part in Key._fields]
    clients = [z3.Array(f"{name}.client.{part}", NUMBERS, NUMBERS) for part in Client._fields]
    return View(
        domain=Unbounded(),
        **{part: z3.Int(f"{name}.{part}") for part in SCALARS},
        key=lambda at: Key(*[z3.Select(column, at) for column in keys]),
        client=lambda number: Client(*[z3.Select(column, number) for column in clients]),
    )


def drawn(state: State, decide: Callable[[Any], Any] = _as_it_is) -> View:
    """A state whose numbers are terms, as one of any number of keys and clients: those beyond its own are nothing."""
    keys, clients = list(state.keys), list(state.clients)
    return View(
        domain=Chosen(keys=len(keys), clients=len(clients), decide=decide),
        **{name: getattr(state, name) for name in SCALARS[:-2]},
        taken=z3.Sum([slots_of(key) for key in keys]),
        unseen=z3.Sum([unseen_of(key) for key in keys]),
        key=_remembered(lambda at: _at(at, keys, Key())),
        client=_remembered(lambda number: _at(number, clients, Client())),
    )


def _at(number: Any, places: Sequence[Any], nothing: Any) -> Any:
    """What is at a place."""
    if z3.is_int_value(number):
        known = number.as_long()
        return places[known - 1] if 1 <= known <= len(places) else nothing._make(map(z3.IntVal, nothing))

    def part(name: str) -> Any:
        found = z3.IntVal(getattr(nothing, name))
        for place, there in enumerate(places, 1):
            found = z3.If(number == place, getattr(there, name), found)
        return found

    return Parts(nothing._fields, part)


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


def _remembered(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
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


def pick(view: View, condition: Any, one: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """As ``choose``; only one of the two is made where it is known which."""
    condition = view.domain.decided(condition)
    if not isinstance(condition, z3.ExprRef):
        return one() if condition else other()
    return choose(condition, one(), other())


def _is_place(number: Any, at: Any) -> Any:
    """Whether the two are one place; told at once of two that are known, which keeps terms small."""
    if z3.is_int_value(number) and z3.is_int_value(at):
        return z3.BoolVal(number.as_long() == at.as_long())
    return number == at


def either(view: View, condition: Any, one: Callable[[], View], other: Callable[[], View]) -> View:
    """As ``choose``, for states."""
    condition = view.domain.decided(condition)
    if not isinstance(condition, z3.ExprRef):
        return one() if condition else other()
    this, that = one(), other()

    def key(at: Any) -> Any:
        return _each(condition, this.key(at), that.key(at))

    def client(number: Any) -> Any:
        return _each(condition, this.client(number), that.client(number))

    return replace(
        this,
        **{name: choose(condition, getattr(this, name), getattr(that, name)) for name in SCALARS},
        key=_remembered(key),
        client=_remembered(client),
    )


def _each(condition: Any, one: Any, other: Any) -> Any:
    """As ``choose``, for keys and for clients."""
    if not isinstance(condition, z3.ExprRef):
        return one if condition else other
    return Parts(one._fields, lambda name: choose(condition, getattr(one, name), getattr(other, name)))


def slots_of(key: Key) -> Any:
    """How many slots a key takes."""
    return choose(key.stage >= Stage.OPENING, 1, 0) + choose(key.dying != Dying.NOTHING, 1, 0)


def unseen_of(key: Key) -> Any:
    """How many of them have no process that was seen."""
    return choose(key.stage == Stage.OPENING, 1, 0) + choose(key.dying == Dying.STOPPING, 1, 0)


def with_key(view: View, at: Any, **changes: Any) -> View:
    """Change fields of the key ``at``; a tick passes, and the counts follow."""
    old = view.key(at)
    new = old._replace(**changes)

    def key(number: Any) -> Any:
        before = view.key(number)
        here = _is_place(number, at)

        def part(name: str) -> Any:
            kept = getattr(before, name)
            return choose(here, changes[name], kept) if name in changes else kept

        return Parts(Key._fields, part)

    return replace(
        view,
        key=_remembered(key),
        now=view.now + 1,
        taken=view.taken + slots_of(new) - slots_of(old),
        unseen=view.unseen + unseen_of(new) - unseen_of(old),
    )


def one_by_one(view: View, lasts: Callable[[Key], Any], changed: Callable[[Key, Any], Key]) -> View:
    """Change each key that ``lasts`` any ticks, one after another: from what it is and the tick at which its turn begins."""

    def ticks(at: Any) -> Any:
        return lasts(view.key(at))

    turn, end = view.domain.turns(ticks, view.now)

    def key(at: Any) -> Any:
        old = view.key(at)
        return _each(lasts(old) > 0, changed(old, turn(at)), old)

    after = replace(view, key=_remembered(key), now=end)

    def more(counts: Callable[[Key], Any]) -> Any:
        return view.domain.sum_keys(lambda at: counts(after.key(at)) - counts(view.key(at)))

    return replace(after, taken=view.taken + more(slots_of), unseen=view.unseen + more(unseen_of))


def seat(view: View, number: Any, client: Client) -> View:
    """Put ``client`` at a place; a tick passes."""

    def seated(other: Any) -> Any:
        return _each(_is_place(other, number), client, view.client(other))

    return replace(view, now=view.now + 1, client=_remembered(seated))


def with_clients(view: View, among: Callable[[Any], Any], changed: Callable[[Client], Client]) -> View:
    """Change all the clients ``among`` them."""

    def client(number: Any) -> Any:
        old = view.client(number)
        return _each(among(number), changed(old), old)

    return replace(view, client=_remembered(client))


def tell_all(view: View, among: Callable[[Any], Any], answer: int) -> View:
    """End the calls of all the clients ``among`` them; a tick passes for each."""
    later = replace(view, now=view.now + view.domain.count_clients(among))
    return with_clients(later, among, lambda _: Client(answer=answer))
