"""Whole programs around a pool: however one ends, its agents end with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

AGENT = str(Path(__file__).parent.parent / "acp" / "agents" / "hostile_agent.py")
PROGRAM = """
import asyncio, sys
from acpool import SessionPool
from acpool.acp import AcpConnector

async def talk(pool, key, text):
    async with pool.session(key) as agent:
        await agent.prompt(text, on_update=lambda _update: print(agent.pid, flush=True))

async def main():
    command = [sys.executable, sys.argv[1], "ignore-eof", "ignore-term"]
    async with SessionPool(AcpConnector(command, cwd="/", close_grace_s=0.2), max_sessions=3) as pool:
        await talk(pool, "idle", "say x")
        async with asyncio.TaskGroup() as group:
            group.create_task(talk(pool, "hung", "ignore x"))
            group.create_task(talk(pool, "other", "ignore x"))

asyncio.run(main())
"""


@pytest.mark.asyncio
@pytest.mark.usefixtures("interruptible")
async def test_ctrl_c_ends_the_program_and_its_agents(is_gone: Callable[[int], bool]) -> None:
    # Not traced: a traced CPython 3.11 skips the handlers of TaskGroup.__aexit__, and its children are never cancelled.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "dev",
        "-c",
        PROGRAM,
        AGENT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    agents = [int(await program.stdout.readline()) for _ in range(3)]
    assert len(set(agents)) == 3
    assert not any(map(is_gone, agents))
    os.kill(program.pid, signal.SIGINT)
    _, errors = await program.communicate()
    assert program.returncode == -signal.SIGINT, errors.decode()
    assert errors.decode().rstrip().endswith("KeyboardInterrupt")
    assert b"Warning" not in errors
    assert b"never retrieved" not in errors
    assert all(map(is_gone, agents))
