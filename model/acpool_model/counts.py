"""What explorations of the pool's model count, scope by scope: the lines that the tests hold against.

    python -m acpool_model.counts > tests/model/counts.txt

writes them anew after a change of what can happen; read the difference. Names of scopes as arguments print their lines instead.
A line is ``scope verdict states transitions depth``; a scope is keys x clients x capacity, with ``!`` where no creation may
wait for capacity.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

from acpool_model.exhaust import exhaust
from acpool_model.state import Scope

SCOPES: Final = (
    Scope(1, 1, 1),
    Scope(1, 2, 1),
    Scope(1, 3, 1),
    Scope(2, 1, 1),
    Scope(2, 1, 1, queueing=0),
    Scope(2, 1, 2),
    Scope(2, 2, 1),
    Scope(2, 2, 1, queueing=0),
    Scope(3, 1, 1),
)
"""The scopes of the table: a minute of one processor."""


def name_of(scope: Scope) -> str:
    """A scope in one word: ``2x1x1``, ``2x1x1!``."""
    return f"{scope.keys}x{scope.clients}x{scope.capacity}{'' if scope.queueing else '!'}"


def scope_of(name: str) -> Scope:
    """The scope of a name. Raises ``ValueError``."""
    keys, clients, capacity = map(int, name.removesuffix("!").split("x"))
    return Scope(keys, clients, capacity, queueing=int(not name.endswith("!")))


class Line(NamedTuple):
    """What the exploration of ``scope`` counted."""

    scope: str
    verdict: str
    states: int
    transitions: int
    depth: int

    def __str__(self) -> str:
        return " ".join(map(str, self))

    @staticmethod
    def parse(text: str) -> Line:
        """The line that ``str`` wrote. Raises ``ValueError``."""
        scope, verdict, states, transitions, depth = text.split()
        return Line(scope, verdict, int(states), int(transitions), int(depth))


def counted(scope: Scope) -> Line:
    """Explore ``scope`` to the end."""
    found = exhaust(scope)
    return Line(name_of(scope), found.verdict, found.states, found.transitions, found.depth)


def main(scopes: Iterable[Scope] = SCOPES) -> None:
    """Print the line of each of ``scopes``."""
    for scope in scopes:
        sys.stdout.write(f"{counted(scope)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main([scope_of(name) for name in sys.argv[1:]] or SCOPES)
