"""Where a suspended task stands, in the words of a reader: the line of its own code, and what it waits for."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import Any

from acpool_spec.fakes import Outside
from acpool_spec.tasks import Location, suspended_at

_MACHINERY = frozenset({"fakes.py", "clients.py"})


def whereabouts(task: asyncio.Task[Any], outside: Outside) -> tuple[Location | None, str]:
    """The innermost line of the pool's or its caller's code in which ``task`` is suspended, and what it waits for there."""
    places = suspended_at(task)
    own = [place for place in places if "asyncio" not in PurePath(place.filename).parts]
    theirs = [place for place in own if PurePath(place.filename).name not in _MACHINERY]
    place = next((found[-1] for found in (theirs, own, places) if found), None)
    future: object = getattr(task, "_fut_waiter", None)
    if future is None:
        return place, "its turn"
    for call in outside.calls.values():
        if call.future is future:
            return place, call.name if not call.hung else f"{call.name}, which hangs"
    if isinstance(future, asyncio.Task):
        return place, f"task {future.get_name()}"  # pyright: ignore[reportUnknownMemberType]
    return place, f"{places[-1].function}()" if places else "a future"
