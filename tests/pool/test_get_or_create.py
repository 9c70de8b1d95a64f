"""``get_or_create``: who waits for what, who does not, what a failed start leaves behind, which id is resumed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from acpool import NoSession, PoolExhausted, SessionInfo, SessionRefused, SessionStartError

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make


async def test_a_session_is_created_once_and_then_answers_at_once(agents: Agents, make: Make) -> None:
    pool = make()
    assert await pool.get_or_create("a") == SessionInfo("s1", False, False)
    assert await pool.get_or_create("a") == SessionInfo("s1", False, False)
    assert agents.log == ["open a1", "initialize a1", "new a1"]


async def test_it_never_waits_for_a_holder(agents: Agents, make: Make) -> None:
    pool = make()
    async with pool.session("a"):
        assert (await pool.get_or_create("a")).session_id == "s1"


async def test_a_creation_in_flight_is_joined_not_repeated(agents: Agents, make: Make) -> None:
    pool = make(2)
    agents.delay("initialize", "a", 3.0)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pool.get_or_create("a")) for _ in range(3)]
    assert {task.result() for task in tasks} == {SessionInfo("s1", False, False)}
    assert agents.log.count("open a1") == 1 and len(agents.processes) == 1


async def test_l1_one_slow_start_blocks_no_other_key(agents: Agents, make: Make) -> None:
    pool = make(2)
    hold = agents.hold("initialize", "a")
    slow = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert (await pool.get_or_create("b")).session_id == "s1"
    assert asyncio.get_running_loop().time() == 0.0 and not slow.done()
    hold.release()
    await slow


async def test_a_full_pool_evicts_the_least_recently_used_and_resumes_it_later(
    agents: Agents, make: Make
) -> None:
    pool = make(2)
    for key in ("a", "b", "a", "c"):
        await pool.get_or_create(key)
    assert agents.running() == ["a1", "c1"] and pool.suspended == {"b": "s2"}
    assert await pool.get_or_create("b") == SessionInfo("s2", True, False)
    assert agents.loads == [("b2", "s2")] and agents.running() == ["c1", "b2"]


async def test_s2_the_new_process_starts_when_the_victim_is_gone(agents: Agents, make: Make) -> None:
    pool = make()
    await pool.get_or_create("a")
    hold = agents.hold("close", "a")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await agents.settle()
    assert agents.log[-1] == "close a1", "the process is still dying and still holds its slot"
    hold.release()
    await creating
    assert agents.log[-3:] == ["open b1", "initialize b1", "new b1"]


async def test_s8_exhausted_at_once_only_when_every_slot_is_in_use(agents: Agents, make: Make) -> None:
    pool = make(2)
    hold = agents.hold("open", "b")
    async with pool.session("a"):
        creating = asyncio.create_task(pool.get_or_create("b"))
        await agents.settle()
        with pytest.raises(PoolExhausted, match=r"no slot for 'c' within capacity_timeout=0.0 s: all 2"):
            await pool.get_or_create("c")
        hold.release()
        await creating
        await pool.get_or_create("c")
    assert agents.running() == ["a1", "c1"]


@pytest.mark.parametrize("stage", ["open", "initialize", "new"])
async def test_a_failed_start_leaves_nothing_behind(agents: Agents, make: Make, stage: str) -> None:
    pool = make()
    agents.fail(stage, "a", OSError("no such program"))
    with pytest.raises(SessionStartError) as caught:
        await pool.get_or_create("a")
    assert (caught.value.key, caught.value.stage) == ("a", stage)
    assert str(caught.value) == (
        f"session 'a' did not start: stage {stage!r} failed with OSError: no such program"
    )
    assert caught.value.__cause__ is caught.value.cause and isinstance(caught.value.cause, OSError)
    await agents.settle()
    assert agents.running() == [] and pool.stats().closing == 0 and pool.suspended == {}
    assert (await pool.get_or_create("a")).session_id == "s1"


async def test_a_failed_start_fails_all_who_joined_and_with_connection_has_no_session(
    agents: Agents, make: Make
) -> None:
    pool = make()
    agents.delay("initialize", "a", 1.0)
    agents.fail("new", "a", OSError("no"))

    async def holding() -> None:
        async with pool.session("a"):
            pass

    calls = [pool.get_or_create("a"), holding(), pool.with_connection("a", lambda lease: lease.prompt("x"))]
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(first, SessionStartError) and isinstance(second, SessionStartError)
    assert isinstance(third, NoSession) and isinstance(third.__cause__, SessionStartError)
    assert str(third) == "'a' has no live session: the creation in flight came to nothing"


async def test_a_dead_entry_is_removed_before_the_new_start(agents: Agents, make: Make) -> None:
    pool = make()
    await pool.get_or_create("a")
    agents["a1"].alive = False
    agents.fail("open", "a", OSError("no"))
    with pytest.raises(SessionStartError):
        await pool.get_or_create("a")
    assert pool.suspended == {"a": "s1"} and pool.stats().idle == 0
    assert await pool.get_or_create("a") == SessionInfo("s1", True, False)


async def test_a_known_id_of_an_earlier_life_is_loaded(agents: Agents, make: Make) -> None:
    pool = make(suspended={"a": "old", "b": "other"})
    assert await pool.get_or_create("a") == SessionInfo("old", True, False)
    assert agents.log == ["open a1", "initialize a1", "load a1"] and pool.suspended == {"b": "other"}


async def test_a_refused_load_gets_a_new_session_in_the_same_process_and_is_flagged(
    agents: Agents, make: Make
) -> None:
    pool = make(suspended={"a": "old"})
    agents.fail("load", "a", SessionRefused("unknown"))
    assert await pool.get_or_create("a") == SessionInfo("s1", False, True)
    assert agents.log == ["open a1", "initialize a1", "load a1", "new a1"]
    assert pool.suspended == {}


async def test_a_start_that_fails_after_the_refusal_asks_again_next_time(agents: Agents, make: Make) -> None:
    pool = make(suspended={"a": "old"})
    agents.fail("load", "a", SessionRefused("locked"))
    agents.fail("new", "a", OSError("no"))
    with pytest.raises(SessionStartError) as caught:
        await pool.get_or_create("a")
    assert caught.value.stage == "new" and pool.suspended == {"a": "old"}
    assert await pool.get_or_create("a") == SessionInfo("old", True, False)


@pytest.mark.parametrize("error", [BrokenPipeError("gone"), TimeoutError("slow"), RuntimeError("odd")])
async def test_s6_a_load_that_fails_in_transit_fails_the_creation_and_keeps_the_id(
    agents: Agents, make: Make, error: Exception
) -> None:
    pool = make(suspended={"a": "old"})
    agents.fail("load", "a", error)
    with pytest.raises(SessionStartError) as caught:
        await pool.get_or_create("a")
    assert caught.value.stage == "load" and caught.value.cause is error
    assert pool.suspended == {"a": "old"} and "new a1" not in agents.log
    assert await pool.get_or_create("a") == SessionInfo("old", True, False)


async def test_an_agent_that_cannot_load_gets_a_new_session_which_is_flagged(
    agents: Agents, make: Make
) -> None:
    agents.load = False
    pool = make(suspended={"a": "old"})
    assert await pool.get_or_create("a") == SessionInfo("s1", False, True)
    assert agents.loads == []


async def test_a_process_that_dies_as_its_session_is_established_is_a_failed_start(
    agents: Agents, make: Make
) -> None:
    pool = make(suspended={"a": "old"})

    async def dying(agent: object) -> None:
        agents.processes[-1].alive = False

    agents.next("load", "a", dying)
    with pytest.raises(SessionStartError, match=r"ConnectionLost: the agent process of 'a' died"):
        await pool.get_or_create("a")
    assert pool.suspended == {"a": "old"}


async def test_two_pools_in_one_loop_know_nothing_of_each_other(agents: Agents, make: Make) -> None:
    first, second = make(), make()
    await first.get_or_create("a")
    await second.get_or_create("a")
    assert agents.running() == ["a1", "a2"]
    await first.shutdown()
    assert agents.running() == ["a2"]
    assert (await second.get_or_create("a")).session_id == "s2"
