"""Machines composed of processes over shared variables, each step with its footprint: what it may read and write.

A process is a program graph (Baier and Katoen, Principles of Model Checking, 2008, section 2.2.1): locations, and edges with
a guarded effect. An edge is given the values that it declares to read, nothing else, and gives back those that it declares
to write; so the footprint of a step is not a promise but all that it can see. From footprints follow which steps are
independent (``stubborn.py``), and that few of them have to be computed anew in each state (``packed.py``).

The three verbs are those of every machine: ``initial``, ``enabled``, ``step``. A state is the tuple of the values of all
``names``: the locations of the processes, under their names, then the variables.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

Values = tuple[Any, ...]


def nothing(*_: Any) -> Values:
    """The effect of an edge that is always enabled and writes nothing."""
    return ()


class Edge(NamedTuple):
    """A step of a process from one location to another.

    ``effect`` gets the values of ``reads``, in their order, and returns those of ``writes``, in theirs; None: not enabled.
    It depends on its arguments alone.
    """

    source: Hashable
    label: str
    target: Hashable
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    effect: Callable[..., Values | None] = nothing


class Process(NamedTuple):
    """A program graph; it begins at the source of its first edge."""

    name: str
    edges: tuple[Edge, ...]


class Move(NamedTuple):
    """An action: edge number ``edge`` of process number ``process``, both from 0."""

    process: int
    edge: int
    label: str


class Predicate(NamedTuple):
    """A property of states: ``holds`` of the values of ``reads``, names of variables or processes."""

    reads: tuple[str, ...]
    holds: Callable[..., bool]


class Composition:
    """Processes side by side, one step of one of them at a time.

    ``variables``: the values that each may have, the first is that at the start. Raises ``ValueError`` for a name that is
    used twice or unknown, a process without edges, and a variable without values; ``step`` does for a value outside.
    """

    def __init__(self, processes: Sequence[Process], variables: Mapping[str, Sequence[Hashable]]) -> None:
        self.processes = tuple(processes)
        self.names = (*(process.name for process in processes), *variables)
        self.place = {name: place for place, name in enumerate(self.names)}
        self.domains = (*(_locations(process) for process in processes), *map(tuple, variables.values()))
        if len(self.place) < len(self.names):
            raise ValueError(f"{', '.join(self.names)}: expected every name once")
        for name, domain in zip(self.names, self.domains, strict=True):
            if not domain:
                raise ValueError(f"{name}: expected at least one value, or one edge")
        for process in processes:
            for edge in process.edges:
                unknown = {*edge.reads, *edge.writes} - set(variables)
                if unknown:
                    raise ValueError(f"{process.name}, {edge.label}: {sorted(unknown)} are no variables")
        self.moves = tuple(
            tuple(Move(number, at, edge.label) for at, edge in enumerate(process.edges))
            for number, process in enumerate(processes)
        )

    @cached_property
    def _reads(self) -> dict[Move, tuple[int, ...]]:
        return {
            move: tuple(self.place[name] for name in self.edge(move).reads)
            for moves in self.moves
            for move in moves
        }

    def edge(self, move: Move) -> Edge:
        """The edge that ``move`` takes."""
        return self.processes[move.process].edges[move.edge]

    def initial(self) -> tuple[Values, ...]:
        """The one state to begin with."""
        return (tuple(domain[0] for domain in self.domains),)

    def enabled(self, state: Values) -> list[Move]:
        """What can happen next, process by process."""
        return [move for moves in self.moves for move in moves if self._written(state, move) is not None]

    def step(self, state: Values, move: Move) -> Values:
        """The state after ``move``; ``state`` itself where it is not enabled."""
        written = self._written(state, move)
        if written is None:
            return state
        edge = self.edge(move)
        after = list(state)
        after[move.process] = edge.target
        for name, value in zip(edge.writes, written, strict=True):
            place = self.place[name]
            if value not in self.domains[place]:
                raise ValueError(f"{edge.label}: {name} cannot be {value!r}")
            after[place] = value
        return tuple(after)

    def _written(self, state: Values, move: Move) -> Values | None:
        edge = self.edge(move)
        if state[move.process] != edge.source:
            return None
        return edge.effect(*[state[place] for place in self._reads[move]])

    def predicate(self, predicate: Predicate) -> Callable[[Values], bool]:
        """``predicate`` as a function of a state."""
        places = [self.place[name] for name in predicate.reads]
        return lambda state: predicate.holds(*[state[place] for place in places])


def _locations(process: Process) -> tuple[Hashable, ...]:
    return tuple(dict.fromkeys(location for edge in process.edges for location in (edge.source, edge.target)))
