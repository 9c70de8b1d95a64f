"""Where a history goes wrong whose longest partial linearization is too long to search for: by its beginnings.

What explains a history explains each beginning of it (M. Herlihy and J. Wing, *Linearizability*, TOPLAS 12(3), 1990, section
2). So there is a first return by which there is no linearization. One of all that came before it, made as long as it can be,
is as good an explanation as the longest partial linearization of the whole, and quick to find where what is forced guides the
search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic

from acpool_spec.guided import PATIENCE, Guided
from acpool_spec.search import Configuration, Search
from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Contradiction, Stuck

TRIED = 8_192
"""Configurations that are explored of each beginning that is looked at."""

CONTINUED = 2_048
"""Configurations that are explored to make the partial linearization longer."""


@dataclass(frozen=True, slots=True)
class Broken(Generic[State]):
    """Why ``operations`` of one partition have no linearization.

    ``returns``: after how many returns there is none, as far as that was found out. ``longest``: a partial linearization, as
    indices of the operations, that begins in ``start`` and cannot be continued; ``stuck``: what could come next, and why it
    cannot.
    """

    returns: int
    start: Configuration[State]
    longest: tuple[int, ...]
    stuck: tuple[Stuck, ...]
    contradiction: Contradiction | None


def broken(
    guided: Guided[State],
    operations: Sequence[Operation],
    spec: SequentialSpec[State],
    begin: Sequence[Configuration[State]] | None = None,
) -> Broken[State]:
    """Explain the outcome False of ``guided``, which was asked of ``operations``, or of some of them, from ``begin``."""
    plain, contradiction = guided.plain, guided.contradiction
    if plain.outcome is False:
        return Broken(plain.furthest + 1, plain.longest_from, plain.longest(), plain.stuck(), contradiction)
    starts = [Configuration(0, 0, spec.initial())] if begin is None else list(begin)
    order = plain.order
    known = [operations[i] for i in order]
    completed = sum(not op.pending for op in known)
    latest = completed
    if contradiction is not None:
        told = frozenset(contradiction.operations)
        latest = max((n for n, i in enumerate(order[:completed], start=1) if i in told), default=completed)
    found = _shortest(known, completed, starts, spec, latest)
    continued = _continued(found, known, spec)
    longest = tuple(order[op] for op in (*found.placed, *continued.longest(tried=True)))
    if plain.placed > continued.placed:
        why = found.contradiction(order) or contradiction
        return Broken(found.returns, plain.longest_from, plain.longest(tried=True), plain.stuck(), why)
    stuck = tuple(replace(each, operation=order[each.operation]) for each in continued.stuck())
    return Broken(found.returns, found.start, longest, stuck, found.contradiction(order) or contradiction)


@dataclass(slots=True)
class _Beginning(Generic[State]):
    """``placed``: the operations before return number ``returns``, in an order from ``start``; ``wrong``: the search that
    showed that there is none with that return."""

    returns: int
    start: Configuration[State]
    placed: tuple[int, ...]
    wrong: tuple[Guided[State], list[int]] | None = None

    def contradiction(self, order: Sequence[int]) -> Contradiction | None:
        """What is wrong with it, if that was seen without a search."""
        if self.wrong is None or self.wrong[0].contradiction is None:
            return None
        found = self.wrong[0].contradiction
        return Contradiction(found.claim, tuple(order[self.wrong[1][op]] for op in found.operations))


def _shortest(
    known: Sequence[Operation],
    completed: int,
    starts: Sequence[Configuration[State]],
    spec: SequentialSpec[State],
    latest: int,
) -> _Beginning[State]:
    """Halve what is between a beginning that has a linearization and one that has none; ``latest`` is tried first."""
    found = _Beginning(completed, starts[0], ())
    right, wrong = 0, completed
    tried = latest if latest < completed else wrong // 2
    while wrong - right > 1:
        numbers, ops = _until(known, completed, tried)
        begin = [_moved(start, completed, tried, numbers) for start in starts]
        guided = Guided(ops, range(len(ops)), spec, None, begin=begin, patience=min(64, PATIENCE))
        guided.run(TRIED)
        if guided.outcome:
            right = tried
            found.start = starts[begin.index(guided.search.begun_from)]
            found.placed = tuple(numbers[i] for i in guided.linearization())
        else:
            # Where that is not known, no further beginning is looked at.
            wrong = tried
            if guided.outcome is False:
                found.returns, found.wrong = tried, (guided, numbers)
        tried = (right + wrong) // 2
    return found


def _until(known: Sequence[Operation], completed: int, returns: int) -> tuple[list[int], list[Operation]]:
    """What had been invoked by a return, as it was seen then: numbers of ``known``, and the operations."""
    now = known[returns - 1].returned_at
    assert now is not None
    begun = [op for op in range(returns, len(known)) if known[op].invoked_at <= now]
    begun.sort(key=lambda op: known[op].invoked_at)
    unknown = [replace(known[op], response=None, returned_at=None) for op in begun]
    return [*range(returns), *begun], [*known[:returns], *unknown]


def _moved(
    start: Configuration[State], completed: int, returns: int, numbers: Sequence[int]
) -> Configuration[State]:
    """``start`` in the numbers of a beginning: what returns later is pending there."""
    mask = start.ahead | start.taken << completed
    taken = sum((mask >> op & 1) << place for place, op in enumerate(numbers[returns:]))
    return Configuration(start.ahead & (1 << returns) - 1, taken, start.state)


def _continued(
    found: _Beginning[State], known: Sequence[Operation], spec: SequentialSpec[State]
) -> Search[State]:
    """A search from the end of what is placed, as far as that is right of the whole history, where more is known of the
    answers."""
    completed = sum(not op.pending for op in known)
    states = [found.start.state]
    for place, op in enumerate(found.placed):
        after = list(dict.fromkeys(to for state in states for to in spec.step(state, known[op])))
        if not after:
            found.placed = found.placed[:place]
            break
        states = after
    mask = found.start.ahead | found.start.taken << completed
    for op in found.placed:
        mask |= 1 << op
    ahead, taken = mask & (1 << completed) - 1, mask >> completed
    begin = [Configuration(ahead, taken, state) for state in states]
    search = Search(known, range(len(known)), spec, None, begin=begin)
    while search.outcome is None and search.states < CONTINUED:
        search.advance(1 << 12, CONTINUED - search.states)
    return search
