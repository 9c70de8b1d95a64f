"""The core alone: what cleaning up, reset and shutdown take out, keep and defeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acpool.records import Interrupt, Outcome, Stage, Start, Stop, Suspended, Want

if TYPE_CHECKING:
    from tests.pool.conftest import Desk


def revoked(table: Desk) -> list[tuple[object, str]]:
    """The leases taken back, and why."""
    return [(e.token, e.reason) for e in table.core.effects if isinstance(e, Interrupt)]


def test_what_was_idle_for_ttl_to_the_second_is_suspended_least_recently_used_first(desk: type[Desk]) -> None:
    table = desk(4)
    table.live("a")
    table.now = 1.0
    table.live("b")
    table.now = 1.5
    table.live("c")
    assert table.core.expire(9.0, None, 9.999) == ["a"]
    assert table.closes() == [("a", False, False)]
    assert table.core.expire(9.0, None, 10.49) == ["b"]
    assert list(table.core.idle) == ["c"]
    assert [event.cause for event in table.said("remove")] == ["expire", "expire"]


@pytest.mark.parametrize("want", [Want.BOTH, Want.LEASE])
def test_whoever_was_handed_a_lease_that_the_shutdown_takes_back_begins_nothing(
    desk: type[Desk], want: Want
) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    following = table.ask("a", want)
    table.core.release(entry, token, 0.0)
    outcomes = [following.outcome]
    table.core.shut()
    table.core.revoke_all()
    assert [*outcomes, following.outcome] == [Outcome.GRANTED, Outcome.CLOSED]
    assert table.core.creations == {} and revoked(table) == []
    table.core.closed(entry, confirmed=True)
    assert table.core.entries == {} and table.core.suspended == {"a": Suspended("s-a")}


def test_leased_sessions_are_not_idle_however_old(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, _ = table.lease("a")
    assert table.core.expire(0.0, None, 1e9) == [] and table.core.live == {"a": entry}


def test_dead_sessions_are_dropped_whatever_the_ttl(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    table.agent(table.core.live["b"]).alive = False
    assert table.core.expire(1e9, None, 0.0) == ["b"]
    assert table.closes() == [("b", True, False)] and table.core.suspended == {"b": Suspended("s-b")}


def test_a_lease_of_max_lease_to_the_second_is_taken_back_and_killed(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    table.now = 1.0
    entry, token = table.lease("a")
    table.core.prompt_begun(entry)
    assert table.core.expire(1e9, 5.0, 5.9) == []
    assert table.core.expire(1e9, 5.0, 6.0) == ["a"]
    assert revoked(table) == [(token, "max_lease")] and table.closes() == [("a", True, True)]
    assert entry.lease is None and table.core.suspended == {"a": Suspended("s-a")}
    assert list(table.core.idle) == ["b"], "what is idle has no lease to be too old"


def test_the_age_of_a_lease_begins_with_the_hand_over(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    table.ask("a", Want.BOTH)
    table.core.release(entry, token, 4.0)
    assert table.core.expire(1e9, 5.0, 8.0) == []
    assert table.core.expire(1e9, 5.0, 9.0) == ["a"]


def test_reset_forgets_a_live_session_and_takes_its_lease_back(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    waiting = table.ask("a", Want.LEASE)
    assert table.core.reset("a")
    assert revoked(table) == [(token, "reset")] and table.closes() == [("a", True, False)]
    assert table.core.suspended == {} and entry.stage is Stage.CLOSING
    assert waiting.outcome is Outcome.NO_SESSION
    table.core.closed(entry, confirmed=True)
    assert not table.core.reset("a")


def test_reset_forgets_a_suspended_id_and_a_pending_flag(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    assert table.core.reset("a") and table.core.suspended == {}
    table.core.suspended["a"] = Suspended(None, session_reset=True)
    assert table.core.reset("a") and table.core.suspended == {}
    assert not table.core.reset("a")
    assert len(table.said("reset")) == 3


def test_reset_defeats_a_creation_in_flight_which_starts_over_without_the_old_id(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    waiters = [table.ask("a"), table.ask("a", Want.BOTH)]
    table.open("a")
    old = table.starting("a")
    assert table.core.initialized(old, can_load=True) == "old"
    before = table.creation("a")
    table.drain()
    assert table.core.reset("a")
    after = table.creation("a")
    assert after is not before and list(after.waiters) == waiters and after.entry is None
    assert old.heir is after and old.stage is Stage.CLOSING
    assert [e.entry for e in table.core.effects if isinstance(e, Stop)] == [old]
    assert table.closes() == [("a", True, False)]
    assert all(w.outcome is Outcome.PENDING and w.creation is after for w in waiters)
    assert not table.core.commit(old, "old", resumed=True, now=0.0)
    assert table.core.live == {}
    table.drain()
    table.core.closed(old, confirmed=True)
    assert [e.entry.key for e in table.core.effects if isinstance(e, Start)] == ["a"]
    table.open("a")
    fresh = table.starting("a")
    assert table.core.initialized(fresh, can_load=True) is None
    table.core.commit(fresh, "new", resumed=False, now=0.0)
    assert waiters[0].info is not None and not waiters[0].info.session_reset
    assert waiters[1].outcome is Outcome.GRANTED


def test_reset_of_a_creation_that_has_not_started_lets_it_wait_on(desk: type[Desk]) -> None:
    table = desk(queueing=True, suspended={"b": "old"})
    table.live("a")
    table.lease("a")
    waiter = table.ask("b")
    creation = table.creation("b")
    assert table.core.reset("b")
    assert table.creation("b") is creation and waiter.outcome is Outcome.PENDING and creation.queued
    assert table.core.suspended == {}


def test_reset_during_a_start_gives_the_freed_slot_to_nobody_else(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.ask("a")
    old = table.starting("a")
    table.ask("b")
    table.core.reset("a")
    assert old.heir is table.creation("a") and table.creation("b").source is None
    table.drain()
    table.core.stopped(old)
    assert table.starts() == ["a"]


def test_shut_fails_who_waits_abandons_starts_suspends_what_rests_and_lets_leases_be(
    desk: type[Desk],
) -> None:
    table = desk(3, queueing=True)
    table.live("a", "b")
    entry, token = table.lease("a")
    waiting = [table.ask("a", Want.LEASE), table.ask("a", Want.BOTH)]
    creating = table.ask("c")
    table.open("c")
    starting = table.starting("c")
    table.lease("b")
    queued = table.ask("d")
    table.core.release(table.core.live["b"], table.core.live["b"].lease, 0.0)
    table.drain()
    table.core.shut()
    assert [w.outcome for w in (*waiting, creating, queued)] == [Outcome.CLOSED] * 4
    assert table.core.creations == {} and table.core.waiting == {} and entry.queue == {}
    assert table.core.live == {"a": entry} and entry.lease is token
    assert table.closes() == [("c", True, False)], "and that of b was asked for before"
    assert [e.entry for e in table.core.effects if isinstance(e, Stop)] == [starting]
    assert table.core.suspended == {"b": Suspended("s-b")}
    assert [event.cause for event in table.said("abandon")] == ["shutdown"] * 2
    assert len(table.said("shut")) == 1


def test_shut_closes_idle_sessions_gently(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    table.core.shut()
    assert table.closes() == [("a", False, False), ("b", False, False)]
    assert table.core.live == table.core.idle == {}


def test_after_shut_freed_slots_start_nothing(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.live("a")
    table.lease("a")
    table.ask("a", Want.BOTH)
    table.ask("b")
    table.core.shut()
    entry = table.core.live["a"]
    table.core.revoke_all()
    table.core.closed(entry, confirmed=True)
    assert table.starts() == [] and table.core.entries == {} and table.core.creations == {}


def test_revoke_all_takes_back_every_lease_and_keeps_every_id(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    tokens = [table.lease(key)[1] for key in ("a", "b")]
    table.core.shut()
    table.core.revoke_all()
    assert revoked(table) == [(tokens[0], "shutdown"), (tokens[1], "shutdown")]
    assert table.closes() == [("a", True, False), ("b", True, False)]
    assert table.core.suspended == {"a": Suspended("s-a"), "b": Suspended("s-b")} and table.core.live == {}
