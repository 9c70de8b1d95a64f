"""A Linux namespace of process ids of one's own, in which the next process gets the id that is asked for; see namespaces(7)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_NEW_USER = 0x10000000
_NEW_PID = 0x20000000
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


class NoNamespace(Exception):
    """This system gives none; the message says why."""


def enter() -> None:
    """The children of this process are in a namespace of their own from now on; the first of them is its init.

    Raises :class:`NoNamespace`.
    """
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None or not LAST_PID.exists():
        raise NoNamespace("this system has no namespaces of process ids")
    if unshare(_NEW_USER | _NEW_PID) != 0:
        raise NoNamespace(f"a namespace of process ids was refused: {os.strerror(ctypes.get_errno())}")


def next_pid_is(pid: int) -> None:
    """The next process that is started here gets ``pid``, where it is free. Raises :class:`NoNamespace`."""
    try:
        LAST_PID.write_text(str(pid - 1))
    except OSError as error:
        raise NoNamespace(f"process ids cannot be chosen: {error.strerror}") from error
