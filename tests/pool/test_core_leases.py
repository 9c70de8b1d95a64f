"""The core alone: taking, handing over and taking back a lease, and the prompts that run under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acpool.records import Interrupt, Outcome, Stage, Suspended, Wake, Want

if TYPE_CHECKING:
    from tests.pool.conftest import Desk


def test_an_idle_session_is_leased_at_once_and_no_longer_idle(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    assert table.core.acquire("a", "me", 3.0) is entry
    assert (entry.stage, entry.lease, entry.leased_at) == (Stage.LEASED, "me", 3.0)
    assert table.core.idle == {}
    assert table.core.acquire("a", "you", 4.0) is None and entry.lease == "me"
    assert table.core.acquire("b", "me", 4.0) is None


def test_a_dead_session_is_not_leased_but_suspended(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.agent(entry).alive = False
    assert table.core.acquire("a", "me", 0.0) is None
    assert table.ask("a", Want.LEASE).outcome is Outcome.NO_SESSION
    assert table.core.live == {} and entry.stage is Stage.CLOSING
    assert table.core.suspended == {"a": Suspended("s-a")} and table.closes() == [("a", True, False)]


def test_the_lease_is_handed_over_in_order_in_the_step_that_ended_it(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    waiters = [table.ask("a", want) for want in (Want.LEASE, Want.BOTH, Want.LEASE)]
    assert [event.key for event in table.said("wait")] == ["a"] * 3
    for at, waiter in enumerate(waiters):
        table.drain()
        table.core.release(entry, token, float(at))
        assert (waiter.outcome, entry.lease, entry.leased_at) == (Outcome.GRANTED, waiter.token, float(at))
        assert table.core.idle == {} and entry.stage is Stage.LEASED
        assert [e.waiter for e in table.core.effects if isinstance(e, Wake)] == [waiter]
        token = waiter.token
    table.core.release(entry, token, 9.0)
    assert entry.stage is Stage.IDLE and table.core.idle == {"a": entry}


def test_a_lease_that_was_taken_back_is_not_released_again(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    following = table.ask("a", Want.BOTH)
    table.core.release(entry, token, 0.0)
    table.core.release(entry, token, 5.0)
    assert entry.lease is following.token and entry.used_at == 0.0
    table.core.reset("a")
    table.drain()
    table.core.release(entry, following.token, 6.0)
    assert not table.core.effects and table.core.idle == {}


def test_a_session_found_dead_at_the_end_of_its_lease_is_suspended_and_its_waiters_go_on(
    desk: type[Desk],
) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    lease, both = table.ask("a", Want.LEASE), table.ask("a", Want.BOTH)
    table.agent(entry).alive = False
    table.core.release(entry, token, 0.0)
    assert lease.outcome is Outcome.NO_SESSION and lease.entry is None
    assert both.outcome is Outcome.PENDING and both.creation is table.creation("a") and both.entry is None
    assert entry.heir is table.creation("a") and table.closes() == [("a", True, False)]


def test_who_waited_for_a_lease_that_was_taken_out_gets_the_next_session_ahead_of_the_line(
    desk: type[Desk],
) -> None:
    table = desk(queueing=True)
    table.live("a")
    entry, token = table.lease("a")
    first, second = table.ask("a", Want.BOTH), table.ask("a", Want.BOTH)
    table.ask("b")
    table.drain()
    table.core.reset("a")
    assert [e.token for e in table.core.effects if isinstance(e, Interrupt)] == [token]
    woken = [e.waiter for e in table.core.effects if isinstance(e, Wake)]
    assert woken == [first, second], "their wait is another one from here on"
    assert entry.heir is table.creation("a") and table.creation("b").source is None
    assert entry.queue == {}, "nobody waits for what is gone"
    table.core.closed(entry, confirmed=True)
    table.open("a")
    fresh = table.commit("a")
    assert fresh.lease is first.token and list(fresh.queue) == [second]


def test_a_lease_that_ends_after_the_shutdown_began_ends_the_process_gently(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    table.core.shut()
    assert table.core.live == {"a": entry} and entry.lease is token
    table.core.release(entry, token, 0.0)
    assert table.closes() == [("a", False, False)] and table.core.suspended == {"a": Suspended("s-a")}
    assert [event.cause for event in table.said("remove")] == ["shutdown"]


def test_a_lease_that_ends_while_its_prompt_runs_on_ends_the_process(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    table.core.prompt_begun(entry)
    following = table.ask("a", Want.BOTH)
    table.core.release(entry, token, 0.0)
    assert table.closes() == [("a", False, True)]
    assert [event.cause for event in table.said("remove")] == ["orphaned prompt"]
    assert following.outcome is Outcome.PENDING and entry.lease is None
    table.core.prompt_ended(entry, token, answered=True)
    assert entry.prompts == 0


def test_a_prompt_is_known_from_its_beginning_to_its_end(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    entry, token = table.lease("a")
    assert table.core.cancel("a") is None
    table.core.prompt_begun(entry)
    assert table.core.cancel("a") is entry and table.core.cancel("b") is None
    table.core.prompt_ended(entry, token, answered=True)
    assert table.core.cancel("a") is None


@pytest.mark.parametrize("prompts", [0, 1])
def test_the_agent_is_told_when_a_prompt_is_cut_short(desk: type[Desk], prompts: int) -> None:
    table = desk()
    table.live("a")
    entry, _ = table.lease("a")
    for _ in range(prompts):
        table.core.prompt_begun(entry)
    table.core.reset("a")
    assert table.closes() == [("a", True, prompts == 1)]


def test_without_a_listener_the_hot_path_asks_for_nothing(desk: type[Desk]) -> None:
    table = desk()
    table.live("a")
    table.core.listening = False
    entry, token = table.lease("a")
    table.core.get("a", 0.0)
    waiter = table.ask("a", Want.BOTH)
    table.core.release(entry, token, 0.0)
    assert [type(effect) for effect in table.drain()] == [Wake]
    table.core.release(entry, waiter.token, 0.0)
    assert not table.core.effects
    table.core.listening = True
    entry, token = table.lease("a")
    table.core.get("a", 0.0)
    table.core.release(entry, token, 0.0)
    assert [len(table.said(name)) for name in ("acquire", "touch", "release")] == [1, 1, 1]
