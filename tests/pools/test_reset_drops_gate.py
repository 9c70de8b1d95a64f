"""``reset_drops_gate``: after a reset the next request starts beside the old start, and may lose to it."""

from __future__ import annotations

import asyncio

import pytest

from acpool.errors import LeaseRevoked
from acpool_spec.pools import reset_drops_gate
from acpool_spec.pools.staging import Outside, hello

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("max_sessions", [1, 2])
async def test_s2_s11_two_creations_at_once_and_the_old_session_wins(
    outside: Outside, max_sessions: int
) -> None:
    pool = reset_drops_gate.factory(outside, max_sessions=max_sessions)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    load, new = outside.hold("load", "a"), outside.hold("new", "a")
    old = asyncio.create_task(pool.get_or_create("a"))
    await load.reach()
    assert await pool.reset("a")
    fresh = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    assert outside.running("a") == ["a2", "a3"]
    load.release()
    await old
    new.release()
    assert (await fresh).session_id == "s1"
    assert await pool.with_connection("a", hello) == "s1: hello"
    assert outside.running() == ["a2"]


async def test_s11_the_old_start_covers_nothing_but_installs_after_the_reset(outside: Outside) -> None:
    pool = reset_drops_gate.factory(outside, max_sessions=1)
    start = outside.hold("open", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await start.reach()
    assert not await pool.reset("a")
    start.release()
    await creating
    assert outside.running() == ["a1"]


async def test_a_reset_under_a_lease_interrupts_the_prompt(outside: Outside) -> None:
    pool = reset_drops_gate.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    assert await pool.reset("a")
    with pytest.raises(LeaseRevoked, match="'a'"):
        await asking
    assert outside.running() == []


async def test_a_cancel_that_hangs_is_bounded(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reset_drops_gate, "CANCEL_TIMEOUT_S", 0.0)
    pool = reset_drops_gate.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    outside.hold("cancel", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    assert await pool.cancel("a")
    prompt.release()
    await asking
