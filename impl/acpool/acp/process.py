"""One agent process as the leader of its own group: started, signalled and reaped as a whole.

The leader is reaped only after its group has been sent SIGKILL. Until then the kernel cannot give its id to
anyone else, so a signal to the group reaches this agent's processes or nobody. A descendant that made itself
a session of its own is out of reach.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from acpool.acp.exits import is_unreaped, watch_exit

logger = logging.getLogger("acpool.acp")

GROUP_PROBE_S = 0.02
GROUP_TIMEOUT_S = 5.0
PROC = Path("/proc")


class AgentProcess:
    """A running child in a session and group of its own.

    ``on_exit`` is called once, when the leader has exited and its group has been killed; :attr:`dead` is set
    when the group is gone as well, at most ``GROUP_TIMEOUT_S`` seconds later.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], on_exit: Callable[[], None]
    ) -> None:
        """Start ``command`` in one step. Raises ``OSError`` when that fails; then nothing is left running."""
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self.dead = asyncio.Event()
        self._popen = subprocess.Popen(
            list(command),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self.stdin = _pipe(self._popen.stdin)
        self.stdout = _pipe(self._popen.stdout)
        self.stderr = _pipe(self._popen.stderr)
        try:
            watch_exit(self.pid, self._leader_exited)
        except BaseException:
            # Nothing would tell of its exit, so it is waited for here: a killed process takes no time.
            self.signal_group(signal.SIGKILL)
            self._popen.wait()
            self._close_pipes()
            raise

    def discard(self) -> None:
        """End a process whose owner could not be set up, and give its pipes back."""
        self._on_exit = self._close_pipes
        self._close_pipes()
        self.signal_group(signal.SIGKILL)

    @property
    def exited(self) -> bool:
        """Whether the leader has been reaped."""
        return self._popen.returncode is not None

    @property
    def fate(self) -> str:
        """How the leader ended, for people; "is running" before that."""
        status = self._popen.returncode
        if status is None:
            return "is running"
        if status >= 0:
            return f"exited with status {status}"
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"

    def signal_group(self, signum: signal.Signals) -> None:
        """Signal every process of the group; nothing happens once the leader has been reaped."""
        # Only reaping sets the returncode, and nothing reaps before _leader_exited.
        if self._popen.returncode is None and is_unreaped(self.pid):
            try:
                os.killpg(self.pid, signum)
            except OSError as error:
                logger.debug("agent %d: cannot send %s to its group: %s", self.pid, signum.name, error)

    def _leader_exited(self) -> None:
        self.signal_group(signal.SIGKILL)
        self._popen.poll()
        self._on_exit()
        self._await_group(self._loop.time() + GROUP_TIMEOUT_S)

    def _close_pipes(self) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if not pipe.closed:
                self._loop.remove_reader(pipe.fileno())
                self._loop.remove_writer(pipe.fileno())
                pipe.close()

    def _await_group(self, deadline: float) -> None:
        # The kernel has no event for the end of a group; its members, killed already, need milliseconds.
        if not _group_lives(self.pid):
            self.dead.set()
        elif self._loop.time() >= deadline:
            logger.warning(
                "agent %d: part of its process group outlives SIGKILL; no longer waited for", self.pid
            )
            self.dead.set()
        else:
            self._loop.call_later(GROUP_PROBE_S, self._await_group, deadline)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # each of the three was asked for with PIPE
    return pipe


def _group_lives(pgid: int) -> bool:
    """Whether a process other than a zombie is in the group; signal 0 asks without sending anything."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    members = _group_states(pgid)
    return members is None or any(state not in "ZX" for state in members)


def _group_states(pgid: int) -> list[str] | None:
    """The state letters of the group's members after proc_pid_stat(5); None where there is no /proc."""
    if not (PROC / "self" / "stat").exists():
        return None
    states: list[str] = []
    for name in os.listdir(PROC):
        if name.isdigit():
            try:
                stat = (PROC / name / "stat").read_bytes()
            except OSError:
                continue
            # The command name, in parentheses, may itself hold spaces and parentheses.
            state, _ppid, group = stat.rpartition(b")")[2].split()[:3]
            if int(group) == pgid:
                states.append(state.decode("ascii"))
    return states
