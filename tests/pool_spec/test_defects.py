"""Histories with one defect each, which have no linearization, beside the twin without it, which has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acpool_spec.verdict import Verdict

A = "0 creates c1 a s1;"
AB = A + "0 creates c2 b s2;"
BUSY = A + "1 leases c1 a;"
GOC_A, GOC_B, GOC_C = (f"0 > get_or_create {key};" for key in "abc")
PROMPT = "c1 prompt_begin a;"
LOST = (
    A
    + "0 > cleanup_idle 0; 0 < cleanup_idle a; c1 leaves a;"
    + GOC_A
    + "c3 opening a; c3 refused a s1; c3 created a s2;"
)
TOLD = LOST + "0 < get_or_create a s2 reset; 1 leases c3 a; c3 prompt_begin a; c3 prompt_end a True;"
START = GOC_A + "c1 opening a; c1 opened a;"
SUSPENDED = A + "0 > cleanup_idle 0; 0 < cleanup_idle a; c1 leaves a;"
GIVEN_UP = A + "0 > cleanup_idle 0; 0 < cleanup_idle a; c1 closing a; c1 given_up a;"

# name: (facts, what comes before, the defect, the twin without it)
CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "two processes of a key": (
        {},
        A + "0 > cleanup_idle 0; 0 < cleanup_idle a; c1 closing a;" + GOC_A,
        "c2 opening a; c2 opened a",
        "c2 opening a; c1 closed a; c2 opened a",
    ),
    "two processes of a key, only opened recorded": (
        {},
        A + "0 > cleanup_idle 0; 0 < cleanup_idle a; c1 closing a;" + GOC_A,
        "c2 opened a",
        "c1 closed a; c2 opened a",
    ),
    "loads what the reset before made it forget": (
        {"slots": 3},
        SUSPENDED + "0 > reset a; 0 < reset a True;" + GOC_A + "c2 opening a;",
        "c2 loaded a s1; 0 < get_or_create a s1 resumed",
        "c2 created a s2; 0 < get_or_create a s2",
    ),
    "stale id after reset": (
        {},
        A + "0 > reset a; c1 leaves a; 0 < reset a True;" + GOC_A + "c2 opening a;",
        "c2 loaded a s1; 0 < get_or_create a s1 resumed",
        "c2 created a s2; 0 < get_or_create a s2",
    ),
    "old session answers after reset": (
        {},
        A + "0 > reset a; 0 < reset a True;" + GOC_A,
        "0 < get_or_create a s1",
        "c1 leaves a; c2 opening a; c2 created a s2; 0 < get_or_create a s2",
    ),
    "exhausted with an idle session": (
        {"slots": 1},
        A,
        GOC_B + "0 ! get_or_create b PoolExhausted",
        "1 leases c1 a;" + GOC_B + "0 ! get_or_create b PoolExhausted",
    ),
    "exhausted with a free slot": (
        {"slots": 2},
        BUSY,
        GOC_B + "0 ! get_or_create b PoolExhausted",
        "0 creates c2 b s2; 2 leases c2 b;" + GOC_C + "0 ! get_or_create c PoolExhausted",
    ),
    "exhausted though the key is live": (
        {"slots": 1},
        BUSY,
        GOC_A + "0 ! get_or_create a PoolExhausted",
        GOC_A + "0 < get_or_create a s1",
    ),
    "exhausted beside a start to join": (
        {"slots": 1},
        START + "1 > get_or_create a;",
        "1 ! get_or_create a PoolExhausted; c1 created a s1; 0 < get_or_create a s1",
        "c1 created a s1; 0 < get_or_create a s1; 1 < get_or_create a s1",
    ),
    "no session while live": (
        {},
        A,
        "0 > with_connection a; 0 ! with_connection a NoSession",
        "0 > with_connection b; 0 ! with_connection b NoSession",
    ),
    "no session beside a start to join": (
        {},
        START + "1 > with_connection a;",
        "1 ! with_connection a NoSession; c1 created a s1; 0 < get_or_create a s1",
        "c1 leaves a; 0 ! get_or_create a SessionStartError; 1 ! with_connection a NoSession",
    ),
    "two holders": ({}, BUSY, "2 leases c1 a", "1 ends c1 a; 2 leases c1 a"),
    "lease on another session": (
        {},
        AB,
        "1 > with_connection a; c1 closing a; c1 acquire a 1",
        "1 > with_connection a; c1 acquire a 1",
    ),
    "victim not the least recently used": ({}, AB + GOC_C, "c2 leaves b", "c1 leaves a"),
    "victim used again by get_or_create": (
        {},
        AB + GOC_A + "0 < get_or_create a s1;" + GOC_C,
        "c1 leaves a",
        "c2 leaves b",
    ),
    "victim used again by a lease": (
        {},
        AB + "1 leases c1 a; 1 ends c1 a;" + GOC_C,
        "c1 leaves a",
        "c2 leaves b",
    ),
    "victim leased": (
        {"slots": 1},
        A,
        "1 leases c1 a;" + GOC_B + "c1 leaves a",
        "1 leases c1 a; 1 ends c1 a;" + GOC_B + "c1 leaves a",
    ),
    "victim with a free slot": (
        {"slots": 2},
        A + GOC_B,
        "c1 leaves a",
        "c2 opening b; c2 created b s2; 0 < get_or_create b s2",
    ),
    "two victims for one newcomer": (
        {},
        AB + GOC_C + "c1 closing a;",
        "c2 closing b",
        "c1 closed a; c3 opening c; c3 created c s3; 0 < get_or_create c s3",
    ),
    "a third victim, though no slot has come free": (
        {"slots": 3},
        AB + "0 creates c3 c s3; 1 > get_or_create d; c1 closing a; 2 > get_or_create e; c2 closing b;",
        "c3 closing c",
        "c2 closed b; c4 opening d; c3 closing c",
    ),
    "closed for no reason": ({}, A, "c1 leaves a", "0 > cleanup_idle 0; c1 leaves a; 0 < cleanup_idle a"),
    "more processes than slots": ({"slots": 1}, A + GOC_B, "c2 opening b", "c1 leaves a; c2 opening b"),
    "two starts of a key": (
        {},
        START + "1 > get_or_create a;",
        "c2 opening a; c1 created a s1; 0 < get_or_create a s1",
        "c1 created a s1; 0 < get_or_create a s1",
    ),
    "a start beside a live session": ({}, A + GOC_A, "c2 opening a", "0 < get_or_create a s1"),
    "a start that nobody asked for": ({}, A, "c2 opening b", GOC_B + "c2 opening b"),
    "a start after the caller of another was cancelled": (
        {},
        "0 > get_or_create a; 0 ? get_or_create a;",
        "c1 opening b",
        "c1 opening a",
    ),
    "reset flag of a first session": (
        {},
        GOC_A + "c1 opening a; c1 created a s1;",
        "0 < get_or_create a s1 reset",
        "0 < get_or_create a s1",
    ),
    "lost session not told": ({}, LOST, "0 < get_or_create a s2", "0 < get_or_create a s2 reset"),
    "reset flag after a reset": (
        {},
        A + "0 > reset a; c1 leaves a; 0 < reset a True;" + GOC_A + "c2 opening a; c2 created a s2;",
        "0 < get_or_create a s2 reset",
        "0 < get_or_create a s2",
    ),
    "reset flag lowered by nobody": (
        {},
        LOST + "0 < get_or_create a s2 reset;" + GOC_A,
        "0 < get_or_create a s2",
        "0 < get_or_create a s2 reset",
    ),
    "reset flag up after it was told": (
        {},
        TOLD + "c3 answered a 1;" + GOC_A,
        "0 < get_or_create a s2 reset",
        "0 < get_or_create a s2",
    ),
    "reset flag up again once seen down": (
        {},
        TOLD + GOC_A + "0 < get_or_create a s2;" + GOC_A,
        "0 < get_or_create a s2 reset",
        "0 < get_or_create a s2",
    ),
    "reset flag lost by suspension": (
        {},
        LOST
        + "0 < get_or_create a s2 reset; 0 > cleanup_idle 0; 0 < cleanup_idle a; c3 leaves a;"
        + GOC_A
        + "c4 opening a; c4 loaded a s2;",
        "0 < get_or_create a s2 resumed",
        "0 < get_or_create a s2 resumed reset",
    ),
    "resumed is wrong": (
        {},
        SUSPENDED + GOC_A + "c2 opening a; c2 loaded a s1;",
        "0 < get_or_create a s1",
        "0 < get_or_create a s1 resumed",
    ),
    "session of another key": ({}, AB + GOC_A, "0 < get_or_create a s2", "0 < get_or_create a s1"),
    "loads another key's session": (
        {"slots": 3},
        SUSPENDED + "0 creates c2 b s2;" + GOC_A + "c3 opening a;",
        "c3 loaded a s2; 0 < get_or_create a s2 resumed",
        "c3 loaded a s1; 0 < get_or_create a s1 resumed",
    ),
    "asked to load another key's session": (
        {"slots": 3},
        SUSPENDED + "0 creates c2 b s2;" + GOC_A + "c3 opening a;",
        "c3 loading a s2",
        "c3 loading a s1",
    ),
    "asked to load its key's session before the last": (
        {},
        LOST + "0 < get_or_create a s2 reset; 0 > cleanup_idle 0; 0 < cleanup_idle a; c3 leaves a;" + GOC_A,
        "c4 opening a; c4 loading a s1",
        "c4 opening a; c4 loading a s2",
    ),
    "id given up on not told": (
        {},
        GIVEN_UP + GOC_A + "c2 opening a; c2 created a s2;",
        "0 < get_or_create a s2",
        "0 < get_or_create a s2 reset",
    ),
    "id given up on loaded as lost": (
        {},
        GIVEN_UP + GOC_A + "c2 opening a; c2 loaded a s1;",
        "0 < get_or_create a s1 resumed reset",
        "0 < get_or_create a s1 resumed",
    ),
    "cleanup lists a leased key": (
        {},
        BUSY,
        "0 > cleanup_idle 0; 0 < cleanup_idle a",
        "1 ends c1 a; 0 > cleanup_idle 0; 0 < cleanup_idle a",
    ),
    "cleanup lists an unknown key": (
        {},
        A + "0 > cleanup_idle 0;",
        "0 < cleanup_idle a z",
        "0 < cleanup_idle a",
    ),
    "cleanup lists what was used lately": (
        {},
        A + "@10;",
        "0 > cleanup_idle 30; 0 < cleanup_idle a",
        "@31; 0 > cleanup_idle 30; 0 < cleanup_idle a",
    ),
    "cleanup leaves out an idle key": (
        {},
        A + "0 > cleanup_idle 0;",
        "0 < cleanup_idle",
        "0 < cleanup_idle a",
    ),
    "cleanup leaves out an old key": (
        {},
        A + "@31;",
        "0 > cleanup_idle 30; 0 < cleanup_idle",
        "0 > cleanup_idle 60; 0 < cleanup_idle",
    ),
    "lease taken back too early": (
        {"max_lease": 25},
        BUSY + "@20;",
        "0 > cleanup_idle 60; 0 < cleanup_idle a",
        "@25; 0 > cleanup_idle 60; 0 < cleanup_idle a",
    ),
    "lease of an old session taken back too early": (
        {"max_lease": 25},
        A + "@100; 1 leases c1 a;",
        "@124; 0 > cleanup_idle 600; 0 < cleanup_idle a",
        "@125; 0 > cleanup_idle 600; 0 < cleanup_idle a",
    ),
    "lease taken back too early from the next holder": (
        {"max_lease": 25},
        BUSY + "2 > with_connection a; @10; 1 ends c1 a; @30; c1 acquire a 2;",
        "@34; 0 > cleanup_idle 600; 0 < cleanup_idle a",
        "@35; 0 > cleanup_idle 600; 0 < cleanup_idle a",
    ),
    "lease that nobody has begun taken back too early": (
        {"max_lease": 25},
        BUSY + "2 > with_connection a; @10; 1 ends c1 a;",
        "@34; 0 > cleanup_idle 600; 0 < cleanup_idle a",
        "@35; 0 > cleanup_idle 600; 0 < cleanup_idle a",
    ),
    "lease taken back too early by a cleanup that does not say": (
        {"max_lease": 25},
        A + "@100; 1 leases c1 a;",
        "@124; 0 > cleanup_idle 600; c1 leaves a; 0 < cleanup_idle ?",
        "@125; 0 > cleanup_idle 600; c1 leaves a; 0 < cleanup_idle ?",
    ),
    "lease taken back too early while the pool cleans up by itself": (
        {"max_lease": 25, "idle_ttl": 600},
        A + "@100; 1 leases c1 a;",
        "@124; c1 leaves a",
        "@125; c1 leaves a",
    ),
    "lease taken back though never to be": (
        {"max_lease": None},
        BUSY + "@90; 0 > cleanup_idle 60;",
        "0 < cleanup_idle a",
        "0 < cleanup_idle",
    ),
    "answer after the pool closed": (
        {},
        A + "1 > shutdown; 0 > get_or_create b; 0 ! get_or_create b PoolClosed;" + GOC_A,
        "0 < get_or_create a s1",
        "0 ! get_or_create a PoolClosed",
    ),
    "cleanup after the pool closed": (
        {},
        A + "1 > shutdown; c1 leaves a; 1 < shutdown; 0 > cleanup_idle 0;",
        "0 < cleanup_idle",
        "0 ! cleanup_idle PoolClosed",
    ),
    "closed without a shutdown": (
        {},
        A,
        "0 > reset a; 0 ! reset a PoolClosed",
        "1 > shutdown; 0 > reset a; 0 ! reset a PoolClosed",
    ),
    "shutdown leaves a process": ({}, A + "1 > shutdown;", "1 < shutdown", "c1 leaves a; 1 < shutdown"),
    "shutdown leaves a process that is starting": (
        {},
        START + "1 > shutdown; 0 ! get_or_create a PoolClosed;",
        "1 < shutdown",
        "c1 leaves a; 1 < shutdown",
    ),
    "a start after the shutdown": (
        {},
        A + "0 > get_or_create b; 1 > shutdown; c1 leaves a; 1 < shutdown;",
        "c2 opening b",
        "0 ! get_or_create b PoolClosed",
    ),
    "reset denies a live session": (
        {},
        A + "0 > reset a; c1 leaves a;",
        "0 < reset a False",
        "0 < reset a True",
    ),
    "reset denies a suspended session": (
        {},
        SUSPENDED + "0 > reset a;",
        "0 < reset a False",
        "0 < reset a True",
    ),
    "reset finds what is not there": ({}, A + "0 > reset b;", "0 < reset b True", "0 < reset b False"),
    "start defeated by reset installs": (
        {},
        START + "1 > reset a; 1 < reset a True;",
        "c1 created a s1; 0 < get_or_create a s1",
        "c1 leaves a; c2 opening a; c2 created a s2; 0 < get_or_create a s2",
    ),
    "cancel finds no prompt there": (
        {},
        BUSY + PROMPT + "c1 prompt_end a True; c1 answered a 1; 0 > cancel a;",
        "0 < cancel a True",
        "0 < cancel a False",
    ),
    "cancel misses a prompt": (
        {},
        BUSY + PROMPT + "0 > cancel a;",
        "0 < cancel a False",
        "0 < cancel a True",
    ),
    "busy with nobody there": (
        {},
        A,
        "0 > with_connection a; 0 ! with_connection a SessionBusy",
        "1 leases c1 a; 0 > with_connection a; 0 ! with_connection a SessionBusy",
    ),
    "revoked by nobody": (
        {},
        BUSY,
        "c1 release a 1; 1 ! with_connection a LeaseRevoked",
        "0 > reset a; c1 closing a; c1 release a 1; 1 ! with_connection a LeaseRevoked",
    ),
    "evicts though it has heard that a slot is free": (
        {"slots": 2},
        A
        + "0 creates c2 b s2; 0 > reset a; c1 leaves a; 0 < reset a True; 0 > cancel b; 0 < cancel b False;",
        GOC_C + "c2 closing b",
        GOC_C + "c3 opening c",
    ),
    "exhausted though it has heard that a slot is free": (
        {"slots": 1},
        A + "0 > reset a; c1 leaves a; 0 < reset a True; 0 > cancel b; 0 < cancel b False;",
        GOC_C + "0 ! get_or_create c PoolExhausted",
        GOC_C + "c3 opening c",
    ),
    "failed start of a live key": (
        {},
        A + GOC_A,
        "0 ! get_or_create a SessionStartError",
        "c1 died a; c2 opening a; c2 closing a; 0 ! get_or_create a SessionStartError",
    ),
    "an error that the operation has not": (
        {},
        A,
        "0 > get_or_create b; 0 ! get_or_create b NoSession",
        "0 > with_connection b; 0 ! with_connection b NoSession",
    ),
    "an error that no operation has": (
        {},
        A,
        "0 > reset a; 0 ! reset a KeyError",
        "1 leases c1 a; c1 release a 1; 1 ! with_connection a KeyError",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_defect_is_seen(name: str, judge: Callable[..., Verdict]) -> None:
    facts, before, wrong, _ = CASES[name]
    assert judge(f"{before};{wrong}", **facts).violated


@pytest.mark.parametrize(
    "decision",
    ["0 > get_or_create c; c2 closing b", "0 > get_or_create c; 0 ! get_or_create c PoolExhausted"],
)
def test_a_pool_may_not_have_heard_yet_that_a_slot_is_free(
    decision: str, judge: Callable[..., Verdict]
) -> None:
    busy = "0 creates c1 a s1; 0 creates c2 b s2;" + ("" if "c2" in decision else "1 leases c2 b;")
    assert judge(f"{busy} 2 > reset a; c1 leaves a; {decision}", slots=2).holds


def test_whoever_was_promised_a_slot_may_have_gone(judge: Callable[..., Verdict]) -> None:
    full = "0 creates c1 a s1; 0 creates c2 b s2; 1 > get_or_create c; c1 closing a;"
    again = "2 > get_or_create c; c2 closing b"
    assert judge(f"{full} 1 ? get_or_create c; {again}", slots=2).holds
    assert judge(f"{full} {again}", slots=2).violated


@pytest.mark.parametrize("name", CASES)
def test_twin_holds(name: str, judge: Callable[..., Verdict]) -> None:
    facts, before, _, right = CASES[name]
    assert judge(f"{before};{right}", **facts).holds
