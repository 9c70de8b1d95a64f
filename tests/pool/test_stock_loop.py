"""The pool on asyncio's own loop: what the deterministic one shows, once more in the world, and the end of that world."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from acpool import LeaseRevoked, PoolExhausted, SessionInfo, SessionPool

if TYPE_CHECKING:
    from tests.pool.conftest import Agents


@pytest.mark.asyncio
async def test_more_conversations_than_slots(agents: Agents) -> None:
    async with SessionPool(agents, max_sessions=2, capacity_timeout=30.0) as pool:

        async def talk(key: str) -> str:
            async with pool.session(key) as lease:
                answer: str = await lease.prompt("hello")
                return answer

        answers = await asyncio.gather(*(talk(key) for key in "abcabcabc"))
        assert sorted({answer.split(":")[0] for answer in answers}) == ["s1", "s2", "s3"]
        assert len(agents.running()) == 2
    assert agents.running() == [] and sorted(pool.suspended) == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_exhausted_reset_and_resumed(agents: Agents) -> None:
    pool = SessionPool(agents, max_sessions=1)

    async def hold() -> None:
        async with pool.session("a"):
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await agents.settle()
    with pytest.raises(PoolExhausted):
        await pool.get_or_create("b")
    assert await pool.reset("a")
    with pytest.raises(LeaseRevoked):
        await holding
    assert await pool.get_or_create("a") == SessionInfo("s2", False, False)
    await pool.shutdown()
    assert agents.running() == []


@pytest.mark.asyncio
async def test_a_timeout_around_a_prompt_is_a_timeout(agents: Agents) -> None:
    pool = SessionPool(agents, max_sessions=1)
    agents.hold("prompt", "a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), pool.session("a") as lease:
            await lease.prompt("x")
    await pool.shutdown()
    assert agents.running() == []


def test_a_process_that_is_closing_when_the_loop_ends_is_killed(agents: Agents) -> None:
    async def main() -> None:
        pool = SessionPool(agents, max_sessions=1)
        await pool.get_or_create("a")
        agents.hold("close", "a")
        await pool.cleanup_idle(0.0)
        await agents.settle()

    asyncio.run(main())
    assert agents.log[-2:] == ["close a1", "kill a1"] and agents.running() == []


def test_a_process_that_is_starting_when_the_loop_ends_is_killed(agents: Agents) -> None:
    async def main() -> None:
        pool = SessionPool(agents, max_sessions=1)
        agents.hold("initialize", "a")
        creating = asyncio.create_task(pool.get_or_create("a"))
        await agents.settle()
        assert not creating.done()

    asyncio.run(main())
    assert agents.running() == []
