"""``global_lock``: one start or prompt that hangs stops every other key."""

from __future__ import annotations

import asyncio

import pytest

from acpool_spec.pools import global_lock
from acpool_spec.pools.staging import Outside, hello, settle

pytestmark = pytest.mark.asyncio


async def test_l1_a_stuck_start_blocks_another_key(outside: Outside) -> None:
    pool = global_lock.factory(outside, max_sessions=2)
    start = outside.hold("open", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await start.reach()
    other = asyncio.create_task(pool.get_or_create("b"))
    await settle()
    assert not other.done() and ("open", "b1") not in outside.log
    start.release()
    await asyncio.gather(creating, other)
    assert outside.running() == ["a1", "b1"]


async def test_l1_l2_a_stuck_prompt_blocks_everything(outside: Outside) -> None:
    pool = global_lock.factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("b")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    others = [
        asyncio.create_task(pool.with_connection("b", hello)),
        asyncio.create_task(pool.cleanup_idle(1e9)),
        asyncio.create_task(pool.shutdown(timeout=0)),
    ]
    await settle()
    assert not any(task.done() for task in others)
    prompt.release()
    await asyncio.gather(asking, *others)
    assert outside.running() == []
