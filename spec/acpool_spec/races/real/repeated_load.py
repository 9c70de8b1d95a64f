"""Race 21: a load that gets no answer is tried again in a new process, and nobody ends the one before."""

from __future__ import annotations

import asyncio

from acpool import SessionPool
from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import Stage, Wire, is_alive, staged

ATTEMPTS = 3


class RepeatedLoadPool:
    """Knows a process from the moment that it has loaded its session."""

    def __init__(self, command: list[str], suspended: dict[str, str]) -> None:
        self._command = command
        self._suspended = suspended
        self._live: dict[str, Wire] = {}
        self.started: list[Wire] = []

    async def get_or_create(self, key: str) -> None:
        """The session of ``key``, loaded in a new process; waits as long as that takes."""
        agent = Wire(self._command)
        self.started.append(agent)
        await agent.connect()
        await agent.ask("session/load", sessionId=self._suspended[key], cwd="/", mcpServers=[])
        self._live[key] = agent


def show(avoided: bool) -> Sighting:
    """The same session is asked for three times; each time the agent loads it and does not say so in time."""
    return staged(_on_ours if avoided else _on_the_pool)


async def _on_the_pool(stage: Stage) -> Sighting:
    pool = RepeatedLoadPool(stage.command("helper", "slow-load"), {"a": "s1"})
    try:
        return await _attempts(stage, pool)
    finally:
        for agent in pool.started:
            agent.end()


async def _on_ours(stage: Stage) -> Sighting:
    pool = SessionPool(stage.connector("helper", "slow-load"), max_sessions=1, suspended={"a": "s1"})
    async with pool:
        return await _attempts(stage, pool)


async def _attempts(stage: Stage, pool: RepeatedLoadPool | SessionPool) -> Sighting:
    lines: list[str] = []
    before: list[int] = []
    owners = 0
    for attempt in range(1, ATTEMPTS + 1):
        asked = asyncio.create_task(pool.get_or_create("a"))
        told = await stage.told("loaded")
        # Seen at the instant at which the agent has loaded it once more.
        left = [pid for pid in before if is_alive(pid)]
        owners = max(owners, len(left))
        lines.append(
            f"attempt {attempt}: {told.session_id} is loaded; {len(left)} processes of the attempts before live"
        )
        before += told.pids
        asked.cancel()
        await asyncio.wait([asked])
    broken = f"s1 was loaded once more while {owners} processes that had loaded it were alive"
    return Sighting({"S3": broken} if owners else {}, tuple(lines))
