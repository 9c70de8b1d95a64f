"""After close() the process, its group, its descriptors and its tasks are gone, whatever the agent and the
caller do.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acpool.acp import AcpConnector
from acpool.acp import connection as connection_module
from acpool.acp.outstanding import Outstanding
from acpool.errors import ConnectionLost

pytestmark = pytest.mark.asyncio


def _setter(event: asyncio.Event) -> Callable[[Any], None]:
    return lambda _update: event.set()


@pytest.fixture
def group_signals(monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    """What was sent to process groups, in order."""
    sent: list[signal.Signals] = []
    real = os.killpg

    def recording(group: int, signum: int) -> None:
        if signum:
            sent.append(signal.Signals(signum))
        real(group, signum)

    monkeypatch.setattr(os, "killpg", recording)
    return sent


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        # The last SIGKILL is for what may be left of the group once its leader has exited.
        ([], [signal.SIGKILL]),
        (["ignore-eof"], [signal.SIGTERM, signal.SIGKILL]),
        (["ignore-eof", "ignore-term"], [signal.SIGTERM, signal.SIGKILL, signal.SIGKILL]),
    ],
)
async def test_close_goes_no_further_than_it_must(
    start_hostile: Any, group_signals: list[signal.Signals], traits: list[str], expected: list[signal.Signals]
) -> None:
    connection = await start_hostile(*traits, close_grace_s=0.5 if traits else 30.0)
    await connection.close()
    assert group_signals == expected
    assert not connection.alive
    await connection.close()
    connection.kill()
    assert group_signals == expected


@pytest.mark.parametrize("prompt", ["spawn", "spawn and exit"])
@pytest.mark.parametrize("how", ["close", "kill"])
async def test_a_grandchild_does_not_survive(
    start_hostile: Any, is_gone: Callable[[int], bool], prompt: str, how: str
) -> None:
    connection = await start_hostile()
    grandchild = int((await connection.prompt(prompt)).text)
    if how == "kill":
        connection.kill()
    await connection.close()
    assert is_gone(grandchild)
    assert is_gone(connection.pid)


async def test_pipes_held_by_a_process_out_of_reach_are_given_back(
    start_hostile: Any, descriptors: Callable[[], dict[str, str]]
) -> None:
    before = descriptors()
    connection = await start_hostile()
    escaped = int((await connection.prompt("escape")).text)
    try:
        await connection.close()
        assert descriptors() == before
    finally:
        os.kill(escaped, signal.SIGKILL)


async def test_an_agent_that_writes_on_its_way_out_is_not_held_up(
    start_hostile: Any,
    tmp_path: Path,
    group_signals: list[signal.Signals],
    caplog: pytest.LogCaptureFixture,
) -> None:
    mark = tmp_path / "mark"
    connection = await start_hostile("talk-at-eof", env={"MARK": str(mark)}, close_grace_s=30.0)
    await connection.close()
    assert mark.exists()
    assert group_signals == [signal.SIGKILL]
    assert caplog.messages == [], "nobody reads what it says then"


async def test_kill_is_immediate_and_fails_what_is_in_progress(start_hostile: Any) -> None:
    connection = await start_hostile("ignore-eof", "ignore-term", close_grace_s=30.0)
    prompt = asyncio.create_task(connection.prompt("ignore x"))
    await asyncio.sleep(0)
    connection.kill()
    assert not connection.alive
    with pytest.raises(ConnectionLost, match=r"is lost: it was killed by its owner$"):
        await prompt
    await connection.close()
    with pytest.raises(ConnectionLost, match=r"is lost: it was killed by its owner$"):
        await connection.cancel()


async def test_closing_fails_what_is_in_progress(start_hostile: Any) -> None:
    connection = await start_hostile()
    streaming = asyncio.Event()
    prompt = asyncio.create_task(connection.prompt("hang x", on_update=_setter(streaming)))
    await streaming.wait()
    await connection.close()
    with pytest.raises(ConnectionLost, match="closed by its owner"):
        await prompt


async def test_concurrent_closes_share_one_and_a_cancelled_one_stops_nobody(
    start_hostile: Any, is_gone: Callable[[int], bool], group_signals: list[signal.Signals]
) -> None:
    connection = await start_hostile("ignore-eof", close_grace_s=0.2)
    closes = [asyncio.create_task(connection.close()) for _ in range(3)]
    await asyncio.sleep(0)
    closes[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await closes[0]
    assert not is_gone(connection.pid)
    await asyncio.gather(*closes[1:])
    assert is_gone(connection.pid)
    assert group_signals == [signal.SIGTERM, signal.SIGKILL]


async def test_a_close_that_only_a_cancelled_caller_asked_for_still_ends_the_process(
    start_hostile: Any, is_gone: Callable[[int], bool]
) -> None:
    connection = await start_hostile("ignore-eof", close_grace_s=0.05)
    close = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    close.cancel()
    with pytest.raises(asyncio.CancelledError):
        await close
    await connection._process.dead.wait()
    assert is_gone(connection.pid)


async def test_with_nothing_outstanding_nobody_waits() -> None:
    assert await Outstanding().finish(60.0)


async def test_close_does_not_wait_for_a_handler_that_never_ends(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection_module, "SDK_CLOSE_S", 0.05)
    connection = await start_hostile()

    async def never_ends() -> None:
        await asyncio.Event().wait()

    real_close = connection._sdk.close
    monkeypatch.setattr(connection._sdk, "close", never_ends)
    await connection.close()
    assert "a handler does not end" in caplog.text
    await real_close()


async def test_a_close_cut_off_by_the_end_of_the_loop_kills(
    start_hostile: Any, group_signals: list[signal.Signals]
) -> None:
    connection = await start_hostile("ignore-eof", close_grace_s=30.0)
    close = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    # What asyncio.run() does with every task that is left.
    connection._closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await close
    assert group_signals[0] == signal.SIGKILL
    await connection._process.dead.wait()
    await connection._sdk.close()
    connection._closing = None


async def test_no_descriptor_and_no_process_is_left_after_many(
    tmp_path: Path,
    hostile_command: Callable[..., list[str]],
    descriptors: Callable[[], dict[str, str]],
    is_gone: Callable[[int], bool],
) -> None:
    connector = AcpConnector(hostile_command(), cwd=tmp_path)
    before = descriptors()
    for number in range(12):
        connection = await connector.open(str(number))
        if number % 3:
            await connection.initialize()
        if number % 2:
            connection.kill()
        await connection.close()
        assert is_gone(connection.pid)
        assert descriptors() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
