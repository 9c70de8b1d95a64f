"""Who asks for a permission gets the policy's answer, and a refusal whenever that is none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from acp.schema import PermissionOption, RequestPermissionRequest, ToolCallUpdate

from acpool.acp import PermissionDesk
from acpool.errors import ConnectionLost

pytestmark = pytest.mark.asyncio

REJECTS = [
    {"optionId": "never", "name": "Never", "kind": "reject_always"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
ALLOWS = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}]
CANCELLED = {"outcome": {"outcome": "cancelled"}}


def selected(option: str) -> dict[str, Any]:
    return {"outcome": {"outcome": "selected", "optionId": option}}


def request(options: list[dict[str, str]]) -> dict[str, Any]:
    params = {"sessionId": "s1", "toolCall": {"toolCallId": "t", "title": "rm"}, "options": options}
    return {"method": "session/request_permission", "params": params}


async def answer_to(connection: Any, call: dict[str, Any]) -> Any:
    return json.loads((await connection.prompt("ask " + json.dumps(call))).text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ALLOWS + REJECTS, selected("no")),
        (ALLOWS + REJECTS[:1], selected("never")),
        (ALLOWS, CANCELLED),
        ([], CANCELLED),
    ],
)
async def test_the_default_refuses(
    start_hostile: Any,
    caplog: pytest.LogCaptureFixture,
    options: list[dict[str, str]],
    expected: dict[str, Any],
) -> None:
    connection = await start_hostile()
    assert await answer_to(connection, request(options)) == expected
    assert connection._permissions._asking == {}, "what was answered is not kept"
    assert caplog.messages == [], "a policy may refuse without a word"


async def test_a_policy_decides_by_what_it_is_asked(start_hostile: Any) -> None:
    asked: list[RequestPermissionRequest] = []

    def policy(call: RequestPermissionRequest) -> str:
        asked.append(call)
        return "yes"

    connection = await start_hostile(permission_policy=policy)
    added = request(ALLOWS)
    added["params"]["_meta"] = {"why": "to tidy up"}
    for call in (request(ALLOWS), added):
        assert await answer_to(connection, call) == selected("yes")
    assert [(call.session_id, call.tool_call.title, len(call.options)) for call in asked] == [
        ("s1", "rm", 1)
    ] * 2
    assert [call.field_meta for call in asked] == [None, {"why": "to tidy up"}]


async def test_a_policy_may_be_asynchronous(start_hostile: Any) -> None:
    async def policy(_call: RequestPermissionRequest) -> str:
        await asyncio.sleep(0)
        return "yes"

    assert await answer_to(await start_hostile(permission_policy=policy), request(ALLOWS)) == selected("yes")


async def test_a_policy_that_raises_refuses(start_hostile: Any, caplog: pytest.LogCaptureFixture) -> None:
    def policy(_call: RequestPermissionRequest) -> str:
        raise LookupError("of the caller")

    answer = await answer_to(await start_hostile(permission_policy=policy), request(ALLOWS + REJECTS))
    assert answer == selected("no")
    assert "of the caller" in caplog.text


async def test_a_policy_that_cancels_itself_has_given_nothing(start_hostile: Any) -> None:
    async def policy(_call: RequestPermissionRequest) -> str:
        raise asyncio.CancelledError

    answer = await answer_to(await start_hostile(permission_policy=policy), request(ALLOWS + REJECTS))
    assert answer == CANCELLED


async def test_a_policy_ends_with_the_request_that_it_was_asked_for() -> None:
    asked = asyncio.Event()
    ended = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "yes"

    desk = PermissionDesk("agent", policy, 300.0, lambda: True)
    options = [PermissionOption(option_id="yes", name="Yes", kind="allow_once")]
    asking = asyncio.create_task(
        desk.request_permission("s1", ToolCallUpdate(tool_call_id="t", title="rm"), options)
    )
    await asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_policy_that_invents_an_option_refuses(start_hostile: Any) -> None:
    def policy(_call: RequestPermissionRequest) -> str:
        return "maybe"

    answer = await answer_to(await start_hostile(permission_policy=policy), request(ALLOWS + REJECTS))
    assert answer == selected("no")


async def test_a_policy_that_hangs_refuses_even_if_it_swallows_its_cancellation(start_hostile: Any) -> None:
    released = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue
        return "yes"

    connection = await start_hostile(permission_policy=policy, permission_timeout_s=0.05)
    try:
        assert await answer_to(connection, request(ALLOWS + REJECTS)) == selected("no")
        await connection.close()
    finally:
        released.set()
        await asyncio.sleep(0)


async def test_cancelling_the_turn_cancels_its_requests(start_hostile: Any) -> None:
    asked = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        asked.set()
        await asyncio.Event().wait()
        return "yes"

    connection = await start_hostile(permission_policy=policy)
    prompt = asyncio.create_task(connection.prompt("ask " + json.dumps(request(ALLOWS + REJECTS))))
    await asked.wait()
    await connection.cancel()
    result = await prompt
    assert result.stop_reason == "cancelled"
    assert json.loads(result.text) == CANCELLED


async def test_a_turn_that_ends_takes_its_requests_with_it(start_hostile: Any, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    ended = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        asked.touch()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "yes"

    connection = await start_hostile(permission_policy=policy)
    call = {"request": request(ALLOWS), "file": str(asked)}
    assert (await connection.prompt("ask-and-end " + json.dumps(call))).stop_reason == "end_turn"
    await ended.wait()


@pytest.mark.parametrize("how", ["close", "kill"])
async def test_closing_ends_a_pending_policy_without_a_word(
    start_hostile: Any, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    asked = asyncio.Event()
    ended = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "yes"

    connection = await start_hostile(permission_policy=policy)
    prompt = asyncio.create_task(connection.prompt("ask " + json.dumps(request(ALLOWS))))
    await asked.wait()
    if how == "kill":
        connection.kill()
    await connection.close()
    assert ended.is_set()
    with pytest.raises(ConnectionLost):
        await prompt
    assert caplog.messages == []


async def test_an_answer_to_an_agent_that_stopped_reading_is_dropped(
    start_hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def policy(_call: RequestPermissionRequest) -> str:
        return "yes"

    connection = await start_hostile(permission_policy=policy, close_grace_s=0.1)
    with pytest.raises(ConnectionLost, match="no longer reads its input"):
        await connection.prompt("ask-and-close-stdin " + json.dumps(request(ALLOWS)))
    await connection.close()
    assert caplog.messages == []


async def test_what_waits_for_a_permission_is_bounded(start_hostile: Any) -> None:
    asked = 0
    everybody = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        nonlocal asked
        asked += 1
        await everybody.wait()
        return "yes"

    def on_update(_update: Any) -> None:
        everybody.set()

    connection = await start_hostile(permission_policy=policy)
    call = {"count": 200, "request": request(ALLOWS)}
    result = await connection.prompt("ask-often " + json.dumps(call), on_update=on_update)
    refused, answered = json.loads(result.updates[0].content.text), json.loads(result.updates[1].content.text)
    assert (refused, answered) == (136, 64)
    assert asked == 64
    assert await answer_to(connection, request(ALLOWS)) == selected("yes")


async def test_a_policy_that_answers_after_its_turn_was_cancelled_has_given_nothing(
    start_hostile: Any,
) -> None:
    asked = asyncio.Event()

    async def policy(_call: RequestPermissionRequest) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        return "yes"

    connection = await start_hostile(permission_policy=policy)
    prompt = asyncio.create_task(connection.prompt("ask " + json.dumps(request(ALLOWS + REJECTS))))
    await asked.wait()
    await connection.cancel()
    assert json.loads((await prompt).text) == CANCELLED


async def test_no_permission_outside_a_turn(start_hostile: Any, tmp_path: Path) -> None:
    asked: list[RequestPermissionRequest] = []

    def policy(call: RequestPermissionRequest) -> str:
        asked.append(call)
        return "yes"

    file = tmp_path / "answer"
    connection = await start_hostile(permission_policy=policy)
    call = {"request": request(ALLOWS), "file": str(file)}
    await connection.prompt("ask-after " + json.dumps(call))
    while not file.exists() or not file.read_text():
        await asyncio.sleep(0.001)
    assert json.loads(file.read_text())["result"] == CANCELLED
    assert asked == []


@pytest.mark.parametrize(
    "method",
    [
        "fs/read_text_file",
        "fs/write_text_file",
        "terminal/create",
        "terminal/output",
        "terminal/release",
        "terminal/wait_for_exit",
        "terminal/kill",
        "elicitation/create",
        "_vendor/extension",
        "session/update",
    ],
)
async def test_nothing_else_is_served(start_hostile: Any, method: str) -> None:
    connection = await start_hostile()
    answer = await answer_to(connection, {"method": method, "params": {"path": "/etc/passwd"}})
    assert answer["code"] == -32601


async def test_a_malformed_permission_request_is_answered_with_an_error(start_hostile: Any) -> None:
    connection = await start_hostile()
    answer = await answer_to(connection, {"method": "session/request_permission", "params": {}})
    assert answer["code"] == -32602
