"""What the pools around a single race do right under stress, so that a checker finds that race and no accident."""

from __future__ import annotations

import asyncio
from typing import Protocol

import pytest

from acpool.contract import Connection, Connector
from acpool.errors import NoSession, PoolClosed, PoolExhausted, SessionBusy, SessionStartError
from acpool_spec.pools import _sessions, _start, no_reclaim, remove_by_key, reset_drops_gate, unlocked_start
from acpool_spec.pools.staging import Outside, hello, settle

GatedPool = (
    unlocked_start.UnlockedStartPool
    | remove_by_key.RemoveByKeyPool
    | reset_drops_gate.ResetDropsGatePool
    | no_reclaim.NoReclaimPool
)


class Factory(Protocol):
    def __call__(self, connector: Connector, *, max_sessions: int) -> GatedPool: ...


FACTORIES: dict[str, Factory] = {
    "unlocked_start": unlocked_start.factory,
    "remove_by_key": remove_by_key.factory,
    "reset_drops_gate": reset_drops_gate.factory,
    "no_reclaim": no_reclaim.factory,
}
pytestmark = pytest.mark.asyncio
every_pool = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


@every_pool
async def test_a_start_holds_its_slot(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    start = outside.hold("open", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await start.reach()
    with pytest.raises(PoolExhausted, match="'b'"):
        await pool.get_or_create("b")
    start.release()
    await creating


@every_pool
async def test_the_victim_is_dead_before_the_newcomer_opens(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    dying = outside.hold("close", "a")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await dying.reach()
    await settle()
    assert ("open", "b1") not in outside.log
    dying.release()
    await creating


@every_pool
async def test_a_busy_session_is_neither_evicted_nor_cleaned_up(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    asking = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    with pytest.raises(PoolExhausted):
        await pool.get_or_create("b")
    assert await pool.cleanup_idle(0) == []
    prompt.release()
    assert await asking == "s1: hello"


@every_pool
async def test_a_cancelled_start_leaves_no_process_and_no_slot_taken(
    factory: Factory, outside: Outside
) -> None:
    pool = factory(outside, max_sessions=1)
    new = outside.hold("new", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert outside.running() == []
    await pool.get_or_create("b")


@every_pool
async def test_a_cancelled_eviction_strikes_the_victim_out(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    dying = outside.hold("close", "a")
    creating = asyncio.create_task(pool.get_or_create("b"))
    await dying.reach()
    creating.cancel()
    await settle()
    assert not creating.done()  # the slot is taken until its process is dead
    with pytest.raises(PoolExhausted):
        await pool.get_or_create("c")
    dying.release()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert outside.running() == []
    assert (await pool.get_or_create("a")).resumed


@every_pool
async def test_a_load_that_failed_in_transit_keeps_the_id(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.fail("load", "a", lambda: OSError("cut off"))
    with pytest.raises(SessionStartError, match="'load'"):
        await pool.get_or_create("a")
    assert (await pool.get_or_create("a")).session_id == "s1"


@every_pool
async def test_a_reset_not_yet_told_survives_a_suspension(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    outside.supports_load = False
    assert (await pool.get_or_create("a")).session_reset
    await pool.cleanup_idle(0)
    outside.supports_load = True
    again = await pool.get_or_create("a")
    assert again.resumed and again.session_reset


@every_pool
async def test_shutdown_abandons_a_start(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    new = outside.hold("new", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    await pool.shutdown()
    with pytest.raises(PoolClosed):
        await creating
    assert outside.running() == []


@every_pool
async def test_a_start_that_ends_with_the_shutdown_installs_nothing(
    factory: Factory, outside: Outside
) -> None:
    pool = factory(outside, max_sessions=1)
    new = outside.hold("new", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    new.release()  # the answer is there, the start has not seen it yet
    await pool.shutdown()
    with pytest.raises(PoolClosed):
        await creating
    assert outside.running() == []


@every_pool
async def test_shutdown_fails_who_waits_for_the_lease(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    holding = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    waiting = asyncio.create_task(pool.with_connection("a", hello))
    await settle()
    shutting = asyncio.create_task(pool.shutdown())
    await settle()
    prompt.release()
    assert await holding == "s1: hello"
    with pytest.raises(PoolClosed):
        await waiting
    await shutting


@every_pool
async def test_who_waits_for_a_lease_of_a_process_that_dies_is_told(
    factory: Factory, outside: Outside
) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    holding = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    waiting = asyncio.create_task(pool.with_connection("a", hello))
    await settle()
    outside.latest("a").kill()
    answers = await asyncio.gather(holding, waiting, return_exceptions=True)
    assert isinstance(answers[1], NoSession)
    assert (await pool.get_or_create("a")).resumed


@pytest.mark.parametrize("name", ["unlocked_start", "remove_by_key", "reset_drops_gate"])
async def test_waiting_for_the_lease_is_bounded(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"acpool_spec.pools.{name}.LEASE_TIMEOUT_S", 0.0)
    factory = FACTORIES[name]
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    prompt = outside.hold("prompt", "a")
    holding = asyncio.create_task(pool.with_connection("a", hello))
    await prompt.reach()
    with pytest.raises(SessionBusy, match="'a'"):
        await pool.with_connection("a", hello)
    prompt.release()
    await holding


async def test_a_start_and_an_end_are_bounded(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_start, "CLOSE_TIMEOUT_S", 0.0)
    monkeypatch.setattr(_sessions, "START_TIMEOUT_S", 0.0)
    pool = no_reclaim.factory(outside, max_sessions=1)
    outside.hold("initialize", "a")
    outside.hold("close", "a")
    with pytest.raises(SessionStartError, match="'initialize' failed with TimeoutError"):
        await pool.get_or_create("a")
    assert outside.running() == []


async def test_a_dead_session_goes_before_an_idle_one(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=2)
    await pool.get_or_create("live")
    await pool.get_or_create("dead")
    outside.latest("dead").kill()
    await pool.get_or_create("newcomer")
    assert outside.running() == ["live1", "newcomer1"]


async def test_a_dead_session_gives_its_slot_whoever_holds_it(outside: Outside) -> None:
    pool = remove_by_key.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    begun, over = asyncio.Event(), asyncio.Event()

    async def hung(connection: Connection) -> str:
        begun.set()
        await over.wait()
        return "never mind"

    holding = asyncio.create_task(pool.with_connection("a", hung))
    await begun.wait()
    outside.latest("a").kill()
    await pool.get_or_create("b")
    over.set()
    await holding
    assert outside.running() == ["b1"]


async def test_a_close_that_fails_is_nobodys_answer(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    outside.fail("close", "a", lambda: OSError("no luck"))
    assert await pool.cleanup_idle(0) == ["a"]
    await pool.get_or_create("b")
    assert outside.running() == ["b1"]


async def test_a_holder_that_outlives_its_process_lowers_no_flag_of_the_next_one(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    begun, over = asyncio.Event(), asyncio.Event()

    async def hung(connection: Connection) -> str:
        begun.set()
        await over.wait()
        return "never mind"

    holding = asyncio.create_task(pool.with_connection("a", hung))
    await begun.wait()
    outside.latest("a").kill()
    outside.supports_load = False
    assert (await pool.get_or_create("a")).session_reset
    over.set()
    await holding
    assert (await pool.get_or_create("a")).session_reset


@every_pool
async def test_shutdown_waits_for_the_process_of_an_abandoned_start(
    factory: Factory, outside: Outside
) -> None:
    pool = factory(outside, max_sessions=1)
    new, dying = outside.hold("new", "a"), outside.hold("close", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    shutting = asyncio.create_task(pool.shutdown())
    await dying.reach()
    await settle()
    assert not shutting.done()
    dying.release()
    await shutting
    with pytest.raises(PoolClosed):
        await creating


@every_pool
async def test_a_lease_handed_on_is_not_idle(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    first = outside.hold("prompt", "a")
    holding = asyncio.create_task(pool.with_connection("a", hello))
    await first.reach()
    waiting = asyncio.create_task(pool.with_connection("a", hello))
    await settle()
    first.release()
    creating = asyncio.create_task(
        pool.get_or_create("b")
    )  # runs between the release and the next holder's step
    with pytest.raises(PoolExhausted):
        await creating
    assert list(await asyncio.gather(holding, waiting)) == ["s1: hello", "s1: hello"]


@every_pool
async def test_a_dying_session_is_nobodys_victim(factory: Factory, outside: Outside) -> None:
    pool = factory(outside, max_sessions=2)
    await pool.get_or_create("a")
    await pool.get_or_create("c")
    dying = outside.hold("close", "a")
    first = asyncio.create_task(pool.get_or_create("b"))
    await dying.reach()
    await pool.get_or_create("d")
    dying.release()
    await first
    assert outside.running() == ["d1", "b1"]


@every_pool
async def test_a_session_whose_process_was_given_up_on_is_not_loaded_again(
    factory: Factory, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_start, "CLOSE_TIMEOUT_S", 0.0)
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    outside.latest("a").stubborn = True
    outside.hold("close", "a")
    await pool.cleanup_idle(0)
    answer = await pool.get_or_create("a")
    assert answer.session_id == "s2" and answer.session_reset


@every_pool
async def test_a_load_whose_process_was_given_up_on_is_not_repeated(
    factory: Factory, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_start, "CLOSE_TIMEOUT_S", 0.0)
    pool = factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    await pool.cleanup_idle(0)
    load = outside.hold("load", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await load.reach()
    outside.latest("a").stubborn = True
    outside.hold("close", "a")
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    answer = await pool.get_or_create("a")
    assert answer.session_id == "s2" and answer.session_reset


async def test_a_new_session_given_up_on_before_it_was_known_is_no_loss(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_start, "CLOSE_TIMEOUT_S", 0.0)
    pool = no_reclaim.factory(outside, max_sessions=1)
    new = outside.hold("new", "a")
    creating = asyncio.create_task(pool.get_or_create("a"))
    await new.reach()
    outside.latest("a").stubborn = True
    outside.hold("close", "a")
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert not (await pool.get_or_create("a")).session_reset


@pytest.mark.parametrize("name", ["unlocked_start", "reset_drops_gate", "no_reclaim"])
async def test_a_fresh_session_survives_the_removal_of_the_old_one(outside: Outside, name: str) -> None:
    pool = FACTORIES[name](outside, max_sessions=1)
    await pool.get_or_create("a")
    dying = outside.hold("close", "a")
    cleaning = asyncio.create_task(pool.cleanup_idle(0))
    await dying.reach()
    await pool.get_or_create("a")
    dying.release()
    await cleaning
    assert (await pool.get_or_create("a")).session_id == "s1"
    assert outside.running() == ["a2"]


async def test_the_kill_comes_before_the_close(outside: Outside) -> None:
    pool = no_reclaim.factory(outside, max_sessions=1)
    await pool.get_or_create("a")
    dying = outside.hold("close", "a")
    cleaning = asyncio.create_task(pool.cleanup_idle(0))
    await dying.reach()
    assert outside.running() == []
    dying.release()
    await cleaning
