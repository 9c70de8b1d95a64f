"""The core alone: what a caller gets, where it waits, and what it gives back when it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acpool import SessionInfo
from acpool.records import Outcome, Served, Stage, Stop, Wake, Want

if TYPE_CHECKING:
    from tests.pool.conftest import Desk


def test_a_live_session_answers_at_once_leased_or_not(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    idle = table.ask("a")
    assert (idle.outcome, idle.info) == (Outcome.ANSWERED, SessionInfo("s-a", False, False))
    table.lease("a")
    assert entry.stage is Stage.LEASED
    assert table.ask("a").outcome is Outcome.ANSWERED
    assert table.core.get("a", table.now) == SessionInfo("s-a", False, False)


def test_get_answers_nobody_without_a_session_with_a_dead_one_or_when_shut(desk: type[Desk]) -> None:
    table = desk()
    assert table.core.get("a", 0.0) is None
    entry = table.live("a")
    dead = table.agent(entry)
    dead.alive = False
    assert table.core.get("a", 0.0) is None
    dead.alive = True
    assert table.core.get("a", 0.0) is not None
    table.lease("a")
    table.core.shut()
    assert table.core.get("a", 0.0) is None


def test_a_creation_in_flight_is_joined_not_repeated_and_all_get_the_same_answer(desk: type[Desk]) -> None:
    table = desk(2)
    waiters = [table.ask("a") for _ in range(3)]
    assert table.starts() == ["a"]
    table.open("a")
    table.commit("a")
    assert [w.outcome for w in waiters] == [Outcome.ANSWERED] * 3
    assert [w.info for w in waiters] == [SessionInfo("s-a", False, False)] * 3
    assert sum(isinstance(effect, Wake) for effect in table.core.effects) == 3


def test_who_joined_for_the_lease_gets_it_in_order_and_the_answers_do_not_wait(desk: type[Desk]) -> None:
    table = desk()
    first, answer, second = table.ask("a", Want.BOTH), table.ask("a"), table.ask("a", Want.LEASE)
    table.open("a")
    entry = table.commit("a")
    assert [w.outcome for w in (first, answer, second)] == [
        Outcome.GRANTED,
        Outcome.ANSWERED,
        Outcome.PENDING,
    ]
    assert entry.lease is first.token and list(entry.queue) == [second]
    assert second.creation is None and second.entry is entry
    # Those who wait for something else now are told, so that their bound can begin anew.
    told = [effect.waiter for effect in table.drain() if isinstance(effect, Wake)]
    assert told.count(second) == 1 and first in told
    table.core.release(entry, first.token, 1.0)
    assert second.outcome is Outcome.GRANTED and entry.lease is second.token


def test_with_connection_needs_a_session_that_is_there_or_on_its_way(desk: type[Desk]) -> None:
    table = desk()
    assert table.ask("a", Want.LEASE).outcome is Outcome.NO_SESSION
    assert table.core.creations == {} and table.core.entries == {}
    table.ask("a")
    joined = table.ask("a", Want.LEASE)
    assert joined.outcome is Outcome.PENDING and joined.creation is table.creation("a")
    assert [event.key for event in table.said("join")] == ["a"]


def test_nothing_is_given_once_the_pool_is_shut(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    table.lease("a")
    table.core.shut()
    assert [table.ask("a", want).outcome for want in Want] == [Outcome.CLOSED] * 3
    assert table.ask("b").outcome is Outcome.CLOSED
    assert table.core.creations == {}


@pytest.mark.parametrize("want", [Want.ANSWER, Want.BOTH])
def test_a_dead_entry_is_removed_before_the_new_start(desk: type[Desk], want: Want) -> None:
    table = desk()
    entry = table.live("a")
    table.agent(entry).alive = False
    waiter = table.ask("a", want)
    assert waiter.outcome is Outcome.PENDING
    assert table.core.live == {} and table.core.idle == {} and table.core.dying == {"a": entry}
    assert table.core.suspended["a"].session_id == "s-a"
    assert table.starts() == []  # its own process must be gone first
    table.core.closed(entry, confirmed=True)
    assert table.starts() == ["a"]
    table.open("a")
    table.core.fail(table.starting("a"), RuntimeError("no"))
    assert table.core.creations == {} and table.core.live == {}
    assert table.core.suspended["a"].session_id == "s-a"


def test_a_dead_session_is_none_for_with_connection(desk: type[Desk]) -> None:
    table = desk()
    table.agent(table.live("a")).alive = False
    assert table.ask("a", Want.LEASE).outcome is Outcome.NO_SESSION
    assert "a" in table.core.dying


def test_leaving_a_lease_queue_leaves_the_others_in_their_order(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    first, second, third = (table.ask("a", Want.BOTH) for _ in range(3))
    table.core.leave(second, 0.0)
    assert list(entry.queue) == [first, third] and second.outcome is Outcome.LEFT
    table.core.release(entry, token, 0.0)
    assert entry.lease is first.token


def test_leaving_after_the_hand_over_hands_on(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    first, second = table.ask("a", Want.BOTH), table.ask("a", Want.BOTH)
    table.core.release(entry, token, 0.0)
    assert first.outcome is Outcome.GRANTED
    table.core.leave(first, 7.0)
    assert entry.lease is second.token and second.outcome is Outcome.GRANTED
    table.core.leave(second, 8.0)
    assert entry.lease is None and entry.stage is Stage.IDLE and entry.used_at == 8.0


def test_leaving_twice_gives_back_once(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    waiter = table.ask("a", Want.BOTH, "first")
    table.core.leave(waiter, 0.0)
    entry, token = table.lease("a")
    table.core.leave(waiter, 0.0)
    assert entry.lease is token


def test_a_creation_is_abandoned_when_the_last_of_its_callers_has_gone(desk: type[Desk]) -> None:
    table = desk()
    first, second = table.ask("a"), table.ask("a", Want.BOTH)
    agent = table.open("a")
    entry = table.starting("a")
    table.drain()
    table.core.leave(first, 0.0)
    assert table.creation("a").entry is entry and not table.core.effects
    table.core.leave(second, 0.0)
    assert table.core.creations == {} and table.core.dying == {"a": entry}
    assert table.closes() == [("a", True, False)]
    assert [effect.entry for effect in table.core.effects if isinstance(effect, Stop)] == [entry]
    assert [event.cause for event in table.said("abandon")] == ["abandoned"]
    # Whatever its process does from now on is not looked at.
    assert not table.core.commit(entry, "late", resumed=False, now=0.0)
    table.core.fail(entry, RuntimeError("late"))
    assert table.core.live == {} and table.core.suspended == {} and table.said("fail") == []
    assert agent.alive


def test_an_abandoned_start_without_a_process_frees_its_slot_when_it_ends(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    waiter = table.ask("a")
    entry = table.starting("a")
    other = table.ask("b")
    assert table.starts() == ["a"]
    table.core.leave(waiter, 0.0)
    assert table.closes() == [] and table.starts() == []
    assert table.creation("b").source is entry
    table.core.stopped(entry)
    assert table.starts() == ["b"] and other.outcome is Outcome.PENDING
    assert entry.serial not in table.core.entries


def test_a_process_that_opens_after_its_start_was_abandoned_is_closed(desk: type[Desk]) -> None:
    table = desk()
    waiter = table.ask("a")
    entry = table.starting("a")
    table.core.leave(waiter, 0.0)
    late = table.agent(desk().live("a"))
    assert not table.core.opened(entry, late)
    assert table.closes() == [("a", True, False)]
    table.core.stopped(entry)
    assert entry.serial in table.core.entries, "the slot is free only when the process is gone"
    table.core.closed(entry, confirmed=True)
    assert table.core.entries == {}


def test_leaving_a_creation_that_waits_for_capacity_takes_it_out_of_the_line(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.live("a")
    table.lease("a")
    waiter, behind = table.ask("b"), table.ask("c")
    creation = table.creation("b")
    assert [c.key for c in table.core.waiting.values()] == ["b", "c"] and creation.queued
    table.drain()
    table.core.leave(waiter, 0.0)
    assert [c.key for c in table.core.waiting.values()] == ["c"]
    assert [effect.creation for effect in table.core.effects if isinstance(effect, Served)] == [creation]
    assert behind.outcome is Outcome.PENDING and "b" not in table.core.creations


def test_leaving_a_creation_that_was_promised_a_slot_passes_the_promise_on(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    victim = table.live("a")
    first = table.ask("b")
    second = table.ask("c")
    assert victim.heir is not None and victim.heir.key == "b"
    table.core.leave(first, 0.0)
    assert victim.heir is table.creation("c")
    table.core.closed(victim, confirmed=True)
    assert table.starts()[-1:] == ["c"] and second.outcome is Outcome.PENDING
