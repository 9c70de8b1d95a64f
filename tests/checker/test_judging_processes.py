"""S1–S5 on histories written by hand: each bad one breaks one property, and its nearest right twin none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.properties.judgement import Judgement

A_AND_B = """
0 creates c1 a s1
0 creates c2 b s2
"""
LEASED = """
0 creates c1 a s1
0 leases c1 a
"""

# property, what differs, options, the bad history, its right twin
PAIRS: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "S1",
        "one process more than slots",
        {"slots": 2},
        A_AND_B + "c3 starts c s3",
        A_AND_B + "c1 leaves a \n c3 starts c s3",
    ),
    (
        "S1",
        "a dying process still counts",
        {"slots": 1},
        "c1 starts a s1 \n c1 closing a \n c2 starts b s2",
        "c1 starts a s1 \n c1 closing a \n c1 closed a \n c2 starts b s2",
    ),
    (
        "S1",
        "a process given up on does not count",
        {"slots": 1},
        "c1 starts a s1 \n c1 closing a \n c2 starts b s2 \n c1 given_up a",
        "c1 starts a s1 \n c1 closing a \n c1 given_up a \n c2 starts b s2",
    ),
    (
        "S1",
        "a process that died of itself does not count",
        {"slots": 1},
        "c1 starts a s1 \n c2 opening b \n c2 opened b \n c1 died a",
        "c1 starts a s1 \n c2 opening b \n c1 died a \n c2 opened b",
    ),
    (
        "S2",
        "a second process beside the first",
        {"slots": 2},
        "c1 starts a s1 \n c2 starts a s2",
        "c1 starts a s1 \n c2 starts b s2",
    ),
    (
        "S2",
        "the dying process of the key included",
        {"slots": 2},
        "c1 starts a s1 \n c1 closing a \n c2 opening a \n c2 opened a \n c1 closed a",
        "c1 starts a s1 \n c1 closing a \n c1 closed a \n c2 opening a \n c2 opened a",
    ),
    (
        "S2",
        "one given up on aside",
        {"slots": 2},
        "c1 starts a s1 \n c1 closing a \n c2 opening a \n c2 opened a \n c1 given_up a",
        "c1 starts a s1 \n c1 closing a \n c1 given_up a \n c2 opening a \n c2 opened a",
    ),
    (
        "S3",
        "a load while another connection holds the session",
        {"slots": 2},
        "c1 starts a s1 \n c2 loads b s1",
        "c1 starts a s1 \n c1 leaves a \n c2 loads b s1",
    ),
    (
        "S3",
        "a prompt while another connection holds the session",
        {"slots": 2},
        "c1 starts a s1 \n c1 closing a \n c1 given_up a \n c2 starts b s2 \n c2 prompt_begin b s1",
        "c1 starts a s1 \n c1 closing a \n c1 given_up a \n c2 starts b s2 \n c2 prompt_begin b s2",
    ),
    (
        "S3",
        "a new session with the name of a live one",
        {"slots": 2},
        "c1 starts a s1 \n c2 starts b s1",
        "c1 starts a s1 \n c1 died a \n c2 starts b s1",
    ),
    (
        "S4",
        "closed under its lease",
        {},
        LEASED + "c1 closing a",
        LEASED + "0 ends c1 a \n c1 closing a",
    ),
    (
        "S4",
        "but a reset may close it",
        {},
        LEASED + "1 > cancel a \n c1 closing a",
        LEASED + "1 > reset a \n c1 closing a",
    ),
    (
        "S4",
        "and a shutdown may",
        {},
        LEASED + "1 > cleanup_idle \n c1 closing a",
        LEASED + "1 > shutdown \n c1 closing a",
    ),
    (
        "S4",
        "a reset that came before the lease is no excuse",
        {},
        "0 creates c1 a s1 \n 1 > reset a \n 1 < True \n 0 leases c1 a \n c1 closed a",
        "0 creates c1 a s1 \n 0 leases c1 a \n 1 > reset a \n 1 < True \n c1 closed a",
    ),
    (
        "S4",
        "a process opened in the place of a leased one",
        {"slots": 2},
        LEASED + "c2 opening a",
        LEASED + "0 ends c1 a \n c2 opening a",
    ),
    (
        "S5",
        "two holders",
        {},
        LEASED + "1 > with_connection a \n c1 acquire a 1",
        LEASED + "1 > with_connection a \n 0 ends c1 a \n c1 acquire a 1",
    ),
    (
        "S5",
        "a session in use is leased again",
        {},
        "0 creates c1 a s1 \n 0 > session a \n c1 acquire a 0 \n 1 > session a \n c1 acquire a 1",
        "0 creates c1 a s1 \n 0 > session a \n c1 acquire a 0 \n c1 release a 0 \n 1 > session a \n c1 acquire a 1",
    ),
    (
        "S5",
        "somebody else's release frees nothing",
        {},
        LEASED + "c1 release a 1 \n 1 > with_connection a \n c1 acquire a 1",
        LEASED + "c1 release a 0 \n 1 > with_connection a \n c1 acquire a 1",
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
    ("known", "script", "times"),
    [
        ("S1", "c1 starts a s1", 1),
        ("S1", "c1 starts a s1 \n c1 leaves a \n c2 starts b s2", 2),
        ("S2", "c1 starts a s1 \n c1 leaves a \n c2 starts a s2", 1),
        ("S3", "c1 starts a s1 \n c1 leaves a \n c2 loads a s1", 1),
        ("S4", LEASED + "0 ends c1 a \n c1 leaves a", 0),
        ("S4", "0 creates c1 a s1 \n 0 leases c1 a \n 1 > reset a \n c1 closing a", 1),
        ("S5", LEASED, 1),
    ],
)
def test_it_counts_how_often_it_could_have_broken(
    judged: Callable[..., Judgement], known: str, script: str, times: int
) -> None:
    judgement = judged(script)
    assert judgement.violations == {}
    assert judgement.tested[known] == times


def test_a_full_pool_alone_puts_capacity_to_the_test(judged: Callable[..., Judgement]) -> None:
    assert judged("c1 starts a s1", slots=2).tested["S1"] == 0
    assert judged("c1 starts a s1 \n c2 starts b s2", slots=2).tested["S1"] == 1


def test_without_the_number_of_slots_capacity_is_not_judged(judged: Callable[..., Judgement]) -> None:
    judgement = judged("c1 starts a s1 \n c2 starts b s2", slots=None)
    assert judgement.violations == {}
    assert judgement.tested["S1"] == 0


def test_a_lease_may_be_reclaimed_where_the_pool_reclaims(judged: Callable[..., Judgement]) -> None:
    script = LEASED + "1 > cleanup_idle \n c1 closing a"
    assert set(judged(script).violations) == {"S4"}
    assert judged(script, reclaims=True).violations == {}


def test_a_cleanup_that_is_over_reclaims_for_a_while_yet(judged: Callable[..., Judgement]) -> None:
    """The kill is the cleanup's effect, though it may come after its answer; a lease that is taken later is safe."""
    over = "1 > cleanup_idle \n 1 < \n"
    assert judged(LEASED + over + "c1 closing a", reclaims=True).violations == {}
    before = "0 creates c1 a s1 \n" + over + "0 leases c1 a \n c1 closing a"
    assert set(judged(before, reclaims=True).violations) == {"S4"}


def test_the_first_violation_of_a_property_is_kept(judged: Callable[..., Judgement]) -> None:
    judgement = judged("c1 starts a s1 \n c2 starts b s2 \n c3 starts c s3")
    assert judgement.violations["S1"].index == 5
    assert "c1 of 'a', c2 of 'b'" in judgement.violations["S1"].message
    assert judgement.tested["S1"] == 3


def test_events_without_a_connection_or_a_session_are_passed_over(judged: Callable[..., Judgement]) -> None:
    judgement = judged("c1 opening a \n c1 opened a \n c1 created a \n c2 prompt_begin a")
    assert judgement.violations == {}
