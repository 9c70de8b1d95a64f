"""The search for a linearization of one partition: resumable, iterative, each configuration explored once.

After J. M. Wing and C. Gong, *Testing and verifying concurrent objects* (JPDC 17, 1993), section 4, with the
memo of G. Lowe, *Testing for linearizability* (CCPE 29(4), 2017), section 3.

A configuration is (which operations are placed, state). Completed operations are numbered in the order of
their returns; which of them are placed is the first that is not, and a window beyond it (``windows``).

Pending operations have no return, hold nobody up, and need not be placed. A configuration in which the same
completed operations led to the same state at the price of fewer pending ones can do whatever the other can; so
the memo keeps, for each (completed, state), the sets of pending operations it was reached with, and what contains
one of them is not explored. A pending operation that changes nothing is never placed, by the same rule.

Three things are decided without a search where the specification has :class:`~acpool_spec.sequential.Hints`:

* A completed operation that changes nothing, and is allowed in the state at hand, is placed at once. Any linearization
  that places it later is one as well with it moved here. All configurations that differ in such operations are one.
* Of operations of one kind that may come next only the one that returns first is tried, since two of them may change
  places in any linearization in which they do not stand so. Of pending ones it is the one that was invoked first.
* Pending operations that change nothing are left out.

Where something is *forced* (``forced``), an operation is tried only when all that comes before it is placed, and a pending one
that is not needed is not tried.

The search of a *section* of a longer history begins from several configurations and ends where every operation before a
``cut`` is placed, with all configurations in which that may be so (the just-in-time linearization of Lowe, section 4,
a section at a time): whatever was before the cut is then forgotten.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple

from acpool_spec.forced.facts import Forced
from acpool_spec.numbering import Numbering
from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Stuck
from acpool_spec.windows import bits, prefixes, windows

_Frame = tuple[int, int, int, int, int, int, int, tuple[int, ...], int]


class Configuration(NamedTuple, Generic[State]):
    """Where a section may begin or end: ``ahead``, a mask of the completed operations from the cut on that are placed already;
    ``taken``, a mask of the pending ones, in the order of their invocations; and the state."""

    ahead: int
    taken: int
    state: State


class Search(Generic[State]):
    """A depth-first search over one partition, advanced a slice at a time.

    ``indices``: the partition's operations in ``operations``. ``outcome``: None while undecided, then whether
    there is a linearization. ``states``: configurations explored so far.

    ``begin``: where a section begins (the initial state alone, if not given). ``cut``: how many operations, in order of return,
    are before its end; given, ``outcome`` is True when every way to get there is known.

    ``forced``: what is known of the operations, in the order of ``order``, which is the same for the same operations.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        indices: Sequence[int],
        spec: SequentialSpec[State],
        partition: Hashable,
        *,
        begin: Sequence[Configuration[State]] | None = None,
        cut: int | None = None,
        forced: Forced | None = None,
    ) -> None:
        completed = [
            (returned_at, operations[i].invoked_at, i)
            for i in indices
            if (returned_at := operations[i].returned_at) is not None
        ]
        completed.sort()
        pending = sorted((operations[i].invoked_at, i) for i in indices if operations[i].pending)
        self.partition = partition
        self.states = 0
        self._last = last = len(completed)
        self._cut = last if cut is None else cut
        self._every_way = cut is not None
        self._index = [i for _, _, i in completed] + [i for _, i in pending]
        known = [operations[i] for i in self._index]
        self._low: list[int] = []
        self._needs: list[int] | None = None
        self._needs_pending: list[int] = []
        if forced is not None:
            known = [forced.instead.get(op, operation) for op, operation in enumerate(known)]
            self._low, self._needs = forced.orders.low, forced.orders.completed
            # What has begun, and is not among these, is after the cut.
            self._needs_pending = [mask & (1 << len(pending)) - 1 for mask in forced.orders.pending]
        self._numbering = numbering = Numbering(known, spec)
        if forced is not None:
            for op in forced.observing:
                numbering.observers[op] = True
        changes = [not observes for observes in numbering.observers]
        for op in () if forced is None else forced.unneeded:
            changes[op] = False
        everything = [True] * len(changes)
        intervals = [(invoked_at, returned_at) for returned_at, invoked_at, _ in completed]
        self._open = windows(intervals, everything)
        self._open_changing = self._open
        self._open_observing: list[int] | None = None
        self._invoked = [at for at, _ in pending]
        self._returned = [at for at, _, _ in completed]
        self._open_pending = prefixes(self._invoked, self._returned, changes[last:])
        if not all(changes[:last]):
            self._open_changing = windows(intervals, changes)
            self._open_observing = windows(intervals, numbering.observers)
        self._before = _before(numbering.kinds, last)
        self._seen: list[dict[tuple[int, int], tuple[int, ...]]] = [{} for _ in range(self._cut + 1)]
        self._stack: list[_Frame] = []
        self._path: list[int] = []
        self._longest: list[int] = []
        self._longest_at = (0, 0, 0, 0)
        self._longest_length = (-1, 0)
        self.outcome: bool | None = None if completed or self._every_way else True
        self._frame: _Frame = (0, 0, 0, 0, 0, 0, 0, (), 0)
        starts = [Configuration(0, 0, spec.initial())] if begin is None else begin
        self._roots = [(ahead, taken, numbering.number(state)) for ahead, taken, state in reversed(starts)]
        self._from = self._longest_from = self._roots[-1]
        if self.outcome is None:
            self._frame = self._root()

    def advance(self, steps: int, states: int | None) -> None:
        """Go on for at most ``steps`` trials and ``states`` new configurations (None: no bound)."""
        stack, path, rows, seen, before = (
            self._stack,
            self._path,
            self._numbering.rows,
            self._seen,
            self._before,
        )
        last, cut, explored = self._last, self._cut, self.states
        opened, observing = self._open_changing, self._open_observing
        low, needs, needs_pending = self._low, self._needs, self._needs_pending
        limit = -1 if states is None else explored + states
        op: int
        first, window, taken, state, todo, todo_pending, op, choices, length = self._frame
        while self.outcome is None and steps > 0 and explored != limit:
            steps -= 1
            if not choices:
                if todo:
                    bit = todo & -todo
                    todo ^= bit
                    op = first + bit.bit_length() - 1
                    twin = before[op] - first
                    if twin >= 0 and opened[first] & ~window & 1 << twin:
                        continue
                elif todo_pending:
                    # Last, so that what certainly happened is tried before what perhaps happened.
                    bit = todo_pending & -todo_pending
                    todo_pending ^= bit
                    op = last + bit.bit_length() - 1
                    if before[op] >= 0 and not taken >> before[op] - last & 1:
                        continue
                else:
                    first, window, taken, state, todo, todo_pending, op, choices, length = self._back(
                        first, window, taken, state
                    )
                    continue
                if needs is not None and (
                    needs[op] >> first - low[op] & ~window or needs_pending[op] & ~taken
                ):
                    continue
                led = rows[op].get(state)
                choices = self._numbering.step(op, state) if led is None else led
                if not choices:
                    continue
            target, rest = choices[0], choices[1:]
            length = len(path)
            path.append(op)
            then, beyond, placed = self._place(op, first, window, taken)
            if observing is not None and then < cut and observing[then] & ~beyond:
                then, beyond = self._observe(then, beyond, target)
            if then >= cut:
                key, then = (beyond if then == cut else (beyond + 1 << then - cut) - 1, target), cut
            else:
                key = (beyond, target)
            memo = seen[then]
            known = memo.get(key)
            if known is _NONE_PLACED or (known is not None and _dominated(known, placed)):
                choices = rest
                del path[length:]
                continue
            memo[key] = (placed, *(known or ())) if placed else _NONE_PLACED
            explored += 1
            if then == cut and self._every_way:
                choices = rest
                del path[length:]
                continue
            stack.append((first, window, taken, state, todo, todo_pending, op, rest, length))
            first, window, taken, state, choices = then, beyond, placed, target, ()
            if first == cut:
                self.outcome = True
            else:
                todo, todo_pending = opened[first] & ~window, self._open_pending[first] & ~taken
        self._frame = (first, window, taken, state, todo, todo_pending, op, choices, length)
        self.states = explored

    @property
    def order(self) -> Sequence[int]:
        """The operations as they are numbered here: the completed ones in the order of their returns, then the pending ones."""
        return self._index

    def linearization(self) -> tuple[int, ...]:
        """The order found; meaningful once ``outcome`` is True and there is no ``cut``."""
        return tuple(self._index[op] for op in self._path)

    def ways(self) -> list[Configuration[State]]:
        """Every configuration in which all before the ``cut`` may be placed, but those that take more for granted."""
        found: list[Configuration[State]] = []
        for (ahead, state), sets in self._seen[self._cut].items():
            least = [taken for taken in sets if not _dominated([s for s in sets if s != taken], taken)]
            found += [Configuration(ahead, taken, self._numbering.states[state]) for taken in least]
        return found

    def longest(self, *, tried: bool = False) -> tuple[int, ...]:
        """The partial linearization with the most completed operations so far, and the fewest pending ones.

        ``tried``: only of those of which it is known that nothing can follow, if there is any.
        """
        if not tried or self._longest_length[0] < 0:
            first, window, taken, state, *_ = self._frame
            self._note_dead_end(first, window, taken, state)
        return tuple(self._index[op] for op in self._longest)

    @property
    def placed(self) -> int:
        """How many completed operations ``longest()`` has, those before its beginning included."""
        return self._longest_length[0]

    @property
    def begun_from(self) -> Configuration[State]:
        """Where the linearization begins that was found."""
        ahead, taken, state = self._from
        return Configuration(ahead, taken, self._numbering.states[state])

    @property
    def longest_from(self) -> Configuration[State]:
        """Where the partial linearization ``longest()`` begins."""
        ahead, taken, state = self._longest_from
        return Configuration(ahead, taken, self._numbering.states[state])

    @property
    def furthest(self) -> int:
        """How many operations, in order of return, can all be placed, beside others; meaningful once ``outcome`` is False."""
        return max((place for place, memo in enumerate(self._seen) if memo), default=0)

    def stuck(self) -> tuple[Stuck, ...]:
        """What could have followed ``longest()``, and why not; meaningful once ``outcome`` is False."""
        first, window, taken, state = self._longest_at
        invoked = sum(at <= self._returned[first] for at in self._invoked)
        candidates = [first + k for k in bits(self._open[first] & ~window)]
        candidates += [self._last + k for k in range(invoked) if not taken >> k & 1]
        return tuple(
            Stuck(self._index[op], self._numbering.states[state], bool(self._numbering.step(op, state)))
            for op in candidates
        )

    def _back(self, first: int, window: int, taken: int, state: int) -> _Frame:
        """Where to go on when nothing is left to try in this configuration."""
        if first + window.bit_count() >= self._longest_length[0]:
            self._note_dead_end(first, window, taken, state)
        if self._stack:
            frame = self._stack.pop()
            del self._path[frame[-1] :]
            return frame
        if self._roots:
            return self._root()
        self.outcome = self._every_way and bool(self._seen[self._cut])
        return first, window, taken, state, 0, 0, 0, (), 0

    def _root(self) -> _Frame:
        """The next configuration to begin from; one from which there is nothing to try where that one is known already."""
        self._from = ahead, taken, state = self._roots.pop()
        self._path.clear()
        first = (~ahead & (ahead + 1)).bit_length() - 1
        window = ahead >> first
        if first < self._cut and self._open_observing is not None:
            first, window = self._observe(first, window, state)
        place = min(first, self._cut)
        memo, key = self._seen[place], ((window + 1 << first - place) - 1, state)
        known = memo.get(key, ())
        if _dominated(known, taken):
            return first, window, taken, state, 0, 0, 0, (), 0
        memo[key] = (taken, *known) if taken else _NONE_PLACED
        if place == self._cut:
            self.outcome = None if self._every_way else True
            return first, window, taken, state, 0, 0, 0, (), 0
        todo, pending = self._open_changing[first] & ~window, self._open_pending[first] & ~taken
        return first, window, taken, state, todo, pending, 0, (), 0

    def _observe(self, first: int, window: int, state: int) -> tuple[int, int]:
        """Place all that may come next, is allowed in ``state``, and changes nothing; the first and the window after it."""
        numbering, observing = self._numbering, self._open_observing
        assert observing is not None
        while True:
            todo = observing[first] & ~window
            while todo:
                bit = todo & -todo
                todo ^= bit
                op = first + bit.bit_length() - 1
                led = numbering.rows[op].get(state)
                if numbering.step(op, state) if led is None else led:
                    self._path.append(op)
                    window |= bit
            if not window & 1:
                return first, window
            shift = (~window & (window + 1)).bit_length() - 1
            first, window = first + shift, window >> shift
            if first >= self._cut:
                return first, window

    def _place(self, op: int, first: int, window: int, taken: int) -> tuple[int, int, int]:
        """The first operation not placed, the window beyond it, and the pending ones placed, once ``op`` is."""
        if op >= self._last:
            return first, window, taken | 1 << (op - self._last)
        if op > first:
            return first, window | 1 << (op - first), taken
        # The window moves past everything that is now placed without a gap.
        window |= 1
        shift = (~window & (window + 1)).bit_length() - 1
        return first + shift, window >> shift, taken

    def _note_dead_end(self, first: int, window: int, taken: int, state: int) -> None:
        # Of two that place as many completed operations, the one that takes less for granted explains more.
        length = first + window.bit_count(), -taken.bit_count()
        if length > self._longest_length:
            self._longest_length = length
            self._longest = list(self._path)
            self._longest_at = (first, window, taken, state)
            self._longest_from = self._from


_NONE_PLACED = (0,)
"""In the memo: reached without any pending operation, which nothing can better."""


def _dominated(known: Sequence[int], placed: int) -> bool:
    """Whether the same was reached with no more than the pending operations in ``placed``."""
    return any(fewer & placed == fewer for fewer in known)


def _before(kinds: Sequence[int], last: int) -> list[int]:
    """For each operation the one of its kind before it, among the ``last`` completed ones or among the pending ones, or -1."""
    before: list[int] = []
    latest: dict[tuple[bool, int], int] = {}
    for op, kind in enumerate(kinds):
        before.append(latest.get((op < last, kind), -1))
        latest[op < last, kind] = op
    return before
