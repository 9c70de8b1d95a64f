"""The races of ``merged``, each staged by hand on the stock event loop, beside what a good pool would have done."""

from __future__ import annotations

import asyncio

import pytest

from acpool.errors import ConnectionLost, PoolExhausted, SessionStartError
from acpool_spec.pools import merged
from acpool_spec.pools.staging import Outside, hello, settle

pytestmark = pytest.mark.asyncio


async def test_s4_s3_a_victim_sampled_idle_is_evicted_while_it_streams(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    start, prompt = outside.hold("open", "b"), outside.hold("prompt", "a")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await start.reach()
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    start.release()
    await creating
    assert (await pool.get_or_create("a")).resumed
    assert outside.owners("s1") == ["a1", "a2"]  # the first of them still streams
    prompt.release()
    assert await asking == "s1: hello"
    assert outside.running() == ["a2"]


async def test_s4_cleanup_suspends_a_session_that_became_busy(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    cleaning = asyncio.create_task(pool.cleanup_idle(0))
    asking = asyncio.create_task(pool.with_connection("a", hello))
    assert await cleaning == ["a"]
    assert prompt.reached.is_set() and not asking.done()
    await pool.get_or_create("a")
    assert outside.owners("s1") == ["a1", "a2"]
    prompt.release()
    await asking


async def test_s1_any_number_of_starts_run_at_once_and_the_losers_are_refused(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=2)
    keys = [f"k{n}" for n in range(8)]
    holds = [outside.hold("initialize", key) for key in keys]
    creating = [asyncio.create_task(pool.get_or_create(key)) for key in keys]
    for hold in holds:
        await hold.reach()
    assert len(outside.running()) == 8
    for hold in holds:
        hold.release()
    answers = await asyncio.gather(*creating, return_exceptions=True)
    assert [type(answer) for answer in answers[2:]] == [PoolExhausted] * 6
    assert outside.running() == ["k01", "k11"]


async def test_s8_two_starts_sample_one_victim_and_the_loser_is_refused_beside_an_idle_one(
    outside: Outside,
) -> None:
    pool = merged.factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("b")
    first, second = outside.hold("open", "c"), outside.hold("open", "d")
    creating_c = asyncio.create_task(pool.get_or_create("c"))
    creating_d = asyncio.create_task(pool.get_or_create("d"))
    await first.reach()
    await second.reach()
    first.release()
    await creating_c
    second.release()
    with pytest.raises(PoolExhausted):
        await creating_d
    assert outside.running() == ["b1", "c1"]  # b rested all the time
    assert outside.log.count(("prompt", "b1")) == 0


async def test_s8_nothing_to_evict_when_sampled_and_something_idle_when_inserted(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    start = outside.hold("open", "b")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await start.reach()
    await pool.get_or_create("a")
    start.release()
    with pytest.raises(PoolExhausted):
        await creating
    assert outside.running() == ["a1"]


async def test_a_waiting_holder_prompts_a_session_that_is_no_longer_in_the_pool(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    first, second = outside.hold("prompt", "a"), outside.hold("prompt", "a")
    holding = asyncio.create_task(pool.with_connection("a", hello))
    await first.reach()
    waiting = asyncio.create_task(pool.with_connection("a", hello))
    await settle()
    assert await pool.reset("a")
    first.release()
    await second.reach()
    assert not await pool.reset("a")  # the pool knows nothing of it, and yet it is prompted
    second.release()
    await asyncio.gather(holding, waiting)
    assert outside.running() == []


async def test_l2_a_stuck_prompt_stops_get_or_create_of_its_key_and_shutdown(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    getting = [asyncio.create_task(pool.get_or_create("a")) for _ in range(2)]
    shutting = asyncio.create_task(pool.shutdown(timeout=0))
    await settle()
    assert not shutting.done() and not any(task.done() for task in getting)
    prompt.release()
    await asyncio.gather(asking, shutting, *getting)


async def test_s8_a_failed_start_leaves_the_dead_entry_which_costs_a_live_one_its_slot(
    outside: Outside,
) -> None:
    pool = merged.factory(outside, max_sessions=2)
    await pool.get_or_create("live")
    await pool.get_or_create("dead")
    outside.latest("dead").kill()
    outside.fail("open", "dead", lambda: OSError("no luck"))
    with pytest.raises(SessionStartError):
        await pool.get_or_create("dead")
    await pool.get_or_create("newcomer")
    assert outside.running() == ["newcomer1"]  # one process in a pool of two


async def test_s11_a_start_under_way_survives_reset(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    load = outside.hold("load", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await load.reach()
    await pool.reset("a")
    load.release()
    assert (await creating).session_id == "s1"
    assert await pool.with_connection("a", hello) == "s1: hello"  # what was to be forgotten


async def test_s11_s10_a_start_under_way_survives_shutdown(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    start = outside.hold("open", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await start.reach()
    await pool.shutdown()
    start.release()
    await creating
    assert outside.running() == ["a1"]


async def test_s10_a_cancelled_start_leaks_its_process(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    new = outside.hold("new", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    await pool.shutdown()
    assert outside.running() == ["a1"]


async def test_a_cancel_handle_survives_its_connection(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    with pytest.raises(ConnectionLost):
        await pool.cancel("a")


@pytest.mark.parametrize("lost", [TimeoutError, lambda: ConnectionLost("cut off")])
async def test_s6_a_load_that_failed_in_transit_counts_as_refused(
    outside: Outside, lost: type[TimeoutError]
) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.fail("load", "a", lost)
    assert (await pool.get_or_create("a")).session_id == "s2"
    await pool.cleanup_idle(0)
    assert (await pool.get_or_create("a")).session_id == "s2"  # s1 is lost though no agent refused it


async def test_s7_the_reset_flag_is_lowered_by_a_prompt_that_failed(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.supports_load = False
    assert (await pool.get_or_create("a")).session_reset
    outside.fail("prompt", "a", lambda: OSError("not answered"))
    with pytest.raises(OSError, match="not answered"):
        await pool.with_connection("a", hello)
    assert not (await pool.get_or_create("a")).session_reset


async def test_s7_the_reset_flag_does_not_survive_a_suspension(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.fail("load", "a", lambda: OSError("no luck"))
    assert (await pool.get_or_create("a")).session_reset
    await pool.cleanup_idle(0)
    again = await pool.get_or_create("a")
    assert again.resumed and not again.session_reset


async def test_a_reset_lets_the_holder_finish_and_the_process_ends_with_it(outside: Outside) -> None:
    pool = merged.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    assert await pool.reset("a")
    assert outside.running() == ["a1"]
    prompt.release()
    await asking
    assert outside.running() == []
