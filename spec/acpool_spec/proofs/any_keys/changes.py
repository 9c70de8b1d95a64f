"""A view with something changed in it. ``with_key`` and ``one_by_one``, alone in changing keys, keep the counts."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from acpool_model.state import (
    Client,
    Key,
)
from acpool_spec.proofs.any_keys.terms import Parts, choose, each, is_place, remembered
from acpool_spec.proofs.any_keys.view import SCALARS, View, slots_of, unseen_of

z3: Any = importlib.import_module("z3")  # it comes without types


def either(view: View, condition: Any, one: Callable[[], View], other: Callable[[], View]) -> View:
    """As ``choose``, for states."""
    condition = view.domain.decided(condition)
    if not isinstance(condition, z3.ExprRef):
        return one() if condition else other()
    this, that = one(), other()

    def key(at: Any) -> Any:
        return each(condition, this.key(at), that.key(at))

    def client(number: Any) -> Any:
        return each(condition, this.client(number), that.client(number))

    return replace(
        this,
        **{name: choose(condition, getattr(this, name), getattr(that, name)) for name in SCALARS},
        key=remembered(key),
        client=remembered(client),
    )


def pick(view: View, condition: Any, one: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """As ``choose``; only one of the two is made where it is known which."""
    condition = view.domain.decided(condition)
    if not isinstance(condition, z3.ExprRef):
        return one() if condition else other()
    return choose(condition, one(), other())


def with_key(view: View, at: Any, **changes: Any) -> View:
    """Change fields of the key ``at``; a tick passes, and the counts follow."""
    old = view.key(at)
    new = old._replace(**changes)

    def key(number: Any) -> Any:
        before = view.key(number)
        here = is_place(number, at)

        def part(name: str) -> Any:
            kept = getattr(before, name)
            return choose(here, changes[name], kept) if name in changes else kept

        return Parts(Key._fields, part)

    return replace(
        view,
        key=remembered(key),
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
        return each(lasts(old) > 0, changed(old, turn(at)), old)

    after = replace(view, key=remembered(key), now=end)

    def more(counts: Callable[[Key], Any]) -> Any:
        return view.domain.sum_keys(lambda at: counts(after.key(at)) - counts(view.key(at)))

    return replace(after, taken=view.taken + more(slots_of), unseen=view.unseen + more(unseen_of))


def seat(view: View, number: Any, client: Client) -> View:
    """Put ``client`` at a place; a tick passes."""

    def seated(other: Any) -> Any:
        return each(is_place(other, number), client, view.client(other))

    return replace(view, now=view.now + 1, client=remembered(seated))


def with_clients(view: View, among: Callable[[Any], Any], changed: Callable[[Client], Client]) -> View:
    """Change all the clients ``among`` them."""

    def client(number: Any) -> Any:
        old = view.client(number)
        return each(among(number), changed(old), old)

    return replace(view, client=remembered(client))


def tell_all(view: View, among: Callable[[Any], Any], answer: int) -> View:
    """End the calls of all the clients ``among`` them; a tick passes for each."""
    later = replace(view, now=view.now + view.domain.count_clients(among))
    return with_clients(later, among, lambda _: Client(answer=answer))


def tell(view: View, number: Any, answer: int) -> View:
    """End a client's call."""
    return seat(view, number, Client(answer=answer))
