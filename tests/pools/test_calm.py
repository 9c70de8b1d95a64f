"""Used calmly, one call after the other, each known-bad pool is a good pool: its races are all that is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import ConnectionLost, NoSession, PoolClosed, SessionStartError
from acpool_spec.pools import (
    global_lock,
    merged,
    no_reclaim,
    remove_by_key,
    reset_drops_gate,
    unlocked_start,
)
from acpool_spec.pools.staging import Outside, hello


class Pool(Protocol):
    """What every known-bad pool offers."""

    async def get_or_create(self, key: str) -> SessionInfo: ...
    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[Any]]) -> Any: ...
    async def cleanup_idle(self, ttl: float) -> list[str]: ...
    async def shutdown(self, timeout: float = ...) -> None: ...


class ResettingPool(Pool, Protocol):
    """The pools of a design that had reset and cancel."""

    async def cancel(self, key: str) -> bool: ...
    async def reset(self, key: str) -> bool: ...


class Factory(Protocol):
    def __call__(self, connector: Connector, *, max_sessions: int) -> Pool: ...


class ResettingFactory(Protocol):
    def __call__(self, connector: Connector, *, max_sessions: int) -> ResettingPool: ...


FACTORIES: dict[str, Factory] = {
    "global_lock": global_lock.factory,
    "unlocked_start": unlocked_start.factory,
    "remove_by_key": remove_by_key.factory,
    "merged": merged.factory,
    "reset_drops_gate": reset_drops_gate.factory,
    "no_reclaim": no_reclaim.factory,
}
RESETTING: dict[str, ResettingFactory] = {
    "merged": merged.factory,
    "reset_drops_gate": reset_drops_gate.factory,
}
pytestmark = pytest.mark.asyncio
every_pool = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
resetting_pools = pytest.mark.parametrize("factory", RESETTING.values(), ids=RESETTING)
FOREVER = 1e9


@every_pool
async def test_creates_once_and_reuses(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=2)
    assert await pool.get_or_create("a") == SessionInfo("s1", resumed=False, session_reset=False)
    assert await pool.get_or_create("a") == SessionInfo("s1", resumed=False, session_reset=False)
    assert await pool.with_connection("a", hello) == "s1: hello"
    assert outside.running() == ["a1"]


@every_pool
async def test_a_full_pool_evicts_the_least_recently_used(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=2)
    for key in ("a", "b", "a", "c"):
        await pool.get_or_create(key)
    assert outside.running() == ["a1", "c1"]
    await pool.with_connection("a", hello)
    await pool.get_or_create("b")
    assert outside.running() == ["a1", "b2"]


@every_pool
async def test_a_suspended_session_is_resumed_with_load(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.get_or_create("b")
    assert await pool.get_or_create("a") == SessionInfo("s1", resumed=True, session_reset=False)
    assert await pool.with_connection("a", hello) == "s1: hello"
    assert outside.running() == ["a2"]


@every_pool
@pytest.mark.parametrize("can_load", [True, False])
async def test_a_session_that_cannot_be_loaded_is_replaced_and_said_so_until_a_prompt(
    factory: Factory, outside: Outside, can_load: bool
) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.established.clear()
    outside.established.add("another")
    outside.supports_load = can_load
    assert await pool.get_or_create("a") == SessionInfo("s2", resumed=False, session_reset=True)
    assert (await pool.get_or_create("a")).session_reset
    await pool.with_connection("a", hello)
    assert not (await pool.get_or_create("a")).session_reset
    assert (("loading", "a2", "s1") in outside.log) is can_load


@every_pool
async def test_a_session_whose_process_died_is_loaded_again(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    outside.latest("a").kill()
    assert await pool.get_or_create("a") == SessionInfo("s1", resumed=True, session_reset=False)
    assert outside.running() == ["a2"]


@every_pool
@pytest.mark.parametrize("stage", ["open", "initialize", "new"])
async def test_a_failed_start_names_its_stage_and_leaves_no_process(
    factory: Factory, outside: Outside, stage: str
) -> None:
    pool = factory(outside, max_sessions=1)
    outside.fail(stage, "a", lambda: OSError("no luck"))
    with pytest.raises(SessionStartError) as caught:
        await pool.get_or_create("a")
    assert (caught.value.key, caught.value.stage) == ("a", stage)
    assert outside.running() == []
    assert await pool.get_or_create("a") == SessionInfo("s1", resumed=False, session_reset=False)


@every_pool
async def test_cleanup_suspends_what_is_idle_long_enough(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("b")
    assert await pool.cleanup_idle(FOREVER) == []
    assert await pool.cleanup_idle(0) == ["a", "b"]
    assert outside.running() == []
    assert (await pool.get_or_create("b")).resumed


@every_pool
async def test_a_prompt_needs_a_session(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    with pytest.raises(NoSession, match="'a'"):
        await pool.with_connection("a", hello)


@every_pool
async def test_a_prompt_that_fails_gives_the_lease_back(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    outside.fail("prompt", "a", lambda: ConnectionLost("cut off"))
    with pytest.raises(ConnectionLost, match="cut off"):
        await pool.with_connection("a", hello)
    assert await pool.with_connection("a", hello) == "s1: hello"


@every_pool
async def test_one_holder_at_a_time(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    first = outside.hold("prompt", "a")
    second = outside.hold("prompt", "a")
    async with asyncio.TaskGroup() as group:
        group.create_task(pool.with_connection("a", hello))
        group.create_task(pool.with_connection("a", hello))
        await first.reach()
        assert not second.reached.is_set()
        first.release()
        await second.reach()
        second.release()


@every_pool
async def test_shutdown_ends_every_process_and_refuses_new_work(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("b")
    await pool.shutdown()
    await pool.shutdown()
    assert outside.running() == []
    with pytest.raises(PoolClosed):
        await pool.get_or_create("a")
    with pytest.raises(PoolClosed):
        await pool.with_connection("a", hello)
    with pytest.raises(PoolClosed):
        await pool.cleanup_idle(0)


@resetting_pools
async def test_reset_forgets_a_live_and_a_suspended_session(
    factory: ResettingFactory, outside: Outside
) -> None:
    pool = factory(outside, max_sessions=1)
    assert not await pool.reset("a")
    await pool.get_or_create("a")
    assert await pool.reset("a")
    assert outside.running() == []
    assert not await pool.cancel("a")
    assert await pool.get_or_create("a") == SessionInfo("s2", resumed=False, session_reset=False)
    await pool.cleanup_idle(0)
    assert await pool.reset("a")
    assert await pool.get_or_create("a") == SessionInfo("s3", resumed=False, session_reset=False)


@resetting_pools
async def test_reset_withdraws_what_was_not_yet_told(factory: ResettingFactory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.supports_load = False
    assert (await pool.get_or_create("a")).session_reset
    await pool.reset("a")
    assert not (await pool.get_or_create("a")).session_reset


@resetting_pools
async def test_cancel_tells_whether_a_prompt_was_there(factory: ResettingFactory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    assert not await pool.cancel("a")
    await pool.get_or_create("a")
    assert not await pool.cancel("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    assert await pool.cancel("a")
    assert outside.log[-1] == ("cancel", "a1")
    prompt.release()
    await asking
