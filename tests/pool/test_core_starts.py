"""The core alone: how a start ends, which id it loads, and what becomes of that id and of the reset flag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acpool import ConnectionLost, SessionInfo
from acpool.records import Outcome, Stage, Suspended, Want

if TYPE_CHECKING:
    from tests.pool.conftest import Desk

    from acpool.records import Entry


def start(table: Desk, key: str) -> Entry:
    """A start of ``key`` whose process runs."""
    table.ask(key)
    table.open(key)
    return table.starting(key)


def resume(table: Desk, key: str, *, refused: bool = False) -> SessionInfo:
    """Suspend the session of ``key`` where there is one, and start it again."""
    if key in table.core.live:
        table.core.expire(0.0, None, table.now)
        table.core.closed(table.core.dying[key], confirmed=True)
    entry = start(table, key)
    old = table.core.initialized(entry, can_load=True)
    if refused:
        table.core.refused(entry)
    table.core.commit(entry, "new" if refused or old is None else old, resumed=not refused, now=table.now)
    return entry.info


def test_a_known_id_is_loaded_and_from_then_on_may_be_owned(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    entry = start(table, "a")
    assert entry.claimed_id is None
    assert table.core.initialized(entry, can_load=True) == entry.claimed_id == "old"
    table.core.commit(entry, "old", resumed=True, now=3.0)
    assert entry.info == SessionInfo("old", True, False)
    assert entry.used_at == 3.0 and table.core.suspended == {}


def test_no_id_is_loaded_by_a_start_that_was_defeated_or_has_none(desk: type[Desk]) -> None:
    table = desk(2, suspended={"a": "old"})
    entry = start(table, "a")
    table.core.leave(next(iter(table.creation("a").waiters)), 0.0)
    assert table.core.initialized(entry, can_load=True) is None and entry.claimed_id is None
    assert table.core.initialized(start(table, "b"), can_load=True) is None


def test_a_refused_id_is_kept_until_the_new_session_is_installed_which_is_flagged(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    entry = start(table, "a")
    table.core.initialized(entry, can_load=True)
    table.core.refused(entry)
    assert entry.claimed_id is None and table.core.suspended["a"].session_id == "old"
    table.core.commit(entry, "new", resumed=False, now=0.0)
    assert entry.info == SessionInfo("new", False, True)
    assert entry.claimed_id == "new" and table.core.suspended == {}


def test_an_agent_that_cannot_load_loses_the_session_and_the_new_one_is_flagged(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    entry = start(table, "a")
    table.core.commit(entry, "new", resumed=False, now=0.0)
    assert entry.info.session_reset


def test_the_flag_stays_up_through_suspend_and_resume(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    assert resume(table, "a", refused=True).session_reset
    assert resume(table, "a") == SessionInfo("new", True, True)
    assert resume(table, "a") == SessionInfo("new", True, True)


def test_the_flag_goes_down_when_a_prompt_was_answered_and_stays_down(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    resume(table, "a", refused=True)
    entry, token = table.lease("a")
    table.core.prompt_begun(entry)
    assert entry.session_reset
    table.core.prompt_ended(entry, token, answered=True)
    assert not entry.info.session_reset
    table.core.release(entry, token, 0.0)
    assert resume(table, "a") == SessionInfo("new", True, False)


def test_the_flag_survives_a_prompt_that_failed_or_that_was_not_its_holders(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    resume(table, "a", refused=True)
    entry, token = table.lease("a")
    table.core.prompt_begun(entry)
    table.core.prompt_ended(entry, token, answered=False)
    assert entry.session_reset
    table.core.prompt_begun(entry)
    table.core.reset("a")
    table.core.prompt_ended(entry, token, answered=True)
    assert entry.session_reset and entry.prompts == 0


def test_a_failed_start_tells_all_and_keeps_the_id(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    waiters = [table.ask("a"), table.ask("a", Want.BOTH)]
    entry = table.starting("a")
    table.open("a")
    table.core.initialized(entry, can_load=True)
    cause = TimeoutError("load")
    table.core.fail(entry, cause)
    assert [(w.outcome, w.failed_stage, w.failure) for w in waiters] == [(Outcome.FAILED, "load", cause)] * 2
    assert table.closes() == [("a", True, False)]
    assert [event.cause for event in table.said("fail")] == ["load"]
    table.core.closed(entry, confirmed=True)
    assert table.core.suspended == {"a": Suspended("old")} and table.core.entries == {}


def test_a_start_that_failed_before_its_process_ran_frees_the_slot_at_once(desk: type[Desk]) -> None:
    table = desk()
    table.ask("a")
    table.core.fail(table.starting("a"), OSError("no such program"))
    assert table.core.entries == {} and table.core.dying == {} and table.closes() == []
    assert table.ask("a").outcome is Outcome.PENDING


def test_only_a_start_in_progress_can_fail_or_commit(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.core.fail(entry, RuntimeError("late"))
    assert not table.core.commit(entry, "late", resumed=False, now=0.0)
    assert table.core.live["a"] is entry and entry.session_id == "s-a" and not table.core.effects


def test_a_process_found_dead_as_its_session_is_established_is_a_failed_start(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    waiter = table.ask("a")
    table.open("a").alive = False
    entry = table.starting("a")
    table.core.initialized(entry, can_load=True)
    assert not table.core.commit(entry, "old", resumed=True, now=0.0)
    assert waiter.outcome is Outcome.FAILED and isinstance(waiter.failure, ConnectionLost)
    assert "'a'" in str(waiter.failure)
    assert table.core.live == {} and table.core.suspended == {"a": Suspended("old")}


def test_a_commit_leaves_an_idle_session_in_its_place(desk: type[Desk]) -> None:
    table = desk()
    table.now = 4.0
    entry = table.live("a")
    assert entry.stage is Stage.IDLE and table.core.idle == table.core.live == {"a": entry}
    assert entry.creation is None and entry.used_at == 4.0 and table.core.creations == {}


@pytest.mark.parametrize("prompted", [False, True])
def test_given_up_on_the_id_is_lost_and_the_next_session_says_so(desk: type[Desk], prompted: bool) -> None:
    table = desk()
    entry = table.live("a")
    if prompted:
        _, token = table.lease("a")
        table.core.prompt_begun(entry)
        table.core.prompt_ended(entry, token, answered=True)
        table.core.release(entry, token, 0.0)
    table.core.expire(0.0, None, 0.0)
    table.core.closed(entry, confirmed=False)
    assert table.core.suspended == {"a": Suspended(None, session_reset=True)}
    assert table.core.given_up == 1 and table.core.entries == {}
    assert [(event.key, event.session_id) for event in table.said("give_up")] == [("a", "s-a")]
    fresh = start(table, "a")
    assert table.core.initialized(fresh, can_load=True) is None
    table.core.commit(fresh, "new", resumed=False, now=0.0)
    assert fresh.info == SessionInfo("new", False, True)


def test_given_up_on_after_a_load_that_failed_in_transit_the_id_is_lost(desk: type[Desk]) -> None:
    table = desk(suspended={"a": "old"})
    entry = start(table, "a")
    table.core.initialized(entry, can_load=True)
    table.core.fail(entry, TimeoutError("load"))
    table.core.closed(entry, confirmed=False)
    assert table.core.suspended == {"a": Suspended(None, session_reset=True)}


@pytest.mark.parametrize("refused", [False, True])
def test_given_up_on_before_the_load_or_after_a_refusal_the_id_is_kept(
    desk: type[Desk], refused: bool
) -> None:
    table = desk(suspended={"a": "old"})
    entry = start(table, "a")
    if refused:
        table.core.initialized(entry, can_load=True)
        table.core.refused(entry)
    table.core.fail(entry, TimeoutError("initialize"))
    table.core.closed(entry, confirmed=False)
    assert table.core.suspended == {"a": Suspended("old")} and table.core.given_up == 1


def test_given_up_on_after_a_reset_raises_no_flag(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.core.reset("a")
    table.core.closed(entry, confirmed=False)
    assert table.core.suspended == {} and table.core.given_up == 1


def test_closed_is_heard_once(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.core.expire(0.0, None, 0.0)
    table.core.closed(entry, confirmed=True)
    table.core.closed(entry, confirmed=False)
    assert table.core.given_up == 0 and len(table.said("closed")) == 1 and table.said("give_up") == []
    assert table.core.suspended == {"a": Suspended("s-a")}


def test_stopped_frees_the_slot_of_a_defeated_start_only(desk: type[Desk]) -> None:
    table = desk()
    entry = table.live("a")
    table.core.stopped(entry)
    assert table.core.live == {"a": entry}
    table.core.expire(0.0, None, 0.0)
    table.core.stopped(entry)
    assert entry.serial in table.core.entries, "its process is closing still"
