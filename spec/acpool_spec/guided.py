"""A search that looks for what is forced as soon as it is not over soon, and then tries nothing else.

Most searches end within some hundred configurations, and nothing is faster than that. For the others the specification is asked
(``forced``): a contradiction ends the search at once, and what is forced goes into a search from the beginning.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic

from acpool_spec.forced.facts import Seen, forces_of
from acpool_spec.search import Configuration, Search
from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Contradiction

PATIENCE = 1_024
"""Configurations after which the specification is asked."""


class Guided(Generic[State]):
    """As :class:`~acpool_spec.search.Search`, whose arguments it has, and whose verdicts.

    ``others``: operations that have begun and not returned, which the search leaves out because they are invoked after the
    ``cut``. ``patience``: configurations after which the specification is asked; 0: at once; None: never. ``contradiction``:
    what ended it, if that did; its operations are indices of ``operations``, and behind them of ``others``.
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
        others: Sequence[Operation] = (),
        patience: int | None = PATIENCE,
    ) -> None:
        self._operations, self._indices, self._spec = operations, indices, spec
        self._begin, self._cut, self._others = begin, cut, others
        self.partition = partition
        self.plain = self.search = Search(operations, indices, spec, partition, begin=begin, cut=cut)
        self.outcome = self.search.outcome
        self.contradiction: Contradiction | None = None
        self._forces = forces_of(spec)
        self._patience = patience if self._forces is not None else None

    @property
    def states(self) -> int:
        """Configurations explored so far, by both searches."""
        return self.plain.states + (0 if self.search is self.plain else self.search.states)

    def advance(self, steps: int, states: int | None) -> None:
        """As the method of :class:`Search`."""
        if self._patience is not None and self.states >= self._patience:
            self._ask()
        if self.outcome is None:
            self.search.advance(steps, states)
            self.outcome = self.search.outcome

    def run(self, states: int) -> None:
        """Go on until it is decided, or ``states`` configurations were explored."""
        while self.outcome is None and self.states < states:
            left = states - self.states
            asked = self._patience is None or self.states >= self._patience
            self.advance(1 << 16, left if asked else min(left, (self._patience or 0) - self.states))

    def linearization(self) -> tuple[int, ...]:
        """The order found; meaningful once ``outcome`` is True and there is no cut."""
        return self.search.linearization()

    def longest(self) -> tuple[int, ...]:
        """The longest partial linearization found so far."""
        return max(self.plain.longest(), self.search.longest(), key=len)

    def _ask(self) -> None:
        self._patience = None
        assert self._forces is not None
        order = self.plain.order
        known = [self._operations[i] for i in order]
        starts = [Configuration(0, 0, self._spec.initial())] if self._begin is None else self._begin
        completed = sum(not op.pending for op in known)
        ahead = taken = 0
        for start in starts:
            ahead, taken = ahead | start.ahead, taken | start.taken
        mask = ahead | taken << completed
        seen = Seen(
            [*known, *self._others],
            completed,
            list(dict.fromkeys(start.state for start in starts)),
            frozenset(op for op in range(len(known)) if mask >> op & 1),
            self._cut is not None,
        )
        forced = self._forces.forced(seen)
        found = forced.contradiction
        if found is not None:
            numbers = [*order, *range(len(self._operations), len(self._operations) + len(self._others))]
            self.contradiction = Contradiction(found.claim, tuple(numbers[op] for op in found.operations))
            self.outcome = False
        elif forced.useful:
            self.search = Search(
                self._operations,
                self._indices,
                self._spec,
                self.partition,
                begin=self._begin,
                cut=self._cut,
                forced=forced,
            )
            self.outcome = self.search.outcome
