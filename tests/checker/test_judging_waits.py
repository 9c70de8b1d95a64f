"""S8–S10 and L1–L5 on histories written by hand: each bad one breaks one property, and its nearest right twin none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.properties.judgement import Judgement

REFUSED = "1 > get_or_create b \n 1 ! PoolExhausted"
A_THEN_B = "0 creates c1 a s1 \n 0 creates c2 b s2 \n"
WAITS_B = "1 > get_or_create b \n -- stopped"
OVERTAKEN = (
    "0 creates c1 a s1 \n 0 leases c1 a \n 1 > session a \n -- stopped \n 2 > session a \n 0 ends c1 a \n"
)
DIED = "0 > get_or_create a \n 1 > with_connection a \n 0 ? \n c1 opening a \n c1 opened a \n c1 died a \n 1 ! NoSession \n"
LEASED = "0 creates c1 a s1 \n 0 leases c1 a \n 1 > get_or_create b \n -- stopped \n 3 > reset a \n"
FULL = "0 creates c1 a s1 \n 0 leases c1 a \n 1 > get_or_create b \n -- stopped \n 2 > get_or_create c \n 0 ends c1 a \n"
TWO_EVICTED = A_THEN_B + "1 > get_or_create c \n 3 > get_or_create d \n c1 closing a \n"

# property, what differs, options, the bad history, its right twin
PAIRS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("S8", "refused with a free slot", {}, REFUSED, "0 > get_or_create a \n" + REFUSED),
    (
        "S8",
        "refused beside an idle session",
        {},
        "0 creates c1 a s1 \n" + REFUSED,
        "0 creates c1 a s1 \n 0 leases c1 a \n" + REFUSED,
    ),
    (
        "S8",
        "refused although only one of two slots is held",
        {"slots": 2},
        A_THEN_B + "0 leases c1 a \n 1 > get_or_create c \n 1 ! PoolExhausted",
        A_THEN_B + "0 leases c1 a \n 2 leases c2 b \n 1 > get_or_create c \n 1 ! PoolExhausted",
    ),
    (
        "S8",
        "one instant without a slot is enough",
        {},
        "0 creates c1 a s1 \n 0 leases c1 a \n 0 ends c1 a \n" + REFUSED,
        "0 creates c1 a s1 \n 0 leases c1 a \n 1 > get_or_create b \n 0 ends c1 a \n 1 ! PoolExhausted",
    ),
    (
        "S8",
        "a start that came to nothing holds its slot until the pool has heard of it",
        {},
        DIED + "-- stopped \n 2 > get_or_create b \n 2 ! PoolExhausted",
        DIED + "2 > get_or_create b \n 2 ! PoolExhausted",
    ),
    (
        "S8",
        "whoever has no answer yet may have evicted somebody, since its own session was evicted",
        {"slots": 2},
        A_THEN_B
        + "1 > get_or_create a \n 1 < s1 \n 2 > get_or_create b \n 2 < s2 \n 3 > get_or_create c \n 3 ! PoolExhausted",
        A_THEN_B + "1 > get_or_create a \n 2 > get_or_create b \n 3 > get_or_create c \n 3 ! PoolExhausted",
    ),
    (
        "S9",
        "the more recently used session goes",
        {"slots": 2},
        A_THEN_B + "1 > get_or_create c \n c2 leaves b",
        A_THEN_B + "1 > get_or_create c \n c1 leaves a",
    ),
    (
        "S9",
        "a lease is a use",
        {"slots": 2},
        A_THEN_B + "0 leases c1 a \n 0 ends c1 a \n 1 > get_or_create c \n c1 leaves a",
        A_THEN_B + "0 leases c1 a \n 0 ends c1 a \n 1 > get_or_create c \n c2 leaves b",
    ),
    (
        "S9",
        "an answer of get_or_create is a use",
        {"slots": 2},
        A_THEN_B + "0 > get_or_create a \n 0 < s1 \n 1 > get_or_create c \n c1 leaves a",
        A_THEN_B + "0 > get_or_create a \n 0 < s1 \n 1 > get_or_create c \n c2 leaves b",
    ),
    (
        "S9",
        "with two creators two sessions may go, in any order",
        {"slots": 2},
        A_THEN_B + "1 > get_or_create c \n c2 closing b",
        A_THEN_B + "1 > get_or_create c \n 2 > get_or_create d \n c2 closing b",
    ),
    (
        "S9",
        "whoever was cancelled may have evicted another session for the same key",
        {"slots": 2},
        A_THEN_B + "1 > get_or_create c \n c2 closing b",
        A_THEN_B + "1 > get_or_create c \n 1 ? \n 2 > get_or_create c \n c2 closing b",
    ),
    (
        "S9",
        "what was used longer ago may be evicted already, as is seen at rest",
        {"slots": 2, "sees_rest": True},
        A_THEN_B + "1 > get_or_create c \n c2 closing b \n -- stopped",
        A_THEN_B + "1 > get_or_create c \n c2 closing b \n c1 closing a \n -- stopped",
    ),
    (
        "S10",
        "a process whose start was never finished",
        {},
        "0 > get_or_create a \n c1 opening a \n c1 opened a \n 0 ? \n -- rest",
        "0 > get_or_create a \n c1 opening a \n c1 opened a \n c1 created a s1 \n 0 ? \n -- rest",
    ),
    (
        "S10",
        "a key without a session is remembered",
        {},
        "0 > get_or_create a \n 0 ! SessionStartError \n -- rest knows=a",
        "0 creates c1 a s1 \n -- rest knows=a",
    ),
    (
        "S10",
        "a process survives the shutdown",
        {},
        "0 creates c1 a s1 \n 0 > shutdown \n 0 <",
        "0 creates c1 a s1 \n 0 > shutdown \n c1 leaves a \n 0 <",
    ),
    (
        "S10",
        "a task is left over",
        {},
        "0 > shutdown \n 0 < \n -- end leftover",
        "0 > shutdown \n 0 < \n 0 > cleanup_idle \n 0 ? \n -- end",
    ),
    (
        "L1",
        "waits though nothing is in the way",
        {},
        WAITS_B,
        "0 > get_or_create a \n c1 opening a \n" + WAITS_B,
    ),
    (
        "L1",
        "waits for another key though a slot is free",
        {"slots": 2},
        "0 creates c1 a s1 \n" + WAITS_B,
        "0 creates c1 a s1 \n 1 > get_or_create b \n c2 opening b \n -- stopped",
    ),
    (
        "L1",
        "a cleanup waits for nothing",
        {},
        "0 creates c1 a s1 \n 0 > cleanup_idle \n -- stopped",
        "0 creates c1 a s1 \n 0 > cleanup_idle \n 0 < \n -- stopped",
    ),
    (
        "L1",
        "a cancel waits for its own key's agent only",
        {"slots": 2},
        A_THEN_B + "c2 leaves b \n 1 > cancel b \n -- stopped",
        A_THEN_B + "c1 leaves a \n 1 > cancel b \n -- stopped",
    ),
    (
        "L1",
        "a lease waits for a creation that waits for a slot",
        {},
        "0 creates c1 a s1 \n c1 leaves a \n 1 > with_connection b \n -- stopped",
        "0 creates c1 a s1 \n 2 > get_or_create b \n 1 > with_connection b \n -- stopped",
    ),
    (
        "L1",
        "whoever joins a creation waits for the slot that was taken when it was decided",
        {"slots": 1},
        "0 creates c1 a s1 \n c1 died a \n 1 > get_or_create b \n -- stopped",
        "0 creates c1 a s1 \n 2 > get_or_create b \n c1 died a \n 1 > get_or_create b \n -- stopped",
    ),
    (
        "L2",
        "a call that is never answered",
        {},
        "0 > get_or_create a \n c1 opening a \n -- rest hung=c1",
        "0 > get_or_create a \n c1 opening a \n c1 open_failed a \n 0 ! SessionStartError \n -- rest hung=c1",
    ),
    (
        "L2",
        "a prompt that hangs excuses its holder, nobody else",
        {},
        "0 creates c1 a s1 \n 0 leases c1 a \n 1 > get_or_create a \n -- rest hung=c1",
        "0 creates c1 a s1 \n 0 leases c1 a \n -- rest hung=c1",
    ),
    (
        "L2",
        "a cancellation is let through",
        {},
        "-- end swallowed",
        "0 > reset a \n 0 ? \n -- end",
    ),
    ("L2", "the pool never comes to rest", {}, "-- restless", "-- rest"),
    (
        "L3",
        "a wait that nothing can end",
        {},
        "0 creates c1 a s1 \n 1 > get_or_create a \n -- rest",
        "0 creates c1 a s1 \n 1 > get_or_create a \n 1 < s1 \n -- rest",
    ),
    ("L3", "a shutdown that nothing ends", {}, "1 > shutdown \n -- rest", "1 > shutdown \n 1 < \n -- rest"),
    (
        "L3",
        "a lease that is free and not given",
        {},
        "0 creates c1 a s1 \n 1 > session a \n -- rest",
        "0 creates c1 a s1 \n 1 > session a \n c1 acquire a 1 \n c1 release a 1 \n 1 < \n -- rest",
    ),
    (
        "L4",
        "a lease is overtaken",
        {},
        OVERTAKEN + "c1 acquire a 2 \n -- stopped",
        OVERTAKEN + "c1 acquire a 1 \n -- stopped",
    ),
    (
        "L4",
        "a lease is overtaken by whoever was not refused meanwhile",
        {},
        OVERTAKEN + "c1 acquire a 2 \n c1 release a 2 \n 2 < \n c1 acquire a 1 \n -- stopped",
        OVERTAKEN + "c1 acquire a 2 \n 1 ! NoSession \n -- stopped",
    ),
    (
        "L4",
        "who waits longer gets the slot",
        {},
        FULL + "c1 leaves a \n c2 opening c \n -- stopped",
        FULL + "c1 leaves a \n c2 opening b \n -- stopped",
    ),
    (
        "L4",
        "who was refused and has not heard of it waits no more",
        {},
        FULL + "c1 leaves a \n c2 opening c \n -- stopped",
        FULL + "c1 leaves a \n c2 opening c \n 1 ! PoolExhausted \n -- stopped",
    ),
    (
        "L4",
        "a key that has had its slot has no claim any more",
        {},
        FULL + "c1 leaves a \n c3 opening c \n -- stopped",
        FULL + "c1 leaves a \n c2 opening b \n c2 open_failed b \n c3 opening c \n -- stopped",
    ),
    (
        "L4",
        "the slot of a process that died is its key's",
        {"slots": 2},
        TWO_EVICTED
        + "c2 closing b \n -- stopped \n 2 > get_or_create b \n c2 closed b \n c3 opening b \n -- stopped",
        TWO_EVICTED + "c2 died b \n -- stopped \n 2 > get_or_create b \n c3 opening b \n -- stopped",
    ),
    (
        "L4",
        "the slot of a session that is taken out is that of whoever waited for its lease",
        {},
        LEASED + "c1 closing a \n 2 > session a \n c1 closed a \n c2 opening a \n -- stopped",
        LEASED + "2 > session a \n c1 closing a \n c1 closed a \n c2 opening a \n -- stopped",
    ),
    (
        "L4",
        "who waits for a victim to die has its slot already",
        {"slots": 2},
        TWO_EVICTED
        + "c2 closing b \n -- stopped \n 2 > get_or_create e \n c1 closed a \n c2 closed b \n"
        + "c3 opening e \n c4 opening c \n -- stopped",
        A_THEN_B
        + "1 > get_or_create c \n c1 closing a \n -- stopped \n c2 leaves b \n 2 > get_or_create e \n c3 opening e",
    ),
    (
        "L4",
        "with a slot for each of them nobody is overtaken",
        {"slots": 2},
        TWO_EVICTED
        + "c2 closing b \n -- stopped \n 2 > get_or_create e \n c1 closed a \n c2 closed b \n"
        + "c3 opening e \n c4 opening c \n -- stopped",
        A_THEN_B
        + "1 > get_or_create c \n c1 closing a \n -- stopped \n c2 leaves b \n 2 > get_or_create e \n"
        + "c1 closed a \n c3 opening e",
    ),
    (
        "L5",
        "a waiter stranded by another's cancellation",
        {},
        "0 > get_or_create a \n 0 ? \n 1 > get_or_create a \n -- rest",
        "0 > get_or_create a \n 0 ? \n 1 > get_or_create a \n 1 ! SessionStartError \n -- rest",
    ),
    (
        "L5",
        "a waiter stranded by a death",
        {},
        "0 creates c1 a s1 \n 1 > get_or_create a \n c1 died a \n -- rest",
        "0 creates c1 a s1 \n 1 > get_or_create a \n c1 died a \n 1 < s1 \n -- rest",
    ),
    (
        "L5",
        "a slot stranded by another's failure, asked for in the audit",
        {},
        "0 > get_or_create a \n 0 ! SessionStartError \n 1 > get_or_create audit-0 \n -- end",
        "0 > get_or_create a \n 0 ! SessionStartError \n 1 creates c1 audit-0 s1 \n -- end",
    ),
]


@pytest.mark.parametrize(
    ("known", "options", "bad", "good"),
    [pytest.param(*pair[:1], *pair[2:], id=f"{pair[0]}: {pair[1]}") for pair in PAIRS],
)
def test_the_bad_history_breaks_it_and_its_twin_does_not(
    judged: Callable[..., Judgement], known: str, options: dict[str, Any], bad: str, good: str
) -> None:
    assert set(judged(bad, **options).violations) == {known}
    assert judged(good, **options).violations == {}


@pytest.mark.parametrize(
    ("known", "script", "slots", "times"),
    [
        ("S8", "0 > get_or_create a \n" + REFUSED, 1, 1),
        ("S8", "0 > get_or_create a \n 0 ! SessionStartError", 1, 0),
        ("S9", A_THEN_B + "1 > get_or_create c \n c1 leaves a", 2, 1),
        ("S9", "0 creates c1 a s1 \n 1 > get_or_create c \n c1 leaves a", 1, 0),
        ("S10", "-- rest", 1, 1),
        ("S10", "0 > reset a \n -- rest hung=c1", 1, 0),
        ("L1", "0 > get_or_create a \n c1 opening a \n -- stopped", 1, 1),
        ("L2", "-- rest", 1, 1),
        ("L3", "0 > get_or_create a \n c1 opening a \n -- stopped", 1, 1),
        ("L3", "-- stopped", 1, 0),
        ("L4", OVERTAKEN + "c1 acquire a 1", 1, 0),
        ("L4", OVERTAKEN + "-- stopped \n c1 acquire a 1", 1, 1),
        ("L5", "-- rest", 1, 0),
        ("L5", "0 > reset a \n 0 ? \n -- rest", 1, 1),
    ],
)
def test_it_counts_how_often_it_could_have_broken(
    judged: Callable[..., Judgement], known: str, script: str, slots: int, times: int
) -> None:
    judgement = judged(script, slots=slots)
    assert set(judgement.violations) <= {"L2"}
    assert judgement.tested[known] == times


def test_without_the_number_of_slots_nobody_can_say_that_one_was_free(
    judged: Callable[..., Judgement],
) -> None:
    assert judged(REFUSED, slots=None).violations == {}
    assert judged("0 > get_or_create b \n 1 > with_connection b \n -- stopped", slots=None).tested["L1"] == 1


def test_a_cancelled_creation_may_go_on_unseen_and_hold_a_slot(judged: Callable[..., Judgement]) -> None:
    stray = "0 > get_or_create a \n 0 ? \n"
    assert judged(stray + REFUSED).violations == {}
    over = "c1 starts a s1 \n c1 leaves a \n"
    assert judged(stray + over + "-- stopped \n" + REFUSED).violations.keys() == {"S8"}


def test_a_pool_hears_of_a_confirmed_death_after_it_has_happened(judged: Callable[..., Judgement]) -> None:
    over = "c1 starts a s1 \n c1 leaves a \n"
    assert judged(over + REFUSED).violations == {}
    heard = judged(over + "-- stopped \n" + REFUSED)
    assert heard.violations.keys() == {"S8"}
    # Nobody sees a file rest: a call that began after the death and was answered tells that the pool has heard of it.
    assert judged(over + "1 > cleanup_idle \n 1 < \n" + REFUSED).violations.keys() == {"S8"}


def test_a_creation_goes_on_for_those_who_joined_when_its_creator_runs_out_of_time(
    judged: Callable[..., Judgement],
) -> None:
    full = "0 creates c1 a s1 \n 1 > session b \n 2 > with_connection b \n c1 closing a \n"
    gone = "1 ! SessionStartError \n"
    assert judged(full + gone + "-- stopped").violations == {}
    late = "0 creates c1 a s1 \n 1 > session b \n" + gone + "2 > with_connection b \n -- stopped"
    assert judged(late).violations.keys() == {"L1"}


def test_a_cancelled_creator_may_have_chosen_the_victim(judged: Callable[..., Judgement]) -> None:
    assert judged(A_THEN_B + "0 > get_or_create c \n 0 ? \n c2 leaves b", slots=2).violations.keys() == {"S9"}
    assert judged(A_THEN_B + "c2 leaves b", slots=2).violations == {}


def test_a_lease_given_to_a_waiter_that_is_cancelled_was_a_use(judged: Callable[..., Judgement]) -> None:
    """It was handed on by the release, and came back with the cancellation, when the other had been given back already."""
    leased = A_THEN_B + "0 leases c1 a \n 1 leases c2 b \n"
    waiting = "2 > with_connection a \n"
    ends = "0 ends c1 a \n 1 ends c2 b \n"
    asks = "3 > get_or_create c \n c2 leaves b"
    assert judged(leased + ends + asks, slots=2).violations.keys() == {"S9"}
    assert judged(leased + waiting + ends + "2 ? \n" + asks, slots=2).violations == {}


def test_after_a_reset_or_a_death_the_queue_for_the_lease_is_formed_anew(
    judged: Callable[..., Judgement],
) -> None:
    assert judged(OVERTAKEN + "3 > reset a \n c1 acquire a 2").violations == {}
    assert judged(OVERTAKEN + "c1 died a \n c2 loads a s1 \n c2 acquire a 2", slots=2).violations == {}


def test_a_stuck_shutdown_names_what_is_stuck(judged: Callable[..., Judgement]) -> None:
    broken = judged("0 creates c1 a s1 \n 1 > shutdown \n -- rest hung=c1,c2").violations["L2"]
    assert broken.message == "shutdown of client 1 is never answered, with c1, c2 stuck"


def test_a_task_left_over_because_a_client_waits_is_that_clients_matter(
    judged: Callable[..., Judgement],
) -> None:
    judgement = judged("0 > shutdown \n 0 < \n 1 > get_or_create a \n -- end leftover hung=c1")
    assert set(judgement.violations) == {"L2"}


def test_the_process_that_a_key_has_forgotten_is_an_orphan(judged: Callable[..., Judgement]) -> None:
    two = "0 creates c1 a s1 \n c2 starts a s2 \n"
    assert set(judged(two + "-- rest", slots=2).violations) == {"S2", "S10"}
    assert set(judged(two + "-- rest hung=c1", slots=2).violations) == {"S2"}


def test_the_audit_asks_for_every_slot_that_is_not_stuck_and_for_every_key(
    judged: Callable[..., Judgement],
) -> None:
    judgement = judged("0 creates c1 a s1 \n 0 creates c2 b s2 \n 0 leases c1 a", slots=3)
    asked = [str(program) for program in judgement.audit(("a", "b"))]
    assert asked == ["get_or_create audit-0 0", "get_or_create audit-1 0", "get_or_create b 0"]
    assert list(judged("0 creates c1 a s1 \n 0 leases c1 a").audit(("a", "b"))) == []


def test_a_holder_whose_connection_is_not_known_waits_for_its_own_prompt(
    judged: Callable[..., Judgement],
) -> None:
    script = "0 creates c1 a s1 \n 0 > with_connection a \n c1 prompt_begin a \n"
    assert judged(script + "-- rest hung=c1 holding=0").violations == {}
    assert set(judged(script + "-- rest hung=c1").violations) == {"L2"}
    other = script + "1 > with_connection a \n"
    assert set(judged(other + "-- rest hung=c1 holding=0").violations) == {"L2"}
