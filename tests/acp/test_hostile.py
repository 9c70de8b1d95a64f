"""What an agent may do to the one who reads it, and what a dying one leaves behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acpool.acp import pipes, stderr
from acpool.errors import ConnectionLost

pytestmark = pytest.mark.asyncio


def _setter(event: asyncio.Event) -> Callable[[Any], None]:
    return lambda _update: event.set()


async def test_garbage_between_the_lines_is_ignored_and_reported_within_bounds(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await start_hostile()
    assert (await connection.prompt("garbage")).text == "survived"
    assert (await connection.prompt("say still here")).text == "stillhere"
    ignored = [record.getMessage() for record in caplog.records if "ignored a line" in record.getMessage()]
    assert len(ignored) == 10
    assert all("agent of 'key'" in message and len(message) < 400 for message in ignored)
    assert "further such lines are ignored" in caplog.text
    assert [record for record in caplog.records if record.name == "root"] == []


async def test_blank_lines_and_notifications_are_passed_over_and_a_long_line_is_quoted_cut(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await start_hostile()
    assert (await connection.prompt("blanks")).stop_reason == "end_turn"
    assert [message.count("z") for message in caplog.messages] == [200]


async def test_an_endless_line_ends_the_connection_and_the_process(
    start_hostile: Any, is_gone: Callable[[int], bool]
) -> None:
    connection = await start_hostile(line_limit_bytes=1_000_000)
    with pytest.raises(ConnectionLost, match="a line longer than 1000000 bytes"):
        await connection.prompt("endless")
    assert not connection.alive
    await connection.close()
    assert is_gone(connection.pid)


async def test_a_flood_of_stderr_holds_nothing_up_and_is_logged_cut(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "acpool.acp")
    connection = await start_hostile(stderr_level=logging.WARNING)
    assert (await connection.prompt("stderr 2000000")).stop_reason == "end_turn"
    await connection.close()
    messages = [record.getMessage() for record in caplog.records]
    assert max(map(len, messages)) < 4200
    assert any("yyy … (1995904 bytes more)" in message for message in messages)
    assert any(r"\xff short" in message for message in messages)
    left_out = [message for message in messages if message.endswith("lines more of its stderr")]
    assert len(messages) - len(left_out) + sum(int(message.split()[3]) for message in left_out) == 250_002


async def test_a_new_second_has_a_new_share_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stderr, "LINES_PER_S", 2)
    caplog.set_level(logging.DEBUG, "acpool.acp")
    now = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    source, target = os.pipe()
    log = stderr.StderrLog(os.fdopen(source, "rb", buffering=0), "agent", logging.DEBUG)
    os.write(target, b"a\nb\nc\n")
    log.read_rest()
    now = 0.5
    os.write(target, b"d\n")
    log.read_rest()
    now = 1.0
    os.write(target, b"e\n")
    log.read_rest()
    assert log.last_words == "; its last words: 'e'"
    os.write(target, b"f")
    os.close(target)
    log.read_rest()
    said = ["agent: a", "agent: b", "agent: 2 lines more of its stderr", "agent: e", "agent: f"]
    assert [record.getMessage() for record in caplog.records] == said


@pytest.mark.parametrize("how", ["exit 3", "exit 0", f"kill {int(signal.SIGKILL)}", "close-stdout"])
async def test_dying_in_mid_prompt_fails_the_prompt_and_every_later_call(
    start_hostile: Any, how: str
) -> None:
    connection = await start_hostile(close_grace_s=0.2)
    with pytest.raises(ConnectionLost, match="agent of 'key' is lost: the agent"):
        await connection.prompt(how)
    assert not connection.alive
    calls: list[Callable[[], Any]] = [
        connection.initialize,
        connection.new_session,
        connection.cancel,
        lambda: connection.load_session("s1"),
        lambda: connection.prompt("say x"),
    ]
    for call in calls:
        with pytest.raises(ConnectionLost):
            await call()


async def test_the_error_repeats_the_agents_last_words(start_hostile: Any) -> None:
    connection = await start_hostile()
    with pytest.raises(ConnectionLost, match="last words: 'about to go'"):
        await connection.prompt("exit 3")


async def test_long_last_words_are_cut(start_hostile: Any) -> None:
    connection = await start_hostile()
    with pytest.raises(ConnectionLost) as caught:
        await connection.prompt("babble")
    assert str(caught.value).count("bla") == 50


async def test_how_an_agent_ended_is_told_rather_than_that_its_output_did(start_hostile: Any) -> None:
    connection = await start_hostile()
    # The exit is noticed before the end of the output.
    asyncio.get_running_loop().remove_reader(connection._process.stdout.fileno())
    with pytest.raises(ConnectionLost, match="the agent was ended by SIGKILL"):
        await connection.prompt(f"kill {int(signal.SIGKILL)}")


async def test_death_between_prompts_is_noticed_without_a_call(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "acpool.acp")
    connection = await start_hostile()
    os.kill(connection.pid, signal.SIGKILL)
    while connection.alive:
        await asyncio.sleep(0.001)
    await connection.close()
    assert "was ended by SIGKILL" in caplog.text


async def test_an_answer_written_just_before_the_exit_still_counts(start_hostile: Any) -> None:
    connection = await start_hostile()
    assert (await connection.prompt("answer-and-exit")).text == "goodbye"
    await connection.close()
    assert not connection.alive


async def test_all_that_was_written_before_the_exit_still_counts(
    start_hostile: Any, is_gone: Callable[[int], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await start_hostile()
    # The exit is noticed while most of the answer is still in the pipe.
    monkeypatch.setattr(pipes, "CHUNK_BYTES", 16)

    def hold_the_loop_until_it_is_gone(update: Any) -> None:
        while not is_gone(connection.pid):
            time.sleep(0.001)

    result = await connection.prompt("answer-and-exit", on_update=hold_the_loop_until_it_is_gone)
    assert result.text == "goodbye"


async def test_the_last_words_are_read_to_the_end(
    start_hostile: Any, is_gone: Callable[[int], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await start_hostile()
    monkeypatch.setattr(pipes, "CHUNK_BYTES", 4)
    prompt = asyncio.create_task(connection.prompt("exit 3"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    while not is_gone(connection.pid):
        time.sleep(0.001)  # noqa: ASYNC251 -- the loop must see the end of both pipes at once
    with pytest.raises(ConnectionLost, match="last words: 'about to go'"):
        await prompt


async def test_an_agent_that_falls_silent_is_quoted_though_it_lives(
    start_hostile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "acpool.acp")
    monkeypatch.setattr(stderr, "LINES_PER_S", 10_000)
    connection = await start_hostile(close_grace_s=30.0)
    # The end of its output is noticed while its last words are still in the pipe.
    asyncio.get_running_loop().remove_reader(connection._process.stderr.fileno())
    monkeypatch.setattr(pipes, "CHUNK_BYTES", 4)
    with pytest.raises(ConnectionLost, match="closed its output; its last words: 'about to fall silent'"):
        await connection.prompt("close-stdout")
    # What it says later is logged to the end, too.
    (tmp_path / "speak").touch()
    await connection.close()
    assert [message for message in caplog.messages if "gone" in message] == ["agent of 'key': gone"]


async def test_a_broken_input_is_lost_at_the_first_write_and_hangs_nobody(start_hostile: Any) -> None:
    connection = await start_hostile(close_grace_s=0.1)
    assert (await connection.prompt("close-stdin")).text == "deaf"
    with pytest.raises(ConnectionLost, match="no longer reads its input"):
        await connection.prompt("say x")
    with pytest.raises(ConnectionLost):
        await connection.prompt("say x")


async def test_an_agent_that_does_not_read_hangs_only_its_own_call(start_hostile: Any) -> None:
    connection = await start_hostile(close_grace_s=0.1)
    await connection.prompt("deaf")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connection.prompt("say " + "x" * 5_000_000)
    assert connection.alive
    await connection.close()


async def test_death_wakes_a_call_that_is_still_writing(start_hostile: Any) -> None:
    connection = await start_hostile()
    await connection.prompt("deaf")
    writing = asyncio.create_task(connection.prompt("say " + "x" * 5_000_000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    os.kill(connection.pid, signal.SIGKILL)
    with pytest.raises(ConnectionLost):
        await writing


async def test_sending_to_a_lost_agent_fails_but_for_an_answer(start_hostile: Any) -> None:
    connection = await start_hostile()
    connection.kill()
    with pytest.raises(ConnectionError):
        await connection._transport.send({"jsonrpc": "2.0", "id": 9, "method": "x"})
    await connection._transport.send({"jsonrpc": "2.0", "id": 9, "result": None})


async def test_killing_and_cancelling_at_once_leaves_nothing_unretrieved(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await start_hostile()
    streaming = asyncio.Event()
    prompt = asyncio.create_task(connection.prompt("hang x", on_update=_setter(streaming)))
    await streaming.wait()
    connection.kill()
    prompt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await prompt
    await connection.close()
    assert "never retrieved" not in caplog.text


async def test_a_start_that_hangs_can_be_cancelled(start_hostile: Any) -> None:
    connection = await start_hostile("hang-initialize", session=False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connection.initialize()
    assert connection.alive


async def test_another_protocol_version_is_told(start_hostile: Any) -> None:
    connection = await start_hostile("future", session=False)
    with pytest.raises(RuntimeError, match="version 2, not 1"):
        await connection.initialize()


async def test_what_the_agent_can_do_is_known_after_initialize(start_hostile: Any) -> None:
    connection = await start_hostile("no-load", session=False)
    assert connection.session_id is None
    await connection.initialize()
    assert not connection.supports_load
    connection = await start_hostile("no-capabilities", session=False)
    await connection.initialize()
    assert not connection.supports_load


async def test_a_flood_of_requests_without_reading_answers_is_bounded(start_hostile: Any) -> None:
    connection = await start_hostile(close_grace_s=0.2)
    assert (await connection.prompt("flood 20000")).stop_reason == "end_turn"
    buffered = connection._transport._writer.buffered_bytes
    assert 0 < buffered < 1_100_000
