"""What a connector accepts, what an agent inherits, and what is left of an open that fails."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acp.schema import ClientCapabilities, FileSystemCapabilities

from acpool.acp import BASE_NAMES, AcpConnection, AcpConnector, connection, connector
from acpool.acp.exits import is_unreaped
from acpool.acp.process import AgentProcess
from acpool.contract import Connection

SECRETS = ("OPENAI_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "LC_TOKEN", "HTTPS_PROXY", "PYTHONPATH")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cwd": "relative"}, "cwd must be absolute"),
        ({"cwd": Path("relative")}, "cwd must be absolute"),
        ({"command": []}, "command must be a non-empty sequence"),
        ({"command": "agent --acp"}, "command must be a non-empty sequence"),
        ({"cancel_timeout_s": 0}, "cancel_timeout_s must be positive"),
        ({"close_grace_s": -1}, "close_grace_s must be positive"),
        ({"permission_timeout_s": float("nan")}, "permission_timeout_s must be positive"),
        ({"line_limit_bytes": 0}, "line_limit_bytes must be positive"),
        ({"client_capabilities": ClientCapabilities(terminal=True)}, "does not serve"),
        (
            {"client_capabilities": ClientCapabilities(fs=FileSystemCapabilities(read_text_file=True))},
            "does not serve",
        ),
        (
            {"client_capabilities": ClientCapabilities(fs=FileSystemCapabilities(write_text_file=True))},
            "does not serve",
        ),
    ],
)
def test_useless_settings_are_refused(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"command": ["agent"], "cwd": "/"} | options
    with pytest.raises(ValueError, match=message):
        AcpConnector(**arguments)


def test_capabilities_that_are_not_methods_are_accepted() -> None:
    AcpConnector(["agent"], cwd="/", client_capabilities=ClientCapabilities(fs=None))


def test_other_platforms_get_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "unreaped_children_visible", lambda: False)
    with pytest.raises(NotImplementedError, match="needs POSIX"):
        AcpConnector(["agent"], cwd="/")


async def environment_of(agent: AcpConnection) -> dict[str, str]:
    variables: dict[str, str] = json.loads((await agent.prompt("environment")).text)
    return variables


@pytest.mark.asyncio
async def test_the_agent_gets_a_minimum_and_no_token(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    seen = await environment_of(await start_hostile())
    # CPython's own locale coercion sets LC_CTYPE in the C locale.
    assert set(seen) <= {*BASE_NAMES}
    assert seen["PATH"] == os.environ["PATH"]
    assert "secret" not in seen.values()


@pytest.mark.asyncio
async def test_the_agent_gets_what_the_caller_names(
    start_hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for the agent")
    monkeypatch.delenv("UNSET", raising=False)
    agent = await start_hostile(inherit_env=["OPENAI_API_KEY", "UNSET"], env={"EXTRA": "1", "HOME": "/mine"})
    seen = await environment_of(agent)
    assert (seen["OPENAI_API_KEY"], seen["EXTRA"], seen["HOME"]) == ("for the agent", "1", "/mine")
    assert "UNSET" not in seen


@pytest.mark.asyncio
async def test_each_key_may_have_a_directory_of_its_own(start_hostile: Any, tmp_path: Path) -> None:
    def directory(key: str) -> Path:
        return tmp_path / key

    directory("key").mkdir()
    agent = await start_hostile(cwd=directory)
    assert (await agent.prompt("cwd")).text == str(directory("key").resolve())


@pytest.mark.asyncio
async def test_a_relative_directory_of_a_key_is_refused() -> None:
    agents = AcpConnector(["agent"], cwd=lambda key: key)
    with pytest.raises(ValueError, match="cwd must be absolute, not 'key'"):
        await agents.open("key")


@pytest.mark.asyncio
@pytest.mark.parametrize("command", [["/nonexistent/agent"], ["/"]])
async def test_a_command_that_cannot_run_leaves_nothing(
    command: list[str], descriptors: Callable[[], dict[str, str]]
) -> None:
    before = descriptors()
    with pytest.raises(OSError, match=r"/nonexistent/agent|'/'"):
        await AcpConnector(command, cwd="/").open("key")
    assert descriptors() == before


@pytest.mark.asyncio
async def test_an_open_that_fails_halfway_leaves_nothing(
    hostile_command: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    descriptors: Callable[[], dict[str, str]],
) -> None:
    started: list[AgentProcess] = []

    class Recorded(AgentProcess):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(connection, "AgentProcess", Recorded)
    monkeypatch.setattr(connection, "connect_to_agent", fail)
    before = descriptors()
    with pytest.raises(MemoryError):
        await AcpConnector(hostile_command("ignore-eof", "ignore-term"), cwd="/").open("key")
    await started[0].dead.wait()
    assert not is_unreaped(started[0].pid)
    assert descriptors() == before


@pytest.mark.asyncio
async def test_a_cancelled_open_leaves_nothing(
    hostile_command: Callable[..., list[str]], descriptors: Callable[[], dict[str, str]]
) -> None:
    before = descriptors()
    agents = AcpConnector(hostile_command(), cwd="/")
    opening = asyncio.create_task(agents.open("key"))
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert descriptors() == before
    # Once it has run there is a connection to own: no await lies in between at which both could be lost.
    coroutine = agents.open("key")
    with pytest.raises(StopIteration) as finished:
        coroutine.send(None)
    await finished.value.value.close()
    assert descriptors() == before


@pytest.mark.asyncio
async def test_a_connection_is_what_the_pool_needs(start_hostile: Any) -> None:
    assert isinstance(await start_hostile(), Connection)
