"""Connectors and connections that do not keep their side of the contract cost a bounded wait, and no slot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from acpool import ConnectionLost, SessionInfo, SessionRefused, SessionStartError, Step

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make


def now() -> float:
    """Virtual time, seconds."""
    return asyncio.get_running_loop().time()


async def test_an_open_that_ignores_its_cancellation_costs_its_caller_a_bounded_wait(
    agents: Agents, make: Make
) -> None:
    pool = make(start_timeout=2.0, cancel_timeout=1.0, close_timeout=3.0)
    opening = agents.deaf("open", "a")
    with pytest.raises(
        SessionStartError, match=r"'open' failed with TimeoutError: .* start_timeout = 9 s ran out"
    ):
        await pool.get_or_create("a")
    assert now() == 9.0
    await agents.settle()
    assert opening.cancellations == 2
    assert pool.stats().closing == 1, "it may still become a process"
    opening.release()
    await agents.settle()
    assert agents.running() == [] and pool.stats().closing == 0
    assert agents.log == ["open a1", "kill a1"]
    assert (await pool.get_or_create("a")).session_id == "s1"


async def test_a_start_that_outlives_its_timeout_and_succeeds_is_a_session(
    agents: Agents, make: Make
) -> None:
    pool = make(start_timeout=2.0)
    opening = agents.deaf("open", "a")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await asyncio.sleep(3.0)
    opening.release()
    assert await waiting == SessionInfo("s1", False, False)


async def test_an_open_that_raises_cancelled_error_is_a_failed_start(agents: Agents, make: Make) -> None:
    pool = make()
    agents.fail("open", "a", asyncio.CancelledError())
    with pytest.raises(SessionStartError, match="cancelled from outside the pool") as caught:
        await pool.get_or_create("a")
    assert isinstance(caught.value.cause, ConnectionLost) and caught.value.stage == "open"
    assert (await pool.get_or_create("a")).session_id == "s1"


async def test_a_later_stage_that_raises_cancelled_error_ends_the_process_too(
    agents: Agents, make: Make
) -> None:
    pool = make(suspended={"a": "old"})
    agents.fail("load", "a", asyncio.CancelledError())
    with pytest.raises(SessionStartError) as caught:
        await pool.get_or_create("a")
    await agents.settle()
    assert caught.value.stage == "load" and agents.running() == [] and pool.suspended == {"a": "old"}


async def test_a_start_stopped_before_its_first_step_frees_its_slot(agents: Agents, make: Make) -> None:
    pool = make()
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await asyncio.sleep(0)
    assert pool.stats().creating == 1 and agents.log == []
    assert await pool.reset("a")
    assert (await waiting).session_id == "s1"
    assert agents.log == ["open a1", "initialize a1", "new a1"], "the first start never got to open"


async def test_a_close_that_raises_is_no_confirmation_so_the_process_is_killed(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()
    await pool.get_or_create("a")
    agents.fail("close", "a", OSError("odd"))
    await pool.get_or_create("b")
    assert agents.running() == ["b1"] and pool.stats().given_up == 0 and pool.suspended == {"a": "s1"}
    assert "kill a1" in agents.log and now() == 0.0
    assert "closing the agent process of 'a' failed, and it is killed: OSError('odd')" in caplog.messages


async def test_a_killed_process_whose_close_raises_is_given_up_on(agents: Agents, make: Make) -> None:
    pool = make()
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    for _ in range(20):
        agents.fail("close", "a", OSError("odd"))
    await pool.get_or_create("b")
    assert pool.stats().given_up == 1 and now() == 5.0
    assert (await pool.get_or_create("a")).session_reset


@pytest.mark.parametrize("error", [asyncio.CancelledError(), OSError("odd")])
async def test_a_close_that_raises_whatever_it_is_is_no_confirmation(
    agents: Agents, make: Make, error: BaseException
) -> None:
    pool = make()
    await pool.get_or_create("a")
    agents.fail("close", "a", error)
    assert await pool.cleanup_idle(0.0) == ["a"]
    await agents.settle()
    assert agents.log[-2:] == ["close a1", "kill a1"] and pool.stats().given_up == 0


async def test_a_close_that_ignores_its_cancellation_does_not_hold_the_slot(
    agents: Agents, make: Make
) -> None:
    pool = make(close_timeout=2.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    closing = [agents.deaf("close", "a") for _ in range(2)]
    await pool.get_or_create("b")
    assert now() == 4.0 and pool.stats().given_up == 1
    assert [call.cancellations for call in closing] == [1, 1]
    for call in closing:
        call.release()
    await agents.settle()


async def test_a_kill_that_raises_is_logged_and_the_process_closed_all_the_same(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()
    await pool.get_or_create("a")
    agents.kill_error = PermissionError("not yours")
    assert await pool.reset("a")
    assert agents.log[-2:] == ["kill a1", "close a1"] and agents.running() == []
    assert "the agent process of 'a' could not be killed" in caplog.messages
    agents.kill_error = None


async def test_s2_an_abandoned_start_and_its_process_end_before_the_key_starts_again(
    agents: Agents, make: Make
) -> None:
    pool = make(2)
    agents.hold("initialize", "a")
    first = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    agents["a1"].stubborn = True
    closing = agents.hold("close", "a")
    first.cancel()
    second = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert agents.running() == ["a1"] and agents.log[-1] == "close a1"
    closing.release()
    assert (await second).session_id == "s1" and agents.running() == ["a2"]


async def test_l1_one_key_whose_process_never_ends_costs_one_slot_for_a_time_and_no_more(
    agents: Agents, make: Make
) -> None:
    pool = make(2, close_timeout=10.0, capacity_timeout=0.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    closing = [agents.hold("close", "a") for _ in range(2)]
    await pool.cleanup_idle(0.0)
    again = asyncio.create_task(pool.get_or_create("a"))
    for key in ("b", "c", "d"):
        await pool.get_or_create(key)
        assert now() == 0.0
    await again
    assert now() == 20.0 and (await pool.get_or_create("a")).session_reset
    for call in closing:
        call.release()


async def test_an_agent_that_neither_hears_nor_dies_is_told_asked_killed_and_given_up_on(
    agents: Agents, make: Make
) -> None:
    pool = make(cancel_timeout=1.0, close_timeout=3.0)
    prompt = agents.hold("prompt", "a")
    agents.hold("cancel", "a")
    agents.hold("close", "a")
    agents.hold("close", "a")
    async with pool.session("a") as lease:
        orphan = asyncio.create_task(lease.prompt("x"))
        await agents.settle()
        agents["a1"].stubborn = True
    assert (await pool.get_or_create("a")).session_reset
    assert now() == 1.0 + 3.0 + 3.0
    assert agents.log[3:8] == ["prompt a1", "cancel a1", "close a1", "kill a1", "close a1"]
    prompt.release()
    await orphan


@pytest.mark.parametrize("stage", ["initialize", "load", "new"])
@pytest.mark.parametrize(
    "error", [None, ConnectionLost("late"), SessionRefused("late")], ids=["well", "lost", "refused"]
)
async def test_s11_a_start_that_ignores_its_cancellation_is_not_looked_at_any_more(
    agents: Agents, make: Make, stage: str, error: Exception | None
) -> None:
    """Defeated by a reset it goes on beside the process of the next start, which is to be the session."""
    pool = make(suspended={"a": "old"} if stage == "load" else {})
    start = agents.deaf(stage, "a")
    caller = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    assert start.reached
    resetting = asyncio.create_task(pool.reset("a"))
    assert await resetting
    info = await caller
    before = pool.stats()
    heard: list[Step] = []
    pool.trace(heard.append)
    start.release(error)
    await agents.settle()
    assert heard == [] and start.cancellations == 1
    assert pool.stats() == before and await pool.get_or_create("a") == info
    assert agents.running() == ["a2"]


@pytest.mark.parametrize("answer", [None, 7, ""])
async def test_what_is_no_session_id_is_a_failed_start(
    agents: Agents, make: Make, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make()
    first = await agents.open("other")

    async def new_session(_: object) -> object:
        return answer

    monkeypatch.setattr(type(first), "new_session", new_session)
    with pytest.raises(SessionStartError, match="expected a session id") as caught:
        await pool.get_or_create("a")
    assert caught.value.stage == "new" and isinstance(caught.value.cause, TypeError)
    await agents.settle()
    assert agents.running() == ["other1"] and pool.stats().closing == 0
