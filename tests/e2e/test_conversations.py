"""Conversations with a real agent through the pool: each of them goes on, whatever becomes of its processes.

The agent answers with the number of messages that its user has sent in this conversation, so the answer proves
which conversation it is and that nothing of it was lost.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from acpool import ConnectionLost, LeaseRevoked, NoSession, PoolClosed, SessionPool

pytestmark = pytest.mark.asyncio


async def ask(pool: SessionPool, key: str) -> tuple[str, int]:
    """One prompt: the agent's answer, and the process that gave it."""
    async with pool.session(key) as connection:
        return (await connection.prompt("hello")).text, connection.pid


async def test_a_full_pool_evicts_and_the_evicted_one_goes_on_in_a_new_process(workshop: Any) -> None:
    pool: SessionPool = workshop.real(1)
    created = await pool.get_or_create("ada")
    assert (created.resumed, created.session_reset) == (False, False)
    (first, pid), (second, same) = await ask(pool, "ada"), await ask(pool, "ada")
    assert (first, second, pid) == ("1", "2", same)

    answer, other = await ask(pool, "grace")
    assert answer == "1"
    assert list(workshop.agents_of(pool).living()) == [other]
    assert pool.suspended == {"ada": created.session_id}
    with pytest.raises(NoSession):
        await pool.with_connection("ada", lambda connection: connection.prompt("hello"))

    resumed = await pool.get_or_create("ada")
    assert (resumed.session_id, resumed.resumed, resumed.session_reset) == (created.session_id, True, False)
    answer, again = await ask(pool, "ada")
    assert answer == "3"
    assert len({pid, other, again}) == 3


async def test_after_a_reset_the_conversation_is_a_new_one_and_nobody_is_told(workshop: Any) -> None:
    pool: SessionPool = workshop.real(2)
    old = await pool.get_or_create("ada")
    assert [(await ask(pool, "ada"))[0], (await ask(pool, "ada"))[0]] == ["1", "2"]
    assert await pool.reset("ada")
    assert workshop.agents_of(pool).living() == {}
    assert pool.suspended == {}
    assert not await pool.reset("ada")

    new = await pool.get_or_create("ada")
    assert new.session_id != old.session_id
    assert (new.resumed, new.session_reset) == (False, False)
    assert (await ask(pool, "ada"))[0] == "1"


async def test_what_rests_is_suspended_and_resumed_on_demand(workshop: Any, journal: Any) -> None:
    pool: SessionPool = workshop.real(2, on_event=journal)
    _, pid = await ask(pool, "ada")
    assert await pool.cleanup_idle(3600) == []
    assert await pool.cleanup_idle(0) == ["ada"]
    await journal.until("closed", key="ada")
    assert workshop.agents_of(pool).living() == {}
    assert list(pool.suspended) == ["ada"]
    async with pool.session("ada") as connection:
        assert connection.info.resumed
        assert (await connection.prompt("hello")).text == "2"
        assert connection.pid != pid


async def test_cancel_ends_the_prompt_in_progress_and_not_the_session(workshop: Any, hold: Any) -> None:
    pool: SessionPool = workshop.real(1)
    assert not await pool.cancel("ada")
    _, pid = await ask(pool, "ada")
    assert not await pool.cancel("ada")
    holder = await hold(pool, "ada", "wait")
    assert await pool.cancel("ada")
    assert (await holder).stop_reason == "cancelled"
    answer, same = await ask(pool, "ada")
    assert answer.isdecimal()
    assert same == pid


async def test_kill_9_in_mid_prompt_fails_the_prompt_and_the_next_caller_resumes(
    workshop: Any, hold: Any
) -> None:
    pool: SessionPool = workshop.real(1)
    _, pid = await ask(pool, "ada")
    session_id = (await pool.get_or_create("ada")).session_id
    holder = await hold(pool, "ada", "wait")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ConnectionLost, match="was ended by SIGKILL"):
        await holder
    async with pool.session("ada") as connection:
        assert connection.info.resumed
        assert connection.session_id == session_id
        assert connection.pid != pid
        assert list(workshop.agents_of(pool).living()) == [connection.pid]
        assert (await connection.prompt("hello")).text == "2"


async def test_a_lease_that_is_too_old_is_taken_back(workshop: Any, hold: Any, journal: Any) -> None:
    pool: SessionPool = workshop.real(1, max_lease=0.0, on_event=journal)
    _, pid = await ask(pool, "ada")
    holder = await hold(pool, "ada", "wait")
    assert await pool.cleanup_idle(math.inf) == ["ada"]
    with pytest.raises(LeaseRevoked, match="max_lease"):
        await holder
    await journal.until("closed", key="ada")
    assert workshop.agents_of(pool).living() == {}
    async with pool.session("ada") as connection:
        assert connection.info.resumed
        assert (await connection.prompt("hello")).text.isdecimal()
        assert connection.pid != pid


async def test_shutdown_lets_prompts_finish_revokes_what_hangs_and_another_pool_goes_on(
    workshop: Any, hold: Any, jump: Callable[[float], None]
) -> None:
    first: SessionPool = workshop.real(3)
    keys = ["hung", "working", "idle"]
    assert [answer for answer, _ in await asyncio.gather(*(ask(first, key) for key in keys))] == ["1"] * 3
    ids = {key: (await first.get_or_create(key)).session_id for key in keys}
    assert len(workshop.agents_of(first).living()) == 3

    hung = await hold(first, "hung", "wait")
    async with first.session("working") as connection:
        down = asyncio.create_task(first.shutdown(timeout=20))
        while first.stats().idle:
            await asyncio.sleep(0)
        with pytest.raises(PoolClosed):
            await first.get_or_create("idle")
        assert (await connection.prompt("hello")).text == "2"
    assert not hung.done()
    jump(20)
    with pytest.raises(LeaseRevoked, match="shutdown"):
        await hung
    await down
    assert workshop.agents_of(first).living() == {}
    assert first.suspended == ids

    second: SessionPool = workshop.real(1, suspended=first.suspended)
    assert (await second.get_or_create("working")).resumed
    assert (await ask(second, "working"))[0] == "3"


async def test_more_conversations_than_slots_all_go_on(workshop: Any) -> None:
    pool: SessionPool = workshop.real(2, capacity_timeout=math.inf)
    keys = ["ada", "grace", "edsger", "barbara"]

    async def converse(key: str, visits: int) -> tuple[list[str], set[int]]:
        answers: list[str] = []
        processes: set[int] = set()
        for _ in range(visits):
            async with pool.session(key) as connection:
                processes.add(connection.pid)
                answers += [(await connection.prompt("hello")).text, (await connection.prompt("hello")).text]
        return answers, processes

    outcomes = await asyncio.gather(*map(converse, keys, [2, 2, 1, 1]))
    assert [answers for answers, _ in outcomes] == [["1", "2", "3", "4"]] * 2 + [["1", "2"]] * 2
    # Nobody shares a process; the slots are served in turn, so who comes a second time has lost his to others.
    assert [len(used) for _, used in outcomes] == [2, 2, 1, 1]
    assert len({pid for _, used in outcomes for pid in used}) == 6
    assert workshop.agents_of(pool).at_once == 2
    await pool.shutdown()
    assert sorted(pool.suspended) == sorted(keys)
