"""A process that keeps another one, and whatever that one starts: when it is over, nothing of it is left.

A mutant of what ends agents leaves agents behind, in sessions of their own, which no signal to a group reaches. So the keeper is
made the parent of every orphan below it (``PR_SET_CHILD_SUBREAPER`` of prctl(2), Linux), and kills its children until there are
none. Elsewhere only the one process is ended.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

_PR_SET_CHILD_SUBREAPER: Final = 36


def keep(work: Callable[[], object]) -> NoReturn:
    """Do ``work`` in a process forked from this one, end what is left of it, and exit as it did, by 128 + N for the signal N.

    The end of standard input ends all of it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    pid = os.fork()
    if not pid:
        _work(work)
    status = status_of(pid, lambda: os.kill(pid, signal.SIGKILL))
    _end_children()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _work(work: Callable[[], object]) -> NoReturn:
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:  # noqa: BLE001 - it ends as Python ends, without what belongs to the keeper
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stderr.flush()
        os._exit(status)


def status_of(child: int, at_end: Callable[[], object]) -> int:
    """Wait for the process ``child``, and do ``at_end`` at the end of standard input; orphans that end meanwhile are reaped."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
    inputs = [0, woken]
    try:
        while True:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    return status
                if not pid:
                    break
            ready, _, _ = select.select(inputs, [], [])
            if woken in ready:
                os.read(woken, 4096)
            if 0 in ready:
                inputs.remove(0)
                at_end()
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.close(woken)
        os.close(wakes)


def agents_run() -> bool:
    """Whether any process that the kept one, which asks, has started could run now: it is not waited for in vain."""
    running = [pid for pid in _children(os.getppid()) if pid != os.getpid()] + _children(os.getpid())
    for pid in running:
        running += _children(pid)
    return any(_stat(pid)[:1] in (["R"], ["D"]) for pid in running)


def _end_children() -> None:
    """Kill the children until there are none: the orphans of those that are killed are children in their turn."""
    while True:
        for pid in _children(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children(parent: int) -> list[int]:
    """The children of a process that it has not reaped; none where there is no /proc, and so none that a keeper adopted."""
    pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if _stat(pid)[1:2] == [str(parent)]]


def _stat(pid: int) -> list[str]:
    """Of a process, its state, the id of its parent, and what else proc_pid_stat(5) has; nothing where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return stat.rpartition(b")")[2].decode("ascii").split()
