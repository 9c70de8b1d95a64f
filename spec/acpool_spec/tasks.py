"""Tasks and futures that are the same in every run: numbered from 1 per loop, all of one hash.

asyncio iterates over sets of tasks (``TaskGroup._abort``, ``asyncio.wait``); with the default hash, which is an
address, the order of such a loop would change from run to run. With one hash for all, a small set is iterated over in the
order of insertion, so that the order depends on what is in the set and not on how many tasks there were before.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from acpool_spec.lanes import Lane


class SimulatedTask(asyncio.Task[Any]):
    """A task of the deterministic loop; ``serial`` counts from 1 in order of creation."""

    __slots__ = ("lane", "serial")

    lane: Lane
    serial: int

    def __hash__(self) -> int:
        return 1

    def set_name(self, value: object) -> None:
        """Rename the task and its lane: on Python 3.11 ``asyncio.create_task`` gives a task its name after it was made."""
        super().set_name(value)
        self.lane.name = str(value)


class SimulatedFuture(asyncio.Future[Any]):
    """A future of the deterministic loop; ``serial`` counts from 1 in order of creation."""

    __slots__ = ("serial",)

    serial: int

    def __hash__(self) -> int:
        return 1


class Location(NamedTuple):
    """A place in source code."""

    filename: str
    line: int
    function: str


_FRAME_AND_AWAITED: tuple[tuple[type, str, str], ...] = (
    (CoroutineType, "cr_frame", "cr_await"),
    (AsyncGeneratorType, "ag_frame", "ag_await"),
    (GeneratorType, "gi_frame", "gi_yieldfrom"),
)
_WRAPPERS = frozenset({"async_generator_asend", "async_generator_athrow", "coroutine_wrapper"})


def suspended_at(task: asyncio.Task[Any]) -> list[Location]:
    """Where ``task`` is suspended, outermost frame first; the last one is where it waits. Empty when it is done.

    Follows awaits through coroutines, generator-based coroutines and asynchronous generators. A task that has not
    started is at the first line of its coroutine.
    """
    return [
        Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) for frame in frames_of(task)
    ]


def frames_of(task: asyncio.Task[Any]) -> list[FrameType]:
    """The frames in which ``task`` is suspended, as :func:`suspended_at` names them."""
    frames: list[FrameType] = []
    current: object = None if task.done() else task.get_coro()
    while current is not None:
        frame, awaited = _frame_and_awaited(current)
        if frame is not None:
            frames.append(frame)
        current = awaited
    return frames


def _frame_and_awaited(awaitable: object) -> tuple[FrameType | None, object]:
    for kind, frame, awaited in _FRAME_AND_AWAITED:
        if isinstance(awaitable, kind):
            return getattr(awaitable, frame), getattr(awaitable, awaited)
    # ``agen.asend()``, ``agen.aclose()`` and ``coroutine.__await__()`` hide what they wrap; the collector knows it.
    if type(awaitable).__name__ in _WRAPPERS:
        for inner in gc.get_referents(awaitable):
            if isinstance(inner, CoroutineType | AsyncGeneratorType):
                return None, cast("object", inner)
    return None, None


def close_coroutine(task: SimulatedTask, attempts: int = 100) -> BaseException | None:
    """Close the coroutine of an unfinished ``task``, in the task's context; returns what that raised, if anything.

    A ``finally`` block that awaits makes ``close`` fail with RuntimeError and stay suspended there, so it is closed
    again, up to ``attempts`` times; the first exception is the one returned.
    """
    first: BaseException | None = None
    coroutine = task.get_coro()
    context = task.lane.context
    if context is None:
        return None
    for _ in range(attempts):
        try:
            context.run(coroutine.close)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever clean-up code raises is a result here
            first = first or error
        if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) != inspect.CORO_CLOSED:
            continue
        break
    return first
