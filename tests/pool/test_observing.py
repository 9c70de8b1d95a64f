"""What an operator sees: events, the log, counts, and the suspended ids."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from acpool import PoolExhausted, SessionStartError
from acpool.observe import PoolStats
from acpool.records import PoolEvent

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Make


async def test_on_event_hears_every_step_in_order(agents: Agents, make: Make) -> None:
    events: list[PoolEvent] = []
    pool = make(on_event=events.append)
    async with pool.session("a"):
        await pool.get_or_create("a")
        assert events[-1].action == "touch", "it is told at once"
    async with pool.session("b"):
        pass
    async with pool.session("b"):
        assert events[-1].action == "acquire", "it is told at once"
    await pool.shutdown()
    assert [f"{event.action} {event.key}".strip() for event in events] == [
        "start a",
        "commit a",
        "wait a",
        "acquire a",
        "touch a",
        "release a",
        "remove a",
        "promise b",
        "closed a",
        "start b",
        "commit b",
        "wait b",
        "acquire b",
        "release b",
        "acquire b",
        "release b",
        "shut",
        "remove b",
        "closed b",
    ]
    assert [event.cause for event in events if event.action == "remove"] == ["evict", "shutdown"]
    assert {event.entry for event in events if event.key == "a"} == {events[0].entry}
    assert events[1] == PoolEvent("commit", "a", events[0].entry, "s1")


async def test_on_event_hears_the_start_that_fails_and_why(agents: Agents, make: Make) -> None:
    events: list[PoolEvent] = []
    pool = make(on_event=events.append)
    agents.fail("initialize", "a", OSError("no"))
    with pytest.raises(SessionStartError):
        await pool.get_or_create("a")
    assert [(e.action, e.cause) for e in events[:2]] == [("start", ""), ("fail", "initialize")]


async def test_a_hook_that_raises_is_logged_and_goes_no_further(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def hook(event: PoolEvent) -> None:
        heard.append(event.action)
        raise ValueError("hook")

    pool = make(on_event=hook)
    async with pool.session("a") as lease:
        assert await lease.prompt("x") == "s1: x"
    assert heard == ["start", "commit", "wait", "acquire", "release"]
    assert "on_event raised at commit of 'a'" in caplog.messages
    assert all(record.exc_info is not None for record in caplog.records if "on_event" in record.message)


async def test_a_logging_handler_that_raises_goes_no_further(
    agents: Agents, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    handler = Raises(logging.WARNING)
    logging.getLogger("acpool").addHandler(handler)
    try:
        agents.fail("open", "a", OSError("no"))
        pool = make()
        with pytest.raises(SessionStartError):
            await pool.get_or_create("a")
    finally:
        logging.getLogger("acpool").removeHandler(handler)
    assert "a logging handler raised at fail of 'a': OSError('the disk is full')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cause", "said"),
    [(OSError("no"), "OSError: no"), (TimeoutError(), "TimeoutError")],
    ids=["words", "none"],
)
async def test_what_failed_is_named_with_or_without_words(cause: Exception, said: str) -> None:
    error = SessionStartError("a", "open", cause)
    assert str(error) == f"session 'a' did not start: stage 'open' failed with {said}"


async def test_the_warnings_that_operators_need(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(2, close_timeout=1.0)
    for key in ("a", "b"):
        await pool.get_or_create(key)
    closing = agents.hold("close", "a")
    async with pool.session("b"):
        creating = asyncio.create_task(pool.get_or_create("c"))
        await agents.settle()
        with pytest.raises(PoolExhausted):
            await pool.get_or_create("d")
    await pool.reset("b")
    await creating
    closing.release()
    assert "all busy: no slot for 'd' within capacity_timeout=0.0 s" in caplog.messages
    changed = [record for record in caplog.records if "victim changed" in record.message]
    assert [record.levelno for record in changed] == [logging.WARNING]
    assert changed[0].message == "victim changed: 'c' starts in a slot that came free before that of 'a'"
    assert getattr(changed[0], "acpool_action") == "victim_changed"  # noqa: B009 - a record's extras are untyped
    await agents.settle()


async def test_a_process_given_up_on_is_an_error_in_the_log_and_counted(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(close_timeout=1.0)
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    agents.hold("close", "a")
    await pool.reset("a")
    given_up = [record for record in caplog.records if "gave up" in record.message]
    assert [(record.levelno, record.message) for record in given_up] == [
        (logging.ERROR, "gave up on the agent process of 'a' (session 's1'): not confirmed dead")
    ]
    assert pool.stats().given_up == 1


async def test_the_levels_of_what_is_ordinary_and_of_what_is_not(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "acpool")
    pool = make()
    await pool.get_or_create("a")
    await pool.cleanup_idle(0.0)
    await agents.settle()
    await pool.get_or_create("a")
    agents["a1"].alive = False
    agents["a2"].alive = False
    await pool.cleanup_idle(1e9)
    agents.fail("open", "b", OSError("no"))
    with pytest.raises(SessionStartError):
        await pool.get_or_create("b")
    said = [(record.levelname, record.message) for record in caplog.records]
    assert said == [
        ("INFO", "the session of 'a' is live: 's1'"),
        ("INFO", "the session of 'a' ('s1') leaves its slot: expire"),
        ("INFO", "the session of 'a' is live: 's1'"),
        ("WARNING", "the session of 'a' ('s1') leaves its slot: die"),
        ("WARNING", "the session of 'b' did not start: stage 'open' failed"),
    ]


async def test_what_is_not_to_be_logged_is_not_put_together(
    agents: Agents, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "acpool")
    pool = make()
    await pool.get_or_create("a")
    await pool.reset("a")
    assert caplog.messages == []


async def test_stats_count_slots_by_stage_and_who_waits(agents: Agents, make: Make) -> None:
    pool = make(4, capacity_timeout=100.0, suspended={"z": "old"})
    empty = PoolStats(4, 0, 0, 0, 0, 1, 0, 0, 0)
    assert pool.stats() == empty
    await pool.get_or_create("idle")
    held = pool.session("held")
    await held.__aenter__()
    await pool.get_or_create("closing")
    closing = agents.hold("close", "closing")
    opening = agents.hold("open", "new")
    waiting = [asyncio.create_task(pool.session("held").__aenter__())]
    await asyncio.sleep(1.0)
    await pool.get_or_create("idle")
    await pool.cleanup_idle(1.0)
    creating = asyncio.create_task(pool.get_or_create("new"))
    await agents.settle()
    assert pool.stats() == PoolStats(4, 1, 1, 1, 1, 2, 0, 1, 0)
    later = agents.hold("open", "y")
    more = [asyncio.create_task(pool.get_or_create(key)) for key in ("x", "y", "w")]
    await agents.settle()
    stats = pool.stats()
    assert (stats.creating, stats.idle, stats.leased, stats.closing) == (2, 0, 1, 1)
    assert stats.waiting_for_capacity == 1
    for call in (closing, opening, later):
        call.release()
    for task in (*waiting, *more, creating):
        task.cancel()
    await agents.settle()
    await held.__aexit__(None, None, None)


async def test_suspended_is_a_copy_and_knows_only_what_can_be_resumed(agents: Agents, make: Make) -> None:
    pool = make(close_timeout=0.0, suspended={"z": "old"})
    ids = pool.suspended
    ids["z"] = "other"
    assert pool.suspended == {"z": "old"}
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    for _ in range(2):
        agents.hold("close", "a")
    await pool.cleanup_idle(0.0)
    await asyncio.sleep(1.0)
    assert pool.suspended == {"z": "old"}, "the id of a process given up on is not resumed"
    assert pool.stats().suspended == 1


async def test_a_task_is_kept_until_it_ends_and_is_in_the_context_of_the_pool(
    agents: Agents, make: Make
) -> None:
    """What nobody refers to is collected in mid-step, and what the caller set for itself is not for a process that all use."""
    pool = make()
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")
    seen: list[str] = []
    go_on = asyncio.Event()

    async def open_later(_: object) -> None:
        seen.append(mine.get())
        await go_on.wait()

    agents.next("open", "a", open_later)
    mine.set("the caller's")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    kept = pool._shell._tasks  # pyright: ignore[reportPrivateUsage]  # nobody else can see that they are kept
    assert [task.get_name() for task in kept] == ["acpool-start-a"] and seen == ["nobody's"]
    go_on.set()
    await waiting
