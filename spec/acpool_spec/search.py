"""The search for a linearization of one partition: resumable, iterative, each configuration explored once.

After J. M. Wing and C. Gong, *Testing and verifying concurrent objects* (JPDC 17, 1993), section 4, with the
memo of G. Lowe, *Testing for linearizability* (CCPE 29(4), 2017), section 3.

A configuration is (which operations are placed, state). Completed operations are numbered in the order of
their returns. The first of them that is not placed yet decides what may come next: whatever was invoked no
later than it returned. All operations before the first are placed, so that only a *window* beyond it has to
be kept: bit k for operation first + k. The window is as wide as the history is concurrent, however long the
history.

Pending operations have no return, hold nobody up, and need not be placed. A configuration in which the same
completed operations led to the same state at the price of fewer pending ones can do whatever the other can; so
the memo keeps, for each (completed, state), the sets of pending operations it was reached with, and what contains
one of them is not explored. A pending operation that changes nothing is never placed, by the same rule.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic

from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Stuck

_Frame = tuple[int, int, int, int, int, int, int, tuple[int, ...]]


class Search(Generic[State]):
    """A depth-first search over one partition, advanced a slice at a time.

    ``indices``: the partition's operations in ``operations``. ``outcome``: None while undecided, then whether
    there is a linearization. ``states``: configurations explored so far.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        indices: Sequence[int],
        spec: SequentialSpec[State],
        partition: Hashable,
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
        self._spec = spec
        self._last = len(completed)
        self._index = [i for _, _, i in completed] + [i for _, i in pending]
        self._operations = [operations[i] for i in self._index]
        self._open = _windows([(invoked_at, returned_at) for returned_at, invoked_at, _ in completed])
        self._open_pending = _prefixes([at for at, _ in pending], [at for at, _, _ in completed])
        initial = spec.initial()
        self._values: list[State] = [initial]
        self._ids: dict[State, int] = {initial: 0}
        self._steps: list[dict[int, tuple[int, ...]]] = [{} for _ in self._index]
        self._seen: list[dict[tuple[int, int], tuple[int, ...]]] = [{} for _ in range(self._last + 1)]
        # The beginning is a configuration too: coming back to it by way of pending operations is no progress.
        self._seen[0][0, 0] = _NONE_PLACED
        self._stack: list[_Frame] = []
        self._path: list[int] = []
        self._longest: list[int] = []
        self._longest_at = (0, 0, 0, 0)
        self._longest_length = (0, 0)
        self.outcome: bool | None = None if completed else True
        self._frame: _Frame = (0, 0, 0, 0, 0, 0, 0, ())
        if completed:
            self._frame = (0, 0, 0, 0, self._open[0], self._open_pending[0], 0, ())

    def advance(self, steps: int, states: int | None) -> None:
        """Go on for at most ``steps`` trials and ``states`` new configurations (None: no bound)."""
        stack, path, step_cache, seen = self._stack, self._path, self._steps, self._seen
        last, explored = self._last, self.states
        limit = -1 if states is None else explored + states
        first, window, taken, state, todo, todo_pending, op, choices = self._frame
        while self.outcome is None and steps > 0 and explored != limit:
            steps -= 1
            if not choices:
                if todo:
                    bit = todo & -todo
                    todo ^= bit
                    op = first + bit.bit_length() - 1
                elif todo_pending:
                    # Last, so that what certainly happened is tried before what perhaps happened.
                    bit = todo_pending & -todo_pending
                    todo_pending ^= bit
                    op = last + bit.bit_length() - 1
                else:
                    self._note_dead_end(first, window, taken, state)
                    if not stack:
                        self.outcome = False
                        break
                    first, window, taken, state, todo, todo_pending, op, choices = stack.pop()
                    path.pop()
                    continue
                led = step_cache[op].get(state)
                choices = self._step(op, state) if led is None else led
                if not choices:
                    continue
            target, rest = choices[0], choices[1:]
            then, beyond, placed = self._place(op, first, window, taken)
            memo, key = seen[then], (beyond, target)
            known = memo.get(key)
            if known is _NONE_PLACED or (known is not None and _dominated(known, placed)):
                choices = rest
                continue
            memo[key] = (placed, *(known or ())) if placed else _NONE_PLACED
            explored += 1
            stack.append((first, window, taken, state, todo, todo_pending, op, rest))
            path.append(op)
            first, window, taken, state, choices = then, beyond, placed, target, ()
            if first == last:
                self.outcome = True
            else:
                todo, todo_pending = self._open[first] & ~window, self._open_pending[first] & ~taken
        self._frame = (first, window, taken, state, todo, todo_pending, op, choices)
        self.states = explored

    def linearization(self) -> tuple[int, ...]:
        """The order found; meaningful once ``outcome`` is True."""
        return tuple(self._index[op] for op in self._path)

    def longest(self) -> tuple[int, ...]:
        """The partial linearization with the most completed operations so far, and the fewest pending ones."""
        first, window, taken, state, *_ = self._frame
        self._note_dead_end(first, window, taken, state)
        return tuple(self._index[op] for op in self._longest)

    def stuck(self) -> tuple[Stuck, ...]:
        """What could have followed ``longest()``, and why not; meaningful once ``outcome`` is False."""
        first, window, taken, state = self._longest_at
        completed, pending = self._open[first] & ~window, self._open_pending[first] & ~taken
        candidates = [first + k for k in _bits(completed)] + [self._last + k for k in _bits(pending)]
        return tuple(
            Stuck(self._index[op], self._values[state], bool(self._step(op, state))) for op in candidates
        )

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

    def _step(self, op: int, state: int) -> tuple[int, ...]:
        """Ask the specification, naming states by small integers so that each is hashed once."""
        targets: list[int] = []
        for value in self._spec.step(self._values[state], self._operations[op]):
            target = self._ids.setdefault(value, len(self._values))
            if target == len(self._values):
                self._values.append(value)
            targets.append(target)
        self._steps[op][state] = found = tuple(targets)
        return found


_NONE_PLACED = (0,)
"""In the memo: reached without any pending operation, which nothing can better."""


def _dominated(known: tuple[int, ...], placed: int) -> bool:
    """Whether the same was reached with no more than the pending operations in ``placed``."""
    return any(fewer & placed == fewer for fewer in known)


def _windows(intervals: Sequence[tuple[int, int]]) -> list[int]:
    """For each operation, in order of return: what was invoked no later than that, as bits from itself on."""
    by_invocation = sorted(range(len(intervals)), key=lambda k: intervals[k][0])
    windows: list[int] = []
    window = added = 0
    for first, (_, returned_at) in enumerate(intervals):
        while added < len(by_invocation) and intervals[by_invocation[added]][0] <= returned_at:
            window |= 1 << (by_invocation[added] - first)
            added += 1
        windows.append(window)
        window >>= 1
    return windows


def _prefixes(invoked: Sequence[int], returned: Sequence[int]) -> list[int]:
    """For each return: the pending operations invoked no later, as bits. Both sequences are sorted."""
    prefixes: list[int] = []
    count = 0
    for returned_at in returned:
        while count < len(invoked) and invoked[count] <= returned_at:
            count += 1
        prefixes.append((1 << count) - 1)
    return prefixes


def _bits(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]
