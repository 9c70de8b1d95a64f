"""Where a suspended task stands, in the words of a reader: the line of its own code, and what it waits for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import CodeType, FrameType
from typing import Any

from acpool_spec.fakes import Outside
from acpool_spec.paths import own, path_to
from acpool_spec.tasks import Location, frames_of, suspended_at

_MACHINERY = frozenset({"fakes.py", "clients.py"})
_SHOWN = 3
_WAITS = ("_wait", PurePath(asyncio.tasks.__file__).name)
"""The function, and its file, in which ``asyncio.wait`` is suspended."""


def whereabouts(
    task: asyncio.Task[Any], outside: Outside, pool: object = None
) -> tuple[Location | None, str]:
    """The innermost line of the pool's or its caller's code in which ``task`` is suspended, and what it waits for there.

    What it waits for is named by where ``pool`` has it, if it has: ``acquire() of Pool._gates['a']``.
    """
    places = suspended_at(task)
    strangers = [place for place in places if "asyncio" not in PurePath(place.filename).parts]
    theirs = [place for place in strangers if PurePath(place.filename).name not in _MACHINERY]
    place = next((found[-1] for found in (theirs, strangers, places) if found), None)
    future: object = getattr(task, "_fut_waiter", None)
    if future is None:
        return place, "its turn"
    for call in outside.calls.values():
        if call.future is future:
            return place, call.name if not call.hung else f"{call.name}, which hangs"
    if isinstance(future, asyncio.Task):
        return place, _task_in_words(future)  # pyright: ignore[reportUnknownArgumentType]
    frames = frames_of(task)
    return place, _several(frames, pool) or _in_words(frames, future, pool)


def _task_in_words(task: asyncio.Task[Any]) -> str:
    """A task by the name that it was given; one that asyncio has numbered by what it runs, too."""
    name = task.get_name()
    code: object = getattr(task.get_coro(), "__name__", None)
    return f"{code}() in {name}" if re.fullmatch(r"Task-\d+", name) and code else f"task {name}"


def _named(code: CodeType) -> tuple[str, str]:
    return code.co_name, PurePath(code.co_filename).name


def _several(frames: list[FrameType], pool: object) -> str:
    """What ``asyncio.wait`` waits for: the futures that are not done; empty where it is something else that waits."""
    if not frames or _named(frames[-1].f_code) != _WAITS:
        return ""
    futures: Iterable[asyncio.Future[Any]] = frames[-1].f_locals.get("fs", ())
    words = [
        _task_in_words(future)
        if isinstance(future, asyncio.Task)
        else (path_to(pool, future) if pool is not None else "") or "a future"
        for future in futures
        if not future.done()
    ]
    return " and ".join(sorted(words)[:_SHOWN]) + (
        f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    )


def _in_words(frames: list[FrameType], future: object, pool: object) -> str:
    called = f"{frames[-1].f_code.co_name}()" if frames else "a future"
    if pool is None or not frames:
        return called
    for thing in _perhaps(frames, future):
        path = path_to(pool, thing)
        if path:
            return f"{called} of {path}"
    return called


def _perhaps(frames: list[FrameType], future: object) -> Iterator[object]:
    """What the wait may be about: a lock or the like of asyncio, the future itself, an object that the code has in hand."""
    inner = frames[-1].f_locals
    if type(inner.get("self")).__module__.split(".")[0] == "asyncio":
        yield inner["self"]
    yield future
    yield from (value for name, value in inner.items() if name != "self" and own(value))
