"""Why a history has no linearization: the longest partial one, and why nothing can follow it; as a value, and as text.

Only a window of the history is shown in full: what comes after the last *quiescent point* (an instant at which no completed
operation was in progress) before the place where it gets stuck.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acpool_spec.sections import Window
from acpool_spec.sequential import Operation, SequentialSpec, State
from acpool_spec.verdict import Contradiction, Stuck, Verdict

_SHOWN = 12
_STATES = 4
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Placed:
    """One operation of a partial linearization: its index in the history, and the state to which it leads there."""

    operation: int
    state: Hashable


@dataclass(frozen=True, slots=True)
class Blocked:
    """One operation that could come next as far as real time goes: its index in the history, and why it cannot."""

    operation: int
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The longest partial linearization of one partition, or of a window of it, and what is stuck behind it.

    ``operations``: how many the partition has. ``start``: the state before any of them. ``placed``: the partial
    linearization, in its order. ``quiet``: how many of ``placed`` came before the last quiescent point. ``blocked``: what
    could come next, the completed ones first, by their returns. ``before``: how many completed operations were decided before
    the window, and ``begin``: every state that they may have led to. ``contradiction``: operations that show it by
    themselves, where it was seen so.
    """

    partition: Hashable
    operations: int
    start: Hashable
    placed: tuple[Placed, ...]
    quiet: int
    blocked: tuple[Blocked, ...]
    before: int = 0
    begin: tuple[Hashable, ...] = ()
    contradiction: Contradiction | None = None

    @property
    def state(self) -> Hashable:
        """The state in which nothing more can be placed."""
        return self.placed[-1].state if self.placed else self.start

    @property
    def state_at_rest(self) -> Hashable:
        """The state of this partial linearization at the last quiescent point."""
        return self.placed[self.quiet - 1].state if self.quiet else self.start


def explanation(
    operations: Sequence[Operation], spec: SequentialSpec[State], verdict: Verdict
) -> Explanation | None:
    """What ``verdict`` rests on, which ``check_history`` gave on the same arguments; None unless it is *violated*."""
    if not verdict.violated:
        return None
    order = verdict.longest or ()
    operations = [replace(op, response=None) if op.pending else op for op in operations]
    states = _states(operations, spec, order, spec.initial(), verdict.stuck)
    members = [i for i, op in enumerate(operations) if spec.partition(op) == verdict.partition]
    return Explanation(
        partition=verdict.partition,
        operations=len(members),
        start=states[0],
        placed=tuple(Placed(index, state) for index, state in zip(order, states[1:], strict=True)),
        quiet=_quiet(operations, order, members),
        blocked=_blocked(operations, verdict.stuck),
        contradiction=verdict.contradiction,
    )


def explanation_of(window: Window[State], spec: SequentialSpec[State], partition: Hashable) -> Explanation:
    """The same for the window of a partition that was judged section by section; indices are those of ``window.operations``."""
    operations = window.operations
    states = _states(operations, spec, window.longest, window.start.state, window.stuck)
    return Explanation(
        partition=partition,
        operations=len(operations),
        start=states[0],
        placed=tuple(Placed(index, state) for index, state in zip(window.longest, states[1:], strict=True)),
        quiet=0,
        blocked=_blocked(operations, window.stuck),
        before=window.before,
        begin=tuple(dict.fromkeys(way.state for way in window.begin)),
        contradiction=window.contradiction,
    )


def _blocked(operations: Sequence[Operation], stuck: Sequence[Stuck]) -> tuple[Blocked, ...]:
    ordered = sorted(stuck, key=lambda s: (operations[s.operation].pending, _end(operations[s.operation])))
    return tuple(Blocked(s.operation, why_not(operations[s.operation], s.allowed)) for s in ordered)


def lines_of(
    found: Explanation, operations: Sequence[Operation], describe: Callable[[Operation], str] | None = None
) -> Iterator[str]:
    """``found`` in words, a line each, none of them long; ``describe``: one operation in words."""
    describe = say_operation if describe is None else describe
    where = "" if found.partition is None else f" of {clipped(said(found.partition))}"
    if found.before:
        yield f"the first {found.before:,} completed operations{where} have linearizations, which leave"
        yield f"  {clipped(' or '.join(said(state) for state in found.begin[:_STATES]))}" + (
            f" or one of {len(found.begin) - _STATES} more" if len(found.begin) > _STATES else ""
        )
    number, placed = f"{found.operations:,}", f"{len(found.placed):,}"
    yield f"no linearization: of {number} operations{where} {placed} can be placed in an order, and no more"
    recent = found.placed[found.quiet :]
    if not found.quiet and found.begin and len(found.begin) > 1:
        yield f"  beginning with {clipped(said(found.start))}"
    if found.quiet:
        state = clipped(said(found.state_at_rest))
        yield f"  {found.quiet} before an instant at which none was in progress; that order leaves {state}"
    if len(recent) > _SHOWN:
        yield f"  … {len(recent) - _SHOWN} operations"
    for each in recent[-_SHOWN:]:
        yield f"  {clipped(describe(operations[each.operation]))}, leaves {clipped(said(each.state))}"
    yield f"then, with {clipped(said(found.state))}, nothing can follow:"
    for blocked in found.blocked[:_SHOWN]:
        yield f"  {clipped(describe(operations[blocked.operation]))}: {blocked.why}"
    if len(found.blocked) > _SHOWN:
        yield f"  … and {len(found.blocked) - _SHOWN} more"
    if found.contradiction is not None:
        yield f"these show it by themselves, since {found.contradiction.claim}:"
        told = sorted(found.contradiction.operations, key=lambda op: operations[op].invoked_at)
        for op in told[:_SHOWN]:
            yield f"  {clipped(describe(operations[op]))}"
        if len(told) > _SHOWN:
            yield f"  … and {len(told) - _SHOWN} more"


def say_operation(operation: Operation) -> str:
    """One operation in words: who, what, and the answer."""
    argument = "" if operation.argument is None else said(operation.argument)
    answer = "no answer" if operation.pending else said(operation.response)
    until = "…" if operation.returned_at is None else operation.returned_at
    return f"process {operation.process}: {operation.name}({argument}) → {answer} [{operation.invoked_at}–{until}]"


def said(value: Any) -> str:
    """A value of a history, or a state, as JSON where it has such a form."""
    if isinstance(value, frozenset):
        return _said_set(value)  # pyright: ignore[reportUnknownArgumentType]
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _said_set(parts: frozenset[Any]) -> str:
    """A set of pairs is a map, as the state of a key-value map is."""
    told = (": ".join(said(half) for half in p) if isinstance(p, tuple) else said(p) for p in parts)  # pyright: ignore[reportUnknownVariableType]
    return "{" + ", ".join(sorted(told)) + "}"


def clipped(text: str) -> str:
    """``text``, or its beginning and end where it is long."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40]} … {text[-36:]}"


def _end(operation: Operation) -> int:
    return operation.invoked_at if operation.returned_at is None else operation.returned_at


def why_not(operation: Operation, allowed: bool) -> str:
    """Why ``operation`` cannot come next; ``allowed``: it may, and nothing is won by it."""
    if allowed:
        return "it may never have happened, and would not help"
    if operation.pending:
        return "it may never have happened, and cannot here"
    return "not with this answer"


def _states(
    operations: Sequence[Operation],
    spec: SequentialSpec[State],
    order: Sequence[int],
    start: State,
    stuck: Sequence[Stuck],
) -> list[State]:
    """The states along ``order``; where the specification leaves a choice, some that end where it is stuck."""
    before: list[dict[State, State]] = []
    reached: dict[State, None] = {start: None}
    for index in order:
        came_from: dict[State, State] = {}
        for state in reached:
            for target in spec.step(state, operations[index]):
                came_from.setdefault(target, state)
        before.append(came_from)
        reached = dict.fromkeys(came_from)
    ends = [state for state in reached if any(state == s.state for s in stuck)] or list(reached)
    states = [ends[0]]
    for came_from in reversed(before):
        states.append(came_from[states[-1]])
    return states[::-1]


def _quiet(operations: Sequence[Operation], order: Sequence[int], members: Sequence[int]) -> int:
    """How many of ``order`` lie before the last instant at which no completed operation was in progress."""
    placed = set(order)
    later = min(
        (operations[i].invoked_at for i in members if i not in placed and not operations[i].pending),
        default=None,
    )
    first_later: list[int | None] = []
    for index in reversed(order):
        first_later.append(later)
        if not operations[index].pending:
            begin = operations[index].invoked_at
            later = begin if later is None else min(begin, later)
    quiet = 0
    last: int | None = None
    for place, (index, following) in enumerate(zip(order, reversed(first_later), strict=True), start=1):
        end = operations[index].returned_at
        if end is not None:
            last = end if last is None else max(end, last)
        if last is not None and following is not None and last < following:
            quiet = place
    return quiet
