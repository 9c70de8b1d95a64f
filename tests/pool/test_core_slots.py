"""The core alone: who gets which slot, when, and in whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acpool.records import Outcome, Queued, Served, Stage, Want

if TYPE_CHECKING:
    from tests.pool.conftest import Desk


def test_a_slot_is_reserved_in_the_step_that_decided_to_create(desk: type[Desk]) -> None:
    table = desk(2)
    table.ask("a")
    assert [(e.key, e.stage) for e in table.core.entries.values()] == [("a", Stage.CREATING)]
    table.ask("b")
    assert table.ask("c").outcome is Outcome.EXHAUSTED
    assert table.starts() == ["a", "b"]
    assert len(table.core.entries) == 2 and list(table.core.creations) == ["a", "b"]


def test_exhausted_at_once_leaves_nothing_behind_and_says_so(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    table.lease("a")
    assert table.ask("b").outcome is Outcome.EXHAUSTED
    assert [event.key for event in table.said("exhaust")] == ["b"]
    assert list(table.core.creations) == [] and list(table.core.waiting) == []
    assert not any(isinstance(effect, Queued) for effect in table.core.effects)


def test_the_victim_is_the_least_recently_used_idle_session(desk: type[Desk]) -> None:
    table = desk(3)
    table.live("a", "b", "c")
    table.ask("d")
    assert list(table.core.dying) == ["a"] and table.core.dying["a"].heir is table.creation("d")
    assert table.closes() == [("a", False, False)]
    assert [(event.key, event.cause) for event in table.said("remove")] == [("a", "evict")]
    assert table.core.suspended["a"].session_id == "s-a"


def test_use_is_the_creation_a_get_or_create_and_the_end_of_a_lease(desk: type[Desk]) -> None:
    table = desk(3)
    table.live("a", "b", "c")
    table.now = 1.0
    table.ask("a")
    assert list(table.core.idle) == ["b", "c", "a"] and table.core.live["a"].used_at == 1.0
    entry, token = table.lease("b")
    assert list(table.core.idle) == ["c", "a"]
    table.core.release(entry, token, 2.0)
    assert list(table.core.idle) == ["c", "a", "b"] and entry.used_at == 2.0
    table.core.get("c", 3.0)
    assert list(table.core.idle) == ["a", "b", "c"] and table.core.live["c"].used_at == 3.0


def test_get_or_create_of_a_leased_session_counts_for_its_ttl_and_leaves_it_leased(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.lease("a")
    table.core.get("a", 5.0)
    assert entry.used_at == 5.0 and table.core.idle == {} and entry.stage is Stage.LEASED


def test_a_leased_session_is_never_the_victim(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    table.lease("a")
    table.ask("c")
    assert list(table.core.dying) == ["b"] and "a" in table.core.live


def test_a_dead_idle_session_is_the_slot_nearest_at_hand_and_no_victim(desk: type[Desk]) -> None:
    table = desk(3)
    table.live("a", "b", "c")
    table.agent(table.core.live["b"]).alive = False
    table.ask("d")
    assert list(table.core.dying) == ["b"] and list(table.core.idle) == ["a", "c"]
    assert [(event.key, event.cause) for event in table.said("remove")] == [("b", "die")]
    assert table.closes() == [("b", True, False)]


def test_a_dead_idle_session_goes_before_a_live_one_and_that_before_one_that_closes_for_nobody(
    desk: type[Desk],
) -> None:
    table = desk(3)
    table.live("a", "b", "c")
    table.agent(table.core.live["b"]).alive = False
    table.core.reset("c")
    table.ask("d")
    assert table.core.dying["b"].heir is table.creation("d") and table.core.dying["c"].heir is None
    table.ask("e")
    assert table.core.dying["a"].heir is table.creation("e") and not table.core.idle
    table.ask("f")
    assert table.core.dying["c"].heir is table.creation("f")
    assert table.ask("g").outcome is Outcome.EXHAUSTED


def test_a_free_slot_goes_before_any_victim(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a")
    table.ask("b")
    assert table.core.dying == {} and table.starts() == ["b"]


def test_waiting_creations_are_served_in_order_of_arrival(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.live("a")
    entry, token = table.lease("a")
    table.ask("b")
    table.ask("c")
    assert [effect.creation.key for effect in table.core.effects if isinstance(effect, Queued)] == ["b", "c"]
    assert [event.key for event in table.said("queue")] == ["b", "c"]
    table.core.release(entry, token, 0.0)
    assert entry.heir is table.creation("b") and not table.creation("b").queued
    assert [effect.creation.key for effect in table.core.effects if isinstance(effect, Served)] == ["b"]
    table.core.closed(entry, confirmed=True)
    assert table.starts() == ["b"]
    table.open("b")
    committed = table.commit("b")
    # The session that "b" created is idle for no instant that "c" does not see.
    assert committed.heir is table.creation("c")


def test_a_newcomer_never_overtakes_those_who_wait(desk: type[Desk]) -> None:
    table = desk(2, queueing=True)
    table.live("a", "b")
    table.lease("a")
    entry, token = table.lease("b")
    table.ask("c")
    table.ask("d")
    table.core.release(entry, token, 0.0)
    table.core.closed(entry, confirmed=True)
    table.ask("e")
    assert table.starts() == ["c"]
    assert [creation.key for creation in table.core.waiting.values()] == ["d", "e"]


@pytest.mark.parametrize("end", ["rests", "dies", "reset", "expires"])
def test_every_end_of_a_lease_serves_who_waits_for_a_slot_in_that_step(desk: type[Desk], end: str) -> None:
    table = desk(queueing=True)
    table.live("a")
    entry, token = table.lease("a")
    table.ask("b")
    assert entry.heir is None
    if end == "reset":
        table.core.reset("a")
    elif end == "expires":
        table.core.expire(0.0, 0.0, 0.0)
    else:
        table.agent(entry).alive = end == "rests"
        table.core.release(entry, token, 0.0)
    assert entry.heir is table.creation("b")


def test_a_failed_start_gives_its_slot_to_who_waits(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.ask("a")
    table.ask("b")
    table.starts()
    table.core.fail(table.starting("a"), RuntimeError("no"))
    assert table.starts() == ["b"]
    agent = table.open("b")
    table.ask("c")
    failing = table.starting("b")
    table.core.fail(failing, RuntimeError("no"))
    assert failing.heir is table.creation("c"), "its process must be gone before the slot is free"
    assert table.closes() == [("b", True, False)] and agent.alive


def test_a_creation_waits_for_its_own_dying_process_in_that_slot_though_others_are_free(
    desk: type[Desk],
) -> None:
    table = desk(2)
    entry = table.live("a")
    table.core.reset("a")
    table.ask("a")
    assert entry.heir is table.creation("a") and table.starts() == []
    table.ask("b")
    assert table.starts() == ["b"], "the free slot is for others"
    table.core.closed(entry, confirmed=True)
    assert table.starts() == ["a"]


def test_the_heir_of_a_slot_whose_key_still_dies_elsewhere_swaps_with_that_ones_heir(
    desk: type[Desk],
) -> None:
    table = desk(2, queueing=True)
    table.live("a", "b")
    table.ask("c")
    dying_a, idle_b = table.core.dying["a"], table.core.live["b"]
    assert dying_a.heir is table.creation("c")
    table.ask("a")  # is promised the slot of "b", which is evicted for it
    assert idle_b.heir is table.creation("a")
    table.drain()
    table.core.closed(idle_b, confirmed=True)
    assert dying_a.heir is table.creation("a"), "its process must be gone first: it takes that slot"
    assert table.starts() == ["c"], "and who was promised that slot gets the free one"
    table.core.closed(dying_a, confirmed=True)
    assert table.starts() == ["a"]


def test_a_slot_that_is_promised_to_its_own_key_is_not_promised_again(desk: type[Desk]) -> None:
    table = desk(3)
    table.live("a")
    table.core.expire(0.0, None, 0.0)
    table.ask("a")
    assert [event.other for event in table.said("promise")] == ["a"]
    table.drain()
    table.ask("b")
    assert table.said("promise") == [] and table.core.dying["a"].heir is table.creation("a")


def test_a_slot_that_came_free_before_the_promised_one_is_used_and_the_change_is_said(
    desk: type[Desk],
) -> None:
    table = desk(2, queueing=True)
    table.live("a", "b")
    table.lease("b")
    table.ask("c")
    promised = table.core.dying["a"]
    assert promised.heir is table.creation("c")
    table.core.reset("b")
    table.drain()
    table.core.closed(table.core.dying["b"], confirmed=True)
    assert promised.heir is None and table.creation("c").source is None
    assert [(event.key, event.other) for event in table.said("victim_changed")] == [("c", "a")]
    assert table.starts() == ["c"]
    table.core.closed(promised, confirmed=True)
    assert table.starts() == [] and len(table.core.entries) == 1


def test_each_closing_slot_is_promised_once(desk: type[Desk]) -> None:
    table = desk(2)
    table.live("a", "b")
    table.core.expire(0.0, None, 0.0)
    for key in ("c", "d"):
        table.ask(key)
    assert {key: entry.heir.key for key, entry in table.core.dying.items() if entry.heir} == {
        "a": "c",
        "b": "d",
    }
    assert table.ask("e").outcome is Outcome.EXHAUSTED


def test_capacity_ran_out_refuses_all_who_joined(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.live("a")
    table.lease("a")
    waiters = [table.ask("b"), table.ask("b", Want.BOTH), table.ask("b", Want.LEASE)]
    creation = table.creation("b")
    table.core.capacity_ran_out(creation)
    assert [w.outcome for w in waiters] == [Outcome.EXHAUSTED] * 3
    assert table.core.creations == {} and table.core.waiting == {}
    assert [event.key for event in table.said("exhaust")] == ["b"]
    table.core.capacity_ran_out(creation)
    assert len(table.said("exhaust")) == 1


def test_capacity_ran_out_too_late_changes_nothing(desk: type[Desk]) -> None:
    table = desk(queueing=True)
    table.live("a")
    entry, token = table.lease("a")
    waiter = table.ask("b")
    creation = table.creation("b")
    table.core.release(entry, token, 0.0)
    table.core.capacity_ran_out(creation)  # promised a slot meanwhile
    assert waiter.outcome is Outcome.PENDING and entry.heir is creation
    table.core.closed(entry, confirmed=True)
    table.core.capacity_ran_out(creation)  # and being started now
    assert waiter.outcome is Outcome.PENDING and creation.entry is not None
    table.core.leave(waiter, 0.0)
    other = table.ask("b")
    table.core.capacity_ran_out(creation)  # the key has another creation by now
    assert other.outcome is Outcome.PENDING and table.creation("b") is not creation


def test_a_promise_that_is_taken_back_does_not_overtake(desk: type[Desk]) -> None:
    """A free slot is for the first in line that can use it, not for whoever had been promised that of another's process."""
    table = desk(4, queueing=True)
    table.live("a", "w", "y", "f")
    leases = {key: table.lease(key) for key in ("w", "y", "f")}
    table.core.expire(0.0, None, 0.0)  # the process of a is dying
    passing = table.ask("z")
    table.ask("a")  # its own slot was promised z
    table.core.reset("y")
    table.core.reset("w")
    table.ask("c")
    table.core.leave(passing, 0.0)
    table.ask("b")
    sources = {key: c.source.key for key, c in table.core.creations.items() if c.source is not None}
    assert sources == {"a": "y", "c": "w", "b": "a"}
    table.core.reset("f")
    table.core.closed(leases["f"][0], confirmed=True)
    # a takes its own slot back from b, and c, which came before b, gets the free one; b waits for the slot that a let go.
    assert table.creation("c").entry is not None and table.creation("b").entry is None
    sources = {key: c.source.key for key, c in table.core.creations.items() if c.source is not None}
    assert sources == {"a": "a", "b": "y"}
