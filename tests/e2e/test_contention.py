"""Many callers and few slots, on processes that start fast: nobody is disturbed, and a cancelled caller takes nothing along."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from acpool import PoolEvent, PoolExhausted, SessionBusy, SessionPool

pytestmark = pytest.mark.asyncio


async def ask(pool: SessionPool, key: str) -> str:
    """One prompt, and what the agent said."""
    async with pool.session(key) as connection:
        return str((await connection.prompt("say hello")).text)


async def test_a_busy_session_is_neither_evicted_nor_shared(workshop: Any, hold: Any) -> None:
    pool: SessionPool = workshop.hostile(1, lease_timeout=0.0)
    holder = await hold(pool, "busy", "hang x")
    with pytest.raises(PoolExhausted, match="all 1 were leased"):
        await pool.get_or_create("other")
    with pytest.raises(SessionBusy):
        await ask(pool, "busy")
    assert (await pool.get_or_create("busy")).session_id == "s1"
    assert await pool.cleanup_idle(0) == []
    assert await pool.cancel("busy")
    assert (await holder).text == "xlate"
    assert await ask(pool, "other") == "hello"
    assert len(workshop.agents_of(pool).opened) == 2


async def test_all_who_ask_for_a_key_at_once_share_one_start(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(4)
    answers = await asyncio.gather(*(ask(pool, "key") for _ in range(10)))
    assert answers == ["hello"] * 10
    assert len(workshop.agents_of(pool).opened) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_callers_cancelled_at_any_step_take_nothing_along(workshop: Any, seed: int) -> None:
    choices = random.Random(seed)
    callers: list[asyncio.Task[str]] = []

    def strike(_event: PoolEvent) -> None:
        waiting = [caller for caller in callers if not caller.done()]
        if waiting and choices.random() < 0.15:
            choices.choice(waiting).cancel()

    pool: SessionPool = workshop.hostile(2, capacity_timeout=100.0, on_event=strike)
    keys = [f"key {number}" for number in range(6)]
    callers += [asyncio.create_task(ask(pool, choices.choice(keys))) for _ in range(18)]
    await asyncio.wait(callers)
    cancelled = [caller for caller in callers if caller.cancelled()]
    assert [caller.result() for caller in callers if caller not in cancelled] == ["hello"] * (
        18 - len(cancelled)
    )
    assert 0 < len(cancelled) < 18

    callers.clear()
    assert await asyncio.gather(*(ask(pool, key) for key in keys)) == ["hello"] * 6
    stats = pool.stats()
    assert (stats.leased, stats.waiting_for_capacity, stats.waiting_for_lease, stats.given_up) == (0, 0, 0, 0)
