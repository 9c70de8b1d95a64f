"""What the judge of pool histories does with little, with long and with odd histories, and how it explains itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module

import pytest

from acpool import SessionPool
from acpool_spec.events import Event, History, HistoryError
from acpool_spec.pool_spec import explain, judge_history, unjudged
from acpool_spec.sampling import Walk
from acpool_spec.verdict import Budget, Outcome, Verdict
from acpool_spec.world import PoolFactory, World

Script = Callable[..., History]
Judge = Callable[..., Verdict]

DEFECT = "0 creates c1 a s1; 0 > get_or_create b; 0 ! get_or_create b PoolExhausted"
ONCE = "0 > get_or_create a; 0 < get_or_create a s1;"
QUEUEING = partial(SessionPool, capacity_timeout=30.0, lease_timeout=20.0, max_lease=25.0, close_timeout=3.0)


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """The pools log what the random world does to them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def run(factory: PoolFactory, number: int, *, reclaims: bool = False) -> History:
    """The history of one random run."""
    walk = Walk(7, number, reclaims=reclaims)
    with World(factory, walk.scope) as world:
        walk.run(world)
        world.finish(linearize=False)
        return world.recorder.history()


@pytest.mark.parametrize("number", range(40))
def test_random_runs_of_our_pool_hold(number: int) -> None:
    assert judge_history(run(SessionPool, number)).holds


@pytest.mark.parametrize("number", range(40))
def test_random_runs_of_our_pool_with_queues_hold(number: int) -> None:
    assert judge_history(run(QUEUEING, number, reclaims=True)).holds


@pytest.mark.parametrize("name", ["merged", "unlocked_start", "remove_by_key", "reset_drops_gate"])
def test_random_runs_of_bad_pools_do_not(name: str) -> None:
    factory = import_module(f"acpool_spec.pools.{name}").factory
    assert any(judge_history(run(factory, number)).violated for number in range(40))


def test_the_same_history_gets_the_same_verdict() -> None:
    history = run(QUEUEING, 3, reclaims=True)
    assert judge_history(history) == judge_history(history)


def test_an_empty_history_holds(judge: Judge) -> None:
    assert judge("").holds


def test_budget_that_runs_out_is_undecided(script: Script) -> None:
    history = script("0 creates c1 a s1; 0 creates c2 b s2")
    verdict = judge_history(history, budget=Budget(states=3))
    assert verdict.outcome is Outcome.UNDECIDED
    assert explain(history, verdict) == "undecided: states=3 ran out"


def test_a_history_that_holds_is_said_to(script: Script) -> None:
    history = script("0 creates c1 a s1")
    assert explain(history, judge_history(history)) == "the history holds"


def test_explanation_names_what_cannot_follow_and_why(script: Script) -> None:
    history = script(DEFECT)
    lines = explain(history, judge_history(history)).splitlines()
    assert lines[0].startswith("no linearization: ")
    assert any("live (least recently used first): 'a' 's1'" in line for line in lines)
    assert any(
        "get_or_create('b') failing with PoolExhausted: every slot must be leased" in line for line in lines
    )


@pytest.mark.parametrize("name", ["merged", "unlocked_start"])
def test_explanations_are_short(name: str) -> None:
    factory = import_module(f"acpool_spec.pools.{name}").factory
    for number in range(30):
        history = run(factory, number)
        verdict = judge_history(history)
        if verdict.violated:
            assert 3 <= len(explain(history, verdict).splitlines()) <= 12


def test_explanation_tells_of_suspended_lost_and_held(script: Script) -> None:
    history = script(
        "0 creates c1 a s1; 0 creates c2 b s2; 0 > cleanup_idle 0; 0 < cleanup_idle a b; c1 leaves a; c2 leaves b;"
        "0 > get_or_create a; c3 opening a; c3 created a s3; 0 < get_or_create a s3 reset; 1 leases c3 a;"
        "0 > reset b; 0 < reset b False"
    )
    text = explain(history, judge_history(history))
    assert "'a' 's3' held by 1" in text
    assert "suspended: 'b' 's2'" in text
    assert "lost and not told: 'a'" in text


def test_explanation_says_that_the_pool_is_shut(script: Script) -> None:
    history = script("1 > shutdown; 0 > reset a; 0 ! reset a PoolClosed; 0 > reset a; 0 < reset a False")
    assert "the pool is shut" in explain(history, judge_history(history))


# -- what a recorder left out ---------------------------------------------------------------------------------------


def test_everything_recorded_leaves_nothing_unjudged(script: Script) -> None:
    history = script("0 creates c1 a s1; 1 leases c1 a; c1 prompt_begin a; c1 prompt_end a True; 1 ends c1 a")
    assert unjudged(history) == ()
    assert judge_history(history).counts["unjudged"] == 0


def test_what_is_left_out_is_said(script: Script) -> None:
    words = " ".join(unjudged(script("0 > cleanup_idle; 0 < cleanup_idle", slots=None)))
    for aspect in ("connections", "max_sessions", "acquire", "prompts", "ttl"):
        assert aspect in words


def test_exhaustion_is_not_judged_without_the_number_of_slots(judge: Judge) -> None:
    assert judge(DEFECT).violated
    assert judge(DEFECT, slots=None).holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (ONCE + "0 > get_or_create a; 0 < get_or_create a s1", True),
        (ONCE + "0 > get_or_create a; 0 < get_or_create a s2", False),
        (
            ONCE + "0 > get_or_create a; 0 < get_or_create a s2 reset",
            True,
        ),
        (
            ONCE + "0 > get_or_create a; 0 < get_or_create a s1 resumed",
            True,
        ),
        (
            ONCE + "0 > reset a; 0 < reset a True; 0 > get_or_create a; 0 < get_or_create a s2",
            True,
        ),
        (
            ONCE + "0 > reset a; 0 < reset a True; 0 > get_or_create a; 0 < get_or_create a s1",
            False,
        ),
        (
            ONCE + "1 > with_connection a; 1 < with_connection a s1",
            True,
        ),
        (
            ONCE + "1 > with_connection a; 1 < with_connection a s9",
            False,
        ),
        (
            ONCE + "1 > with_connection a; 1 ! with_connection a NoSession",
            True,
        ),
        (ONCE + "1 > session a; 1 ! session a LeaseRevoked", True),
        ("0 > get_or_create a; 0 ! get_or_create a SessionStartError", True),
        ("0 > get_or_create a; 0 ! get_or_create a PoolClosed", False),
        ("0 > shutdown; 0 < shutdown; 0 > get_or_create a; 0 < get_or_create a s1", False),
    ],
)
def test_calls_alone_are_judged_by_what_they_show(text: str, holds: bool, judge: Judge) -> None:
    assert judge(text, slots=1).holds is holds


def test_a_cleanup_without_its_answer_may_have_removed_anything(judge: Judge) -> None:
    before = "0 creates c1 a s1; 1 > cleanup_idle 0; c1 leaves a;"
    assert judge(before + "1 ? cleanup_idle").holds
    assert judge(before + "1 < cleanup_idle").violated
    assert judge(before + "1 < cleanup_idle ?").holds
    assert judge("0 > cleanup_idle 0; 0 < cleanup_idle ?; 0 > shutdown; 0 < shutdown").holds
    assert judge("0 > shutdown; 0 < shutdown; 0 > cleanup_idle 0; 0 < cleanup_idle ?").violated


def test_a_pool_that_cleans_up_by_itself_may_remove_anything_idle(judge: Judge) -> None:
    assert judge("0 creates c1 a s1; c1 leaves a", idle_ttl=5).holds
    assert judge("0 creates c1 a s1; 1 leases c1 a; c1 leaves a", idle_ttl=5).violated


def test_what_cancel_and_reset_do_not_tell_is_not_held_against_them(judge: Judge) -> None:
    prompted = "0 creates c1 a s1; 1 leases c1 a; c1 prompt_begin a;"
    assert judge(prompted + "0 > cancel a; 0 < cancel a False").violated
    assert judge(prompted + "0 > cancel a; 0 < cancel a ?").holds
    assert judge("0 creates c1 a s1; 0 > reset a; 0 < reset a False").violated
    assert judge("0 creates c1 a s1; 0 > reset a; 0 < reset a ?").holds
    shut = "0 > shutdown; 0 < shutdown;"
    assert judge(shut + "0 > cancel a; 0 < cancel a ?").violated


def test_a_prompt_whose_lease_was_not_recorded_may_not_have_ended_for_the_pool(judge: Judge) -> None:
    prompted = "0 creates c1 a s1; 1 > with_connection a; c1 prompt_begin a; c1 prompt_end a True;"
    cancelled = "0 > cancel a; 0 < cancel a True;"
    assert judge(prompted + cancelled + "1 < with_connection a s1").holds
    assert judge(prompted + "1 < with_connection a s1;" + cancelled).violated


def test_a_lease_beside_recorded_ones_may_have_been_at_any_time(judge: Judge) -> None:
    before = "0 creates c1 a s1; 0 creates c2 b s2; 1 leases c2 b; 1 ends c2 b;"
    unseen = "1 > with_connection a; 1 < with_connection a s1;"
    evicting = "0 > get_or_create c; c2 leaves b"
    assert judge(before + evicting).violated
    assert judge(before + unseen + evicting).holds


def test_a_closing_whose_beginning_was_not_recorded_holds_its_slot_until_the_pool_hears_of_its_end(
    judge: Judge,
) -> None:
    closed = "0 creates c1 a s1; 1 > cleanup_idle 0; c1 closed a;"
    refused = "2 > get_or_create b; 2 ! get_or_create b PoolExhausted;"
    heard = "1 < cleanup_idle a; 1 > get_or_create c; 1 ! get_or_create c SessionStartError;"
    assert judge(closed + refused + heard, slots=1).holds
    assert judge(closed + heard + refused, slots=1).violated


# -- operations of unknown outcome --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["s1", "s2"])
def test_a_cancelled_reset_may_have_happened_or_not(answer: str, judge: Judge) -> None:
    again = "0 > get_or_create a;"
    fresh = "c1 leaves a; c2 opening a; c2 created a s2;" if answer == "s2" else ""
    text = f"0 creates c1 a s1; 1 > reset a; 1 ? reset a; {again}{fresh} 0 < get_or_create a {answer}"
    assert judge(text).holds


def test_a_cancelled_shutdown_has_no_effect_later(judge: Judge) -> None:
    before = "0 creates c1 a s1; 1 > shutdown; 1 ? shutdown{};  0 > get_or_create a; 0 < get_or_create a s1;"
    later = "0 > reset a; 0 ! reset a PoolClosed"
    assert judge(before.format("") + later).violated
    assert judge(before.format(" Timeout") + later).holds


def test_operations_that_never_ended_may_have_happened(judge: Judge) -> None:
    assert judge(
        "0 creates c1 a s1; 1 > reset a; c1 leaves a; 0 > get_or_create a; c2 opening a; c2 created a s2; 0 < get_or_create a s2"
    ).holds
    assert judge("0 creates c1 a s1; 1 leases c1 a; c1 release a 1; 2 leases c1 a").holds


def test_a_client_goes_on_under_its_number_after_a_cancellation(judge: Judge) -> None:
    assert judge("0 > get_or_create a; 0 ? get_or_create a; 0 > reset a; 0 < reset a False").holds


def test_a_use_by_a_cancelled_caller_may_count_or_not(judge: Judge) -> None:
    before = (
        "0 creates c1 a s1; 0 creates c2 b s2; 1 > get_or_create a; 1 ? get_or_create a; 0 > get_or_create c;"
    )
    assert judge(before + "c1 leaves a").holds
    assert judge(before + "c2 leaves b").holds


def test_a_session_nobody_was_told_of_may_have_been_installed_or_not(judge: Judge) -> None:
    before = (
        "0 > get_or_create a; c1 opening a; c1 created a s1; 0 ? get_or_create a; c1 leaves a;"
        "0 > get_or_create a; c2 opening a; c2 created a s2;"
    )
    assert judge(before + "0 < get_or_create a s2").holds
    installed = before.replace("c1 leaves a", "1 > cleanup_idle 0; 1 < cleanup_idle a; c1 leaves a")
    assert judge(installed + "0 < get_or_create a s2 reset").holds


def test_a_slot_whose_process_died_under_its_holder_is_leased_until_the_lease_ends(judge: Judge) -> None:
    before = "0 creates c1 a s1; 1 leases c1 a; c1 died a;"
    refused = "0 > get_or_create b; 0 ! get_or_create b PoolExhausted"
    assert judge(before + refused, slots=1).holds
    assert judge(before + "1 ends c1 a;" + refused, slots=1).violated


def test_a_history_that_cannot_be_is_refused() -> None:
    answer = Event(index=0, time=0, type="ok", f="reset", process=0, key="a", value=True)
    with pytest.raises(HistoryError, match="an invoke of it before"):
        judge_history(History((answer,)))


# -- what the contract leaves open --------------------------------------------------------------------------------


def test_a_newcomer_may_wait_for_a_slot_that_closes_or_take_one_that_is_idle(judge: Judge) -> None:
    before = "0 creates c1 a s1; 0 creates c2 b s2; 1 > reset b; c2 closing b; 0 > get_or_create c;"
    assert judge(before + "c1 leaves a; c3 opening c; c3 created c s3; 0 < get_or_create c s3").holds
    assert judge(before + "c2 closed b; c3 opening c; c3 created c s3; 0 < get_or_create c s3").holds


def test_two_resets_at_once_may_both_have_found_something(judge: Judge) -> None:
    before = "0 creates c1 a s1; 1 > reset a; 2 > reset a; c1 leaves a;"
    assert judge(before + "1 < reset a True; 2 < reset a True").holds
    assert judge(before + "1 < reset a False; 2 < reset a False").violated


def test_a_session_whose_lease_is_being_taken_need_not_be_the_victim(judge: Judge) -> None:
    before = "0 creates c1 a s1; 0 creates c2 b s2; {} 0 > get_or_create c; c2 leaves b"
    assert judge(before.format("1 > with_connection a;")).holds
    assert judge(before.format("1 > cancel a;")).violated


def test_evictions_are_not_counted_without_the_number_of_slots(judge: Judge) -> None:
    before = "0 creates c1 a s1;"
    assert judge(before + "0 > get_or_create c; c1 leaves a", slots=None).holds
    assert judge(before + "0 > get_or_create a; c1 leaves a", slots=None).violated


def test_a_holder_that_begins_on_a_session_that_just_died_is_let_pass(judge: Judge) -> None:
    before = "0 creates c1 a s1; 1 > with_connection a;"
    assert judge(before + "c1 died a; c1 acquire a 1").holds
    assert judge(before + "0 > reset a; c1 leaves a; 0 < reset a True; c1 acquire a 1").violated


def test_a_lost_session_stays_to_be_told_while_a_prompt_fails(judge: Judge) -> None:
    lost = (
        "0 creates c1 a s1; 0 > cleanup_idle 0; 0 < cleanup_idle a; c1 leaves a; 0 > get_or_create a; c2 opening a;"
        "c2 refused a s1; c2 created a s2; 0 < get_or_create a s2 reset; 1 leases c2 a; c2 prompt_begin a;"
    )
    again = "1 ends c2 a; 0 > get_or_create a; 0 < get_or_create a s2"
    assert judge(lost + "c2 prompt_end a False;" + again).violated
    assert judge(lost + "c2 prompt_end a False;" + again + " reset").holds
    assert judge(lost + "c2 prompt_end a True; c2 died a; c2 answered a 1;" + again).violated
