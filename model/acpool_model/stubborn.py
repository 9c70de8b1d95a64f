"""Partial-order reduction of compositions: of the steps enabled in a state, a part that is enough to look at.

The part is the enabled members of a *stubborn set* (Valmari, Stubborn sets for reduced state space generation, 1991), closed
as in Godefroid, Partial-Order Methods for the Verification of Concurrent Systems (LNCS 1032, 1996), section 4.5: with an
enabled edge, every edge that depends on it; with a disabled one, every edge that could make it enabled. Whatever happens
outside such a set is independent of what is in it, so every deadlock is found by looking at the set alone.

For invariants two conditions more, without which a violation can be put off for ever or stepped over:

* *Visibility*: a part that writes what an invariant reads is not taken; all steps are. (C2 of Clarke, Grumberg, Peled, Model
  Checking, 1999, section 10.3.)
* *Proviso*: a part is taken only if one of its steps leads to a state that has not been expanded yet. A step that is put off
  is then still enabled in a state that is expanded later, and in the one expanded last everything is taken. (Bošnački, Leue,
  Lluch Lafuente, Partial-order reduction for general state exploring algorithms, STTT 11, 2009, section 4, the proviso
  for searches that keep a set of expanded states.)

Both are about what can be reached, not about branching: *progress* is not judged in a reduced graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acpool_model.composition import Composition, Move
from acpool_model.packed import Packing, Reduce, Successors


class Footprints:
    """Which edges of a composition depend on which, and which could enable which, by what they read and write."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition
        moves = [move for moves in composition.moves for move in moves]
        self._reads = {move: frozenset(composition.edge(move).reads) for move in moves}
        self._writes = {move: frozenset(composition.edge(move).writes) for move in moves}
        self.dependent = {
            move: [other for other in moves if other != move and not self.independent(move, other)]
            for move in moves
        }
        self._writers: dict[str, list[Move]] = {name: [] for name in composition.names}
        self._leading: dict[tuple[int, object], list[Move]] = {}
        for move in moves:
            for name in composition.edge(move).writes:
                self._writers[name].append(move)
            self._leading.setdefault((move.process, composition.edge(move).target), []).append(move)

    def independent(self, one: Move, other: Move) -> bool:
        """Whether neither can enable, disable or change the effect of the other, in any state."""
        return (
            one.process != other.process
            and not self._writes[one] & (self._reads[other] | self._writes[other])
            and not self._writes[other] & self._reads[one]
        )

    def enabling(self, move: Move, location: object) -> Iterable[Move]:
        """Edges one of which must be taken before ``move`` is enabled, which is not, its process being at ``location``."""
        source = self._composition.edge(move).source
        if source != location:
            return self._leading.get((move.process, source), ())
        # Its guard is false, and stays so until something that it reads is written.
        return [writer for name in sorted(self._reads[move]) for writer in self._writers[name]]


def stubborn(visible: Iterable[str]) -> Callable[[Packing], Reduce]:
    """The reduction for ``explore_packed`` that preserves deadlocks and every property of the ``visible`` names."""
    names = frozenset(visible)

    def prepared(packing: Packing) -> Reduce:
        composition = packing.composition
        footprints = Footprints(composition)
        shown = {
            move
            for moves in composition.moves
            for move in moves
            if names & {composition.processes[move.process].name, *composition.edge(move).writes}
        }

        def chosen(state: int, successors: Successors, expanded: Callable[[int], bool]) -> Successors:
            leads = dict(successors)
            parts = [_closed(move, leads, packing.unpack(state), footprints) for move in leads]
            for part in sorted(parts, key=len):
                if is_invisible(part, shown) and makes_headway(part, expanded):
                    return part
            return successors

        return chosen

    return prepared


def is_invisible(part: Successors, visible: set[Move]) -> bool:
    """The visibility condition: no step of ``part`` writes what a property reads."""
    return not any(move in visible for move, _ in part)


def makes_headway(part: Successors, expanded: Callable[[int], bool]) -> bool:
    """The proviso: a step of ``part`` leads to a state that has not been expanded."""
    return not all(expanded(there) for _, there in part)


def _closed(
    first: Move, leads: dict[Move, int], state: tuple[object, ...], footprints: Footprints
) -> Successors:
    """The enabled steps of the stubborn set that begins with ``first``."""
    members = {first}
    open_ = [first]
    while open_:
        move = open_.pop()
        more = footprints.dependent[move] if move in leads else footprints.enabling(move, state[move.process])
        for other in more:
            if other not in members:
                members.add(other)
                open_.append(other)
    return [(move, there) for move, there in leads.items() if move in members]
