"""Invocations paired with their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acpool_spec.history import Call, Event, HistoryError, calls_of

INVOKE = Event(index=0, time=0, type="invoke", f="get_or_create", process=0, key="a", value=[1], ttl=2.0)
CALL = Call(
    name="get_or_create",
    process=0,
    key="a",
    ttl=2.0,
    argument=[1],
    status="pending",
    response=None,
    error=None,
    invoked_at=0,
    returned_at=None,
)


def answer(kind: Any, **members: Any) -> Event:
    return Event(index=7, time=9, type=kind, f="get_or_create", process=0, **members)


def test_an_invocation_alone_is_pending() -> None:
    assert calls_of([INVOKE]) == (CALL,)
    assert calls_of([]) == ()


def test_ok_brings_a_response() -> None:
    (call,) = calls_of([INVOKE, answer("ok", value="s1")])
    assert call == replace(CALL, status="ok", response="s1", returned_at=7)


def test_fail_brings_a_reason_and_no_response() -> None:
    (call,) = calls_of([INVOKE, answer("fail", value="partial", error="PoolExhausted")])
    assert call == replace(CALL, status="fail", error="PoolExhausted", returned_at=7)


def test_info_stays_pending_and_may_say_why() -> None:
    (call,) = calls_of([INVOKE, answer("info", value="?", error="cancelled")])
    assert call == replace(CALL, error="cancelled")


def test_an_answer_may_tell_the_key() -> None:
    (call,) = calls_of([replace(INVOKE, key=None), answer("ok", key="b")])
    assert call.key == "b"


def test_calls_come_in_order_of_invocation_and_events_are_no_calls() -> None:
    events = [
        INVOKE,
        Event(index=1, time=1, type="event", f="opened", key="a"),
        Event(index=2, time=2, type="invoke", f="reset", process=1),
        Event(index=3, time=3, type="ok", f="reset", process=1, value=False),
        answer("ok"),
        Event(index=8, time=9, type="invoke", f="cancel", process=0),
    ]
    calls = calls_of(events)
    assert [call.name for call in calls] == ["get_or_create", "reset", "cancel"]
    assert [call.invoked_at for call in calls] == [0, 2, 8]
    assert [call.returned_at for call in calls] == [7, 3, None]
    assert calls[1].response is False


def test_events_that_cannot_follow_are_named_by_index() -> None:
    with pytest.raises(
        HistoryError, match="event 7: found ok of get_or_create by process 0; expected"
    ) as caught:
        calls_of([answer("ok")])
    assert caught.value.line is None
