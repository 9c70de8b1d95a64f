"""That no state of the pool is left out: every one that satisfies the invariant has one of the structures.

A state *fits* a template if it is the template with some values in the holes, but for what nobody reads: ticks with another
order's ranks, ghosts, the last answer of a client, what a holder asked for. It is said without branches, each part once: a
frame is where keys and clients are, and then each of its choices fits, independent of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from acpool_model.state import Client, Key, State
from acpool_spec.proofs.decisions.frames import (
    ASKING,
    Frame,
    Order,
    frames,
    memories,
    orders,
    queues,
    rooms,
)
from acpool_spec.proofs.decisions.numbers import conjunction, disjunction
from acpool_spec.proofs.decisions.structure import Hole
from acpool_spec.proofs.shapes import Size


def covered(size: Size, state: State) -> dict[str, Any]:
    """What has to hold of ``state``."""
    fits = _Fits(state)
    return {
        "it has one of the structures": disjunction([fits.frame(frame) for frame in frames(size)]),
        "its values can be": fits.plausible(),
    }


class _Fits:
    """What of frames fits ``state``; what was asked before is not made again."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._once: dict[Any, Any] = {}

    def frame(self, frame: Frame) -> Any:
        """Whether it is in ``frame``."""
        state = self._state
        line, idle, dying = orders(frame)
        return conjunction(
            [
                self._is("open", 0, state.open, frame.open),
                self._is("queueing", 0, state.queueing, frame.queueing),
                self._is("processes", 0, state.processes, frame.processes),
                *[self._key(at, key) for at, key in enumerate(frame.keys, 1)],
                *[self._client(number, client) for number, client in enumerate(frame.clients, 1)],
                self._room(frame),
                self._one_of("arrival", line, lambda at: state.keys[at - 1].arrival),
                self._one_of("used", idle, lambda at: state.keys[at - 1].used),
                self._one_of("dying_since", dying, lambda at: state.keys[at - 1].dying_since),
                *[
                    self._one_of("queue", queue, lambda number: state.clients[number - 1].arrival)
                    for queue in queues(frame)
                ],
            ]
        )

    def plausible(self) -> Any:
        """Whether what is in its holes can be: of ids no two are the same, unless they are in one hole."""
        ids = [(key.session, key.kept, key.dying_session) for key in self._state.keys]
        apart = [
            (mine == 0) | (mine != theirs)
            for at, one in enumerate(ids)
            for other in ids[at + 1 :]
            for mine in one
            for theirs in other
        ]
        return conjunction([*apart, *[number < self._state.fresh for one in ids for number in one]])

    def _room(self, frame: Frame) -> Any:
        choices = rooms(frame)
        name = ("room", frame.taken, len(choices), isinstance(choices[0], Hole))
        capacity = self._state.capacity
        return self._made(
            name,
            lambda: disjunction(
                [capacity > frame.taken if isinstance(c, Hole) else capacity == c for c in choices]
            ),
        )

    def _key(self, at: int, like: Key) -> Any:
        key = self._state.keys[at - 1]

        def fits() -> Any:
            places = [self._is(name, at, getattr(key, name), getattr(like, name)) for name in _PLACE]
            return conjunction(
                [*places, disjunction([self._memory(at, key, memory) for memory in memories(at, like)])]
            )

        return self._made(("key", at, like), fits)

    def _memory(self, at: int, key: Key, memory: dict[str, int]) -> Any:
        """Whether what is not named is 0, what is in one hole is the same, and it can be there."""

        def fits() -> Any:
            terms: list[Any] = []
            first: dict[str, str] = {}
            for name in _MEMORY:
                number, wanted = getattr(key, name), memory.get(name, 0)
                if not isinstance(wanted, Hole):
                    terms.append(self._is(name, at, number, wanted))
                elif wanted.name in first:
                    terms.append(number == getattr(key, first[wanted.name]))
                else:
                    first[wanted.name] = name
                    flag = wanted.name.startswith(("flag", "resumed"))
                    terms.append((number >= 0) & (number <= 1) if flag else number >= 1)
            return conjunction(terms)

        return self._made(("memory", at, tuple(memory.items())), fits)

    def _client(self, number: int, like: Client) -> Any:
        client = self._state.clients[number - 1]
        names = ("phase", "key", "want", "prompt") if like.phase in ASKING else ("phase", "key", "prompt")
        return self._made(
            ("client", number, like),
            lambda: conjunction(
                [self._is(name, number, getattr(client, name), getattr(like, name)) for name in names]
            ),
        )

    def _one_of(self, name: str, choices: Sequence[Order], tick: Callable[[int], Any]) -> Any:
        """Whether the ticks are in one of the orders."""
        return self._made(
            (name, tuple(choices)),
            lambda: disjunction(
                [
                    conjunction([tick(one) < tick(other) for one, other in pairwise(order)])
                    for order in choices
                ]
            ),
        )

    def _is(self, name: str, number: int, found: Any, wanted: int) -> Any:
        return self._made((name, number, wanted), lambda: found == wanted)

    def _made(self, name: Any, make: Callable[[], Any]) -> Any:
        if name not in self._once:
            self._once[name] = make()
        return self._once[name]


_PLACE = ("stage", "dying", "source", "holder")
_MEMORY = ("session", "kept", "kept_flag", "resumed", "flag", "alive", "dying_session")
