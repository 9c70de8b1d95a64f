"""S6, S7, S11 and S12 on histories written by hand: each bad one breaks one property, its nearest right twin none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.properties.judgement import Judgement

SUSPENDED = """
0 creates c1 a s1
c1 leaves a
"""
RESET = """
0 > reset a
0 < True
"""

# property, what differs, options, the bad history, its right twin
PAIRS: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "S6",
        "a new session although the old one could be loaded",
        {},
        SUSPENDED + "c2 starts a s2",
        SUSPENDED + "c2 loads a s1",
    ),
    (
        "S6",
        "the agent's refusal drops the session",
        {},
        SUSPENDED + "c2 opening a \n c2 opened a \n c2 loading a s1 \n c2 created a s2",
        SUSPENDED + "c2 opening a \n c2 opened a \n c2 loading a s1 \n c2 refused a s1 \n c2 created a s2",
    ),
    (
        "S6",
        "a reset drops the session, another operation does not",
        {},
        SUSPENDED + "0 > cancel a \n 0 < True \n c2 starts a s2",
        SUSPENDED + RESET + "c2 starts a s2",
    ),
    (
        "S6",
        "a failure in transit drops nothing, giving up on the process does",
        {"slots": 2},
        "0 creates c1 a s1 \n c1 died a \n c2 starts a s2",
        "0 creates c1 a s1 \n c1 closing a \n c1 given_up a \n c2 starts a s2",
    ),
    (
        "S6",
        "what an agent given up on was asked to load may be its own",
        {"slots": 2},
        SUSPENDED + "c2 opening a \n c2 opened a \n c2 loading a s1 \n c2 leaves a \n c3 starts a s2",
        SUSPENDED
        + "c2 opening a \n c2 opened a \n c2 loading a s1 \n c2 closing a \n c2 given_up a \n c3 starts a s2",
    ),
    (
        "S7",
        "a loss that nobody is told of",
        {"agents_load": False},
        SUSPENDED + "1 > get_or_create a \n c2 starts a s2 \n 1 < s2",
        SUSPENDED + "1 > get_or_create a \n c2 starts a s2 \n 1 < s2 reset",
    ),
    (
        "S7",
        "a flag though nothing was lost",
        {},
        "1 > get_or_create a \n c1 starts a s1 \n 1 < s1 reset",
        "1 > get_or_create a \n c1 starts a s1 \n 1 < s1",
    ),
    (
        "S7",
        "a flag for what the caller had reset",
        {},
        SUSPENDED + RESET + "1 > get_or_create a \n c2 starts a s2 \n 1 < s2 reset",
        SUSPENDED + RESET + "1 > get_or_create a \n c2 starts a s2 \n 1 < s2",
    ),
    (
        "S7",
        "the flag stays up until a prompt was answered, also through a resume",
        {},
        SUSPENDED
        + "0 > get_or_create a \n c2 opening a \n c2 opened a \n c2 refused a s1 \n c2 created a s2 \n 0 < s2 reset \n"
        + "c2 leaves a \n 0 > get_or_create a \n c3 loads a s2 \n 0 < s2",
        SUSPENDED
        + "0 > get_or_create a \n c2 opening a \n c2 opened a \n c2 refused a s1 \n c2 created a s2 \n 0 < s2 reset \n"
        + "c2 leaves a \n 0 > get_or_create a \n c3 loads a s2 \n 0 < s2 resumed reset",
    ),
    (
        "S7",
        "the answer that the caller heard lowers the flag",
        {"agents_load": False},
        SUSPENDED
        + "c2 starts a s2 \n c2 prompt_begin a s2 \n c2 prompt_end a s2 answered \n c2 answered a s2 \n"
        + "0 > get_or_create a \n 0 < s2 reset",
        SUSPENDED
        + "c2 starts a s2 \n c2 prompt_begin a s2 \n c2 prompt_end a s2 answered \n c2 answered a s2 \n"
        + "0 > get_or_create a \n 0 < s2",
    ),
    (
        "S11",
        "a session that was reset is prompted",
        {},
        "0 creates c1 a s1" + RESET + "c1 prompt_begin a s1",
        "0 creates c1 a s1" + RESET + "c1 leaves a \n c2 starts a s2 \n c2 prompt_begin a s2",
    ),
    (
        "S11",
        "a session that was reset is loaded",
        {},
        SUSPENDED + RESET + "c2 loads a s1",
        SUSPENDED + RESET.replace("reset", "cancel") + "c2 loads a s1",
    ),
    (
        "S11",
        "a session that was reset is answered",
        {},
        "0 creates c1 a s1" + RESET + "1 > get_or_create a \n 1 < s1",
        "0 creates c1 a s1 \n 1 > get_or_create a" + RESET + "1 < s1",
    ),
    (
        "S11",
        "a process is opened after the shutdown",
        {},
        "0 > shutdown \n 0 < \n c1 opening a",
        "0 > shutdown \n c1 opening a \n c1 open_failed a \n 0 <",
    ),
    (
        "S11",
        "a prompt after the shutdown",
        {},
        "0 creates c1 a s1 \n 0 > shutdown \n c1 closing a \n c1 given_up a \n 0 < \n c1 prompt_begin a s1",
        "0 creates c1 a s1 \n 0 > shutdown \n c1 prompt_begin a s1 \n c1 closing a \n c1 given_up a \n 0 <",
    ),
    (
        "S12",
        "an answer that no order of decisions explains",
        {},
        "0 creates c1 a s1 \n 0 > reset a \n 0 < False \n c1 leaves a \n -- linearize",
        "0 creates c1 a s1 \n 0 > reset a \n c1 leaves a \n 0 < True \n -- linearize",
    ),
    (
        "S12",
        "an error that is no answer",
        {},
        "-- end unexpected",
        "-- end",
    ),
    (
        "S12",
        "a lease of a session that is in nobody's hands any more",
        {},
        "0 creates c1 a s1 \n 0 > with_connection a \n 0 ! NoSession \n -- linearize",
        "0 > with_connection a \n 0 ! NoSession \n 0 creates c1 a s1 \n -- linearize",
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
    ("known", "script", "options", "times"),
    [
        ("S6", SUSPENDED + "c2 loads a s1", {}, 1),
        ("S6", "c1 starts a s1", {}, 0),
        ("S6", SUSPENDED + "c2 opening a \n c2 opened a \n c2 refused a s1 \n c2 created a s2", {}, 1),
        (
            "S7",
            SUSPENDED + "1 > get_or_create a \n c2 starts a s2 \n 1 < s2 reset",
            {"agents_load": False},
            1,
        ),
        ("S7", "0 creates c1 a s1", {}, 0),
        ("S11", "0 > shutdown \n 0 <", {}, 1),
        ("S11", "0 creates c1 a s1" + RESET + "c1 closing a", {}, 1),
        ("S11", "0 creates c1 a s1 \n 0 > reset a \n c1 closing a", {}, 0),
        ("S12", "0 creates c1 a s1 \n -- linearize", {}, 1),
    ],
)
def test_it_counts_how_often_it_could_have_broken(
    judged: Callable[..., Judgement], known: str, script: str, options: dict[str, Any], times: int
) -> None:
    judgement = judged(script, **options)
    assert judgement.violations == {}
    assert judgement.tested[known] == times


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            "0 creates c1 a s1 \n 1 > get_or_create a \n 2 > reset a \n 1 < s1",
            id="before or after the reset",
        ),
        pytest.param(
            "0 creates c1 a s1 \n 1 > get_or_create a \n 2 > reset a \n c1 leaves a \n c2 starts a s2",
            id="created before the reset had returned",
        ),
        pytest.param("c1 starts a s1 \n c1 leaves a \n c2 starts a s2", id="nobody was told of the first"),
        pytest.param(
            SUSPENDED + "c2 opening a \n c2 opened a \n 1 > reset a \n c2 created a s2 \n 1 < True",
            id="begun before the reset",
        ),
    ],
)
def test_what_cannot_be_told_from_outside_is_no_violation(
    judged: Callable[..., Judgement], script: str
) -> None:
    assert judged(script).violations == {}


@pytest.mark.parametrize("reset", [True, False])
def test_a_flag_that_may_have_been_lowered_unheard_may_be_up_or_down(
    judged: Callable[..., Judgement], reset: bool
) -> None:
    script = SUSPENDED + "c2 starts a s2 \n c2 prompt_begin a s2 \n c2 prompt_end a s2 answered \n"
    asked = f"0 > get_or_create a \n 0 < s2 {'reset' if reset else ''}"
    assert judged(script + asked, agents_load=False).violations == {}


def test_a_prompt_that_was_not_answered_leaves_the_flag_up(judged: Callable[..., Judgement]) -> None:
    script = (
        SUSPENDED
        + "c2 starts a s2 \n c2 prompt_begin a s2 \n c2 prompt_end a s2 lost \n 0 > get_or_create a \n"
    )
    assert set(judged(script + "0 < s2", agents_load=False).violations) == {"S7"}
    assert judged(script + "0 < s2 reset", agents_load=False).violations == {}


def test_a_flag_lowered_during_the_call_may_be_seen_up_or_down(judged: Callable[..., Judgement]) -> None:
    script = (
        SUSPENDED + "c2 starts a s2 \n c2 prompt_begin a s2 \n 0 > get_or_create a \n c2 answered a s2 \n"
    )
    for answer in ("0 < s2", "0 < s2 reset"):
        assert judged(script + answer, agents_load=False).violations == {}


def test_whether_the_agents_can_load_is_learned_from_the_first_that_does(
    judged: Callable[..., Judgement],
) -> None:
    lost = SUSPENDED + "c2 starts a s2"
    assert judged(lost, agents_load=None).violations == {}
    seen = "c0 loads z s0 \n c0 leaves z" + lost
    assert set(judged(seen, agents_load=None).violations) == {"S6"}
