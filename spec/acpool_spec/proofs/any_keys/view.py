"""A state as functions from numbers to keys and clients: of so many, as in the model, or of any number, as z3 arrays.

The steps and the claims are written once, over ``View``. The keys and clients of a state of any number are those of the numbers
from 1; finitely many differ from ``Key()`` and ``Client()``, so sums over them exist. Two of these are ghosts: ``taken`` slots,
and those of ``unseen`` processes, which are starts whose process was not seen yet.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from acpool_model.state import (
    Client,
    Dying,
    Key,
    Stage,
    State,
    slots,
)
from acpool_spec.proofs.any_keys.chosen import Chosen, as_it_is
from acpool_spec.proofs.any_keys.domain import NUMBERS, Domain, Few, Unbounded
from acpool_spec.proofs.any_keys.terms import Parts, choose, remembered

z3: Any = importlib.import_module("z3")  # it comes without types


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


def drawn(state: State, decide: Callable[[Any], Any] = as_it_is) -> View:
    """A state whose numbers are terms, as one of any number of keys and clients: those beyond its own are nothing."""
    keys, clients = list(state.keys), list(state.clients)
    return View(
        domain=Chosen(keys=len(keys), clients=len(clients), decide=decide),
        **{name: getattr(state, name) for name in SCALARS[:-2]},
        taken=z3.Sum([slots_of(key) for key in keys]),
        unseen=z3.Sum([unseen_of(key) for key in keys]),
        key=remembered(lambda at: _at(at, keys, Key())),
        client=remembered(lambda number: _at(number, clients, Client())),
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


def slots_of(key: Key) -> Any:
    """How many slots a key takes."""
    return choose(key.stage >= Stage.OPENING, 1, 0) + choose(key.dying != Dying.NOTHING, 1, 0)


def unseen_of(key: Key) -> Any:
    """How many of them have no process that was seen."""
    return choose(key.stage == Stage.OPENING, 1, 0) + choose(key.dying == Dying.STOPPING, 1, 0)
