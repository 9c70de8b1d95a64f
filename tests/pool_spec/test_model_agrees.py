"""The model and the sequential specification beside each other: every history of the smallest scopes, both ways.

From a history that both have, everything is tried that a recorder could write next, whatever a pool does: the model either
produces it or not, and the specification either allows it or not. Where the model produces what the specification forbids,
one of them is wrong; there is nothing of the kind. Where the specification allows more, it must be for one of the
reasons in ``REASONS``, and how often it is for which is pinned: it accepts pools that do otherwise than ours, and does
not accuse a pool of what a recorder may have missed.

``agreement.txt`` has the counts; ``python tests/pool_spec/test_model_agrees.py`` writes it anew.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from acpool_model import Answer, Client, Scope, State, transitions
from acpool_spec.events import EventType, History, PoolFacts
from acpool_spec.model_histories import KEYS, Plan, Seen, World, seen_next, worlds
from acpool_spec.pool_spec import judge_history
from acpool_spec.pool_steps import PoolSpec, PoolState
from acpool_spec.verdict import Outcome, Verdict

Run = tuple[Seen, ...]
GET_A, GET_B = ("get_or_create", "a"), ("get_or_create", "b")
RESET, SHUTDOWN = ("reset", "a"), ("shutdown", "")


class Case(NamedTuple):
    """A scope, what each client calls, how many events at most (99: all there are), and what is left out on both sides."""

    scope: Scope
    plans: tuple[Plan, ...]
    longest: int = 99
    without: frozenset[str] = frozenset()


CALM = frozenset(("fail", "info", "open_failed"))
CASES: dict[str, Case] = {
    "one call": Case(Scope(1, 1, 1), ((GET_A,),)),
    "two calls": Case(Scope(1, 1, 1), ((GET_A, GET_A),), 10),
    "two clients": Case(Scope(1, 2, 1), ((GET_A,), (GET_A,)), 7),
    "with a reset": Case(Scope(1, 2, 1), ((GET_A,), (RESET,)), 8),
    "with a shutdown": Case(Scope(1, 2, 1), ((GET_A,), (SHUTDOWN,)), 9),
    "two keys, one slot": Case(Scope(2, 2, 1), ((GET_A,), (GET_B,)), 7),
    # Evicted, and resumed or refused, where no start fails and nobody is cancelled.
    "back to the first key": Case(Scope(2, 1, 1), ((GET_A, GET_B, GET_A),), without=CALM),
}
TABLE = Path(__file__).parent / "agreement.txt"
PROCESSES = 3
"""So many connections at most are opened in a candidate."""

AFTER = {
    "opening": ("opened", "open_failed"),
    "opened": ("initialized", "closing"),
    "initialized": ("created", "loading", "closing"),
    "loading": ("loaded", "refused", "closing"),
    "refused": ("created", "closing"),
    "created": ("closing",),
    "loaded": ("closing",),
    "closing": ("closed",),
}
"""What a recorder can see of one connection after what."""
ENDS = ("open_failed", "closed")


class Known(NamedTuple):
    """What a history says: calls in progress by client, how many there were, connections with the last of them, sessions."""

    open: dict[int, Seen]
    begun: Counter[int]
    agents: dict[str, Seen]
    loading: dict[str, str | None]
    sessions: int

    @classmethod
    def of(cls, run: Run) -> Self:
        known = cls({}, Counter(), {}, {}, sum(seen.f == "created" for seen in run))
        for seen in run:
            if seen.type == "event":
                assert seen.connection is not None
                known.agents[seen.connection] = seen
                if seen.f == "loading":
                    known.loading[seen.connection] = seen.session_id
                continue
            assert seen.process is not None
            if seen.type == "invoke":
                known.begun[seen.process] += 1
                known.open[seen.process] = seen
            else:
                del known.open[seen.process]
        return known

    def taken(self) -> int:
        """How many processes are starting, running or closing."""
        return sum(agent.f not in ENDS for agent in self.agents.values())


def candidates(run: Run, plans: tuple[Plan, ...], keys: int) -> Iterator[Seen]:
    """Everything that a recorder could write after ``run``, whatever the pool does."""
    known = Known.of(run)
    for client, plan in enumerate(plans, 1):
        call = known.open.get(client)
        if call is not None:
            yield from answers(call, known.sessions)
        elif known.begun[client] < len(plan):
            f, key = plan[known.begun[client]]
            yield Seen("invoke", f, client, key or None)
    if len(known.agents) < PROCESSES:
        for key in KEYS[:keys]:
            yield Seen("event", "opening", key=key, connection=f"c{len(known.agents) + 1}")
    for name, agent in known.agents.items():
        for f in AFTER.get(agent.f, ()):
            for session in sessions(f, known, name):
                yield Seen("event", f, key=agent.key, connection=name, session_id=session)


def answers(call: Seen, sessions: int) -> Iterator[Seen]:
    def ended(kind: EventType, **more: Any) -> Seen:
        return Seen(kind, call.f, call.process, call.key, **more)

    if call.f != "get_or_create":
        yield ended("ok")
        if call.f == "reset":
            yield ended("fail", error="PoolClosed")
        return
    for number, resumed, reset in product(range(1, sessions + 1), (False, True), (False, True)):
        value = (("session_id", f"s{number}"), ("resumed", resumed), ("session_reset", reset))
        yield ended("ok", value=value)
    for error in ("PoolExhausted", "SessionStartError", "PoolClosed"):
        yield ended("fail", error=error)
    yield ended("info", error="CancelledError")


def sessions(f: str, known: Known, name: str) -> list[str | None]:
    match f:
        case "created":
            return [f"s{known.sessions + 1}"]
        case "loading":
            return [f"s{number}" for number in range(1, known.sessions + 1)]
        case "loaded" | "refused":
            return [known.loading[name]]
        case _:
            return [None]


def allowed(run: Run, slots: int) -> bool:
    """Whether the specification allows ``run``."""
    events = tuple(seen.event(index) for index, seen in enumerate(run))
    verdict = judge_history(History(events, PoolFacts(slots)))
    assert verdict.outcome is not Outcome.UNDECIDED
    return verdict.holds


# -- why the specification allows more than the model does ---------------------------------------------------------------


def nothing_recorded(run: Run, last: Seen, slots: int) -> bool:
    """As long as nothing was seen at a connection, none may have been recorded: then slots and starts are not judged."""
    return not Known.of(run).agents and last.type == "fail"


def full_for_an_instant(run: Run, last: Seen, slots: int) -> bool:
    """Every slot was taken at an instant of the call (S8 says no more): by the start that the caller had joined, or by a process
    that had ended without the pool having heard of it, as far as is known."""
    begun = max(
        (at for at, seen in enumerate(run) if seen.type == "invoke" and seen.process == last.process),
        default=0,
    )
    instants = range(begun + 1, len(run) + 1)
    return last.error == "PoolExhausted" and any(
        Known.of(run[:at]).taken() + unheard(run[:at]) >= slots for at in instants
    )


def unheard(run: Run) -> int:
    """How many processes ended after the beginning of every call that was answered."""
    begun: dict[int | None, int] = {}
    heard = -1
    for at, seen in enumerate(run):
        if seen.type == "invoke":
            begun[seen.process] = at
        elif seen.type != "event":
            heard = max(heard, begun[seen.process])
    return sum(seen.f in ENDS for seen in run[heard + 1 :])


def failed_unseen(run: Run, last: Seen, slots: int) -> bool:
    """A start may fail its callers before its end is seen, or without having been seen; and may go on for others."""
    failed = [seen for seen in run if seen.error == "SessionStartError"]
    return last.error == "SessionStartError" or any(seen.key == last.key for seen in failed)


def tries_again(run: Run, last: Seen, slots: int) -> bool:
    """A pool may start again for a caller whose start came to nothing, where ours tells the caller; for all it knows
    a caller that has its answer, and has not been heard of, still waits."""
    ended = [agent for agent in Known.of(run).agents.values() if agent.f in (*ENDS, "closing")]
    return last.error != "PoolExhausted" and any(agent.key == last.key for agent in ended)


def cancelled_and_unheard(run: Run, last: Seen, slots: int) -> bool:
    """A pool may go on for a caller that was cancelled, for a while: it is not seen when it hears of that."""
    return last.f != "shutdown" and any(seen.type == "info" for seen in run)


def shut_beside_an_opening(run: Run, last: Seen, slots: int) -> bool:
    """A shutdown may answer while a process is being opened, which is none yet, and may ignore that it is cancelled."""
    return last.f == "shutdown" and any(agent.f == "opening" for agent in Known.of(run).agents.values())


REASONS: tuple[Callable[[Run, Seen, int], bool], ...] = (
    nothing_recorded,
    full_for_an_instant,
    failed_unseen,
    cancelled_and_unheard,
    shut_beside_an_opening,
    tries_again,
)
"""In this order: the first that applies counts."""


class Agreement(NamedTuple):
    """What comparing a case found: how many histories both have, and those that only one of them has."""

    common: int
    model_only: list[Run]
    spec_only: list[Run]

    def line(self, case: str) -> str:
        """What is pinned: the histories that both have, then for each reason how many the specification has besides."""
        slots = CASES[case].scope.capacity
        counts = Counter(reason_of(run, slots) for run in self.spec_only)
        told = [
            f"{reason.__name__} {counts[reason.__name__]}" for reason in REASONS if counts[reason.__name__]
        ]
        return f"{case}: both {self.common}; {', '.join(told)}"


def reason_of(run: Run, slots: int) -> str | None:
    *before, last = run
    return next((reason.__name__ for reason in REASONS if reason(tuple(before), last, slots)), None)


def compare(case: str, *, depth: int | None = None) -> Agreement:
    """Follow all histories that both have, up to the length of the case."""
    scope, plans, longest, without = CASES[case]
    found = Agreement(0, [], [])
    layer: dict[Run, frozenset[World]] = {(): worlds(scope, plans)}
    common = 0
    for _ in range(longest if depth is None else depth):
        both: dict[Run, frozenset[World]] = {}
        for run, some in layer.items():
            produced = {s: after for s, after in seen_next(some).items() if not without & {s.type, s.f}}
            tried = [s for s in candidates(run, plans, scope.keys) if not without & {s.type, s.f}]
            assert set(produced) <= set(tried), "the model produces what no recorder could write"
            for seen in tried:
                longer = (*run, seen)
                if allowed(longer, scope.capacity):
                    if seen in produced:
                        both[longer] = produced[seen]
                    else:
                        found.spec_only.append(longer)
                elif seen in produced:
                    found.model_only.append(longer)
        if not both:
            break
        common += len(both)
        layer = both
    return found._replace(common=common)


@pytest.fixture(scope="module")
def pinned() -> dict[str, str]:
    return {line.partition(":")[0]: line for line in TABLE.read_text(encoding="utf-8").splitlines()}


@pytest.mark.no_cover
@pytest.mark.parametrize("case", CASES)
def test_they_agree_but_for_what_is_listed(case: str, pinned: dict[str, str]) -> None:
    found = compare(case)
    assert not found.model_only
    slots = CASES[case].scope.capacity
    assert [run for run in found.spec_only if reason_of(run, slots) is None] == []
    assert found.line(case) == pinned[case]


def test_every_reason_is_needed(pinned: dict[str, str]) -> None:
    assert set(pinned) == set(CASES)
    for reason in REASONS:
        assert any(reason.__name__ in line for line in pinned.values()), reason.__name__


def test_one_call_by_hand() -> None:
    """All ways in which one call of one client can go in the model, up to its answer: 23."""
    scope, plans, *_ = CASES["one call"]
    layer: dict[Run, frozenset[World]] = {(): worlds(scope, plans)}
    ended: set[tuple[str, ...]] = set()
    while layer:
        layer = {
            (*run, seen): after for run, some in layer.items() for seen, after in seen_next(some).items()
        }
        for run in [run for run in layer if run[-1].type in ("ok", "fail", "info")]:
            del layer[run]
            ended.add((run[-1].error or "answered", *(seen.f for seen in run[1:-1])))
    # A start opens or does not; opened, it is initialized, then it creates a session, or gets no further than each of these.
    # What is defeated, because it failed or because its caller has gone, may be seen to begin to close, and to close,
    # before its caller is heard of.
    reached: list[tuple[str, ...]] = [("opening", "opened"), ("opening", "opened", "initialized")]
    reached.append((*reached[-1], "created"))
    over: list[tuple[str, ...]] = [
        (*steps, *closing) for steps in reached for closing in ((), ("closing",), ("closing", "closed"))
    ]
    over.append(("opening", "open_failed"))
    assert ended == {
        ("answered", *reached[-1]),
        *[("SessionStartError", *steps) for steps in over],
        *[("CancelledError", *steps) for steps in [(), ("opening",), *over]],
    }
    assert len(ended) == 1 + 10 + 12


def test_nobody_is_evicted_for_nobody(judge: Callable[..., Verdict]) -> None:
    """Found by the comparison: as long as the end of c1 may not have been heard of, more slots seem taken than there are."""
    before = """
        0 > get_or_create a; c1 opening a; c1 open_failed a; 0 ! get_or_create a SessionStartError
        0 > get_or_create a; c2 opening a; c2 opened a; c2 initialized a; c2 created a s1; 0 < get_or_create a s1
    """
    assert judge(before, slots=1).holds
    assert judge(f"{before}; c2 closing a", slots=1).violated


def test_a_model_that_does_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = transitions.fail

    def misled(state: State, at: int) -> State:
        # Whoever waits for a start that failed is told that the pool is shut.
        after = whole(state, at)
        told = [Client(answer=Answer.CLOSED) if c.answer == Answer.FAILED else c for c in after.clients]
        return after._replace(clients=tuple(told))

    monkeypatch.setattr(transitions, "fail", misled)
    found = compare("one call", depth=5)
    assert {run[-1].error for run in found.model_only} == {"PoolClosed"}


def test_a_specification_that_allows_less_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: PoolSpec, state: PoolState, argument: Any) -> tuple[PoolState, ...]:
        return ()

    monkeypatch.setattr(PoolSpec, "_do_fail", never)
    found = compare("one call")
    assert {run[-1].error for run in found.model_only} == {"SessionStartError"}


def test_a_specification_that_allows_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(self: PoolSpec, state: PoolState, argument: Any) -> tuple[PoolState, ...]:
        return (state,)

    monkeypatch.setattr(PoolSpec, "_do_observe", always)
    found = compare("one call")
    assert [run for run in found.spec_only if reason_of(run, 1) is None]


if __name__ == "__main__":
    for name in CASES:
        sys.stdout.write(f"{compare(name).line(name)}\n")
