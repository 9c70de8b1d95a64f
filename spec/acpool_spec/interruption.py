"""Ctrl-C as a request that is looked at between waits, instead of an exception at any instruction.

A ``KeyboardInterrupt`` that strikes inside ``concurrent.futures`` can leave a lock of a future held, which the executor then
waits for, for ever; one that strikes inside a callback is swallowed there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

LOOK_S = 0.5
"""How long a wait may last before the request is looked at."""


class Interruption:
    """Whether somebody asked for an end: ``requested``."""

    __slots__ = ("requested",)

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def interruption() -> Generator[Interruption, None, None]:
    """Inside, the first SIGINT is only noted, and gives the next one back to the handler that was there before.

    Changes nothing outside the main thread, which alone has handlers, and where SIGINT is ignored or ends the process without
    Python having a say.
    """
    noted = Interruption()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield noted
        return

    def note(_signum: int, _frame: FrameType | None) -> None:
        noted.requested = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
