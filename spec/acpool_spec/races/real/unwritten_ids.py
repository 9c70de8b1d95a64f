"""Race 16: the store learns of a session when it is suspended, so that a crash loses every conversation that is alive.

Run as a program it is the broker that is killed:
``python -m acpool_spec.races.real.unwritten_ids STORE first-draft|ours AGENT...``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from acpool import PoolEvent, SessionPool
from acpool.acp import AcpConnector
from acpool_spec.races.exhibit import Sighting
from acpool_spec.races.real.stage import Stage, Wire, staged

KEYS = ("a", "b")


class Store:
    """key → session id in a file, which is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, ids: dict[str, str]) -> None:
        """Returns when the file system has it."""
        draft = self._path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(ids, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path)

    def read(self) -> dict[str, str]:
        """What was written last."""
        ids: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return ids


class UnwrittenIdsPool:
    """One session at a time; whoever is evicted is suspended, and written down then."""

    def __init__(self, command: list[str], store: Store) -> None:
        self._command = command
        self._store = store
        self._live: tuple[str, str, Wire] | None = None

    async def get_or_create(self, key: str) -> None:
        """A new session for ``key``; waits as long as its start takes."""
        if self._live is not None:
            evicted, session_id, agent = self._live
            agent.end()
            self._store.write(self._store.read() | {evicted: session_id})
        agent = Wire(self._command)
        self._live = key, await agent.open_session(), agent


def show(avoided: bool) -> Sighting:
    """A broker establishes two sessions and is killed: which of them does the store know?"""
    return staged(lambda stage: _kill_a_broker(stage, "ours" if avoided else "first-draft"))


async def _kill_a_broker(stage: Stage, design: str) -> Sighting:
    path = stage.folder / "store.json"
    command = [sys.executable, "-m", __name__, str(path), design, *stage.command()]
    # Its output is a file's: a pipe that nobody reads any more would be one more way to end.
    broker = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    established = {}
    try:
        for key in KEYS:
            established[key] = (await stage.told("created")).session_id
        assert broker.stdout is not None
        await broker.stdout.readline()  # every call has returned
    finally:
        broker.kill()
        await broker.communicate()
    known = Store(path).read()
    lost = [key for key in KEYS if known.get(key) != established[key]]
    lines = tuple(
        f"{key} was established; the store {'lacks it' if key in lost else 'has it'}" for key in KEYS
    )
    return Sighting(
        {"D1": f"after kill -9 the store lacks the id of {', '.join(lost)}"} if lost else {}, lines
    )


async def _be_the_broker(path: Path, design: str, command: list[str]) -> None:
    store = Store(path)
    if design == "ours":
        await _ours(store, command)
    else:
        pool = UnwrittenIdsPool(command, store)
        for key in KEYS:
            await pool.get_or_create(key)
    sys.stdout.write("established\n")
    sys.stdout.flush()
    sys.stdin.read()


async def _ours(store: Store, command: list[str]) -> None:
    ids: dict[str, str] = {}

    def note(event: PoolEvent) -> None:
        if event.action == "commit" and event.session_id is not None:
            ids[event.key] = event.session_id
            store.write(ids)

    pool = SessionPool(AcpConnector(command, cwd="/"), max_sessions=1, on_event=note)
    for key in KEYS:
        await pool.get_or_create(key)


if __name__ == "__main__":
    asyncio.run(_be_the_broker(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
