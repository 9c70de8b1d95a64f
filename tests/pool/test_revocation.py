"""A lease taken back interrupts its holder as ``asyncio.timeout`` does: once, at its block, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from acpool import LeaseRevoked, NoSession

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make

    from acpool import SessionPool

FOREVER = 1e9


async def hold(pool: SessionPool, key: str = "a") -> None:
    """Hold the lease of ``key`` until it is taken back."""
    async with pool.session(key):
        await asyncio.sleep(FOREVER)


async def holding(agents: Agents, pool: SessionPool, key: str = "a") -> asyncio.Task[None]:
    """A task that holds the lease of ``key``."""
    task = asyncio.create_task(hold(pool, key))
    await agents.settle()
    assert pool.core.live[key].lease is not None
    return task


@pytest.mark.parametrize("how", ["session", "with_connection"])
async def test_reset_interrupts_the_holder_with_lease_revoked(agents: Agents, make: Make, how: str) -> None:
    pool = make()
    await pool.get_or_create("a")

    async def wait(_: object) -> None:
        await asyncio.sleep(FOREVER)

    task = asyncio.create_task(hold(pool) if how == "session" else pool.with_connection("a", wait))
    await agents.settle()
    assert await pool.reset("a")
    with pytest.raises(LeaseRevoked, match=r"^the lease of 'a' was taken back: the key was reset$") as caught:
        await task
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert task.cancelling() == 0 and agents.running() == []


async def test_max_lease_and_shutdown_say_so(agents: Agents, make: Make) -> None:
    pool = make(2, max_lease=5.0)
    old = await holding(agents, pool, "a")
    await asyncio.sleep(4.0)
    young = await holding(agents, pool, "b")
    await asyncio.sleep(1.0)
    assert await pool.cleanup_idle(1e9) == ["a"]
    with pytest.raises(LeaseRevoked, match="the lease of 'a' was taken back: the lease grew older than max"):
        await old
    assert not young.done() and pool.suspended == {"a": "s1"}
    await pool.shutdown(timeout=0)
    with pytest.raises(LeaseRevoked, match="the lease of 'b' was taken back: the deadline of the shutdown"):
        await young
    assert pool.suspended == {"a": "s1", "b": "s2"}


async def test_the_prompt_is_cancelled_and_the_process_killed(agents: Agents, make: Make) -> None:
    pool = make(max_lease=5.0)
    agents.hold("prompt", "a")

    async def talk() -> None:
        async with pool.session("a") as lease:
            await lease.prompt("x")

    talking = asyncio.create_task(talk())
    await asyncio.sleep(5.0)
    agents.log.clear()
    await pool.cleanup_idle(1e9)
    with pytest.raises(LeaseRevoked):
        await talking
    await agents.settle()
    assert agents.log == ["cancel a1", "kill a1"] and pool.suspended == {"a": "s1"}


async def test_a_holder_whose_process_died_is_interrupted_when_another_needs_the_key(
    agents: Agents, make: Make
) -> None:
    pool = make()
    task = await holding(agents, pool)
    agents["a1"].alive = False
    assert (await pool.get_or_create("a")).resumed
    with pytest.raises(LeaseRevoked, match="its agent process died and another caller needed the key"):
        await task


async def test_after_the_interruption_the_task_goes_on_as_if_nothing_had_been(
    agents: Agents, make: Make
) -> None:
    pool = make()

    async def talk() -> str:
        try:
            await hold(pool)
        except LeaseRevoked:
            await asyncio.sleep(1.0)
            async with pool.session("a") as lease:
                return str(await lease.prompt("again"))
        return ""

    talking = asyncio.create_task(talk())
    await agents.settle()
    await pool.reset("a")
    assert await talking == "s2: again"


async def test_every_call_on_a_lease_that_was_taken_back_says_why(agents: Agents, make: Make) -> None:
    pool = make()

    async def talk() -> list[str]:
        said: list[str] = []
        async with pool.session("a") as lease:
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                assert not lease.alive
                try:
                    await lease.prompt("late")
                except LeaseRevoked as error:
                    said.append(str(error))
                raise
        return said

    talking = asyncio.create_task(talk())
    await agents.settle()
    prompts = agents.log.count("prompt a1")
    await pool.reset("a")
    with pytest.raises(LeaseRevoked):
        await talking
    assert agents.log.count("prompt a1") == prompts


async def test_a_holder_that_swallows_the_interruption_ends_as_under_asyncio_timeout(
    agents: Agents, make: Make
) -> None:
    pool = make()

    async def talk() -> tuple[str, int]:
        async with pool.session("a") as lease:
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                with pytest.raises(LeaseRevoked, match="was taken back: the key was reset"):
                    await lease.prompt("late")
        task = asyncio.current_task()
        assert task is not None
        return "went on", task.cancelling()

    talking = asyncio.create_task(talk())
    await agents.settle()
    await pool.reset("a")
    assert await talking == ("went on", 0)


async def test_what_a_holder_raises_instead_goes_through(agents: Agents, make: Make) -> None:
    pool = make()

    async def talk() -> None:
        async with pool.session("a"):
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                raise ValueError("mine") from None

    talking = asyncio.create_task(talk())
    await agents.settle()
    await pool.reset("a")
    with pytest.raises(ValueError, match="mine"):
        await talking
    assert talking.cancelling() == 0


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_a_cancellation_from_elsewhere_at_the_same_time_goes_through(
    agents: Agents, make: Make, cancel_first: bool
) -> None:
    pool = make()
    task = await holding(agents, pool)
    if cancel_first:
        task.cancel("mine")
    resetting = asyncio.create_task(pool.reset("a"))
    if not cancel_first:
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel("mine")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled() and task.cancelling() == 1
    assert await resetting


@pytest.mark.parametrize("timeout_first", [True, False])
async def test_a_timeout_around_the_block_in_the_same_instant_is_a_timeout(
    agents: Agents, make: Make, timeout_first: bool
) -> None:
    pool = make()

    def take_back() -> None:
        pool.core.reset("a")
        pool.perform()

    async def talk() -> None:
        async with asyncio.timeout(3.0):
            await hold(pool)

    loop = asyncio.get_running_loop()
    if not timeout_first:
        loop.call_at(3.0, take_back)
    talking = asyncio.create_task(talk())
    await agents.settle()
    if timeout_first:
        loop.call_at(3.0, take_back)
    with pytest.raises(TimeoutError):
        await talking
    assert talking.cancelling() == 0 and pool.core.live == {} and loop.time() == 3.0


@pytest.mark.parametrize("outer", [True, False])
async def test_of_nested_leases_the_one_taken_back_is_the_one_that_raises(
    agents: Agents, make: Make, outer: bool
) -> None:
    pool = make(2)
    seen: list[str] = []

    async def talk() -> None:
        try:
            async with pool.session("a"):
                try:
                    async with pool.session("b"):
                        await asyncio.sleep(FOREVER)
                except LeaseRevoked as error:
                    seen.append(str(error))
                    raise
        except LeaseRevoked as error:
            seen.append(str(error))

    talking = asyncio.create_task(talk())
    await agents.settle()
    await pool.reset("a" if outer else "b")
    await talking
    assert talking.cancelling() == 0
    assert [message[:16] for message in seen] == (["the lease of 'a'"] if outer else ["the lease of 'b'"] * 2)
    assert pool.stats().leased == 0


async def test_both_of_nested_leases_taken_back_at_once_leave_no_request_behind(
    agents: Agents, make: Make
) -> None:
    pool = make(2)
    seen: list[str] = []

    async def talk() -> int:
        try:
            async with pool.session("a"), pool.session("b"):
                await asyncio.sleep(FOREVER)
        except LeaseRevoked as error:
            seen.append(str(error))
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    talking = asyncio.create_task(talk())
    await agents.settle()
    shutting = asyncio.create_task(pool.shutdown(timeout=0))
    assert await talking == 0
    await shutting
    assert len(seen) == 1


async def test_a_holder_that_resets_its_own_key_is_not_interrupted(agents: Agents, make: Make) -> None:
    pool = make()
    async with pool.session("a") as lease:
        assert await pool.reset("a")
        with pytest.raises(LeaseRevoked, match="the key was reset"):
            await lease.prompt("late")
        await asyncio.sleep(1.0)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
    assert (await pool.get_or_create("a")).session_id == "s2"


async def test_a_holder_that_finds_its_own_process_dead_gets_another_session(
    agents: Agents, make: Make
) -> None:
    pool = make()
    async with pool.session("a") as lease:
        agents["a1"].alive = False
        assert (await pool.get_or_create("a")).resumed
        assert not lease.alive
    assert pool.stats().idle == 1


async def test_a_lease_entered_again_after_its_revocation_is_as_good_as_new(
    agents: Agents, make: Make
) -> None:
    pool = make()
    lease: Any = pool.session("a")

    async def talk() -> None:
        async with lease:
            await asyncio.sleep(FOREVER)

    for number in (1, 2):
        talking = asyncio.create_task(talk())
        await agents.settle()
        assert lease.session_id == f"s{number}"
        await pool.reset("a")
        with pytest.raises(LeaseRevoked, match="the key was reset"):
            await talking
    async with lease:
        assert await lease.prompt("x") == "s3: x"
    with pytest.raises(LeaseRevoked, match="is not held"):
        await lease.prompt("late")


async def test_a_lease_taken_back_between_hand_over_and_its_first_step_is_asked_for_anew(
    agents: Agents, make: Make
) -> None:
    pool = make()
    first = pool.session("a")
    await first.__aenter__()

    async def talk() -> str:
        async with pool.session("a") as lease:
            return str(await lease.prompt("x"))

    session = asyncio.create_task(talk())
    connection = asyncio.create_task(pool.with_connection("a", lambda lease: lease.prompt("x")))
    await agents.settle()
    await first.__aexit__(None, None, None)
    # The lease is handed over and its new holder has not had its turn yet: nobody has begun anything.
    assert await pool.reset("a")
    assert await session == "s2: x"
    with pytest.raises(NoSession):
        await connection


async def test_a_lease_that_ended_before_is_left_alone(agents: Agents, make: Make) -> None:
    pool = make()

    async def talk() -> str:
        async with pool.session("a"):
            pass
        await asyncio.sleep(5.0)
        return "done"

    talking = asyncio.create_task(talk())
    await agents.settle()
    await pool.reset("a")
    await pool.get_or_create("a")
    assert await talking == "done"


@pytest.mark.parametrize("interrupted_before", [False, True])
async def test_a_holder_that_takes_its_own_lease_away_keeps_the_requests_of_others(
    agents: Agents, make: Make, interrupted_before: bool
) -> None:
    pool = make()
    lease = pool.session("a")

    async def interrupted() -> None:
        with pytest.raises(LeaseRevoked):
            async with lease:
                await asyncio.sleep(10.0)

    async def holder() -> int:
        task = asyncio.current_task()
        assert task is not None
        if interrupted_before:
            await interrupted()
        async with lease:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1.0)
            assert await pool.reset("a")
        return task.cancelling()

    holding = asyncio.create_task(holder())
    await agents.settle()
    if interrupted_before:
        assert await pool.reset("a")
    assert await holding == 1


async def test_who_holds_nothing_is_not_interrupted(make: Make) -> None:
    pool = make()
    lease = pool.session("a")
    lease.interrupt("reset")
    async with lease:
        assert lease.alive
    lease.interrupt("reset")
    await asyncio.sleep(1.0)
    assert pool.stats().idle == 1


async def test_a_holder_that_has_forgotten_an_earlier_cancellation_is_told_all_the_same(
    agents: Agents, make: Make
) -> None:
    pool = make()
    asked = asyncio.Event()

    async def forgetful() -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(asyncio.CancelledError):
            asked.set()
            await asyncio.sleep(FOREVER)
        async with pool.session("a"):
            task.uncancel()  # of the request that came before its block
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(forgetful())
    await asked.wait()
    task.cancel()
    await agents.settle()
    assert await pool.reset("a")
    with pytest.raises(LeaseRevoked, match="the key was reset"):
        await task
    assert task.cancelling() == 0
