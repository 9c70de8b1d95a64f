"""Small asyncio programs made from a number: a few tasks, each a few operations on shared primitives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from acpool_spec import happens

OPERATIONS = ("pause", "count", "lock", "set", "wait", "put", "get", "group", "late", "outside")


class Shared:
    """What the tasks of a program share; ``log`` is what a run is told apart by."""

    def __init__(self) -> None:
        self.value = 0
        self.lock = asyncio.Lock()
        self.event = asyncio.Event()
        self.queue: asyncio.Queue[int] = asyncio.Queue(1)
        self.log: list[str] = []


async def operate(shared: Shared, name: str, operation: str) -> None:
    """One operation; each waits at least once, none for ever."""
    match operation:
        case "pause":
            await asyncio.sleep(0)
        case "count":
            seen = shared.value
            await asyncio.sleep(0)
            shared.value = seen + 1
        case "lock":
            async with shared.lock:
                shared.log.append(name)
                await asyncio.sleep(0)
        case "set":
            shared.event.set()
            await asyncio.sleep(0)
        case "wait":
            try:
                async with asyncio.timeout(1):
                    await shared.event.wait()
            except TimeoutError:
                shared.log.append(f"{name} late")
        case "put":
            try:
                async with asyncio.timeout(1):
                    await shared.queue.put(1)
            except TimeoutError:
                shared.log.append(f"{name} full")
        case "get":
            try:
                async with asyncio.timeout(1):
                    await shared.queue.get()
            except TimeoutError:
                shared.log.append(f"{name} empty")
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0))
        case "outside":
            try:
                async with asyncio.timeout(1):
                    await happens("outside")
            except TimeoutError:
                shared.log.append(f"{name} alone")
        case _:
            await asyncio.sleep(1)
            shared.value += 10


def program(number: int) -> Callable[[], Coroutine[Any, Any, str]]:
    """The program of ``number``: two tasks of one or two operations, the result says all that happened."""
    draw = random.Random(number)
    scripts = [[draw.choice(OPERATIONS) for _ in range(length)] for length in (draw.choice((1, 2)), 1)]

    async def scenario() -> str:
        shared = Shared()

        async def run(name: str, script: list[str]) -> None:
            for operation in script:
                await operate(shared, name, operation)

        tasks = [
            asyncio.create_task(run(name, script), name=name)
            for name, script in zip("ab", scripts, strict=True)
        ]
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        return f"{shared.value} {','.join(shared.log)} {[type(end).__name__ for end in ended]} {shared.queue.qsize()}"

    return scenario


async def race() -> int:
    """Two tasks read one variable, pause, and write it back: one update may be lost."""
    box = {"value": 0}

    async def add() -> None:
        seen = box["value"]
        await asyncio.sleep(0)
        box["value"] = seen + 1

    await asyncio.gather(add(), add())
    return box["value"]
