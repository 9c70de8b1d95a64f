"""Where a task waits, through every kind of await."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

import pytest

from acpool_spec.loop import DeterministicLoop
from acpool_spec.tasks import suspended_at


async def inner() -> None:
    """Waits for ever."""
    await asyncio.get_running_loop().create_future()


async def outer() -> None:
    """Waits for what waits."""
    await inner()


async def values() -> AsyncIterator[int]:
    """Waits before its first value."""
    await inner()
    yield 1


async def iterating() -> None:
    """Waits in ``async for``."""
    async for _ in values():
        pass


@types.coroutine
def old_style() -> Generator[Any, Any, None]:
    """A generator-based coroutine."""
    yield from inner().__await__()


async def through_generator() -> None:
    """Waits through a generator."""
    await old_style()


class Awaitable:
    """An object with ``__await__``."""

    def __await__(self) -> Generator[Any, Any, None]:
        return inner().__await__()


async def through_object() -> None:
    """Waits through an object."""
    await Awaitable()


@pytest.mark.parametrize(
    ("body", "functions"),
    [
        (inner, ["inner"]),
        (outer, ["outer", "inner"]),
        (iterating, ["iterating", "values", "inner"]),
        (through_generator, ["through_generator", "old_style", "inner"]),
        (through_object, ["through_object", "inner"]),
    ],
)
def test_frames_outermost_first(
    loop: DeterministicLoop, body: Callable[[], Coroutine[Any, Any, None]], functions: list[str]
) -> None:
    task = loop.create_task(body())
    loop.run_iteration()
    places = suspended_at(task)
    assert [place.function for place in places] == functions
    assert {place.filename for place in places} == {__file__}
    assert places[-1].line == inner.__code__.co_firstlineno + 2


def test_a_task_that_has_not_started_is_at_its_beginning(loop: DeterministicLoop) -> None:
    task = loop.create_task(outer())
    assert [(place.function, place.line) for place in suspended_at(task)] == [
        ("outer", outer.__code__.co_firstlineno)
    ]


def test_a_task_that_is_done_is_nowhere(loop: DeterministicLoop) -> None:
    task = loop.create_task(asyncio.sleep(0, "done"))
    loop.run_iteration()
    loop.run_iteration()
    assert task.done()
    assert suspended_at(task) == []
