"""Breadth-first exploration of a composition with states packed into integers, and each effect computed once per footprint.

Every variable has a field of bits in one integer. What an edge does depends on the values that it reads, so it is computed
for each combination of them once and kept as the difference that it makes: a step is a look-up and an exclusive or (Blom,
van de Pol, Weber, LTSmin: Distributed and Symbolic Reachability, CAV 2010, section 3: local transitions and their cache).
A property is remembered likewise by the values that it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise

from acpool_model.composition import Composition, Move, Predicate, Values
from acpool_model.explore import Counterexample, Exploration

Local = tuple[int, dict[int, int], Move]
"""An edge where its process is at the source: the mask of what it touches; these bits → what to change, -1: not enabled."""
Reduce = Callable[[int, "Successors", Callable[[int], bool]], "Successors"]
"""Of a state, its successors, and whether a state was expanded before: successors that are enough to look at."""
Successors = Sequence[tuple[Move, int]]

_DISABLED = -1


class Packing:
    """States of one composition as integers, and back."""

    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        self.shifts: list[int] = []
        self.masks: list[int] = []
        shift = 0
        for domain in composition.domains:
            width = (len(domain) - 1).bit_length()
            self.shifts.append(shift)
            self.masks.append(((1 << width) - 1) << shift)
            shift += width
        self._codes = [
            {value: code << shift for code, value in enumerate(domain)}
            for domain, shift in zip(composition.domains, self.shifts, strict=True)
        ]
        # At each location of each process, by the bits of the location: the edges that leave it.
        self.locals: list[tuple[int, dict[int, tuple[Local, ...]]]] = []
        for number, process in enumerate(composition.processes):
            at: dict[int, list[Local]] = {code: [] for code in self._codes[number].values()}
            for move, edge in zip(composition.moves[number], process.edges, strict=True):
                touched = self.mask((process.name, *edge.reads, *edge.writes))
                at[self._codes[number][edge.source]].append((touched, {}, move))
            self.locals.append((self.masks[number], {code: tuple(edges) for code, edges in at.items()}))

    def mask(self, names: Sequence[str]) -> int:
        """The bits of all ``names``."""
        mask = 0
        for name in names:
            mask |= self.masks[self.composition.place[name]]
        return mask

    def pack(self, state: Values) -> int:
        """The integer of ``state``."""
        return sum([codes[value] for codes, value in zip(self._codes, state, strict=True)])

    def unpack(self, packed: int) -> Values:
        """The state of an integer."""
        return tuple(
            domain[(packed & mask) >> shift]
            for domain, mask, shift in zip(self.composition.domains, self.masks, self.shifts, strict=True)
        )

    def values(self, packed: int, names: Sequence[str]) -> list[Hashable]:
        """The values of ``names``, in their order."""
        places = [self.composition.place[name] for name in names]
        return [
            self.composition.domains[place][(packed & self.masks[place]) >> self.shifts[place]]
            for place in places
        ]

    def change(self, packed: int, move: Move) -> int:
        """What ``move`` changes in ``packed``, by exclusive or; -1: it is not enabled. Raises ``ValueError`` as ``step`` does."""
        edge = self.composition.edge(move)
        written = edge.effect(*self.values(packed, edge.reads))
        if written is None:
            return _DISABLED
        codes = self._codes[move.process]
        change = codes[edge.source] ^ codes[edge.target]
        for name, value in zip(edge.writes, written, strict=True):
            place = self.composition.place[name]
            if value not in self._codes[place]:
                raise ValueError(f"{edge.label}: {name} cannot be {value!r}")
            change ^= packed & self.masks[place] ^ self._codes[place][value]
        return change

    def successors(self, packed: int) -> list[tuple[Move, int]]:
        """What is enabled, with the states that it leads to."""
        found: list[tuple[Move, int]] = []
        for mask, at in self.locals:
            for touched, changes, move in at[packed & mask]:
                change = changes.get(packed & touched)
                if change is None:
                    change = changes[packed & touched] = self.change(packed, move)
                if change >= 0:
                    found.append((move, packed ^ change))
        return found


class _Judge:
    """What must hold, each predicate computed once for each combination of the values that it reads."""

    def __init__(self, packing: Packing, invariants: Mapping[str, Predicate]) -> None:
        self._packing = packing
        self._terms = [
            (name, packing.mask(predicate.reads), predicate, dict[int, bool]())
            for name, predicate in invariants.items()
        ]

    def first_broken(self, states: Sequence[int]) -> int | None:
        """The first of ``states`` in which something does not hold."""
        wrong = len(states)
        for _, mask, predicate, known in self._terms:
            for at, state in enumerate(states[:wrong]):
                verdict = known.get(state & mask)
                if verdict is None:
                    verdict = known[state & mask] = self._holds(predicate, state)
                if not verdict:
                    wrong = at
                    break
        return states[wrong] if wrong < len(states) else None

    def broken_in(self, state: int) -> tuple[str, ...]:
        """The names of all that does not hold in ``state``."""
        return tuple(name for name, _, predicate, _ in self._terms if not self._holds(predicate, state))

    def _holds(self, predicate: Predicate, state: int) -> bool:
        return predicate.holds(*self._packing.values(state, predicate.reads))


def explore_packed(
    composition: Composition,
    *,
    invariants: Mapping[str, Predicate],
    deadlock: str | None = None,
    max_states: int | None = None,
    reduce: Callable[[Packing], Reduce] | None = None,
    label: Callable[[Move], Hashable] | None = None,
) -> Exploration[Values, Move]:
    """Visit every state that can be reached, nearest first, and stop at the first violation, as ``explore`` does.

    ``deadlock``: the name of the property that a state violates in which nothing is enabled; None: there may be such states.
    ``reduce`` makes the function that says which of the successors of a state are enough (``stubborn.py``); then states and
    transitions are those of the reduced graph, and a counterexample need not be shortest. ``max_states`` is looked at
    after each layer, so that more may have been met. ``label`` says what ``taken`` counts of what was enabled in the states
    met; None: nothing.
    """
    packing = Packing(composition)
    judge = _Judge(packing, invariants)
    layer = [packing.pack(state) for state in composition.initial()]
    came = dict.fromkeys(layer, -1)
    transitions = depth = 0
    expanded: set[int] = set()
    chosen = None if reduce is None else reduce(packing)

    def result(
        verdict: str, broken: Sequence[str] = (), state: int = -1, *, bound: str | None = None
    ) -> Exploration[Values, Move]:
        taken = Counter[Hashable]()
        if label is not None:
            taken.update(label(move) for known in came for move, _ in packing.successors(known))
        shown = _path(packing, came, state, tuple(broken)) if broken else None
        return Exploration(verdict, len(came), transitions, depth, taken, shown, bound)

    while True:
        wrong = judge.first_broken(layer)
        if wrong is not None:
            return result("violated", judge.broken_in(wrong), wrong)
        if max_states is not None and len(came) > max_states:
            return result("undecided", bound=f"max_states={max_states}")
        found: list[int] = []
        if chosen is None:
            taken, stopped = _expand(packing, layer, came, found)
        else:
            taken, stopped = _expand_some(packing, layer, came, found, chosen, expanded)
        transitions += taken
        if deadlock is not None and stopped >= 0:
            return result("violated", (deadlock,), stopped)
        if not found:
            return result("holds")
        layer, depth = found, depth + 1


def _expand(packing: Packing, layer: list[int], came: dict[int, int], found: list[int]) -> tuple[int, int]:
    """Note in ``came`` and ``found`` what is new after ``layer``; the number of steps, and a state without any or -1."""
    transitions, stopped = 0, -1
    processes = packing.locals
    # The loop that all the time goes into: nothing is called in it but for footprints met for the first time.
    for here in layer:
        before = transitions
        for mask, at in processes:
            for touched, changes, move in at[here & mask]:
                try:
                    change = changes[here & touched]
                except KeyError:
                    change = changes[here & touched] = packing.change(here, move)
                if change >= 0:
                    transitions += 1
                    there = here ^ change
                    if there not in came:
                        came[there] = here
                        found.append(there)
        if transitions == before and stopped < 0:
            stopped = here
    return transitions, stopped


def _expand_some(
    packing: Packing,
    layer: list[int],
    came: dict[int, int],
    found: list[int],
    chosen: Reduce,
    expanded: set[int],
) -> tuple[int, int]:
    """The same with the successors that ``chosen`` says are enough."""
    transitions, stopped = 0, -1
    for here in layer:
        expanded.add(here)
        successors = packing.successors(here)
        if not successors and stopped < 0:
            stopped = here
        for _, there in chosen(here, successors, expanded.__contains__):
            transitions += 1
            if there not in came:
                came[there] = here
                found.append(there)
    return transitions, stopped


def _path(
    packing: Packing, came: Mapping[int, int], state: int, broken: tuple[str, ...]
) -> Counterexample[Values, Move]:
    path = [state]
    while came[path[-1]] != -1:
        path.append(came[path[-1]])
    path.reverse()
    moves = [
        next(move for move, reached in packing.successors(here) if reached == there)
        for here, there in pairwise(path)
    ]
    return Counterexample(broken, tuple(packing.unpack(state) for state in path), tuple(moves))
