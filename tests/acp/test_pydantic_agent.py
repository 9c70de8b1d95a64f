"""A real agent that nobody here wrote, through its whole life: start, talk, die in mid-prompt, come back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from acp import RequestError

from acpool.acp import AcpConnection, AcpConnector
from acpool.errors import ConnectionLost

pytestmark = pytest.mark.asyncio


async def test_a_conversation_survives_the_death_of_its_process(
    tmp_path: Path,
    pydantic_command: Callable[..., list[str]],
    descriptors: Callable[[], dict[str, str]],
    is_gone: Callable[[int], bool],
) -> None:
    before = descriptors()
    waiting = tmp_path / "waiting"
    agents = AcpConnector(pydantic_command(tmp_path / "sessions", waiting), cwd=tmp_path)

    first = await agents.open("key")
    try:
        await first.initialize()
        assert first.supports_load
        session_id = await first.new_session()
        assert (await first.prompt("one")).text == "1"
        assert (await first.prompt("two")).text == "2"
        await killed_in_mid_prompt(first)
    finally:
        await first.close()

    second = await agents.open("key")
    try:
        await second.initialize()
        await second.load_session(session_id)
        assert second.session_id == session_id
        result = await second.prompt("three")
        assert result.stop_reason == "end_turn"
        assert result.text == "3"
    finally:
        await second.close()
    assert is_gone(first.pid)
    assert is_gone(second.pid)
    assert descriptors() == before


async def killed_in_mid_prompt(connection: AcpConnection) -> None:
    streaming = asyncio.Event()
    prompt = asyncio.create_task(connection.prompt("wait", on_update=lambda _update: streaming.set()))
    await streaming.wait()
    os.kill(connection.pid, signal.SIGKILL)
    with pytest.raises(ConnectionLost):
        await prompt
    assert not connection.alive


async def test_a_cancelled_prompt_leaves_a_usable_session(
    tmp_path: Path, pydantic_command: Callable[..., list[str]]
) -> None:
    agents = AcpConnector(pydantic_command(tmp_path / "sessions", tmp_path / "waiting"), cwd=tmp_path)
    connection = await agents.open("key")
    try:
        await connection.initialize()
        await connection.new_session()
        streaming = asyncio.Event()
        prompt = asyncio.create_task(connection.prompt("wait", on_update=lambda _update: streaming.set()))
        await streaming.wait()
        prompt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await prompt
        result = await connection.prompt("next")
        assert result.stop_reason == "end_turn"
        assert "waiting" not in result.text
        assert result.text.isdecimal()
    finally:
        await connection.close()


async def test_it_accepts_an_unknown_session_and_fails_its_first_prompt(
    tmp_path: Path, pydantic_command: Callable[..., list[str]]
) -> None:
    connection = await AcpConnector(pydantic_command(tmp_path / "sessions"), cwd=tmp_path).open("key")
    try:
        await connection.initialize()
        await connection.load_session("0" * 32)
        with pytest.raises(RequestError):
            await connection.prompt("one")
        assert connection.alive
    finally:
        await connection.close()
