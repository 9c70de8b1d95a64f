"""``shutdown``: who is refused, who may finish, who is cut off, and that nothing is alive when it returns."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from acpool import LeaseRevoked, PoolClosed

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make

    from acpool import SessionPool


def now() -> float:
    """Virtual time, seconds."""
    return asyncio.get_running_loop().time()


async def hold(pool: SessionPool, key: str, seconds: float) -> str:
    """Hold the lease of ``key`` for a while."""
    async with pool.session(key):
        await asyncio.sleep(seconds)
    return "finished"


async def test_it_suspends_every_session_and_leaves_no_process(agents: Agents, make: Make) -> None:
    pool = make(3, suspended={"z": "old"})
    for key in ("a", "b", "c"):
        await pool.get_or_create(key)
    await pool.shutdown()
    assert agents.running() == [] and now() == 0.0
    assert pool.suspended == {"z": "old", "a": "s1", "b": "s2", "c": "s3"}


async def test_it_returns_when_the_last_process_is_dead(agents: Agents, make: Make) -> None:
    pool = make(2)
    for key, seconds in (("a", 1.0), ("b", 3.0)):
        await pool.get_or_create(key)
        agents.delay("close", key, seconds)
    await pool.shutdown()
    assert now() == 3.0 and agents.running() == []


async def test_of_an_unused_pool_is_nothing(make: Make) -> None:
    pool = make(idle_ttl=1.0)
    await pool.shutdown()
    assert now() == 0.0
    with pytest.raises(PoolClosed):
        await pool.get_or_create("a")


async def test_leases_may_finish_until_timeout(agents: Agents, make: Make) -> None:
    pool = make(2)
    holding = [asyncio.create_task(hold(pool, key, s)) for key, s in (("a", 7.0), ("b", 5.0))]
    await agents.settle()
    await pool.shutdown(timeout=7.5)
    assert now() == 7.0 and [task.result() for task in holding] == ["finished"] * 2
    assert "kill a1" not in agents.log and pool.suspended == {"a": "s1", "b": "s2"}


async def test_at_the_deadline_the_rest_is_revoked_and_every_id_suspended(agents: Agents, make: Make) -> None:
    pool = make(2)
    long, short = (asyncio.create_task(hold(pool, key, s)) for key, s in (("a", 1e9), ("b", 1.0)))
    await agents.settle()
    await pool.shutdown(timeout=7.0)
    assert now() == 7.0 and short.result() == "finished" and agents.running() == []
    with pytest.raises(LeaseRevoked, match="the deadline of the shutdown passed"):
        await long
    assert pool.suspended == {"a": "s1", "b": "s2"} and "kill a1" in agents.log


async def test_math_inf_waits_for_as_long_as_it_takes(agents: Agents, make: Make) -> None:
    pool = make()
    holding = asyncio.create_task(hold(pool, "a", 1e6))
    await agents.settle()
    await pool.shutdown(timeout=math.inf)
    assert now() == 1e6 and holding.result() == "finished"


async def test_waiters_fail_at_once_and_starts_are_abandoned(agents: Agents, make: Make) -> None:
    pool = make(2, capacity_timeout=100.0, suspended={"b": "old"})
    holder = asyncio.create_task(hold(pool, "a", 2.0))
    await agents.settle()
    agents.hold("load", "b")
    calls = [
        pool.with_connection("a", lambda lease: lease.prompt("x")),
        hold(pool, "a", 0.0),
        pool.get_or_create("b"),
        hold(pool, "b", 0.0),
        pool.get_or_create("c"),
    ]
    waiting = [asyncio.create_task(call) for call in calls]
    await agents.settle()
    shutting = asyncio.create_task(pool.shutdown())
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [PoolClosed] * 5 and now() == 0.0
    await agents.settle()
    assert agents.running() == ["a1"] and not shutting.done()
    await shutting
    assert holder.result() == "finished" and now() == 2.0
    assert pool.suspended == {"b": "old", "a": "s1"}


async def test_s11_a_start_that_ends_after_shutdown_installs_nothing(agents: Agents, make: Make) -> None:
    pool = make(cancel_timeout=0.0, close_timeout=1.0)
    opening = agents.deaf("open", "a")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    await pool.shutdown(timeout=3.0)
    assert now() == 3.0 + 2.0, "its bound: timeout + cancel_timeout + 2 × close_timeout"
    with pytest.raises(PoolClosed):
        await waiting
    opening.release()
    await agents.settle()
    assert agents.processes[0].alive is False and pool.core.live == {}


async def test_it_gives_up_within_its_bound_and_says_on_what(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(cancel_timeout=0.5, close_timeout=1.0)
    agents.hold("prompt", "a")
    agents.hold("cancel", "a")

    async def talk() -> None:
        async with pool.session("a") as lease:
            await lease.prompt("x")

    talking = asyncio.create_task(talk())
    await agents.settle()
    agents["a1"].stubborn = True
    agents.hold("close", "a")
    await pool.shutdown(timeout=4.0)
    assert now() == 4.0 + 0.5 + 1.0
    assert pool.stats().given_up == 1 and pool.suspended == {}
    assert "gave up on the agent process of 'a' (session 's1'): not confirmed dead" in caplog.messages
    with pytest.raises(LeaseRevoked):
        await talking


async def test_a_start_that_does_not_end_is_named(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(cancel_timeout=0.0, close_timeout=0.0)
    opening = agents.deaf("open", "a")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    await pool.shutdown(timeout=0.0)
    message = "shut down with starts that do not end when cancelled: 'a'"
    assert message in caplog.messages
    opening.release()
    with pytest.raises(PoolClosed):
        await waiting
    await agents.settle()


async def test_it_is_idempotent_and_concurrent_calls_share_one(agents: Agents, make: Make) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 5.0))
    await agents.settle()
    await asyncio.gather(pool.shutdown(timeout=9.0), pool.shutdown(timeout=20.0), pool.shutdown(timeout=9.0))
    assert now() == 5.0 and holder.result() == "finished"
    await pool.shutdown()
    await pool.shutdown(timeout=0.0)
    assert now() == 5.0 and agents.log.count("close a1") == 1


@pytest.mark.parametrize(("second", "ends"), [(1.0, 4.0), (50.0, 10.0), (0.0, 3.0)])
async def test_the_earliest_deadline_counts(agents: Agents, make: Make, second: float, ends: float) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 1e9))
    await agents.settle()
    first = asyncio.create_task(pool.shutdown(timeout=10.0))
    await asyncio.sleep(3.0)
    await pool.shutdown(timeout=second)
    assert now() == ends
    await first
    assert now() == ends
    with pytest.raises(LeaseRevoked):
        await holder


async def test_an_earlier_deadline_in_the_very_step_of_the_first_call_counts(
    agents: Agents, make: Make
) -> None:
    pool = make(idle_ttl=1.0)  # the cleaning is stopped first, which takes a step
    holder = asyncio.create_task(hold(pool, "a", 1e9))
    await agents.settle()
    await asyncio.gather(pool.shutdown(timeout=10.0), pool.shutdown(timeout=2.0))
    assert now() == 2.0 and holder.done() and holder.exception() is not None


async def test_a_deadline_brought_forward_after_it_passed_changes_nothing(agents: Agents, make: Make) -> None:
    pool = make(close_timeout=5.0)
    holder = asyncio.create_task(hold(pool, "a", 1e9))
    await agents.settle()
    agents["a1"].stubborn = True
    agents.delay("close", "a", 4.0)
    first = asyncio.create_task(pool.shutdown(timeout=1.0))
    await asyncio.sleep(2.0)
    await pool.shutdown(timeout=0.0)
    assert now() == 5.0
    await first
    with pytest.raises(LeaseRevoked):
        await holder
    assert agents.log.count("kill a1") == 1


async def test_a_cancelled_caller_leaves_it_going_on(agents: Agents, make: Make) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 5.0))
    await agents.settle()
    shutting = asyncio.create_task(pool.shutdown())
    await asyncio.sleep(1.0)
    shutting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await shutting
    with pytest.raises(PoolClosed):
        await pool.get_or_create("b")
    await holder
    await pool.shutdown()
    assert now() == 5.0 and agents.running() == []


async def test_a_shutdown_that_was_cancelled_from_outside_is_begun_again(agents: Agents, make: Make) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 5.0))
    await agents.settle()
    first = asyncio.create_task(pool.shutdown())
    await agents.settle()
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "acpool-shutdown"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await pool.shutdown()
    assert now() == 5.0 and agents.running() == []
    await holder


async def test_async_with_shuts_the_pool_also_when_the_block_raises(agents: Agents, make: Make) -> None:
    pool = make()

    async def use() -> None:
        async with pool as entered:
            assert entered is pool
            await pool.get_or_create("a")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await use()
    assert agents.running() == [] and pool.suspended == {"a": "s1"}


async def test_a_get_or_create_on_a_session_still_leased_is_refused_while_shutting(
    agents: Agents, make: Make
) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 5.0))
    await agents.settle()
    shutting = asyncio.create_task(pool.shutdown())
    await asyncio.sleep(1.0)
    with pytest.raises(PoolClosed):
        await pool.get_or_create("a")
    await shutting
    assert holder.result() == "finished"
