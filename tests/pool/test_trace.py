"""The trace: one event at the end of every atomic step, in the words of the model; nothing without a listener."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from acpool import Lease, LeaseRevoked, SessionPool, Step
from acpool.records import Waiter, Want


def listening(pool: SessionPool) -> list[Step]:
    """Every step of ``pool`` from now on."""
    heard: list[Step] = []
    pool.trace(heard.append)
    return heard


def actions(heard: list[Step]) -> list[str]:
    return [step.action for step in heard]


async def test_a_session_from_its_creation_to_the_shutdown(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=1)
    heard = listening(made)
    async with made.session("a") as lease:
        await lease.prompt("hello")
    await made.get_or_create("a")
    await made.shutdown()
    start = ["ask", "opened", "initialized", "commit", "begin"]
    assert actions(heard) == [*start, "prompt", "answered", "release", "ask", "shut", "closed"]
    asked, *_ = heard
    assert isinstance(asked.caller, Waiter) and asked.caller.token is lease and asked.want is Want.BOTH
    assert all(step.caller is lease for step in heard if step.action in ("begin", "prompt", "release"))
    assert {step.key for step in heard} == {"a", ""}
    assert [(step.action, step.prompts) for step in heard if "ans" in step.action] == [("answered", 0)]
    assert heard[8] == Step("ask", "a", None, heard[1].entry, Want.ANSWER)


async def test_a_lease_at_once_names_its_holder_and_what_it_wants(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=1)
    await made.get_or_create("a")
    heard = listening(made)

    async def use(lease: Lease) -> Lease:
        return lease

    lease = await made.with_connection("a", use)
    assert [(step.action, step.caller) for step in heard] == [("ask", lease), ("release", lease)]
    assert heard[0].want is Want.LEASE


async def test_nobody_hears_any_more_who_was_told_to_stop(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=1)
    heard = listening(made)
    await made.get_or_create("a")
    count = len(heard)
    made.trace(None)
    await made.get_or_create("a")
    assert len(heard) == count > 0


async def test_the_end_of_a_block_is_told_though_its_lease_was_taken_back(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=1)
    heard = listening(made)
    resets: list[asyncio.Future[bool]] = []

    async def hold(lease: Any) -> None:
        assert lease.lost is None
        resets.append(asyncio.ensure_future(made.reset("a")))
        try:
            await asyncio.sleep(math.inf)
        finally:
            assert lease.lost is not None and lease.lost.key == "a"

    leases: list[Any] = []

    async def block() -> None:
        async with made.session("a") as lease:
            leases.append(lease)
            await hold(lease)

    with pytest.raises(LeaseRevoked):
        await block()
    assert leases[0].lost is None
    await resets[0]
    assert actions(heard)[-3:] in (["reset", "release", "closed"], ["reset", "closed", "release"])


async def test_a_step_is_told_before_anything_of_it_is_performed(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=1)
    left: list[tuple[str, int]] = []
    made.trace(lambda step: left.append((step.action, len(made.core.effects))))
    await made.get_or_create("a")
    assert [action for action, effects in left if effects] == ["ask", "commit"]


async def test_one_cleanup_is_as_many_steps_as_it_takes_sessions_out(agents: Any, make: Any) -> None:
    made: SessionPool = make(max_sessions=3)
    for key in ("a", "b", "c"):
        await made.get_or_create(key)
    agents["b1"].alive = False
    heard = listening(made)
    assert await made.cleanup_idle(math.inf) == ["b"]
    assert await made.cleanup_idle(0.0) == ["a", "c"]
    assert [(s.action, s.key) for s in heard if s.action == "expire"] == [
        ("expire", "b"),
        ("expire", "a"),
        ("expire", "c"),
    ]


def test_after_the_shut_a_cleanup_takes_nothing_back(desk: Any) -> None:
    table = desk()
    table.live("a")
    table.lease("a")
    table.core.shut()
    assert table.core.expire(0.0, 0.0, 100.0) == []
    assert "a" in table.core.live
