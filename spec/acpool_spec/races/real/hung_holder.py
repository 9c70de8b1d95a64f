"""Race 19: a lease is taken back by interrupting its holder, whose own ``finally`` is to end the process, and never runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from acpool import PoolError, SessionPool
from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import Stage, Told, Wire, is_alive, staged


@dataclass(slots=True)
class _Lease:
    agent: Wire
    holder: asyncio.Task[Any] | None = None


class HungHolderPool:
    """Takes back every lease it is asked to, and leaves the process to the holder's end."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._live: dict[str, _Lease] = {}
        self._started: list[Wire] = []

    async def get_or_create(self, key: str) -> None:
        """A live session for ``key``; waits as long as its start takes."""
        if key not in self._live:
            agent = Wire(self._command)
            self._started.append(agent)
            self._live[key] = _Lease(agent)
            await agent.open_session()

    async def with_connection(self, key: str, fn: Callable[[Wire], Awaitable[None]]) -> None:
        """Run ``fn`` on the session of ``key``; who was interrupted ends the process."""
        lease = self._live[key]
        lease.holder = asyncio.current_task()
        try:
            await fn(lease.agent)
        finally:
            if self._live.get(key) is not lease:
                lease.agent.end()

    def reclaim(self, key: str) -> None:
        """Take the lease of ``key`` back: its slot is free."""
        holder = self._live.pop(key).holder
        assert holder is not None
        holder.cancel()

    def end(self) -> None:
        """End every process there ever was."""
        for agent in self._started:
            agent.end()


class _Holder:
    """A caller that nothing interrupts, until it is released."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.interrupted = asyncio.Event()
        self.release = asyncio.Event()

    async def use(self, agent: object) -> None:
        """Hold the session; a loop that tries again whatever happens, as they are found in the wild."""
        while not self.release.is_set():
            try:
                self.began.set()
                await self.release.wait()
            except asyncio.CancelledError:  # the defect of such holders, and the reason not to count on them
                self.interrupted.set()


def show(avoided: bool) -> Sighting:
    """A holder hangs, its lease is taken back, its key gets a new session: who is alive then?"""
    return staged(_on_ours if avoided else _on_the_pool)


async def _on_the_pool(stage: Stage) -> Sighting:
    pool, holder = HungHolderPool(stage.command("helper")), _Holder()
    try:
        await pool.get_or_create("a")
        first = await stage.told("created")
        held = asyncio.create_task(pool.with_connection("a", holder.use))
        await holder.began.wait()
        pool.reclaim("a")
        await holder.interrupted.wait()
        await pool.get_or_create("a")
        sighting = _sighting(first, await stage.told("created"))
        holder.release.set()
        await held
    finally:
        pool.end()
    return sighting


async def _on_ours(stage: Stage) -> Sighting:
    pool, holder = SessionPool(stage.connector("helper"), max_sessions=1, max_lease=0), _Holder()
    async with pool:
        await pool.get_or_create("a")
        first = await stage.told("created")
        held = asyncio.create_task(pool.with_connection("a", holder.use))
        await holder.began.wait()
        await pool.cleanup_idle(0)
        await pool.get_or_create("a")
        sighting = _sighting(first, await stage.told("loaded"))
        holder.release.set()
        await asyncio.wait([held])
        if not isinstance(held.exception(), PoolError | None):
            await held
    return sighting


def _sighting(first: Told, second: Told) -> Sighting:
    """Who of ``first`` lives when ``second`` has told of itself."""
    left = [pid for pid in first.pids if is_alive(pid)]
    lines = (
        f"the first session of a: {len(first.pids)} processes, {len(left)} of them alive when the second is there",
        f"the second: {len(second.pids)} processes",
    )
    broken = f"a has a second process while {len(left)} of its first session live" if left else ""
    return Sighting({"S2": broken} if broken else {}, lines)
