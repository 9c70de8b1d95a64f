"""Where the actions of a pool's history took effect: a linearization as places between events, or how far one can be found.

A linearization is an order; as a place each action gets the latest beginning of what stands before it in the order, which lies
within the action, or what stands before it would have begun after it was over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from acpool_spec.events import History
from acpool_spec.linearizability import check_history
from acpool_spec.picture.story import Explanation
from acpool_spec.pool_actions import RULES, Actions, translate
from acpool_spec.pool_spec import described
from acpool_spec.pool_steps import PoolSpec, PoolState
from acpool_spec.verdict import Budget, Verdict

STATES = 20_000
"""States that one search may look at."""
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Point:
    """An action that took effect after event ``after`` (its place in the history).

    ``process``: whose call it belongs to, None: the pool's own, about ``connection``.
    """

    after: int
    process: int | None
    connection: str
    words: str


@dataclass(frozen=True, slots=True)
class Effects:
    """What a search for a linearization found. ``shortest``: how many events it takes until there is none, None where there is
    one, or where the search ended at its bound."""

    points: tuple[Point, ...]
    explanation: Explanation
    shortest: int | None = None


def effects_of(history: History) -> Effects:
    """Search for a linearization of ``history``; where it has none, also for the shortest beginning of it that has none."""
    actions, verdict = _judge(history)
    shortest: int | None = None
    if verdict.violated:
        # Every beginning of a history that has a linearization has one, so the first that has none can be searched for by halves.
        low, high = 0, len(history.events)
        while low + 1 < high:
            middle = (low + high) // 2
            cut_actions, cut = _judge(beginning(history, middle))
            if cut.violated:
                high, actions, verdict = middle, cut_actions, cut
            else:
                low = middle
        shortest = high
    return Effects(_points(history, actions, verdict), _explained(actions, verdict), shortest)


def _judge(history: History) -> tuple[Actions, Verdict]:
    actions = translate(history)
    verdict = check_history(actions.operations, PoolSpec(actions.knowledge), budget=Budget(states=STATES))
    return actions, verdict


def _points(history: History, actions: Actions, verdict: Verdict) -> tuple[Point, ...]:
    order = verdict.linearization if verdict.holds else verdict.longest
    points: list[Point] = []
    latest = 0
    for index in order or ():
        operation = actions.operations[index]
        latest = max(latest, operation.invoked_at)
        if operation.invoked_at % 2 == 0:
            continue  # seen, not decided: the history shows it at its place
        begun = history.events[operation.invoked_at // 2]
        process, connection = begun.process, begun.connection or ""
        if operation.name in ("commit", "evict", "give_up"):
            number: int = operation.argument
            process, connection = None, actions.knowledge.agents[number].name
        points.append(Point(latest // 2, process, connection, actions.words[index]))
    return tuple(points)


def _explained(actions: Actions, verdict: Verdict) -> Explanation:
    total = len(actions.operations)
    if verdict.holds:
        return Explanation(len(verdict.linearization or ()), total, whole=True)
    placed = verdict.longest or ()
    decided = [index for index in placed if actions.operations[index].name != "note"][-_SHOWN:]
    last = tuple(actions.words[index] for index in decided)
    if verdict.undecided:
        return Explanation(len(placed), total, last, note=f"the search ended at its bound {verdict.bound}")
    must = [
        (end, stuck)
        for stuck in verdict.stuck
        if not stuck.allowed and (end := actions.operations[stuck.operation].returned_at) is not None
    ]
    blocked = [stuck for _, stuck in sorted(must, key=lambda item: item[0])]
    state = blocked[0].state if blocked else None
    return Explanation(
        len(placed),
        total,
        last,
        described(actions, state) if isinstance(state, PoolState) else "",
        tuple(
            (
                actions.words[stuck.operation],
                RULES.get(actions.operations[stuck.operation].name, "").removeprefix(": "),
            )
            for stuck in blocked[:_SHOWN]
        ),
    )


def in_a_sentence(found: Explanation) -> str:
    """Why there is no linearization, on one line: the first of what would have to come next, and why it cannot."""
    if not found.stuck:
        return f"no linearization: {found.placed} of {found.total} actions can be placed, and no more"
    what, why = found.stuck[0]
    return f"no linearization: {what} cannot follow" + (f": {why}" if why else "")


def beginning(history: History, events: int) -> History:
    """The first ``events`` events of ``history``."""
    return replace(history, events=history.events[:events])
