"""Catches a run at asking what no schedule decides: the machine's clocks, its entropy.

The calls themselves are seen, by the interpreter's profiling hook, so that a clock is noticed also where its answer made no
difference this time. What a log record, the garbage collector's own callbacks or whoever makes the choices ask is left out: it
is not the code's.
"""

from __future__ import annotations

import datetime
import gc
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FrameType
from typing import Any, cast

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_ASKED: dict[object, str] = {
    os.urandom: "the entropy of the machine (os.urandom)",
    getattr(uuid, "_generate_time_safe", None): "the wall clock (uuid.uuid1)",
    **{
        getattr(time, name): f"the wall clock (time.{name})"
        for clock in _CLOCKS
        for name in (clock, f"{clock}_ns")
        if hasattr(time, name)
    },
}
_TODAY = frozenset({"now", "utcnow", "today"})
_EXCUSED = frozenset({"logging"})
_GENERATOR: object = getattr(random.random, "__self__", None)
"""The generator that ``random.random()`` and its sisters share, and that goes on from where the last run has left it."""


@contextmanager
def watched(
    found: Callable[[str], object], excused: Collection[CodeType] = ()
) -> Generator[bool, None, None]:
    """Call ``found`` with a sentence for each call inside that asks the machine for the time or for entropy, unless it comes from
    one of the ``excused`` functions.

    Yields whether it watches: not where a profiler is at work in this thread, since there is one hook for all.
    """
    if sys.getprofile() is not None:
        yield False
        return

    seeded = False

    def look(frame: FrameType, event: str, called: Any) -> None:
        nonlocal seeded
        if event == "c_call":
            if _GENERATOR is not None and called.__self__ is _GENERATOR:
                what = (
                    None if seeded else "the generator of the process, not seeded in the run (module random)"
                )
            else:
                what = _asked(called)
            if what and not _excused(frame, excused):
                if called.__name__ == "seed":
                    seeded = True
                else:
                    found(f"{what}, {_place(frame)}")

    sys.setprofile(look)
    try:
        yield True
    finally:
        sys.setprofile(None)


def _asked(called: BuiltinFunctionType) -> str | None:
    if called.__name__ in _TODAY:
        owner: object = called.__self__
        if isinstance(owner, type) and issubclass(owner, datetime.date):
            return f"the wall clock ({owner.__name__}.{called.__name__})"
        return None
    return _ASKED.get(called) if type(called) is BuiltinFunctionType else None


def _excused(frame: FrameType, codes: Collection[CodeType]) -> bool:
    others: set[CodeType] = {
        code for each in gc.callbacks if (code := cast("CodeType | None", getattr(each, "__code__", None)))
    }
    others.update(codes)
    above: FrameType | None = frame
    while above is not None:
        name = str(above.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _EXCUSED or above.f_code in others:
            return True
        above = above.f_back
    return False


def _place(frame: FrameType) -> str:
    """The innermost line outside the standard library, or the innermost of all."""
    above: FrameType | None = frame
    while above is not None:
        if str(above.f_globals.get("__name__", "")).partition(".")[0] not in sys.stdlib_module_names:
            break
        above = above.f_back
    shown = above or frame
    return f"{PurePath(shown.f_code.co_filename).name} line {shown.f_lineno}"
