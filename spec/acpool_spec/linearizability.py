"""Whether a history of operations can be explained by a sequential specification.

Operations of different partitions commute, so each partition is searched alone (linearizability is local: M.
Herlihy and J. Wing, *Linearizability*, TOPLAS 12(3), 1990, theorem 1). The searches take turns, a slice each,
so that a partition that is hard does not hide a violation in another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from acpool_spec.beginnings import broken
from acpool_spec.guided import PATIENCE, Guided
from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Budget, Meter, Outcome, Verdict

__all__ = ["Operation", "SequentialSpec", "State", "check_history"]

_SLICE = 512
"""Trials of one partition before the next has its turn."""


def check_history(
    operations: Sequence[Operation], spec: SequentialSpec[State], *, budget: Budget | None = None
) -> Verdict:
    """Decide whether ``operations`` have a linearization in ``spec``.

    An operation precedes another when it returned strictly before the other was invoked; on equal times calls
    come before returns, so that operations that touch at one instant are concurrent. Nothing else orders them:
    operations of one process that overlap, or follow one that is pending, are concurrent too. A pending operation
    may have taken effect at any time after its invocation, or never; ``spec.step`` sees it with response None,
    whatever the history holds there.

    *holds* comes with a linearization, *violated* with the longest partial one and what was stuck behind it,
    *undecided* with the bound that ran out (``states`` or ``seconds``; ``executions`` does not apply) and how
    far the search got. Where what is forced decided (``forced``), *violated* comes with the contradiction, and a partial
    linearization that cannot be made longer, though others may be longer. The same operations in the same order give the
    same verdict, measured seconds aside.
    Time and memory grow with the number of configurations, in the worst case exponentially with concurrency;
    without a budget there is no bound.

    Raises ``ValueError`` for an operation that returned before it was invoked. What ``spec`` raises passes through.
    """
    return checked(operations, spec, budget, PATIENCE)


def checked(
    operations: Sequence[Operation], spec: SequentialSpec[State], budget: Budget | None, patience: int | None
) -> Verdict:
    """As ``check_history``; ``patience``: configurations of a partition after which it is asked what is forced (None:
    never)."""
    _require_order(operations)
    known = [replace(op, response=None) if op.pending else op for op in operations]
    parts: dict[Hashable, list[int]] = {}
    for index, operation in enumerate(known):
        parts.setdefault(spec.partition(operation), []).append(index)
    searches = [
        Guided(known, indices, spec, partition, patience=patience) for partition, indices in parts.items()
    ]
    # Runs of the code under test are not what this check spends.
    meter = Meter(None if budget is None else replace(budget, executions=None))
    turns = deque(search for search in searches if search.outcome is None)
    while turns:
        bound = meter.exhausted()
        if bound is not None:
            longest = turns[0].longest()
            return Verdict(
                outcome=Outcome.UNDECIDED,
                bound=bound,
                counts=_counts(searches, len(known), len(longest)),
                longest=longest,
                partition=turns[0].partition,
            )
        search = turns.popleft()
        before = search.states
        search.advance(_SLICE, meter.states_left)
        meter.states += search.states - before
        if search.outcome is False:
            found = broken(search, known, spec)
            return Verdict(
                outcome=Outcome.VIOLATED,
                counts=_counts(searches, len(known), len(found.longest)),
                longest=found.longest,
                stuck=found.stuck,
                partition=search.partition,
                contradiction=found.contradiction,
            )
        if search.outcome is None:
            turns.append(search)
    order = _merge(known, [search.linearization() for search in searches])
    counts = _counts(searches, len(known), len(order))
    return Verdict(outcome=Outcome.HOLDS, counts=counts, linearization=order)


def _counts(searches: Sequence[Guided[Any]], operations: int, placed: int) -> dict[str, int]:
    return {
        "operations": operations,
        "partitions": len(searches),
        "partitions_decided": sum(search.outcome is not None for search in searches),
        "states": sum(search.states for search in searches),
        "placed": placed,
    }


def _merge(operations: Sequence[Operation], orders: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Join the linearizations of the partitions into one that respects real time.

    Each operation takes effect at the latest invocation so far in its own partition. That instant lies within
    the operation, or something before it in the order would have been invoked after it returned.
    """
    points: list[tuple[int, int, int, int]] = []
    for part, order in enumerate(orders):
        point: int | None = None
        for place, index in enumerate(order):
            invoked_at = operations[index].invoked_at
            point = invoked_at if point is None else max(point, invoked_at)
            points.append((point, part, place, index))
    return tuple(index for _, _, _, index in sorted(points))


def _require_order(operations: Sequence[Operation]) -> None:
    for index, operation in enumerate(operations):
        if operation.returned_at is not None and operation.returned_at < operation.invoked_at:
            raise ValueError(
                f"operation {index} ({operation.name!r} of process {operation.process}) returned at "
                f"{operation.returned_at}, before it was invoked at {operation.invoked_at}"
            )
