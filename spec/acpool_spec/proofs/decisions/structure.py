"""A state of the model whose structure is concrete, and in which what the core only passes on stays open.

The *structure* is what the core has in its dictionaries, links and orders: which stage each key is at, what is dying, who is
promised what, who waits where. Open are the numbers of :class:`Values`: session ids, flags, how much capacity is to spare, how
many prompts a lease has. A ``template`` is a state with a :class:`Hole` in the place of each of these. Ticks are ranks, since
they are compared with each other and never computed with (``acpool_model.state``).
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any, Final, NamedTuple, Self

from acpool_model.invariants import every
from acpool_model.state import Client, Dying, Key, Phase, Stage, State, slots
from acpool_spec.proofs.shapes import Size

ALL_STAGES: Final = tuple(range(Stage.LEASED + 1))
ALL_DYING: Final = (Dying.NOTHING, Dying.STOPPING, Dying.CLOSING)
ALL_PHASES: Final = tuple(range(Phase.REVOKED + 1))

Values = Any
"""A named tuple of numbers, by the names of holes: see :func:`values_type`."""


class Hole(int):
    """A number that is open, by its name; as an integer it is an example of what it may be."""

    name: str

    def __new__(cls, name: str, example: int) -> Self:
        """A hole called ``name``."""
        made = super().__new__(cls, example)
        made.name = name
        return made


@cache
def _hole(name: str, example: int) -> Hole:
    return Hole(name, example)


FRESH: Final = _hole("fresh", 99)
"""The next session id."""


def session(at: int) -> Hole:
    """The session id that key ``at`` is known by."""
    return _hole(f"session{at}", 10 + at)


def lost(at: int) -> Hole:
    """The session id of its dying process, where it is known by none."""
    return _hole(f"lost{at}", 20 + at)


def flag(at: int) -> Hole:
    """The reset flag of its session."""
    return _hole(f"flag{at}", 0)


def resumed(at: int) -> Hole:
    """Whether its session was resumed."""
    return _hole(f"resumed{at}", 0)


def room(taken: int) -> Hole:
    """A capacity of more than the slots that are ``taken``."""
    return _hole("room", taken + 1)


@cache
def values_type(size: Size) -> type[Any]:
    """The numbers that are open in states of this ``size``.

    ``room``: how many slots are free where some are; ``prompts``: how many run of a client of whom one runs; the others as
    the holes are called.
    """
    keys, clients = range(1, size.keys + 1), range(1, size.clients + 1)
    of_keys = [f"{name}{at}" for name in ("session", "lost", "flag", "resumed") for at in keys]
    names = ["fresh", "room", *of_keys, *(f"prompts{number}" for number in clients)]
    make: Any = NamedTuple  # the fields are a parameter, which type checkers do not follow
    made: type[Any] = make("Values", [(name, int) for name in names])
    made.__module__ = __name__
    return made


def plausible(values: Values) -> bool:
    """Whether ``values`` can be: ids are not 0, and no two the same; flags are 0 or 1; there are as many as there are said to be.

    The invariant also has ids below the next one. Not so here, since of a state without ids nothing may be demanded of the
    holes that it does not have.
    """
    named: dict[str, Any] = values._asdict()
    ids = [value for name, value in named.items() if name.startswith(("session", "lost", "fresh"))]
    flags = [value for name, value in named.items() if name.startswith(("flag", "resumed"))]
    counts = [value for name, value in named.items() if name.startswith(("room", "prompts"))]
    return every(
        [
            *[number >= 1 for number in ids + counts],
            *[one != other for one, other in combinations(ids, 2)],
            *[(number >= 0) & (number <= 1) for number in flags],
        ]
    )


def examples(size: Size) -> Values:
    """Values that can be: those that the holes have as examples, and one prompt where any runs."""
    found: dict[str, int] = {"fresh": FRESH, "room": room(0)}
    for at in range(1, size.keys + 1):
        found |= {hole.name: hole for hole in (session(at), lost(at), flag(at), resumed(at))}
    found |= {f"prompts{number}": 1 for number in range(1, size.clients + 1)}
    of_type = values_type(size)
    return of_type(**{name: int(found[name]) for name in of_type._fields})


def filled(template: State, values: Values) -> State:
    """``template`` with ``values`` in its holes."""
    capacity = template.capacity
    if isinstance(capacity, Hole):
        capacity = slots(template) + values.room
    keys = tuple(
        [
            Key._make([getattr(values, number.name) if type(number) is Hole else number for number in key])
            for key in template.keys
        ]
    )
    return template._replace(capacity=capacity, fresh=values.fresh, keys=keys)


class Case(NamedTuple):
    """What a decision is about: the stages and dying processes of key 1, the phases of client 1, whether the pool is open."""

    stages: tuple[int, ...] = ALL_STAGES
    dying: tuple[int, ...] = ALL_DYING
    phases: tuple[int, ...] = ALL_PHASES
    open: tuple[int, ...] = (1, 0)
    at_key: bool = False  # whether client 1 is at key 1
    prompting: bool = False  # whether a prompt of client 1 runs

    def has(self, open_: int, key: Key, client: Client) -> bool:
        """Whether a state is of the case, by whether it is open, its key 1 and its client 1."""
        return (
            open_ in self.open
            and key.stage in self.stages
            and key.dying in self.dying
            and client.phase in self.phases
            and (client.key == 1 or not self.at_key)
            and (client.prompt != 0 or not self.prompting)
        )
