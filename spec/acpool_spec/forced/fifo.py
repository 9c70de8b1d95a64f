"""What a first-in first-out queue forces: of two values the one that was put in first is taken out first.

A value that was put in once stands for two operations, and one value comes before another if its putting in or its taking out
does so in real time; two values of which each comes before the other are a contradiction. A value that is surely inside keeps a
queue from being empty, and of such times a chain may leave no instant for an answer "empty". These are the *bad patterns* of A.
Bouajjani, M. Emmi, C. Enea, J. Hamza, *On reducing linearizability to state reachability* (ICALP 2015), after T. Henzinger, A.
Sezgin, V. Vafeiadis, *Aspect-oriented linearizability proofs* (CONCUR 2013).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acpool_spec.forced.facts import NEVER, Orders, Seen
from acpool_spec.verdict import Contradiction

_ORDER = "what is put in first is taken out first"
_MISSING = "what is put in first is taken out first, and nobody else is left who can have taken it"
_EMPTY = "a dequeue found nothing, and at every instant of it something was in the queue"


@dataclass(frozen=True, slots=True)
class Left:
    """What nobody is known to have taken: what was put in by each of ``stays`` is never taken, by each of ``open`` perhaps.
    ``known``: whether there are no other values of which somebody unknown may have taken one."""

    stays: frozenset[int]
    open: frozenset[int]
    known: bool


@dataclass(frozen=True, slots=True)
class Put:
    """``op`` puts ``value`` in."""

    op: int
    value: Hashable


@dataclass(frozen=True, slots=True)
class Taken:
    """``op`` took ``value`` out."""

    op: int
    value: Hashable


@dataclass(frozen=True, slots=True)
class _Life:
    """A value that is there once: the operations and when each was invoked and returned; None: it was there, or was not taken.

    ``put_by``: it is inside from then on at the latest. ``out_from``: until then at least.
    """

    put: int | None
    taken: int | None
    put_from: float
    put_by: float
    out_from: float
    out_by: float

    @property
    def ops(self) -> tuple[int, ...]:
        """The operations that it is about."""
        return tuple(op for op in (self.put, self.taken) if op is not None)


def queue(
    puts: Sequence[Put],
    takes: Sequence[Taken],
    refused: Sequence[int],
    starts: Sequence[tuple[Hashable, ...]],
    seen: Seen[Any],
    orders: Orders,
    *,
    takers: Sequence[int],
    everything: bool,
) -> Contradiction | Left:
    """Tell ``orders`` what the operations of one queue force, or return why they cannot.

    ``puts``: all that were invoked. ``takes``: the completed ones that took something. ``refused``: the completed ones that
    found the queue empty, or nothing where it may be that this is a value. ``starts``: what may be inside at the beginning.
    ``takers``: those that have not returned, and may take something. ``everything``: whether nothing was left out. Otherwise:
    what becomes of the values that nobody is known to have taken.
    """
    takeable = sorted(seen.span(op)[0] for op in takers)
    found = _lives(puts, takes, starts, seen, takeable[0] if takers else NEVER)
    if isinstance(found, Contradiction):
        return found
    lives, all_known = found
    settled = NEVER
    if everything and all_known and not seen.more:
        settled = max((seen.span(op)[1] for op in refused), default=-NEVER)
    known_lives = _missing(lives, takeable, settled)
    if isinstance(known_lives, Contradiction):
        return known_lives
    lives = known_lives
    wrong = _in_order(lives, orders) or _empty(lives, refused, seen, orders)
    if wrong is not None:
        return wrong
    left = [life for life in lives if life.taken is None]
    stays = frozenset(life.put for life in left if life.put is not None and life.out_from == NEVER)
    others = frozenset(life.put for life in left if life.put is not None and life.out_from < NEVER)
    known = everything and all_known and not seen.more and all(life.put is not None for life in left)
    return Left(stays, others, known)


def _lives(
    puts: Sequence[Put],
    takes: Sequence[Taken],
    starts: Sequence[tuple[Hashable, ...]],
    seen: Seen[Any],
    takeable: float,
) -> tuple[list[_Life], bool] | Contradiction:
    """What is known of each value, and whether that is all of them."""
    put: dict[Hashable, list[int]] = {}
    taken: dict[Hashable, list[int]] = {}
    for each in puts:
        put.setdefault(each.value, []).append(each.op)
    for take in takes:
        taken.setdefault(take.value, []).append(take.op)
    there = set(_inside(starts))
    found: list[_Life] = []
    everything = True
    for value in dict.fromkeys([*_inside(starts), *put, *taken]):
        putters, outs = put.get(value, []), taken.get(value, [])
        begun = max(start.count(value) for start in starts) if value in there else 0
        if not putters and not begun:
            return Contradiction("nobody can have put in what was taken out", tuple(outs))
        if len(outs) > len(putters) + begun:
            return Contradiction("it was taken out more often than it was put in", (*putters, *outs))
        uncertain = any(op in seen.placed for op in (*putters, *outs))
        if uncertain or (begun and not all(start.count(value) == 1 for start in starts)):
            everything = False
        elif not outs:
            # One that has not returned may never have been put in.
            sure = [op for op in putters if op < seen.completed]
            spans: list[tuple[int | None, float, float]] = [(op, *seen.span(op)) for op in sure]
            if begun:
                spans.append((None, *_begun(value, starts, seen)))
            found += [_Life(op, None, begin, end, max(begin, takeable), NEVER) for op, begin, end in spans]
        elif len(putters) + begun > 1:
            everything = False
        else:
            put_from, put_by = seen.span(putters[0]) if putters else _begun(value, starts, seen)
            out_from, out_by = seen.span(outs[0])
            if out_by < put_from:
                return Contradiction("it was taken out before it was put in", (*outs, *putters))
            putter = putters[0] if putters else None
            by, until = min(put_by, out_by), max(out_from, put_from)
            found.append(_Life(putter, outs[0], put_from, by, until, out_by))
    return found, everything


def _inside(starts: Sequence[tuple[Hashable, ...]]) -> list[Hashable]:
    """Every value of any of the queues, once, the first one's first."""
    return list(dict.fromkeys(value for start in starts for value in start))


def _begun(value: Hashable, starts: Sequence[tuple[Hashable, ...]], seen: Seen[Any]) -> tuple[float, float]:
    """When what was inside at the beginning was put in: before everything else, in its order where that is known."""
    earliest = min(operation.invoked_at for operation in seen.operations)
    if len(starts) > 1:
        return -NEVER, earliest - 1
    place = earliest - len(starts[0]) + starts[0].index(value)
    return place - 1, place - 1


def _missing(
    lives: Sequence[_Life], takeable: Sequence[float], settled: float
) -> list[_Life] | Contradiction:
    """The same with what is known of values that nobody is known to have taken out.

    Where one that was put in later was taken out, somebody who has not returned took it, and each only one. ``takeable``:
    when these were invoked, ascending. Of any other that was in by some time after ``settled`` it may be assumed that it
    stays: where it is taken out in a linearization, let it be put in as late as it can be, and whatever follows it and is
    known to be taken out just before that, which had all been invoked by then; then nobody need take it out. (No answer
    "empty" comes later, or it might be in the way.)
    """
    later = sorted((life for life in lives if life.taken is not None), key=lambda life: life.put_from)
    soonest: list[_Life] = []
    for life in reversed(later):
        soonest.append(life if not soonest or life.out_by < soonest[-1].out_by else soonest[-1])
    soonest.reverse()
    begins = [life.put_from for life in later]
    found: list[_Life] = []
    gone: list[_Life] = []
    for life in lives:
        place = bisect_right(begins, life.put_by)
        if life.taken is None and place < len(later):
            gone.append(replace(life, out_by=soonest[place].out_by))
        else:
            found.append(life)
    gone.sort(key=lambda life: life.out_by)
    for number, life in enumerate(gone):
        if number >= len(takeable) or takeable[number] > life.out_by:
            instead = next(after for after in later if after.out_by == life.out_by)
            return Contradiction(
                _MISSING, (*(op for one in gone[: number + 1] for op in one.ops), *instead.ops)
            )
    none_left = len(gone) == len(takeable)
    for place, life in enumerate(found):
        if life.taken is None and (none_left or life.put_by > settled):
            found[place] = replace(life, out_from=NEVER)
    return found + gone


def _in_order(lives: Sequence[_Life], orders: Orders) -> Contradiction | None:
    by_put = sorted(lives, key=lambda life: life.put_by)
    by_out = sorted(lives, key=lambda life: life.out_by)
    # Those put in before this one for certain: the one of them that stays longest must still be out before it.
    place = before = 0
    longest: _Life | None = None
    for life in sorted(lives, key=lambda life: life.put_from):
        while place < len(by_put) and by_put[place].put_by < life.put_from:
            earlier = by_put[place]
            if longest is None or earlier.out_from > longest.out_from:
                longest = earlier
            if earlier.taken is not None:
                before |= 1 << earlier.taken
            place += 1
        if longest is not None and life.out_by < longest.out_from:
            return Contradiction(_ORDER, (*longest.ops, *life.ops))
        if life.taken is not None:
            orders.after(life.taken, before)
            if life.put is not None:
                orders.after(life.taken, 1 << life.put)
    place = before = 0
    for life in sorted(lives, key=lambda life: life.out_from):
        while place < len(by_out) and by_out[place].out_by < life.out_from:
            earlier = by_out[place]
            if earlier.put is not None:
                before |= 1 << earlier.put
            place += 1
        if life.put is not None:
            orders.after(life.put, before)
    return None


def _empty(
    lives: Sequence[_Life], refused: Sequence[int], seen: Seen[Any], orders: Orders
) -> Contradiction | None:
    """Each answer "empty" needs an instant at which nothing is surely inside; what is in by the first of these is out before
    it."""
    if not refused:
        return None
    stays = sorted((life for life in lives if life.put_by < life.out_from), key=lambda life: life.put_by)
    full: list[tuple[float, float]] = []
    for life in stays:
        if full and life.put_by < full[-1][1]:
            full[-1] = (full[-1][0], max(full[-1][1], life.out_from))
        else:
            full.append((life.put_by, life.out_from))
    begins, ends = [begin for begin, _ in full], [end for _, end in full]
    instants: list[tuple[float, float, int]] = []
    for op in refused:
        if op in seen.placed:
            continue
        invoked_at, returned_at = seen.span(op)
        place = bisect_left(begins, invoked_at) - 1
        earliest = max(invoked_at, ends[place]) if place >= 0 else invoked_at
        if earliest > returned_at:
            inside = [life for life in stays if life.put_by < returned_at and life.out_from > invoked_at]
            return Contradiction(_EMPTY, (op, *dict.fromkeys(o for life in inside for o in life.ops)))
        place = bisect_right(ends, returned_at)
        latest = min(returned_at, begins[place]) if place < len(begins) else returned_at
        instants.append((earliest, latest, op))
    by_put = sorted(lives, key=lambda life: life.put_by)
    place = before = 0
    for earliest, _, op in sorted(instants):
        while place < len(by_put) and by_put[place].put_by < earliest:
            out = by_put[place].taken
            before |= 0 if out is None else 1 << out
            place += 1
        orders.after(op, before)
    instants.sort(key=lambda instant: instant[1])
    place = before = 0
    for life in sorted(lives, key=lambda life: life.out_from):
        while place < len(instants) and instants[place][1] < life.out_from:
            before |= 1 << instants[place][2]
            place += 1
        if life.put is not None:
            orders.after(life.put, before)
    return None
