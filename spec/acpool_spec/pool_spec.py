"""S12: whether the history of a pool has a linearization in the sequential specification of a pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from acpool_spec.events import History
from acpool_spec.linearizability import check_history
from acpool_spec.pool_actions import RULES, Actions, translate
from acpool_spec.pool_steps import PoolSpec, PoolState
from acpool_spec.verdict import Budget, Verdict

DEFAULT_STATES = 50_000
_LINES = 12
_SHOWN = 4


def judge_history(history: History, *, budget: Budget | None = None) -> Verdict:
    """Decide whether ``history`` is one of a pool that keeps its contract.

    The verdict is about the actions of :func:`~acpool_spec.pool_actions.translate`; its counts have also ``unjudged``, the
    number of aspects that :func:`unjudged` names. ``budget``: by default ``DEFAULT_STATES`` configurations. Raises
    ``HistoryError`` where the events cannot follow each other. The bound on waiting is the budget.
    """
    actions = translate(history)
    verdict = check_history(
        actions.operations, PoolSpec(actions.knowledge), budget=budget or Budget(states=DEFAULT_STATES)
    )
    return replace(verdict, counts={**verdict.counts, "unjudged": len(unjudged(history))})


def unjudged(history: History) -> tuple[str, ...]:
    """What ``history`` does not tell enough of to be judged, in words; empty: all of S12 is judged."""
    seen = {event.f for event in history.events if event.type == "event"}
    ttls = any(e.f == "cleanup_idle" and e.type == "invoke" and e.ttl is None for e in history.events)
    missing: list[str] = []
    if not seen & {"created", "loaded"}:
        missing.append("what the connections did: only what the calls alone show is judged")
    if history.max_sessions is None:
        missing.append("max_sessions: capacity, exhaustion and needless evictions are not judged")
    if "acquire" not in seen:
        missing.append("acquire and release: exclusive leases are not judged")
    if "prompt_begin" not in seen:
        missing.append("prompts: what cancel answers, and when a lost session was told, are not judged")
    if ttls:
        missing.append("the ttl of a cleanup: the age of what it removed is not judged")
    return tuple(missing)


def explain(history: History, verdict: Verdict) -> str:
    """Say in words, in at most 12 lines, how far the history can be explained and why nothing can come next."""
    if not verdict.violated:
        return (
            f"the history {verdict.outcome.value}" if verdict.holds else f"undecided: {verdict.bound} ran out"
        )
    return "\n".join(_explanation(translate(history), verdict))


def _explanation(actions: Actions, verdict: Verdict) -> Iterator[str]:
    placed = verdict.longest or ()
    yield f"no linearization: {len(placed)} of {len(actions.operations)} actions can be placed, the last of them:"
    decided = [index for index in placed if actions.operations[index].name != "note"][-_SHOWN:]
    yield from (f"  {actions.words[index]}" for index in decided)
    # Who must come next comes first; an action that need not happen explains nothing.
    must = [
        (end, s) for s in verdict.stuck if (end := actions.operations[s.operation].returned_at) is not None
    ]
    blocked = [stuck for _, stuck in sorted(must, key=lambda item: item[0]) if not stuck.allowed]
    if not blocked:
        return
    state = blocked[0].state
    assert isinstance(state, PoolState)
    yield f"then {described(actions, state)}"
    for stuck in blocked[: _LINES - 2 - len(decided)]:
        name = actions.operations[stuck.operation].name
        yield f"  cannot follow: {actions.words[stuck.operation]}{RULES.get(name, '')}"


def described(actions: Actions, state: PoolState) -> str:
    """``state``, which the specification of ``actions`` came to, in words."""
    known = actions.knowledge
    names = {number: name for name, number in known.keys.items()}
    live = [
        f"{names[known.agents[s.agent].key]!r} {known.agents[s.agent].session_id!r}"
        + (f" held by {s.holder}" if s.holder >= 0 else "")
        for s in state.live
    ]
    kept = [f"{names[n]!r} {m.suspended!r}" for n, m in enumerate(state.memory) if m.suspended is not None]
    told = [repr(names[n]) for n, m in enumerate(state.memory) if m.lost]
    parts = [f"live (least recently used first): {', '.join(live) or 'none'}"]
    if kept:
        parts.append(f"suspended: {', '.join(kept)}")
    if told:
        parts.append(f"lost and not told: {', '.join(told)}")
    return "; ".join(["the pool is open" if state.open else "the pool is shut", *parts])
