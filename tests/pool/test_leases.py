"""``with_connection`` and ``session``: one holder at a time, in order, and what the holder can do with what it holds."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from acpool import LeaseRevoked, NoSession, PoolError, SessionInfo, SessionPool, SessionRefused

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make


async def hello(lease: Any) -> Any:
    """A prompt."""
    return await lease.prompt("hello")


async def test_with_connection_returns_what_fn_returns_run_under_the_lease(
    agents: Agents, make: Make
) -> None:
    pool = make()
    await pool.get_or_create("a")
    assert await pool.with_connection("a", hello) == "s1: hello"
    assert pool.stats().idle == 1


async def test_with_connection_needs_a_session(make: Make) -> None:
    with pytest.raises(
        NoSession, match=r"'a' has no live session: call get_or_create first, or use session\(key\)"
    ):
        await make().with_connection("a", hello)


async def test_with_connection_joins_a_creation_in_flight(agents: Agents, make: Make) -> None:
    pool = make()
    agents.delay("new", "a", 2.0)
    creating = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert await pool.with_connection("a", hello) == "s1: hello"
    assert asyncio.get_running_loop().time() == 2.0
    await creating


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
async def test_what_fn_raises_ends_the_lease_and_goes_through(make: Make, error: BaseException) -> None:
    pool = make()
    await pool.get_or_create("a")

    async def fail(_: object) -> None:
        raise error

    operation = pool.with_connection("a", fail)
    # Stepped by hand: a loop lets neither KeyboardInterrupt nor SystemExit through a task.
    with pytest.raises(type(error)) as caught:
        operation.send(None)
    assert caught.value is error
    assert pool.stats().idle == 1 and pool.stats().leased == 0


async def test_session_creates_leases_and_releases(agents: Agents, make: Make) -> None:
    pool = make()
    async with pool.session("a") as lease:
        assert pool.stats().leased == 1
        assert await lease.prompt("hello", on_update=print) == "s1: hello"
    assert agents["a1"].options == {"on_update": print}
    assert pool.stats().idle == 1


async def test_s5_one_holder_at_a_time_in_order_of_arrival(agents: Agents, make: Make) -> None:
    pool = make()
    order: list[int] = []
    inside = 0

    async def hold(number: int) -> None:
        nonlocal inside
        async with pool.session("a"):
            inside += 1
            assert inside == 1
            order.append(number)
            await asyncio.sleep(1.0)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(hold(number))
    assert order == [0, 1, 2, 3, 4] and asyncio.get_running_loop().time() == 5.0


async def test_a_newcomer_does_not_overtake_who_was_handed_the_lease(agents: Agents, make: Make) -> None:
    pool = make()
    order: list[str] = []

    async def hold(name: str) -> None:
        async with pool.session("a"):
            order.append(name)

    first = pool.session("a")
    await first.__aenter__()
    waiting = asyncio.create_task(hold("waiting"))
    await agents.settle()
    await first.__aexit__(None, None, None)
    await hold("newcomer")  # at once, before the one that waits has had a turn
    await waiting
    assert order == ["waiting", "newcomer"]


async def test_s4_the_gap_between_creating_and_leasing_is_closed_by_session(
    agents: Agents, make: Make
) -> None:
    pool = make(capacity_timeout=10.0)
    prompts: list[str] = []

    async def talk(key: str) -> None:
        async with pool.session(key) as lease:
            prompts.append(await lease.prompt("x"))

    async with asyncio.TaskGroup() as group:
        for key in ("a", "b", "c", "a", "b", "c"):
            group.create_task(talk(key))
    assert len(prompts) == 6


async def test_a_lease_is_the_connection_its_holder_sees(agents: Agents, make: Make) -> None:
    pool = make()
    async with pool.session("a") as lease:
        assert (lease.key, lease.session_id, lease.info) == ("a", "s1", SessionInfo("s1", False, False))
        assert lease.alive and lease.supports_load
        assert lease.told == [] and lease.name == "a1", "what the connector offers beyond the contract"
        with pytest.raises(AttributeError):
            lease.no_such_thing  # noqa: B018 - the lookup is the test
        await lease.cancel()
        assert agents.log[-1] == "cancel a1"
        agents["a1"].alive = False
        assert not lease.alive


@pytest.mark.parametrize("how", ["close", "kill"])
async def test_a_holder_may_end_the_process_the_session_is_suspended_when_the_lease_ends(
    agents: Agents, make: Make, how: str
) -> None:
    pool = make()
    async with pool.session("a") as lease:
        if how == "close":
            await lease.close()
        else:
            lease.kill()
        assert pool.stats().leased == 1 and agents.running() == []
    assert pool.suspended == {"a": "s1"} and pool.stats().leased == 0


async def test_starting_a_session_is_not_for_holders(agents: Agents, make: Make) -> None:
    pool = make()
    async with pool.session("a") as lease:
        calls: list[tuple[Any, str]] = [
            (lease.initialize(), "initialize is not for the holder"),
            (lease.new_session(), r"use reset\(key\)"),
            (lease.load_session("s9"), "load_session is not for the holder"),
        ]
        before = list(agents.log)
        for call, message in calls:
            with pytest.raises(PoolError, match=f"session of 'a' is started by the pool: {message}"):
                await call
    assert agents.log == before


def uses(lease: Any) -> list[tuple[str, Any]]:
    """Everything a holder can do, by name."""
    return [
        ("info", lambda: lease.info),
        ("session_id", lambda: lease.session_id),
        ("supports_load", lambda: lease.supports_load),
        ("kill", lease.kill),
        ("extra", lambda: lease.told),
    ]


async def ends(pool: SessionPool, lease: Any, message: str) -> None:
    """Whatever is done with ``lease`` raises LeaseRevoked with ``message``."""
    for name, use in uses(lease):
        with pytest.raises(LeaseRevoked, match=message):
            use()
        assert name
    for method in ("cancel", "close"):
        with pytest.raises(LeaseRevoked, match=message):
            await getattr(lease, method)()
    with pytest.raises(LeaseRevoked, match=message):
        await lease.prompt("late")
    assert not lease.alive and lease.key == "a"


async def test_outside_its_block_a_lease_refuses_every_call(agents: Agents, make: Make) -> None:
    pool = make()
    lease = pool.session("a")
    message = "the lease of 'a' is not held: it has ended or has not begun"
    await ends(pool, lease, message)
    async with lease:
        assert lease.alive
    before = list(agents.log)
    await ends(pool, lease, message)
    async with pool.session("a"):
        await ends(pool, lease, message)
    assert agents.log == before and agents.running() == ["a1"]


async def test_a_lease_cannot_be_entered_while_it_is_held_and_can_be_again(make: Make) -> None:
    pool = make()
    lease = pool.session("a")
    async with lease:
        with pytest.raises(RuntimeError, match="the lease of 'a' is held already"):
            await lease.__aenter__()
        assert lease.alive
    async with lease as again:
        assert again.alive
    assert pool.stats().idle == 1


async def test_private_names_are_never_looked_up_on_the_connection(make: Make) -> None:
    lease: Any = make().session("a")
    assert not hasattr(lease, "_secret")
    assert not hasattr(lease, "__len__")


async def test_a_lease_that_ends_while_its_prompt_runs_on_ends_the_process(
    agents: Agents, make: Make
) -> None:
    pool = make()
    agents.hold("prompt", "a")
    async with pool.session("a") as lease:
        orphan = asyncio.create_task(lease.prompt("long"))
        await agents.settle()
    await agents.settle()
    assert "cancel a1" in agents.log and agents.running() == [] and pool.suspended == {"a": "s1"}
    orphan.cancel()
    with pytest.raises(asyncio.CancelledError):
        await orphan
    assert await pool.get_or_create("a") == SessionInfo("s1", True, False)


async def test_s7_the_flag_is_up_until_a_prompt_was_answered(agents: Agents, make: Make) -> None:
    agents.load = False
    pool = make(suspended={"a": "old"})
    assert (await pool.get_or_create("a")).session_reset
    agents.fail("prompt", "a", ValueError("no answer"))
    async with pool.session("a") as lease:
        with pytest.raises(ValueError, match="no answer"):
            await lease.prompt("first")
        assert lease.info.session_reset
    agents.hold("prompt", "a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0), pool.session("a") as lease:
            await lease.prompt("second")
    assert (await pool.get_or_create("a")).session_reset, "a prompt that was cancelled told nobody"
    async with pool.session("a") as lease:
        await lease.prompt("third")
        assert not lease.info.session_reset
    assert not (await pool.get_or_create("a")).session_reset


async def test_a_prompt_that_ended_after_the_lease_was_taken_back_delivered_nothing(
    agents: Agents, make: Make
) -> None:
    agents.load = False
    pool = make(suspended={"a": "old"})
    hold = agents.deaf("prompt", "a")

    async def talk() -> None:
        async with pool.session("a") as lease:
            await lease.prompt("x")

    talking = asyncio.create_task(talk())
    await agents.settle()
    shutting = asyncio.create_task(pool.shutdown(timeout=0))
    await agents.settle()
    hold.release()
    await talking  # its agent swallowed the interruption, so it ends as it would under asyncio.timeout
    await shutting
    assert pool.core.suspended["a"].session_reset


def test_in_a_foreign_loop_a_lease_is_refused_and_given_back(agents: Agents) -> None:
    pool = SessionPool(agents, max_sessions=1)
    own, foreign = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def enter() -> None:
        with pytest.raises(RuntimeError, match="an event loop that is not its own"):
            async with pool.session("a"):
                pytest.fail("nobody could interrupt it")

    own.run_until_complete(pool.get_or_create("a"))
    foreign.run_until_complete(enter())
    assert pool.stats().idle == 1
    own.run_until_complete(pool.shutdown())
    for loop in (own, foreign):
        loop.close()


async def test_s7_a_prompt_that_was_called_off_unsent_delivered_nothing(
    agents: Agents, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make(suspended={"a": "old"})
    agents.fail("load", "a", SessionRefused("gone"))
    async with pool.session("a") as lease:
        assert lease.info.session_reset

        async def unsent(*_: object) -> object:
            return SimpleNamespace(answered=False)

        with monkeypatch.context() as patched:
            patched.setattr(type(agents["a1"]), "prompt", unsent)
            await lease.prompt("x")
        assert lease.info.session_reset
        await lease.prompt("x")
        assert not lease.info.session_reset
