"""The first step at which a pool and the model part, as a message: what the pool did, and both states side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from acpool import Step
from acpool_model import Action, Client, Key, Kind, Stage, State, describe
from acpool_model.state import Phase

WIDTH = 76
"""Columns: with the indentation of a message it fits into 80."""
_GAP = " | "
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


class _Called:
    """The model calls its keys a, b, c, …; here those of the pool that are called so are at these places, others after them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        letters = [_LETTERS.index(name) + 1 for name in names if name in _LETTERS]
        free = iter(range(max(letters, default=0) + 1, len(names) + len(_LETTERS) + 1))
        self._names = names
        self._places = [_LETTERS.index(name) + 1 if name in _LETTERS else next(free) for name in names]

    def place(self, at: int) -> int:
        """Where the key numbered ``at`` is shown; 0 stays 0."""
        return self._places[at - 1] if at else 0

    def state(self, state: State) -> State:
        """``state`` as it is shown."""
        keys = [Key()] * max(map(self.place, range(1, len(state.keys) + 1)), default=0)
        for at, key in enumerate(state.keys, 1):
            keys[self.place(at) - 1] = key._replace(source=self.place(key.source))
        clients = [client._replace(key=self.place(client.key)) for client in state.clients]
        return state._replace(keys=tuple(keys), clients=tuple(clients))

    def legend(self) -> Iterator[str]:
        """Which keys the model's letters stand for, where they are not their names."""
        others = [
            f"{describe(Action(Kind.RESET, place)).partition(' ')[0]} is {key!r}"
            for place, key in zip(self._places, self._names, strict=True)
            if key not in _LETTERS
        ]
        if others:
            yield from _wrapped(", ".join(others))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where they part. ``number``: of the pool's step, from 1. ``step``: None where it was after the last one of the run.
    ``action``: the model's for it, the last one that was tried; None where it has none.
    ``keys``: what the pool calls the model's keys.

    ``pool`` and ``model``: the states after it; where ``enabled`` is false, the model's is the one before, in which it has no
    such step.
    """

    number: int
    step: Step | None
    action: Action | None
    enabled: bool
    pool: State
    model: State
    keys: tuple[str, ...]

    @property
    def message(self) -> str:
        """Several lines: the first says it in short, the others have both states, what differs marked with ``*``."""
        called = _Called(self.keys)
        titles = ("the pool", "the model") if self.enabled else ("the pool after it", "the model before it")
        if self.step is None:
            head = f"after step {self.number}, the last, the pool has moved without telling"
        elif not self.enabled:
            head = f"step {self.number}: {self._said(self.step, called)}, which the model does not enable"
        else:
            head = f"step {self.number}: {self._said(self.step, called)}, and the pool is elsewhere than the model"
        states = [list(_lines(called.state(state))) for state in (self.pool, self.model)]
        return "\n".join([*_wrapped(head), *called.legend(), *side_by_side(titles, states[0], states[1])])

    def _said(self, step: Step, called: _Called) -> str:
        if self.action is None:
            return f"{step.action} ({step.key}) is no step of the model"
        if self.action.client < 0:
            return f"{step.action} of a caller that neither waits nor holds"
        return describe(self.action._replace(key=called.place(self.action.key)))


def side_by_side(titles: tuple[str, str], left: list[str], right: list[str]) -> Iterator[str]:
    """Two lists of lines in two columns of the message; lines that differ begin with ``*``."""
    column = (WIDTH - 2 - len(_GAP)) // 2
    yield "  " + titles[0].ljust(column) + _GAP + titles[1]
    for one, other in zip_longest(left, right, fillvalue=""):
        mark = "  " if one == other else "* "
        for at, (first, second) in enumerate(
            zip_longest(_cut(one, column), _cut(other, column), fillvalue="")
        ):
            yield ((mark if at == 0 else "  ") + first.ljust(column) + _GAP + second).rstrip()


def _cut(text: str, column: int) -> list[str]:
    return wrap(text, column, subsequent_indent="  ") or [""]


def _wrapped(head: str) -> list[str]:
    return wrap(head, WIDTH) or [""]


def _lines(state: State) -> Iterator[str]:
    """A state in the model's words, and the orders that they do not tell."""
    yield from describe(state).splitlines()
    named = [line.partition(":")[0] for line in describe(state).splitlines()[1:]]
    keys, clients = state.keys, state.clients
    yield from _order("in line", [(key.arrival, named[at]) for at, key in enumerate(keys) if _in_line(key)])
    yield from _order("last used", [(key.used, named[at]) for at, key in enumerate(keys) if key.used])
    yield from _order(
        "dying", [(key.dying_since, named[at]) for at, key in enumerate(keys) if key.dying_since]
    )
    for at in range(1, len(keys) + 1):
        queue = [(c.arrival, str(n)) for n, c in enumerate(clients, 1) if _waits(c, at)]
        yield from _order(f"waiting for {named[at - 1]}", queue)
    yield f"processes: {state.processes}"


def _in_line(key: Key) -> bool:
    return key.stage in (Stage.QUEUED, Stage.PROMISED)


def _waits(client: Client, at: int) -> bool:
    return client.phase == Phase.WAITING and client.key == at


def _order(what: str, ranked: list[tuple[int, str]]) -> Iterator[str]:
    if len(ranked) > 1:
        yield f"{what}, in order: {', '.join(name for _, name in sorted(ranked))}"
