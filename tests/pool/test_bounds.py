"""Every bound on waiting, to the second of virtual time, and what is said when it ran out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import pytest

from acpool import LeaseRevoked, NoSession, PoolExhausted, SessionBusy, SessionPool, SessionStartError

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make


def now() -> float:
    """Virtual time, seconds."""
    return asyncio.get_running_loop().time()


async def fails(call: Awaitable[Any], error: type[BaseException], at: float) -> BaseException:
    """``call`` raises ``error``, and does so when ``at`` seconds have passed since the test began."""
    with pytest.raises(error) as caught:
        await call
    assert now() == at
    return caught.value


async def hold(pool: SessionPool, key: str, seconds: float) -> None:
    """Hold the lease of ``key``."""
    async with pool.session(key):
        await asyncio.sleep(seconds)


@pytest.mark.parametrize(
    "name",
    [
        "capacity_timeout",
        "start_timeout",
        "lease_timeout",
        "max_lease",
        "cancel_timeout",
        "close_timeout",
        "idle_ttl",
        "cleanup_interval",
    ],
)
@pytest.mark.parametrize("value", [-0.5, math.nan])
def test_a_bound_that_is_no_number_of_seconds_is_refused(agents: Agents, name: str, value: float) -> None:
    bounds: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"^{name} is {value}: expected seconds, 0 or more$"):
        SessionPool(agents, max_sessions=1, **bounds)


@pytest.mark.parametrize("slots", [0, -1, 1.5])
def test_a_pool_without_slots_is_refused(agents: Agents, slots: Any) -> None:
    with pytest.raises(ValueError, match=f"^max_sessions is {slots}: expected a whole number, 1 or more$"):
        SessionPool(agents, max_sessions=slots)


async def test_without_capacity_timeout_the_refusal_comes_in_the_same_step(
    agents: Agents, make: Make
) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    with pytest.raises(PoolExhausted):
        pool.get_or_create("b").send(None)
    holder.cancel()


async def test_a_reset_ends_within_its_bound_though_a_start_does_not_end(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(cancel_timeout=1.0, close_timeout=3.0)
    opening = agents.deaf("open", "a")
    caller = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert await pool.reset("a")
    assert now() == 7.0 and pool.stats().closing == 1
    assert "the process of 'a' outlived its reset" in caplog.text
    opening.release()
    assert (await caller).session_id == "s1"


async def test_ttl_and_shutdown_timeout_that_are_no_seconds_are_refused(make: Make) -> None:
    pool = make()
    for value in (-1.0, math.nan):
        with pytest.raises(ValueError, match=f"ttl is {value}"):
            await pool.cleanup_idle(value)
        with pytest.raises(ValueError, match=f"timeout is {value}"):
            await pool.shutdown(timeout=value)
    assert (await pool.get_or_create("a")).session_id == "s1"


async def test_capacity_timeout_bounds_the_wait_for_a_slot(agents: Agents, make: Make) -> None:
    pool = make(capacity_timeout=4.0)
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    error = await fails(pool.get_or_create("b"), PoolExhausted, 4.0)
    assert str(error) == (
        "no slot for 'b' within capacity_timeout=4.0 s: all 1 were leased, creating or closing"
    )
    assert pool.stats().waiting_for_capacity == 0
    holder.cancel()


async def test_capacity_timeout_is_the_creations_so_who_joins_late_fails_with_it(
    agents: Agents, make: Make
) -> None:
    pool = make(capacity_timeout=4.0)
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    first = asyncio.create_task(pool.get_or_create("b"))
    await asyncio.sleep(3.0)
    await fails(pool.with_connection("b", lambda lease: lease.prompt("x")), NoSession, 4.0)
    await fails(first, PoolExhausted, 4.0)
    holder.cancel()


async def test_a_slot_that_comes_in_time_ends_the_wait_and_its_bound(agents: Agents, make: Make) -> None:
    pool = make(capacity_timeout=4.0)
    holder = asyncio.create_task(hold(pool, "a", 3.0))
    await agents.settle()
    agents.delay("open", "b", 20.0)
    await pool.get_or_create("b")
    assert now() == 23.0
    await holder


async def test_waiting_for_capacity_is_fifo(agents: Agents, make: Make) -> None:
    pool = make(capacity_timeout=100.0)
    holder = asyncio.create_task(hold(pool, "a", 1.0))
    await agents.settle()
    keys = ["d", "c", "b"]
    waiting = [asyncio.create_task(hold(pool, key, 1.0)) for key in keys]
    await asyncio.gather(holder, *waiting)
    assert [name for name in agents.log if name.startswith("open")] == [
        "open a1",
        *(f"open {key}1" for key in keys),
    ]


async def test_an_infinite_capacity_timeout_waits_for_as_long_as_it_takes(agents: Agents, make: Make) -> None:
    pool = make(capacity_timeout=math.inf)
    holder = asyncio.create_task(hold(pool, "a", 1e6))
    await agents.settle()
    await pool.get_or_create("b")
    assert now() == 1e6
    await holder


@pytest.mark.parametrize(("stage", "spent"), [("open", 0.0), ("initialize", 2.0), ("new", 3.0)])
async def test_start_timeout_bounds_all_stages_together(
    agents: Agents, make: Make, stage: str, spent: float
) -> None:
    pool = make(start_timeout=5.0)
    for before, seconds in {"open": 2.0, "initialize": 1.0}.items():
        if before == stage:
            break
        agents.delay(before, "a", seconds)
    agents.hold(stage, "a")
    error = await fails(pool.get_or_create("a"), SessionStartError, 5.0)
    assert str(error) == (
        f"session 'a' did not start: stage {stage!r} failed with TimeoutError: start_timeout=5.0 s ran out"
    )
    await agents.settle()
    assert agents.running() == []
    assert (await pool.get_or_create("a")).session_id == "s1" and spent < 5.0


async def test_a_load_that_hangs_keeps_the_id(agents: Agents, make: Make) -> None:
    pool = make(start_timeout=5.0, suspended={"a": "old"})
    agents.hold("load", "a")
    error = await fails(pool.get_or_create("a"), SessionStartError, 5.0)
    assert isinstance(error, SessionStartError) and error.stage == "load"
    assert pool.suspended == {"a": "old"}


async def test_a_timeout_of_the_connection_itself_is_not_called_the_pools(agents: Agents, make: Make) -> None:
    pool = make(start_timeout=5.0)
    agents.fail("initialize", "a", TimeoutError("its own"))
    error = await fails(pool.get_or_create("a"), SessionStartError, 0.0)
    assert "TimeoutError: its own" in str(error)


@pytest.mark.parametrize("timeout", [0.0, 2.0])
async def test_lease_timeout_bounds_the_wait_for_others(agents: Agents, make: Make, timeout: float) -> None:
    pool = make(lease_timeout=timeout)
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    error = await fails(pool.with_connection("a", lambda lease: lease.prompt("x")), SessionBusy, timeout)
    assert str(error) == f"the lease of 'a' was held by others for lease_timeout={timeout} s"
    await fails(hold(pool, "a", 0.0), SessionBusy, 2 * timeout)
    assert pool.stats().waiting_for_lease == 0 and pool.stats().leased == 1
    holder.cancel()


async def test_lease_timeout_begins_when_the_creation_is_over(agents: Agents, make: Make) -> None:
    pool = make(lease_timeout=2.0)
    agents.delay("open", "a", 30.0)
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    await fails(hold(pool, "a", 0.0), SessionBusy, 32.0)
    holder.cancel()


async def test_a_lease_that_comes_in_the_very_instant_wins_over_its_bound(agents: Agents, make: Make) -> None:
    pool = make(lease_timeout=2.0)
    holder = asyncio.create_task(hold(pool, "a", 2.0))
    await agents.settle()
    await hold(pool, "a", 0.0)
    assert now() == 2.0
    await holder


async def test_an_infinite_lease_timeout_waits_for_as_long_as_it_takes(agents: Agents, make: Make) -> None:
    pool = make(lease_timeout=math.inf)
    holder = asyncio.create_task(hold(pool, "a", 1e6))
    await agents.settle()
    await hold(pool, "a", 0.0)
    assert now() == 1e6
    await holder


async def test_cancel_timeout_bounds_cancel(agents: Agents, make: Make) -> None:
    pool = make(cancel_timeout=3.0)
    agents.hold("prompt", "a")
    agents.hold("cancel", "a")
    talking = asyncio.create_task(pool.session("a").__aenter__())
    lease = await talking
    prompt = asyncio.create_task(lease.prompt("x"))
    await agents.settle()
    assert await pool.cancel("a")
    assert now() == 3.0 and not prompt.done()
    prompt.cancel()


@pytest.mark.parametrize(("stubborn", "at", "given_up"), [(False, 2.0, 0), (True, 4.0, 1)])
async def test_close_timeout_bounds_the_asking_and_again_the_killing(
    agents: Agents, make: Make, stubborn: bool, at: float, given_up: int
) -> None:
    pool = make(close_timeout=2.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = stubborn
    agents.hold("close", "a")
    agents.hold("close", "a")
    await pool.get_or_create("b")
    assert now() == at
    assert "kill a1" in agents.log and pool.stats().given_up == given_up
    assert pool.suspended == ({} if stubborn else {"a": "s1"})
    assert (await pool.get_or_create("a")).session_reset is stubborn


async def test_get_or_create_ends_within_its_bound_though_everything_hangs(
    agents: Agents, make: Make
) -> None:
    """The victim is not told, does not close, survives its killing; the start hangs: 2 × 2 + 5."""
    pool = make(close_timeout=2.0, start_timeout=5.0, cancel_timeout=1.0, capacity_timeout=3.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    for _ in range(2):
        agents.hold("close", "a")
    agents.hold("open", "b")
    await fails(pool.get_or_create("b"), SessionStartError, 9.0)


async def test_a_creation_that_is_defeated_again_and_again_ends_at_its_callers_bound(
    agents: Agents, make: Make
) -> None:
    pool = make(start_timeout=5.0, cancel_timeout=0.5, close_timeout=1.0, capacity_timeout=1.0)
    for _ in range(20):
        agents.delay("open", "a", 2.0)

    async def resetting() -> None:
        while True:
            await asyncio.sleep(1.0)
            await pool.reset("a")

    operator = asyncio.create_task(resetting())
    error = await fails(pool.get_or_create("a"), SessionStartError, 8.5)
    assert str(error).endswith(
        "stage 'open' failed with TimeoutError: "
        "capacity_timeout + cancel_timeout + 2 × close_timeout + start_timeout = 8.5 s ran out"
    )
    assert pool.stats().creating == 0
    operator.cancel()


async def test_a_lease_asked_for_while_creations_are_defeated_ends_at_its_callers_bound(
    agents: Agents, make: Make
) -> None:
    pool = make(start_timeout=5.0, cancel_timeout=0.5, close_timeout=1.0, lease_timeout=2.0)
    for _ in range(20):
        agents.delay("open", "a", 2.0)

    async def resetting() -> None:
        while True:
            await asyncio.sleep(1.0)
            await pool.reset("a")

    operator = asyncio.create_task(resetting())
    with pytest.raises(SessionStartError, match="stage 'open'"):
        await hold(pool, "a", 0.0)
    assert now() <= 7.5 + 2.0
    operator.cancel()


async def test_a_caller_that_waits_for_a_slot_that_never_closes_is_told_where_it_stood(
    agents: Agents, make: Make
) -> None:
    pool = make(close_timeout=math.inf, start_timeout=5.0, cancel_timeout=0.0)
    assert pool.stats().max_sessions == 1
    await pool.get_or_create("a")
    held = agents.hold("close", "a")
    waiting = asyncio.create_task(pool.get_or_create("b"))
    await asyncio.sleep(1e9)
    assert not waiting.done() and pool.stats().waiting_for_capacity == 1
    held.release()
    await waiting


async def test_a_caller_in_line_for_a_slot_that_never_comes_free_is_told_so(
    agents: Agents, make: Make
) -> None:
    pool = make(capacity_timeout=1.0, start_timeout=2.0, cancel_timeout=1.0, close_timeout=3.0)
    opening = agents.deaf("open", "a")
    first = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    first.cancel()
    await agents.settle()
    error = await fails(pool.get_or_create("b"), SessionStartError, 10.0)
    assert isinstance(error, SessionStartError) and error.stage == "capacity"
    opening.release()


async def test_a_wake_up_without_a_change_ends_no_wait(agents: Agents, make: Make) -> None:
    pool = make()
    holder = asyncio.create_task(hold(pool, "a", 5.0))
    await agents.settle()
    second = asyncio.create_task(hold(pool, "a", 1.0))
    await agents.settle()
    (waiter,) = pool.core.live["a"].queue
    assert waiter.wake is not None
    waiter.wake()
    await second
    assert now() == 6.0 and holder.done()


async def test_a_change_in_the_very_instant_wins_over_the_bound(agents: Agents, make: Make) -> None:
    """What the caller waits for has become another thing when its time runs out: that has a bound of its own."""
    pool = make(lease_timeout=4.0)
    holder = asyncio.create_task(hold(pool, "a", 100.0))
    await agents.settle()
    second = asyncio.create_task(hold(pool, "a", 1.0))
    await agents.settle()
    resetting = asyncio.get_running_loop().call_at(4.0, pool.core.reset, "a")
    await asyncio.sleep(4.0)
    pool.perform()
    await agents.settle()
    assert not second.done() or second.exception() is None
    with pytest.raises(LeaseRevoked):
        await holder
    await second
    assert now() == 5.0 and resetting.when() == 4.0
