"""A family of scopes for the tests: a few scenarios that are explored at once, and some that misbehave.

A name is a kind and, after a space, its argument. ``orders N``: N tasks in any order, which holds. ``loses``: one of two
updates is lost. ``deep N``: N choices of two. ``dies PATH``: kills its own process, in every process unless the file at PATH is
there, which the first makes; ``deadly``: kills it always. ``blocks PATH``: writes its process id to PATH.pid and
waits, in the middle of a step, until PATH is there. ``threaded``: asks for a thread.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acpool_spec import choose
from acpool_spec.simulation import Mode

KINDS = ("orders", "loses", "deep", "fails", "dies", "deadly", "blocks", "threaded", "random")

_NEVER = threading.Event()


@dataclass(frozen=True)
class PoolScope:
    """One scope."""

    name: str
    mode: Mode = "reordered"
    cancellations: int = 0

    @staticmethod
    def parse(name: str) -> PoolScope:
        if name.partition(" ")[0] not in KINDS:
            raise ValueError(f"expected one of {', '.join(KINDS)}")
        return PoolScope(name)


def profile(name: str) -> Sequence[PoolScope]:
    return [
        PoolScope("orders 2"),
        PoolScope("orders 3"),
        *([PoolScope("deep 6")] if name == "nightly" else []),
    ]


def cancellable(_: asyncio.Task[Any]) -> bool:
    return True


async def orders(argument: str) -> None:
    async def step(number: int) -> None:
        await asyncio.sleep(0)
        log.append(number)

    log: list[int] = []
    await asyncio.gather(*(asyncio.create_task(step(n), name=f"step {n}") for n in range(int(argument))))


async def loses(_: str) -> None:
    box = {"value": 0}

    async def add() -> None:
        seen = box["value"]
        await asyncio.sleep(0)
        box["value"] = seen + 1

    await asyncio.gather(*(asyncio.create_task(add(), name=f"add {n}") for n in "ab"))
    if box["value"] != 2:
        raise ArithmeticError("an update was [lost]")


async def deep(argument: str) -> None:
    taken = [choose("ab") for _ in range(int(argument))]
    assert taken


async def fails(argument: str) -> None:
    """Choices of two that fail where they spell the argument."""
    if "".join(choose("ab") for _ in argument) == argument:
        raise LookupError(argument)


async def dies(argument: str) -> None:
    if not Path(argument).exists():
        Path(argument).write_text(str(os.getpid()), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)


async def deadly(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def blocks(argument: str) -> None:
    if not Path(argument).exists():
        Path(f"{argument}.new").write_text(str(os.getpid()), encoding="utf-8")
        Path(f"{argument}.new").replace(f"{argument}.pid")
        while not Path(argument).exists():
            _NEVER.wait(0.005)  # it stands for a step that never ends
    choose("ab")


async def threaded(_: str) -> None:
    await asyncio.to_thread(print)


async def random(_: str) -> None:
    choose(range(2 + time.monotonic_ns() % 7))


def scenario_of(scope: PoolScope, factory: object) -> Callable[[], Coroutine[Any, Any, None]]:
    assert callable(factory)
    kind, _, argument = scope.name.partition(" ")
    program = globals()[kind]

    async def scenario() -> None:
        await program(argument)

    return scenario
