"""A history of one partition judged while it is read, a section at a time, in memory that depends on its concurrency.

Completed operations come in the order of their returns. When enough of them have come, a *cut* is chosen: a return up to
which every operation that had been invoked is known to have ended, with as few as possible in progress (none, at a quiescent
point). The search finds every configuration in which all before the cut may be placed; the next section begins from these,
and what was before is forgotten. That is sound and complete wherever the cut is, after G. Lowe, *Testing for linearizability*
(CCPE 29(4), 2017), section 4, *just-in-time linearization*, which makes a cut at every return. Pending operations are carried
along. A section whose search does not end is tried again with more of what follows, which may force an order on what it left
open (``forced``).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic

from acpool_spec.beginnings import broken
from acpool_spec.guided import PATIENCE, Guided
from acpool_spec.search import Configuration
from acpool_spec.sequential import Operation, SequentialSpec, State, hints_of
from acpool_spec.verdict import Bound, Contradiction, Stuck

SECTION = 256
"""Completed operations after which a cut is looked for."""

CONTEXT = 6
"""Completed operations that a window has at least, if there are so many: how a state came about is part of the story."""

STATES = 200_000
"""Configurations that a search of one section may explore."""

AGAIN = 3
"""How often a section is tried again, each time with twice as much of what follows."""


@dataclass(frozen=True, slots=True)
class Window(Generic[State]):
    """The part of a partition that shows that it has no linearization.

    It ends with the first return by which there is none, and begins at a quiescent point some operations before it, or where
    the section began. ``before``: how many completed operations came before. ``begin``: where these may have led to.
    ``operations``: what had been invoked by that return, the completed ones first, in the order of their returns. ``start``,
    ``longest``, ``stuck``: the longest partial linearization, as indices of ``operations``, where it begins, what could follow.
    ``contradiction``: operations that show it by themselves, where it was seen so.
    """

    before: int
    begin: tuple[Configuration[State], ...]
    operations: tuple[Operation, ...]
    start: Configuration[State]
    longest: tuple[int, ...]
    stuck: tuple[Stuck, ...]
    contradiction: Contradiction | None = None


class Sections(Generic[State]):
    """One partition. ``outcome``: None while nothing is decided, False once there is no linearization, True at the end.

    ``bound``: the limit that ran out, after which nothing more is looked at. ``states``: configurations explored. ``placed``:
    completed operations that are decided and forgotten. ``patience``: as of :class:`Guided`.
    """

    def __init__(
        self,
        spec: SequentialSpec[State],
        *,
        states: int = STATES,
        section: int = SECTION,
        patience: int = PATIENCE,
    ) -> None:
        self._spec = spec
        self._hints = hints_of(spec)
        self._limit, self._patience = states, patience
        self._section = self._enough = section
        self._further = 0
        self._begin: list[Configuration[State]] = [Configuration(0, 0, spec.initial())]
        self._open: dict[int, Operation] = {}
        self._completed: list[Operation] = []
        self._pending: list[Operation] = []
        self.outcome: bool | None = None
        self.bound: Bound | None = None
        self.states = self.placed = 0
        self.window: Window[State] | None = None

    @property
    def decided(self) -> bool:
        """Whether nothing that comes can change what is known."""
        return self.outcome is not None or self.bound is not None

    @property
    def held(self) -> int:
        """How many operations are in memory."""
        return len(self._open) + len(self._completed) + len(self._pending)

    def invoked(self, operation: Operation) -> None:
        """An operation begins; ``returned_at`` and ``response`` are not known yet."""
        self._open[operation.invoked_at] = operation

    def returned(self, operation: Operation) -> None:
        """One that was invoked has returned; returns come in their order."""
        del self._open[operation.invoked_at]
        self._completed.append(operation)
        if len(self._completed) >= self._enough:
            self._cut_off()

    def lost(self, invoked_at: int) -> None:
        """What was invoked then stays pending."""
        operation = replace(self._open.pop(invoked_at), response=None, returned_at=None)
        if self._hints is None or not self._hints.observes(operation):
            insort(self._pending, operation, key=_invoked_at)

    def failed(self, invoked_at: int) -> None:
        """What was invoked then has certainly had no effect."""
        del self._open[invoked_at]

    def end(self) -> None:
        """Nothing more comes: whatever is still in progress stays pending."""
        for invoked_at in list(self._open):
            self.lost(invoked_at)
        if not self.decided and self._search(self._completed, None) is not None:
            self.outcome = True
            self.placed += len(self._completed)
        self._completed, self._begin = [], []

    def _cut_off(self) -> None:
        cut = self._cut()
        if cut is None:
            # Something is in progress for long: look again when there is twice as much.
            self._enough = 2 * len(self._completed)
            return
        found = self._search(self._completed, cut)
        if found is None and not self.decided:
            # What it left open may be forced by what follows, here and later on.
            self._further += 1
            self._enough = 2 * len(self._completed)
            return
        if found is None:
            self._open, self._completed, self._pending, self._begin = {}, [], [], []
            return
        self._begin = found
        self._completed = self._completed[cut:]
        self.placed += cut
        self._enough = len(self._completed) + self._section

    def _cut(self) -> int | None:
        """Where to cut, so that least is in progress: in the later half of what is possible, or earlier, where more is to be
        known."""
        ended = [_ended(op) for op in self._completed]
        most = len(ended) if not self._open else bisect_left(ended, min(self._open))
        if most < min(self._section // 4, len(ended)) or most == 0:
            return None
        invoked = sorted(op.invoked_at for op in self._completed)
        latest = most >> self._further
        return min(
            range(max(1, latest), latest // 2, -1), key=lambda k: bisect_left(invoked, ended[k - 1]) - k
        )

    def _search(self, completed: Sequence[Operation], cut: int | None) -> list[Configuration[State]] | None:
        """Where this section may end, or None, if it cannot or that is not known."""
        operations = [*completed, *self._pending]
        search = self._searched(operations, self._begin, cut, self._in_progress())
        if search.outcome is None:
            if cut is None or self._further >= AGAIN:
                self.bound = Bound("states", self._limit)
            return None
        if search.outcome:
            return search.search.ways() if cut is not None else []
        self.outcome = False
        self.window = self._window(completed, search)
        return None

    def _in_progress(self) -> list[Operation]:
        return [replace(op, response=None, returned_at=None) for op in self._open.values()]

    def _searched(
        self,
        operations: Sequence[Operation],
        begin: Sequence[Configuration[State]],
        cut: int | None,
        others: Sequence[Operation] = (),
    ) -> Guided[State]:
        search = Guided(
            operations,
            range(len(operations)),
            self._spec,
            None,
            begin=begin,
            cut=cut,
            others=others,
            patience=self._patience,
        )
        search.run(self._limit)
        self.states += search.states
        return search

    def _until(
        self, now: int | None, whole: Sequence[Operation], completed: int
    ) -> tuple[list[Operation], list[Configuration[State]]]:
        """Those of ``whole`` that were invoked before ``now``, the pending ones last, as they were invoked; and where they
        begin."""
        places = [place for place, op in enumerate(whole) if now is None or op.invoked_at < now]
        places.sort(key=lambda place: (place >= completed, place >= completed and whole[place].invoked_at))
        kept = sum(place < completed for place in places)
        begin: list[Configuration[State]] = []
        for ahead, taken, state in self._begin:
            mask = ahead | taken << completed
            chosen = sum((mask >> place & 1) << n for n, place in enumerate(places))
            begin.append(Configuration(chosen & (1 << kept) - 1, chosen >> kept, state))
        return [whole[place] for place in places], begin

    def _window(self, completed: Sequence[Operation], search: Guided[State]) -> Window[State]:
        # What explains a history explains each beginning of it: after this return nothing matters.
        whole = [*completed, *self._pending, *self._in_progress()]
        if search.plain.outcome is False:
            end = search.plain.furthest + 1
        else:
            operations, begin = self._until(None, whole, len(completed))
            end = broken(self._searched(operations, begin, None), operations, self._spec, begin).returns
        operations, begin = self._until(_ended(completed[end - 1]), whole, len(completed))
        before = self.placed
        quiet = _last_quiet(completed, end, end - CONTEXT)
        if quiet:
            earlier = self._searched(operations, begin, quiet)
            if earlier.outcome:
                before, begin, operations = before + quiet, earlier.search.ways(), operations[quiet:]
        found = broken(self._searched(operations, begin, None), operations, self._spec, begin)
        return Window(
            before,
            tuple(begin),
            tuple(operations),
            found.start,
            found.longest,
            found.stuck,
            found.contradiction,
        )


def _last_quiet(completed: Sequence[Operation], end: int, most: int) -> int:
    """The most of ``completed``, up to ``most``, after which none of them was in progress; 0: there is no such point."""
    begins = _ended(completed[end - 1])
    for place in range(len(completed) - 1, 0, -1):
        begins = min(begins, completed[place].invoked_at)
        if place <= most and _ended(completed[place - 1]) < begins:
            return place
    return 0


def _invoked_at(operation: Operation) -> int:
    return operation.invoked_at


def _ended(operation: Operation) -> int:
    assert operation.returned_at is not None
    return operation.returned_at
