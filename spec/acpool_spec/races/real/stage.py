"""What the exhibits on real processes stand on: the agent's script, the FIFO on which it tells what it does, who still lives."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from acpool.acp import AcpConnector

AGENT = Path(__file__).parent / "agent.py"
Seen = TypeVar("Seen")
PATIENCE_S = 30.0
"""Bound on a whole exhibit, which waits for events and not for time: something is broken where it is reached."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an agent says that it has done: ``created``, ``loaded`` or ``prompted``; ``pids``: its processes, the leader first."""

    what: str
    session_id: str
    pids: tuple[int, ...]


class Stage:
    """One run of an exhibit: ``folder`` is its own and empty; every agent that tells of itself is ended with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fifo = folder / "bulletin"
        os.mkfifo(self._fifo)
        # Open for both, so that it neither waits for the first agent nor ends with the last.
        self._descriptor = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._rest = b""
        self.pids: list[int] = []
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def command(self, *traits: str) -> list[str]:
        """The command line of an agent."""
        return [sys.executable, "-I", "-S", str(AGENT), str(self._fifo), *traits]

    def connector(self, *traits: str) -> AcpConnector:
        """Agents as our own pool has them."""
        return AcpConnector(self.command(*traits), cwd=self.folder, close_grace_s=PATIENCE_S)

    async def told(self, what: str) -> Told:
        """The next that an agent tells, which has to be ``what``."""
        told = await self._told.get()
        assert told.what == what, told
        return told

    def close(self) -> None:
        """End whatever agent has told of itself, with its group."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._read()
        os.close(self._descriptor)
        for pid in self.pids:
            if is_alive(pid):
                _kill(pid)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self._rest += os.read(self._descriptor, 65536)
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            told = Told(said["what"], said["session_id"], tuple(said["pids"]))
            self.pids += [pid for pid in told.pids if pid not in self.pids]
            self._told.put_nowait(told)


def staged(show: Callable[[Stage], Awaitable[Seen]]) -> Seen:
    """What ``show`` sees on a stage of its own, in a loop of its own. Raises ``TimeoutError`` after :data:`PATIENCE_S`."""

    async def run() -> Seen:
        async with asyncio.timeout(PATIENCE_S), _stage() as stage:
            return await show(stage)

    return asyncio.run(run())


@asynccontextmanager
async def _stage() -> AsyncGenerator[Stage]:
    with tempfile.TemporaryDirectory(prefix="acpool-exhibit-") as folder:
        stage = Stage(Path(folder))
        try:
            yield stage
        finally:
            stage.close()


def _kill(pid: int) -> None:
    """End process ``pid``, whoever's child it is, and where the system can tell wait until it is dead."""
    with suppress(ProcessLookupError):
        try:
            pidfd = os.pidfd_open(pid)
        except (AttributeError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            return
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], PATIENCE_S)
        finally:
            os.close(pidfd)


def is_alive(pid: int) -> bool:
    """Whether process ``pid`` runs; one that is dead and not reaped yet does not."""
    stat = Path("/proc") / str(pid) / "stat"
    if Path("/proc/self/stat").exists():
        try:
            # The command name, in parentheses, may itself hold spaces and parentheses.
            return stat.read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
        except OSError:
            return False
    ps = shutil.which("ps") or "/bin/ps"
    listed = subprocess.run([ps, "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


class Wire:
    """JSON-RPC with one agent as a first draft has it: a line out, lines in, read by whoever waits for an answer."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.pid = self.process.pid
        self._numbers = 0
        self._reader = asyncio.StreamReader()
        self._transport: asyncio.ReadTransport | None = None
        self.session_id = ""

    async def connect(self) -> None:
        """Begin to listen."""
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), self.process.stdout
        )

    def send(self, method: str, **params: Any) -> int:
        """Send a request and return its number."""
        self._numbers += 1
        message = {"jsonrpc": "2.0", "id": self._numbers, "method": method, "params": params}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        return self._numbers

    async def receive(self) -> dict[str, Any]:
        """The next message. Raises ``ConnectionError`` when the agent is gone. Waits as long as the agent takes."""
        line = await self._reader.readline()
        if not line:
            raise ConnectionError("the agent is gone")
        message: dict[str, Any] = json.loads(line)
        return message

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and wait for an answer, as long as the agent takes."""
        self.send(method, **params)
        while "result" not in (message := await self.receive()):
            pass
        result: dict[str, Any] = message["result"]
        return result

    async def open_session(self) -> str:
        """Begin to listen, shake hands, and return the id of a new session. Waits as long as the agent takes."""
        await self.connect()
        await self.ask("initialize", protocolVersion=1)
        self.session_id = (await self.ask("session/new", cwd="/", mcpServers=[]))["sessionId"]
        return self.session_id

    def begin_prompt(self, text: str) -> int:
        """Send a prompt and return the number of its request."""
        content = [{"type": "text", "text": text}]
        return self.send("session/prompt", sessionId=self.session_id, prompt=content)

    def end(self) -> None:
        """Kill the process and whatever it started, and reap it."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        if self._transport is not None:
            self._transport.close()  # the loop lets go of the descriptor before its number is another's
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()


def chunk_of(message: dict[str, Any]) -> str:
    """The text that a message streams, empty for any other message."""
    if message.get("method") != "session/update":
        return ""
    return str(message["params"]["update"]["content"]["text"])
