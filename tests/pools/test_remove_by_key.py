"""``remove_by_key``: the deletion of an old entry strikes out the fresh one that has its key by now."""

from __future__ import annotations

import asyncio

import pytest

from acpool_spec.pools import remove_by_key
from acpool_spec.pools.staging import Outside, settle

pytestmark = pytest.mark.asyncio


async def test_s10_s2_cleanup_strikes_out_a_fresh_session(outside: Outside) -> None:
    pool = remove_by_key.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    dying = outside.hold("close", "a")
    cleaning = asyncio.create_task(pool.cleanup_idle(0))
    await dying.reach()
    await pool.get_or_create("a")
    assert outside.running() == ["a2"]
    dying.release()
    await cleaning
    await pool.get_or_create("a")
    assert outside.owners("s1") == ["a2", "a3"]
    await pool.shutdown()
    assert outside.running() == ["a2"]


async def test_s2_eviction_strikes_out_a_fresh_session(outside: Outside) -> None:
    pool = remove_by_key.factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("c")
    dying = outside.hold("close", "a")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await dying.reach()
    await pool.get_or_create("a")  # takes the place of c
    dying.release()
    await creating
    assert outside.running() == ["a2", "b1"]
    await pool.get_or_create("a")
    assert outside.running("a") == ["a2", "a3"]


async def test_one_key_starts_once(outside: Outside) -> None:
    pool = remove_by_key.factory(outside, max_sessions=1)
    await asyncio.gather(*(pool.get_or_create("a") for _ in range(3)))
    await settle()
    assert outside.running() == ["a1"]
