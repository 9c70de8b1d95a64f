"""Agents that misbehave, under the pool: each costs its own key something, and nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError
from acp.schema import RequestPermissionRequest

from acpool import ConnectionLost, LeaseRevoked, SessionPool, SessionStartError

pytestmark = pytest.mark.asyncio


async def ask(pool: SessionPool, key: str, text: str) -> str:
    """One prompt, and what the agent said."""
    async with pool.session(key) as connection:
        return str((await connection.prompt(text)).text)


async def test_an_agent_is_a_group_of_processes(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1)
    async with pool.session("key") as connection:
        members = workshop.agents_of(pool).living()[connection.pid]
        assert connection.pid in members
        assert len(members) == 2


async def test_a_start_that_hangs_ends_in_time_and_holds_up_nobody(
    workshop: Any, journal: Any, jump: Callable[[float], None]
) -> None:
    pool: SessionPool = workshop.hostile(2, start_timeout=20.0, on_event=journal)
    agents = workshop.agents_of(pool)
    agents.commands["stuck"] = workshop.hostile_command("hang-initialize", "ignore-eof", "ignore-term")
    stuck = asyncio.create_task(pool.get_or_create("stuck"))
    await journal.until("start", key="stuck")
    assert await ask(pool, "other", "say hello") == "hello"
    assert not stuck.done()
    jump(20)
    with pytest.raises(
        SessionStartError, match=r"'initialize' failed with TimeoutError: start_timeout=20\.0"
    ):
        await stuck
    await journal.until("closed", key="stuck")
    assert len(agents.living()) == 1
    agents.commands.clear()
    assert await ask(pool, "stuck", "say again") == "again"


async def test_a_caller_that_gives_up_waiting_leaves_no_process(workshop: Any, journal: Any) -> None:
    pool: SessionPool = workshop.hostile(1, "hang-initialize", on_event=journal)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), pool.session("key"):
            pytest.fail("it cannot have started")
    await journal.until("closed", key="key")
    assert workshop.agents_of(pool).living() == {}
    assert pool.stats().creating == pool.stats().closing == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "stage 'initialize' failed with ConnectionLost"),
        ([sys.executable, "-c", "print('usage: agent')"], "stage 'initialize' failed with ConnectionLost"),
    ],
)
async def test_an_agent_that_exits_at_once_fails_each_start_and_keeps_no_slot(
    workshop: Any, command: list[str], message: str
) -> None:
    pool: SessionPool = workshop.hostile(1, capacity_timeout=60.0)
    agents = workshop.agents_of(pool)
    agents.commands["key"] = command
    for _ in range(2):
        with pytest.raises(SessionStartError, match=message):
            await pool.get_or_create("key")
    assert await ask(pool, "other", "say hello") == "hello"
    assert len(agents.opened) == 3


async def test_a_folder_that_is_not_there_fails_the_start(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1, connector={"cwd": "/nonexistent/folder"})
    with pytest.raises(
        SessionStartError, match=r"stage 'open' failed with FileNotFoundError.*/nonexistent/folder"
    ):
        await pool.get_or_create("key")
    assert pool.stats().closing == 0


async def test_stderr_without_end_holds_nothing_up(workshop: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    pool: SessionPool = workshop.hostile(
        1, "endless-stderr", "ignore-eof", connector={"close_grace_s": 0.2, "stderr_level": logging.WARNING}
    )
    assert await ask(pool, "key", "say one") == "one"
    assert await ask(pool, "key", "stderr 200000") == ""
    assert await ask(pool, "key", "say two") == "two"
    await pool.shutdown()
    assert pool.stats().given_up == 0
    assert any("no end of it" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("close_grace_s", "close_timeout", "killed_by_the_pool"), [(0.2, 60.0, False), (60.0, 0.3, True)]
)
async def test_a_slot_comes_free_though_its_agent_ignores_every_request_to_go(
    workshop: Any,
    caplog: pytest.LogCaptureFixture,
    close_grace_s: float,
    close_timeout: float,
    killed_by_the_pool: bool,
) -> None:
    pool: SessionPool = workshop.hostile(
        1,
        "ignore-eof",
        "ignore-term",
        connector={"close_grace_s": close_grace_s},
        close_timeout=close_timeout,
    )
    agents = workshop.agents_of(pool)
    await ask(pool, "first", "say one")
    assert await ask(pool, "second", "say two") == "two"
    assert list(agents.living()) == [agents.opened[1].pid]
    assert pool.suspended == {"first": "s1"}
    assert pool.stats().given_up == 0
    assert (
        "agent process of 'first' failed, and it is killed: TimeoutError" in caplog.text
    ) is killed_by_the_pool


async def test_what_the_agent_started_goes_with_it(
    workshop: Any, journal: Any, is_gone: Callable[[int], bool]
) -> None:
    pool: SessionPool = workshop.hostile(1, on_event=journal)
    grandchild = int(await ask(pool, "key", "spawn"))
    assert not is_gone(grandchild)
    assert await pool.cleanup_idle(0) == ["key"]
    await journal.until("closed", key="key")
    assert is_gone(grandchild)


async def test_a_prompt_that_was_called_off_unsent_tells_nobody_of_a_lost_session(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1, "refuse-load", suspended={"key": "precious"})
    async with pool.session("key") as connection:
        prompting = asyncio.create_task(connection.prompt("say never"))
        await asyncio.sleep(0)
        await connection.cancel()
        result = await prompting
        assert (result.stop_reason, result.answered) == ("cancelled", False)
        assert connection.info.session_reset
        assert (await connection.prompt("say now")).answered
        assert not connection.info.session_reset


async def test_a_load_that_dies_keeps_the_id(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1, capacity_timeout=60.0, suspended={"key": "precious"})
    agents = workshop.agents_of(pool)
    agents.commands["key"] = workshop.hostile_command("die-on-load")
    with pytest.raises(
        SessionStartError, match=r"stage 'load' failed with ConnectionLost.*exited with status 7"
    ):
        await pool.get_or_create("key")
    await resumes(pool, agents)


async def test_an_answer_to_a_load_that_is_neither_yes_nor_no_keeps_the_id(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1, capacity_timeout=60.0, suspended={"key": "precious"})
    agents = workshop.agents_of(pool)
    agents.commands["key"] = workshop.hostile_command("malformed-load")
    with pytest.raises(SessionStartError, match=r"stage 'load' failed with MalformedMessage.*'boom'"):
        await pool.get_or_create("key")
    await resumes(pool, agents)


async def test_an_answer_to_a_load_with_nothing_in_it_is_a_yes(workshop: Any) -> None:
    pool: SessionPool = workshop.hostile(1, "silent-load", suspended={"key": "precious"})
    info = await pool.get_or_create("key")
    assert (info.session_id, info.resumed, info.session_reset) == ("precious", True, False)


async def test_a_load_that_hangs_keeps_the_id(
    workshop: Any, tmp_path: Path, jump: Callable[[float], None]
) -> None:
    pool: SessionPool = workshop.hostile(
        1, start_timeout=20.0, capacity_timeout=60.0, suspended={"key": "precious"}
    )
    agents = workshop.agents_of(pool)
    agents.commands["key"] = workshop.hostile_command("hang-load")
    starting = asyncio.create_task(pool.get_or_create("key"))
    while not (tmp_path / "loading").exists():
        await asyncio.sleep(0.001)
    jump(20)
    with pytest.raises(SessionStartError, match="stage 'load' failed with TimeoutError"):
        await starting
    await resumes(pool, agents)


async def resumes(pool: SessionPool, agents: Any) -> None:
    """The id was kept; with a sound agent in place of the other, the conversation goes on."""
    assert pool.suspended == {"key": "precious"}
    agents.commands.clear()
    info = await pool.get_or_create("key")
    assert (info.session_id, info.resumed, info.session_reset) == ("precious", True, False)


async def test_an_id_that_the_agent_only_seems_to_know_fails_its_prompts_until_it_is_reset(
    workshop: Any,
) -> None:
    pool: SessionPool = workshop.hostile(1, "forgetful", suspended={"key": "unknown"})
    assert (await pool.get_or_create("key")).resumed
    for _ in range(2):
        with pytest.raises(RequestError, match="unknown session"):
            await ask(pool, "key", "say hello")
    workshop.agents_of(pool).commands["key"] = workshop.hostile_command()
    assert await pool.reset("key")
    assert not (await pool.get_or_create("key")).resumed
    assert await ask(pool, "key", "say hello") == "hello"


@pytest.mark.parametrize("trait", ["refuse-load", "no-load"])
async def test_a_conversation_that_the_agent_will_not_load_is_said_to_be_lost_until_it_was_answered(
    workshop: Any, trait: str
) -> None:
    pool: SessionPool = workshop.hostile(1, trait, suspended={"key": "precious"})
    info = await pool.get_or_create("key")
    assert (info.session_id, info.resumed, info.session_reset) == ("s1", False, True)
    async with pool.session("key") as connection:
        assert connection.info.session_reset
        await connection.prompt("say hello")
        assert not connection.info.session_reset
    assert len(workshop.agents_of(pool).opened) == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exit 3", "exited with status 3"),
        ("kill 9", "was ended by SIGKILL"),
        ("endless", "a line longer than 1000000 bytes"),
    ],
)
async def test_an_agent_lost_in_mid_prompt_fails_it_and_is_replaced(
    workshop: Any, how: str, reason: str
) -> None:
    pool: SessionPool = workshop.hostile(
        1, capacity_timeout=60.0, connector={"close_grace_s": 0.2, "line_limit_bytes": 1_000_000}
    )
    with pytest.raises(ConnectionLost, match=reason):
        await ask(pool, "key", how)
    async with pool.session("key") as connection:
        assert connection.info.resumed
        assert (await connection.prompt("say back")).text == "back"


async def test_what_a_cancelled_holder_was_told_never_reaches_the_next(workshop: Any, hold: Any) -> None:
    pool: SessionPool = workshop.hostile(1)
    first = await hold(pool, "key", "hang secret")
    second = asyncio.create_task(ask(pool, "key", "say mine"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "mine"
    assert first.cancelled()
    assert len(workshop.agents_of(pool).opened) == 1


async def test_an_agent_that_does_not_end_a_cancelled_prompt_costs_one_prompt_and_no_conversation(
    workshop: Any, hold: Any
) -> None:
    pool: SessionPool = workshop.hostile(1, connector={"cancel_timeout_s": 0.1})
    holder = await hold(pool, "key", "ignore x")
    assert await pool.cancel("key")
    holder.cancel()
    with pytest.raises(ConnectionLost, match="did not end a cancelled prompt"):
        await ask(pool, "key", "say lost")
    async with pool.session("key") as connection:
        assert connection.info.resumed
        assert (await connection.prompt("say back")).text == "back"


async def test_a_reset_takes_a_hung_prompt_away_from_its_holder(workshop: Any, hold: Any) -> None:
    pool: SessionPool = workshop.hostile(1, "ignore-eof", "ignore-term", connector={"close_grace_s": 60.0})
    holder = await hold(pool, "key", "ignore x")
    workshop.agents_of(pool).commands["key"] = workshop.hostile_command()
    waiter = asyncio.create_task(ask(pool, "key", "say fresh"))
    await asyncio.sleep(0)
    old = workshop.agents_of(pool).opened[0].pid
    assert await pool.reset("key")
    assert old not in workshop.agents_of(pool).living()
    with pytest.raises(LeaseRevoked, match="reset"):
        await holder
    assert await waiter == "fresh"
    assert not (await pool.get_or_create("key")).resumed


async def test_the_pool_cleans_up_by_itself(workshop: Any, journal: Any) -> None:
    pool: SessionPool = workshop.hostile(1, idle_ttl=0.0, cleanup_interval=0.01, on_event=journal)
    async with pool:
        await ask(pool, "key", "say hello")
        await journal.until("remove", key="key", cause="expire")
        await journal.until("closed", key="key")
        assert workshop.agents_of(pool).living() == {}
        assert pool.suspended == {"key": "s1"}


async def test_a_policy_of_the_caller_is_asked_through_the_pool(workshop: Any) -> None:
    options = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}]
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t"}, "options": options}
    call = {"method": "session/request_permission", "params": params}

    def policy(_request: RequestPermissionRequest) -> str:
        return "yes"

    pool: SessionPool = workshop.hostile(1, connector={"permission_policy": policy})
    answer = json.loads(await ask(pool, "key", "ask " + json.dumps(call)))
    assert answer == {"outcome": {"outcome": "selected", "optionId": "yes"}}
