"""Race 17: an agent is asked to end, and killed by the number of its group a while later, when the number is another's.

The kernel hands out a number again after all others; the exhibit runs in a namespace of its own, where it says which comes next:
``python -m acpool_spec.races.real.recycled_group first-draft|ours``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from acpool import SessionPool
from acpool.acp import AcpConnection, AcpConnector
from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.namespace import NoNamespace, enter, next_pid_is
from acpool_spec.races.real.stage import PATIENCE_S, Stage, Wire, staged

Later = Callable[[Callable[[], None]], None]


class RecycledGroupPool:
    """One session at a time. ``later`` runs what it is given when a process has had its time to end: seconds afterwards."""

    def __init__(self, command: list[str], later: Later) -> None:
        self._command = command
        self._later = later
        self._live: Wire | None = None

    async def evict(self) -> None:
        """End the session that there is, and make sure of it later. Waits until its process is reaped."""
        assert self._live is not None
        group = self._live.pid
        os.killpg(group, signal.SIGTERM)
        self._live.process.wait()
        self._later(lambda: os.killpg(group, signal.SIGKILL))
        self._live = None

    async def get_or_create(self) -> Wire:
        """A new session; waits as long as its process takes."""
        self._live = agent = Wire(self._command)
        await agent.open_session()
        return agent


def show(avoided: bool) -> Sighting:
    """a's process is evicted, b's gets its number and a prompt; then the rest of a's group is to be killed."""
    command = [sys.executable, "-m", __name__, "ours" if avoided else "first-draft"]
    seen = subprocess.run(command, stdout=subprocess.PIPE, timeout=2 * PATIENCE_S, check=True)
    told = json.loads(seen.stdout)
    return Sighting(told["broken"], tuple(told["lines"]), told["undecided"])


async def _on_the_pool(stage: Stage) -> Sighting:
    later: list[Callable[[], None]] = []
    pool = RecycledGroupPool(stage.command(), later.append)
    first = (await pool.get_or_create()).pid
    await pool.evict()
    next_pid_is(first)
    agent = await pool.get_or_create()
    agent.begin_prompt("late answer")
    for kill in later:
        kill()
    try:
        # The agent goes on with its prompt when it hears of the next message.
        agent.begin_prompt("say more")
        while "result" not in await agent.receive():
            pass
        lives = True
    except ConnectionError:
        lives = False
    agent.end()
    return _sighting(first, agent.pid, lives=lives)


class _Numbered(AcpConnector):
    """Every process gets the number of the first one."""

    opened: tuple[AcpConnection, ...] = ()

    async def open(self, key: str) -> AcpConnection:
        if self.opened:
            next_pid_is(self.opened[0].pid)
        connection = await super().open(key)
        self.opened += (connection,)
        return connection


async def _on_ours(stage: Stage) -> Sighting:
    agents = _Numbered(stage.command(), cwd=stage.folder)
    async with SessionPool(agents, max_sessions=1) as pool:
        await pool.get_or_create("a")
        async with pool.session("b") as agent:
            first, second = agents.opened
            prompt = asyncio.create_task(agent.prompt("late answer"))
            for what in ("created", "created", "prompted"):
                await stage.told(what)
            first.kill()
            await agent.cancel()  # whatever the agent hears next, it goes on
            lives = (await prompt).text == "late answer"
    return _sighting(first.pid, second.pid, lives=lives)


def _sighting(first: int, second: int, *, lives: bool) -> Sighting:
    if first != second:
        return Sighting(undecided=f"process {second} did not get the number {first}")
    lines = (
        "a's process is dead and reaped; b's has the same number",
        f"a's group is killed once more; b, in the middle of a prompt, {'goes on' if lives else 'is dead'}",
    )
    return Sighting({} if lives else {"S4": "b's process was killed in the middle of its prompt"}, lines)


def _in_a_namespace(design: str) -> Sighting:
    show_it = _on_ours if design == "ours" else _on_the_pool
    try:
        return staged(show_it)
    except NoNamespace as refused:
        return Sighting(undecided=str(refused))


def _say(sighting: Sighting) -> None:
    sys.stdout.write(json.dumps(asdict(sighting)))
    sys.stdout.flush()


def _main(design: str) -> None:
    try:
        enter()
    except NoNamespace as refused:
        _say(Sighting(undecided=str(refused)))
        return
    # The first child is the init of the namespace, and all that is left in it ends with it.
    child = os.fork()
    if child == 0:
        _say(_in_a_namespace(design))
        os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    _main(sys.argv[1])
