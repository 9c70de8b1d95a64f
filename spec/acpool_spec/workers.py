"""Worker processes that outlive neither Ctrl-C's meaning nor whoever started them.

Ctrl-C goes to the whole process group. Whoever started the workers tells them when to end, so they ignore it, also while they
are still importing; and where it was killed and cannot tell them, they end with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import connection


@contextmanager
def held_back() -> Generator[None, None, None]:
    """A SIGINT that comes inside reaches this thread afterwards, and a process started inside when it lets it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def begin_worker() -> None:
    """What a worker process that was started under :func:`held_back` does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End this process when the one behind ``sentinel`` does."""
    connection.wait([sentinel])
    os._exit(1)
