"""``unlocked_start``: two rapid requests of one key start two processes on one session."""

from __future__ import annotations

import asyncio

import pytest

from acpool_spec.pools import unlocked_start
from acpool_spec.pools.staging import Outside

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("max_sessions", [1, 2])
async def test_s2_s3_two_rapid_requests_load_one_saved_id_twice(outside: Outside, max_sessions: int) -> None:
    pool = unlocked_start.factory(outside, max_sessions=max_sessions)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    holds = [outside.hold("load", "a"), outside.hold("load", "a")]
    requests = [asyncio.create_task(pool.get_or_create("a")) for _ in range(2)]
    for hold in holds:
        await hold.reach()
        hold.release()
    first, second = await asyncio.gather(*requests)
    assert first == second and first.resumed
    assert ("loading", "a2", "s1") in outside.log and ("loading", "a3", "s1") in outside.log
    assert outside.owners("s1") == ["a2", "a3"]


async def test_s10_the_covered_process_outlives_shutdown(outside: Outside) -> None:
    pool = unlocked_start.factory(outside, max_sessions=1)
    holds = [outside.hold("open", "a"), outside.hold("open", "a")]
    requests = [asyncio.create_task(pool.get_or_create("a")) for _ in range(2)]
    for hold in holds:
        await hold.reach()
    for hold, request in zip(holds, requests, strict=True):
        hold.release()
        await request
    assert outside.running() == ["a1", "a2"]
    await pool.shutdown()
    assert outside.running() == ["a1"]


async def test_a_slow_start_does_not_block_another_key(outside: Outside) -> None:
    pool = unlocked_start.factory(outside, max_sessions=2)
    start = outside.hold("open", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await start.reach()
    await pool.get_or_create("b")
    assert not creating.done()
    start.release()
    await creating
