"""No turn ever gets another turn's output, and no answer ends another request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acp import RequestError, text_block
from acp.schema import AgentMessageChunk, AgentThoughtChunk, ImageContentBlock

from acpool.acp import AcpConnection, PromptResult
from acpool.acp.messages import MalformedMessage
from acpool.acp.turns import TurnBook
from acpool.errors import ConnectionLost, SessionRefused

pytestmark = pytest.mark.asyncio


async def begin(connection: AcpConnection, text: str) -> asyncio.Task[Any]:
    """Start a prompt and wait until the agent streams the first update of its turn."""
    streaming = asyncio.Event()
    task = asyncio.create_task(connection.prompt(text, on_update=lambda _update: streaming.set()))
    await streaming.wait()
    return task


async def cancel_prompt(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_prompt_streams_in_order_and_returns_the_whole_turn(start_hostile: Any) -> None:
    connection = await start_hostile()
    seen: list[Any] = []
    result = await connection.prompt("say a b c", on_update=seen.append)
    assert result.stop_reason == "end_turn"
    assert result.text == "abc"
    assert tuple(seen) == result.updates


async def test_content_blocks_are_passed_on(start_hostile: Any) -> None:
    connection = await start_hostile()
    assert (await connection.prompt([text_block("say x"), text_block("ignored")])).text == "x"


async def test_updates_of_other_sessions_and_unknown_ones_are_dropped(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await start_hostile()
    result = await connection.prompt("elsewhere")
    assert result.text == "yours"
    assert [type(update) for update in result.updates[1:]] == [AgentThoughtChunk]
    dropped = [message for message in caplog.messages if "not of the protocol" in message]
    assert len(dropped) == 1, "two were"


async def test_a_picture_has_no_text() -> None:
    picture = AgentMessageChunk(
        session_update="agent_message_chunk",
        content=ImageContentBlock(type="image", data="", mime_type="image/png"),
    )
    assert PromptResult("end_turn", (picture,)).text == ""


async def test_a_cancelled_prompt_is_cancelled_at_the_agent_and_its_late_chunk_dropped(
    start_hostile: Any,
) -> None:
    connection = await start_hostile()
    await cancel_prompt(await begin(connection, "hang first"))
    assert connection.alive
    assert (await connection.prompt("say second")).text == "second"


async def test_cancel_ends_the_turn_with_the_agents_own_answer(start_hostile: Any) -> None:
    connection = await start_hostile()
    await connection.cancel()
    task = await begin(connection, "hang early")
    await connection.cancel()
    await connection.cancel()
    result = await task
    assert (result.stop_reason, result.text) == ("cancelled", "earlylate")
    await connection.cancel()
    assert (await connection.prompt("say next")).text == "next"


async def test_each_turn_is_cancelled_once_at_the_agent(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await start_hostile()
    posted: list[str] = []
    real = connection._transport.post

    def recording(method: str, params: dict[str, Any]) -> None:
        posted.append(method)
        real(method, params)

    monkeypatch.setattr(connection._transport, "post", recording)
    task = await begin(connection, "hang first")
    await connection.cancel()
    await connection.cancel()
    await cancel_prompt(task)
    assert posted == ["session/cancel"]
    second = await begin(connection, "hang second")
    await connection.cancel()
    assert (await second).text == "secondlate"
    assert posted == ["session/cancel"] * 2


async def test_on_update_is_not_called_once_its_prompt_was_cancelled(start_hostile: Any) -> None:
    connection = await start_hostile()
    seen: list[str] = []
    streaming = asyncio.Event()

    def on_update(update: Any) -> None:
        seen.append(update.content.text)
        streaming.set()

    task = asyncio.create_task(connection.prompt("hang first", on_update=on_update))
    await streaming.wait()
    await cancel_prompt(task)
    assert (await connection.prompt("say second")).text == "second"
    assert seen == ["first"]


async def test_chunks_after_the_answer_are_in_no_turn(
    start_hostile: Any, tmp_path: Path, await_file: Callable[[Path], None]
) -> None:
    connection = await start_hostile()
    mark = tmp_path / "mark"
    assert (await connection.prompt(f"late {mark}")).text == "in time"
    Path(f"{mark}.go").touch()
    await_file(mark)
    assert (await connection.prompt("say clean")).text == "clean"


async def test_the_answer_of_a_cancelled_prompt_never_ends_the_next(start_hostile: Any) -> None:
    connection = await start_hostile(cancel_timeout_s=30)
    await cancel_prompt(await begin(connection, "late-answer"))
    result = await connection.prompt("anything")
    assert (result.stop_reason, result.text) == ("end_turn", "second")


async def test_an_agent_that_does_not_end_a_cancelled_turn_is_given_up(
    start_hostile: Any, is_gone: Callable[[int], bool]
) -> None:
    connection = await start_hostile(cancel_timeout_s=0.05)
    await cancel_prompt(await begin(connection, "ignore x"))
    with pytest.raises(ConnectionLost, match=r"did not end a cancelled prompt within 0\.05 s"):
        await connection.prompt("say never")
    assert not connection.alive
    await connection.close()
    assert is_gone(connection.pid)


async def test_waiting_for_the_old_turn_can_be_cancelled(start_hostile: Any) -> None:
    connection = await start_hostile(cancel_timeout_s=30)
    await cancel_prompt(await begin(connection, "ignore x"))
    waiting = asyncio.create_task(connection.prompt("say never"))
    await asyncio.sleep(0)
    await cancel_prompt(waiting)
    assert connection.alive
    connection.kill()


async def test_death_ends_the_wait_for_the_old_turn(start_hostile: Any) -> None:
    connection = await start_hostile(cancel_timeout_s=30)
    await cancel_prompt(await begin(connection, "ignore x"))
    waiting = asyncio.create_task(connection.prompt("say never"))
    await asyncio.sleep(0)
    connection.kill()
    with pytest.raises(ConnectionLost, match="killed by its owner"):
        await waiting


async def test_a_prompt_cancelled_as_it_is_written_is_cancelled_at_the_agent(start_hostile: Any) -> None:
    connection = await start_hostile()
    task = asyncio.create_task(connection.prompt("hang x"))
    await asyncio.sleep(0)
    await cancel_prompt(task)
    assert (await connection.prompt("say next")).text == "next"


@pytest.mark.parametrize("by_task", [True, False])
async def test_a_prompt_cancelled_before_it_was_written_leaves_no_trace(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, by_task: bool
) -> None:
    connection = await start_hostile()

    ended: list[bool] = []

    async def never_written(**_arguments: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with monkeypatch.context() as patch:
        patch.setattr(connection._sdk, "prompt", never_written)
        task = asyncio.create_task(connection.prompt("ignore x"))
        await asyncio.sleep(0)
        if by_task:
            await cancel_prompt(task)
        else:
            await connection.cancel()
            assert (await task).stop_reason == "cancelled"
    assert connection._turns.current is None
    assert (await connection.prompt("say next")).text == "next"
    assert ended == [True]
    assert caplog.messages == []


async def test_a_request_that_fails_once_it_was_written_leaves_no_turn(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await start_hostile(cancel_timeout_s=0.05)

    async def fails(**_arguments: Any) -> None:
        connection._turns.sent(99)
        raise ValueError("of the SDK")

    with monkeypatch.context() as patch:
        patch.setattr(connection._sdk, "prompt", fails)
        with pytest.raises(ValueError, match="of the SDK"):
            await connection.prompt("say x")
    assert (await connection.prompt("say next")).text == "next"


async def test_a_turn_that_has_ended_is_not_cancelled(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await start_hostile()
    real = connection._turns.answered
    posted: list[str] = []

    def cancel_at_once(request_id: int) -> None:
        real(request_id)
        # Its caller has not run since.
        asyncio.get_running_loop().create_task(connection.cancel()).add_done_callback(done.set_result)

    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(connection._turns, "answered", cancel_at_once)

    def post(method: str, params: dict[str, Any]) -> None:
        posted.append(method)

    monkeypatch.setattr(connection._transport, "post", post)
    assert (await connection.prompt("say x")).stop_reason == "end_turn"
    await done
    assert posted == []


async def test_a_prompt_that_waits_for_the_old_turn_can_be_called_off(start_hostile: Any) -> None:
    connection = await start_hostile(cancel_timeout_s=30)
    await cancel_prompt(await begin(connection, "ignore x"))
    old = connection._turns.current
    assert old is not None
    waiting = asyncio.create_task(connection.prompt("say never"))
    await asyncio.sleep(0)
    await connection.cancel()
    await connection.cancel()
    result = await waiting
    assert (result.stop_reason, result.updates) == ("cancelled", ())
    assert connection.alive
    assert connection._turns.current is old, "nothing was sent since"
    connection.kill()


async def test_cancelling_at_the_instant_a_prompt_is_written_is_not_lost(start_hostile: Any) -> None:
    connection = await start_hostile()
    prompt = asyncio.create_task(connection.prompt("hang x"))
    await asyncio.sleep(0)
    await connection.cancel()
    assert (await prompt).stop_reason == "cancelled"
    assert (await connection.prompt("say next")).text == "next"


async def test_one_prompt_at_a_time_and_none_without_a_session(start_hostile: Any) -> None:
    connection = await start_hostile(session=False)
    with pytest.raises(RuntimeError, match="no session"):
        await connection.prompt("say x")
    await connection.initialize()
    await connection.new_session()
    task = await begin(connection, "hang x")
    with pytest.raises(RuntimeError, match="in progress"):
        await connection.prompt("say x")
    await connection.cancel()
    assert (await task).stop_reason == "cancelled"


async def test_a_failing_on_update_ends_the_prompt_and_not_the_connection(start_hostile: Any) -> None:
    connection = await start_hostile()

    seen: list[Any] = []

    def fail(update: Any) -> None:
        seen.append(update)
        raise LookupError("of the caller")

    with pytest.raises(LookupError, match="of the caller"):
        await connection.prompt("hang x", on_update=fail)
    assert (await connection.prompt("say next")).text == "next"
    assert len(seen) == 1
    with pytest.raises(LookupError):
        await connection.prompt("say several words", on_update=fail)
    assert len(seen) == 2, "whoever failed is shown no more"
    assert (await connection.prompt("say next")).text == "next"


async def test_errors_of_the_agent_come_out_and_the_next_prompt_works(start_hostile: Any) -> None:
    connection = await start_hostile()
    with pytest.raises(RequestError, match="sorry"):
        await connection.prompt("error sorry")
    with pytest.raises(MalformedMessage, match="malformed error: 'text'"):
        await connection.prompt("malformed-error text")
    with pytest.raises(ValueError, match="stopReason"):
        await connection.prompt("nonsense")
    with pytest.raises(ValueError, match="prompt"):
        await connection.prompt(["not a block"])
    assert (await connection.prompt("say next")).text == "next"


async def test_replayed_history_is_in_no_turn(
    start_hostile: Any, tmp_path: Path, await_file: Callable[[Path], None]
) -> None:
    mark = tmp_path / "mark"
    connection = await start_hostile(session=False, env={"MARK": str(mark)})
    await connection.initialize()
    assert connection.supports_load
    await connection.load_session("old")
    assert connection.session_id == "old"
    Path(f"{mark}.go").touch()
    await_file(mark)
    assert (await connection.prompt("say fresh")).text == "fresh"


async def test_a_refused_load_leaves_a_process_for_a_new_session(start_hostile: Any) -> None:
    connection = await start_hostile("refuse-load", session=False)
    await connection.initialize()
    with pytest.raises(SessionRefused, match=r"'old'.*unknown session"):
        await connection.load_session("old")
    assert connection.session_id is None
    assert await connection.new_session() == "s1"
    assert (await connection.prompt("say hi")).text == "hi"


async def test_a_load_that_fails_in_transit_is_no_refusal(start_hostile: Any) -> None:
    connection = await start_hostile("die-on-load", session=False)
    await connection.initialize()
    with pytest.raises(ConnectionLost):
        await connection.load_session("old")
    assert connection.session_id is None


async def test_an_agent_that_accepts_any_id_fails_the_first_prompt(start_hostile: Any) -> None:
    connection = await start_hostile("forgetful", session=False)
    await connection.initialize()
    await connection.load_session("never existed")
    with pytest.raises(RequestError, match="unknown session"):
        await connection.prompt("say hi")
    assert connection.alive


async def test_an_answer_with_no_turn_in_progress_is_nobodys() -> None:
    ended: list[str] = []
    book = TurnBook("agent", lambda: ended.append("turn"))
    book.sent(1)
    book.answered(1)
    book.end()
    book.updated({})
    assert ended == []
    assert not book.wanted
