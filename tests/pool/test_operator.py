"""``cleanup_idle``, ``cancel`` and ``reset``: what they take out, what they leave alone, what they wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from acpool import NoSession, PoolClosed, SessionInfo

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make

    from acpool import SessionPool


def now() -> float:
    """Virtual time, seconds."""
    return asyncio.get_running_loop().time()


async def talk(pool: SessionPool, key: str, content: str = "x") -> str:
    """One prompt."""
    async with pool.session(key) as lease:
        answer: str = await lease.prompt(content)
        return answer


# -- cleanup_idle ------------------------------------------------------------------------------------------------


async def test_cleanup_idle_suspends_what_rested_for_ttl_and_answers_its_keys(
    agents: Agents, make: Make
) -> None:
    pool = make(3)
    await pool.get_or_create("a")
    await asyncio.sleep(2.0)
    await talk(pool, "b")
    await asyncio.sleep(3.0)
    assert await pool.cleanup_idle(5.1) == []
    assert await pool.cleanup_idle(5.0) == ["a"]
    assert pool.suspended == {"a": "s1"} and pool.stats().closing == 1
    await agents.settle()
    assert agents.running() == ["b1"] and agents.log[-1] == "close a1"


async def test_cleanup_idle_waits_for_nothing_a_connection_does(agents: Agents, make: Make) -> None:
    pool = make(2)
    await pool.get_or_create("a")
    hold = agents.hold("close", "a")
    cleaning = pool.cleanup_idle(0.0)
    with pytest.raises(StopIteration) as answer:
        cleaning.send(None)
    assert answer.value.value == ["a"]
    hold.release()


async def test_cleanup_idle_leaves_leased_sessions_alone_and_drops_dead_ones(
    agents: Agents, make: Make
) -> None:
    pool = make(2)
    async with pool.session("a") as lease:
        await pool.get_or_create("b")
        agents["b1"].alive = False
        await asyncio.sleep(100.0)
        assert await pool.cleanup_idle(1000.0) == ["b"]
        assert await pool.cleanup_idle(0.0) == []
        assert lease.alive


async def test_without_max_lease_no_lease_is_ever_too_old(make: Make) -> None:
    pool = make()
    async with pool.session("a") as lease:
        await asyncio.sleep(1e9)
        assert await pool.cleanup_idle(0.0) == [] and lease.alive


async def test_a_lease_is_as_old_as_it_is_and_not_as_the_pool(make: Make) -> None:
    pool = make(max_lease=6.0)
    await pool.get_or_create("a")
    await asyncio.sleep(100.0)
    async with pool.session("a") as lease:
        await asyncio.sleep(5.9)
        assert await pool.cleanup_idle(0.0) == [] and lease.alive


async def test_idle_ttl_cleans_up_every_cleanup_interval(agents: Agents, make: Make) -> None:
    pool = make(2, idle_ttl=10.0, cleanup_interval=4.0)
    await pool.get_or_create("a")
    await asyncio.sleep(11.9)
    assert pool.stats().idle == 1
    await asyncio.sleep(0.2)
    assert pool.stats().idle == 0 and pool.suspended == {"a": "s1"}
    await pool.get_or_create("b")
    await asyncio.sleep(20.0)
    assert pool.stats().idle == 0, "it goes on while the pool is open"


async def test_idle_ttl_takes_old_leases_back_too(agents: Agents, make: Make) -> None:
    pool = make(idle_ttl=1e9, cleanup_interval=4.0, max_lease=6.0)
    entered = pool.session("a")

    async def hold() -> None:
        async with entered:
            await asyncio.sleep(1e9)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(7.9)
    assert entered.alive
    await asyncio.sleep(0.2)
    assert not entered.alive and holding.done() and holding.exception() is not None


async def test_entering_the_pool_begins_the_cleaning_and_without_idle_ttl_there_is_none(make: Make) -> None:
    before = len(asyncio.all_tasks())
    async with make(idle_ttl=1.0, cleanup_interval=1.0):
        assert len(asyncio.all_tasks()) == before + 1
    async with make():
        assert len(asyncio.all_tasks()) == before


# -- cancel ------------------------------------------------------------------------------------------------------


async def test_cancel_tells_the_agent_and_never_waits_for_the_lease(agents: Agents, make: Make) -> None:
    pool = make()
    hold = agents.hold("prompt", "a")
    talking = asyncio.create_task(talk(pool, "a"))
    await agents.settle()
    assert await pool.cancel("a")
    assert now() == 0.0 and agents.log[-1] == "cancel a1" and not talking.done()
    hold.release()
    assert await talking == "s1: x"


async def test_cancel_without_a_prompt_is_false(agents: Agents, make: Make) -> None:
    pool = make()
    assert not await pool.cancel("a")
    async with pool.session("a"):
        assert not await pool.cancel("a")
    assert not await pool.cancel("a")
    await talk(pool, "a")
    assert not await pool.cancel("a")
    assert "cancel a1" not in agents.log


async def test_a_cancel_that_fails_is_true_all_the_same(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()
    hold = agents.hold("prompt", "a")
    agents.fail("cancel", "a", BrokenPipeError("gone"))
    talking = asyncio.create_task(talk(pool, "a"))
    await agents.settle()
    with caplog.at_level("INFO", "acpool"):
        assert await pool.cancel("a")
    assert (
        "the agent of 'a' could not be told that its prompt is over: BrokenPipeError('gone')"
        in caplog.messages
    )
    hold.release()
    await talking


# -- reset -------------------------------------------------------------------------------------------------------


async def test_reset_forgets_and_the_next_session_is_new_and_not_flagged(agents: Agents, make: Make) -> None:
    pool = make()
    await pool.get_or_create("a")
    assert await pool.reset("a")
    assert agents.running() == [] and pool.suspended == {} and pool.stats().closing == 0
    assert agents.log[-1] == "kill a1", "it returns when the process is gone"
    assert not await pool.reset("a")
    assert await pool.get_or_create("a") == SessionInfo("s2", False, False)


async def test_reset_of_a_suspended_key_forgets_its_id(agents: Agents, make: Make) -> None:
    pool = make(suspended={"a": "old"})
    assert await pool.reset("a") and pool.suspended == {}
    assert not (await pool.get_or_create("a")).session_reset and agents.loads == []


@pytest.mark.parametrize("stage", ["open", "initialize", "load"])
async def test_s11_reset_defeats_a_creation_in_flight_and_its_callers_get_a_new_session(
    agents: Agents, make: Make, stage: str
) -> None:
    pool = make(suspended={"a": "old"})
    agents.hold(stage, "a")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    talking = asyncio.create_task(talk(pool, "a"))
    await agents.settle()
    assert await pool.reset("a")
    assert await waiting == SessionInfo("s1", False, False)
    assert await talking == "s1: x"
    assert len(agents.running()) == 1 and pool.suspended == {}
    assert agents.loads == ([("a1", "old")] if stage == "load" else [])


async def test_s11_what_started_before_the_reset_never_installs_itself_after_it(
    agents: Agents, make: Make
) -> None:
    pool = make(2, suspended={"a": "old"}, cancel_timeout=0.0, close_timeout=1.0)
    load = agents.deaf("load", "a")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert await pool.reset("a")
    load.release()
    assert await waiting == SessionInfo("s1", False, False)
    await agents.settle()
    assert pool.core.live["a"].session_id == "s1" and agents.running() == ["a2"]


async def test_reset_of_a_leased_session_waits_for_its_process_and_not_for_its_holder(
    agents: Agents, make: Make
) -> None:
    pool = make(close_timeout=3.0)
    entered = pool.session("a")

    async def deaf() -> None:
        async with entered:
            for _ in range(2):
                try:
                    await asyncio.sleep(50.0)
                except asyncio.CancelledError:
                    pass

    holding = asyncio.create_task(deaf())
    await agents.settle()
    agents["a1"].stubborn = True
    agents.delay("close", "a", 2.0)
    assert await pool.reset("a")
    assert now() == 2.0 and not holding.done() and pool.stats().given_up == 0
    assert (await pool.get_or_create("a")).session_id == "s2"
    await holding


async def test_who_waits_for_the_lease_goes_on_after_a_reset_in_order(agents: Agents, make: Make) -> None:
    pool = make()
    order: list[str] = []

    async def join(name: str) -> None:
        async with pool.session("a") as lease:
            order.append(f"{name} {lease.session_id}")

    first = pool.session("a")
    await first.__aenter__()
    waiting = [asyncio.create_task(join(name)) for name in ("one", "two")]
    connection = asyncio.create_task(pool.with_connection("a", lambda lease: lease.prompt("x")))
    await agents.settle()
    await pool.reset("a")
    with pytest.raises(NoSession, match="'a' has no live session"):
        await connection
    await asyncio.gather(*waiting)
    assert order == ["one s2", "two s2"]
    await first.__aexit__(None, None, None)


async def test_two_resets_at_once_both_wait_for_the_one_process(agents: Agents, make: Make) -> None:
    pool = make(close_timeout=9.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    agents.delay("close", "a", 4.0)
    answers = await asyncio.gather(pool.reset("a"), pool.reset("a"), pool.reset("b"))
    assert list(answers) == [True, False, False] and now() == 4.0


async def test_l1_a_reset_waits_for_no_other_key(agents: Agents, make: Make) -> None:
    pool = make(2)
    for key in ("a", "b"):
        await pool.get_or_create(key)
    agents.delay("close", "b", 4.0)
    await pool.cleanup_idle(0.0)
    assert await pool.reset("a")
    assert now() == 0.0


async def test_a_cancelled_reset_goes_on(agents: Agents, make: Make) -> None:
    pool = make(close_timeout=9.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    agents.delay("close", "a", 4.0)
    resetting = asyncio.create_task(pool.reset("a"))
    await agents.settle()
    resetting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resetting
    assert (await pool.get_or_create("a")) == SessionInfo("s2", False, False)
    assert now() == 4.0 and pool.stats().given_up == 0


async def test_every_operation_refuses_when_the_pool_is_shut(make: Make) -> None:
    pool = make()
    await pool.get_or_create("a")
    await pool.shutdown()
    calls = [
        (pool.get_or_create("a"), "the pool is shut: nothing more for 'a'"),
        (
            pool.with_connection("a", lambda lease: lease.prompt("x")),
            "the pool is shut: nothing more for 'a'",
        ),
        (talk(pool, "a"), "the pool is shut: nothing more for 'a'"),
        (pool.cancel("a"), "the pool is shut: no cancel of 'a'"),
        (pool.reset("a"), "the pool is shut: no reset of 'a'"),
        (pool.cleanup_idle(0.0), "the pool is shut: no cleanup_idle"),
    ]
    for call, message in calls:
        with pytest.raises(PoolClosed, match=f"^{message}$"):
            await call
    assert pool.suspended == {"a": "s1"}
