"""Learning that a child has exited without reaping it: its id stays taken until its group is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable


def unreaped_children_visible() -> bool:
    """Whether this platform shows an exited child without reaping it: Linux, macOS from Python 3.13 on."""
    return hasattr(os, "waitid") and hasattr(os, "WNOWAIT")


def is_unreaped(pid: int) -> bool:
    """Whether ``pid`` is a child of this process that nobody has reaped yet."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def watch_exit(pid: int, on_exit: Callable[[], None]) -> None:
    """Call ``on_exit`` once, in the running loop, when child ``pid`` has exited; the child is not reaped."""
    loop = asyncio.get_running_loop()
    try:
        # A pidfd turns readable at exit, see pidfd_open(2); Linux before 5.3 and other systems have none.
        pidfd = os.pidfd_open(pid)
    except (AttributeError, OSError):
        _watch_from_thread(pid, loop, on_exit)
        return

    def exited() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        on_exit()

    loop.add_reader(pidfd, exited)


def _watch_from_thread(pid: int, loop: asyncio.AbstractEventLoop, on_exit: Callable[[], None]) -> None:
    def wait() -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        # The loop may have been closed meanwhile; then nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(on_exit)

    threading.Thread(target=wait, name=f"acpool-wait-{pid}", daemon=True).start()
