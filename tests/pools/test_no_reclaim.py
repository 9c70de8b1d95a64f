"""``no_reclaim``: a prompt that hangs keeps its slot for good."""

from __future__ import annotations

import asyncio

import pytest

from acpool.contract import Connection
from acpool.errors import LeaseRevoked, PoolExhausted
from acpool_spec.pools import no_reclaim
from acpool_spec.pools.staging import Outside, hello, settle

pytestmark = pytest.mark.asyncio


async def test_l2_a_hung_prompt_is_never_seen_by_cleanup_and_stops_its_key(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    waiting = asyncio.create_task(pool.with_connection("a", hello))
    for _ in range(3):
        assert await pool.cleanup_idle(0) == []
        with pytest.raises(PoolExhausted):
            await pool.get_or_create("b")
    assert (await pool.get_or_create("a")).session_id == "s1"  # answers at once, leased or not
    await settle()
    assert not asking.done() and not waiting.done()
    prompt.release()
    await asyncio.gather(asking, waiting)


async def test_s8_refused_though_the_process_in_the_slot_is_dead(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    begun, over = asyncio.Event(), asyncio.Event()

    async def hung(connection: Connection) -> str:
        begun.set()
        await over.wait()
        return "never mind"

    holding = asyncio.create_task(pool.with_connection("a", hung))
    await begun.wait()
    outside.latest("a").kill()
    assert outside.running() == []
    with pytest.raises(PoolExhausted):
        await pool.get_or_create("b")
    assert await pool.cleanup_idle(0) == []
    over.set()
    assert await holding == "never mind"
    await pool.get_or_create("b")


async def test_shutdown_revokes_at_its_deadline(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    await pool.shutdown(timeout=0)
    with pytest.raises(LeaseRevoked):
        await asking
    assert outside.running() == []
