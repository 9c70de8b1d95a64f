"""Small asyncio programs made from a number, in which tasks meet in every way that footprints are to see: and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Program = Callable[[], Coroutine[Any, Any, str]]


class Box:
    """Two attributes."""

    def __init__(self) -> None:
        self.value = 0
        self.other = 0


class Met:
    """What the tasks of a program share."""

    def __init__(self) -> None:
        self.box = Box()
        self.by_name = {"a": 0, "b": 0}
        self.numbered = [0, 0]
        self.grows: list[object] = []
        self.log: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.lock = asyncio.Lock()
        self.event = asyncio.Event()
        self.semaphore = asyncio.Semaphore(1)
        self.queue: asyncio.Queue[int] = asyncio.Queue(1)
        self.condition = asyncio.Condition()
        count = 0

        def get() -> int:
            return count

        def put(value: int) -> None:
            nonlocal count
            count = value

        self.closure = get, put


async def pause(met: Met, me: int) -> None:
    await asyncio.sleep(0)


async def read(met: Met, me: int) -> None:
    seen = met.box.value
    await asyncio.sleep(0)
    met.by_name[f"seen by {me}"] = seen


async def write(met: Met, me: int) -> None:
    met.box.value = me + 1


async def add(met: Met, me: int) -> None:
    seen = met.box.value
    await asyncio.sleep(0)
    met.box.value = seen + 1


async def attribute(met: Met, me: int) -> None:
    met.box.other += 1
    await asyncio.sleep(0)
    met.box.other *= 2


async def key(met: Met, me: int) -> None:
    seen = met.by_name["a"]
    await asyncio.sleep(0)
    met.by_name["a"] = seen * 2 + me + 1


async def new_key(met: Met, me: int) -> None:
    met.by_name.setdefault("new", me)
    await asyncio.sleep(0)


async def item(met: Met, me: int) -> None:
    seen = met.numbered[me % 2]
    await asyncio.sleep(0)
    met.numbered[me % 2] = seen + 1


async def append(met: Met, me: int) -> None:
    met.grows.append(me)
    await asyncio.sleep(0)


async def pop(met: Met, me: int) -> None:
    if met.grows:
        met.grows.pop()
    await asyncio.sleep(0)


async def iterate(met: Met, me: int) -> None:
    met.grows.append(sum(met.numbered) + len([each for each in met.by_name]))  # noqa: C416 - the loop is the point
    await asyncio.sleep(0)


async def length(met: Met, me: int) -> None:
    met.grows.append(len(met.grows))
    await asyncio.sleep(0)


async def closure(met: Met, me: int) -> None:
    get, put = met.closure
    seen = get()
    await asyncio.sleep(0)
    put(seen + 1)


async def set_event(met: Met, me: int) -> None:
    met.event.set()
    await asyncio.sleep(0)


async def wait_event(met: Met, me: int) -> None:
    await met.event.wait()


async def locked(met: Met, me: int) -> None:
    async with met.lock:
        met.log.append(me)
        await asyncio.sleep(0)


async def semaphore(met: Met, me: int) -> None:
    async with met.semaphore:
        met.box.value += 1
        await asyncio.sleep(0)


async def put_item(met: Met, me: int) -> None:
    await met.queue.put(me)


async def get_item(met: Met, me: int) -> None:
    met.grows.append(await met.queue.get())


async def wait_condition(met: Met, me: int) -> None:
    async with met.condition:
        await met.condition.wait()


async def notify(met: Met, me: int) -> None:
    async with met.condition:
        met.condition.notify_all()


async def spawn(met: Met, me: int) -> None:
    await asyncio.create_task(asyncio.sleep(0))


async def group(met: Met, me: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(0))
        tasks.create_task(write(met, me))


async def join_first(met: Met, me: int) -> None:
    if met.tasks and me:
        await asyncio.wait([met.tasks[0]])


async def cancel_next(met: Met, me: int) -> None:
    if met.tasks:
        met.tasks[(me + 1) % len(met.tasks)].cancel()


async def fail(met: Met, me: int) -> None:
    await asyncio.sleep(0)
    raise ValueError(me)


OPERATIONS: tuple[Callable[[Met, int], Awaitable[None]], ...] = (
    *(pause, read, write, add, attribute, key, new_key, item, append, pop, iterate, length, closure),
    *(set_event, wait_event, locked, semaphore, put_item, get_item, wait_condition, notify),
    *(spawn, group, join_first, cancel_next, fail),
)


async def _gather(met: Met, runs: list[Coroutine[Any, Any, None]], quiet: bool) -> object:
    return await asyncio.gather(*runs, return_exceptions=quiet)


async def _create(met: Met, runs: list[Coroutine[Any, Any, None]], quiet: bool) -> object:
    met.tasks += [asyncio.create_task(each) for each in runs]
    ends: list[str] = []
    for task in met.tasks:
        try:
            await task
            ends.append("ended")
        except (ValueError, asyncio.CancelledError) as error:
            ends.append(type(error).__name__)
    return ends


async def _wait(met: Met, runs: list[Coroutine[Any, Any, None]], quiet: bool) -> object:
    met.tasks += [asyncio.create_task(each) for each in runs]
    await asyncio.wait(met.tasks)
    return ["cancelled" if task.cancelled() else repr(task.exception()) for task in met.tasks]


async def _group(met: Met, runs: list[Coroutine[Any, Any, None]], quiet: bool) -> object:
    ends: list[str] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            met.tasks += [tasks.create_task(each) for each in runs]
    except* ValueError as errors:
        ends += [str(error) for error in errors.exceptions]
    return ends


STARTS = (_gather, _create, _wait, _group)


def program(number: int) -> Program:
    """The program of ``number``: two or three tasks of one or two operations out of four, so that they meet; the result says all
    that happened."""
    draw = random.Random(number)
    few = draw.sample(OPERATIONS, 4)
    scripts = [[draw.choice(few) for _ in range(draw.choice((1, 2)))] for _ in range(draw.choice((2, 2, 3)))]
    start = draw.choice(STARTS)

    async def scenario() -> str:
        met = Met()

        async def run(me: int, script: list[Callable[[Met, int], Awaitable[None]]]) -> None:
            for operation in script:
                await operation(met, me)

        ended = await start(met, [run(me, script) for me, script in enumerate(scripts)], number % 2 == 0)
        told = (met.box.value, met.box.other, met.by_name, met.numbered, met.grows, met.log)
        return f"{ended!r} {told} {met.closure[0]()} {met.queue.qsize()}"

    return scenario
