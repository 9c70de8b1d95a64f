"""Four classic bugs of session pools, each a few lines of asyncio, and beside each the same code as it should be.

All four show on stock asyncio: only the outside world (when a start or a close ends, whom a cancellation hits) decides whether
they do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from acpool_spec import happens

Scenario = Callable[[], Coroutine[Any, Any, None]]


class Toy(NamedTuple):
    """A bug, its repair, and how many cancellations it takes. ``mode`` of the exploration is ``fifo`` for all."""

    name: str
    wrong: Scenario
    right: Scenario
    cancellations: int


class Processes:
    """Agent processes that start when the outside world lets them."""

    def __init__(self) -> None:
        self.started = 0
        self.alive: set[int] = set()

    async def start(self) -> int:
        self.started += 1
        process = self.started
        self.alive.add(process)
        await happens(f"process {process} answers")
        return process

    async def close(self, process: int) -> None:
        await happens(f"process {process} closes")
        self.alive.discard(process)


def duplicate_creation(*, gate: bool) -> Scenario:
    """Two callers of one key. Without a ``gate`` there is an await between looking and inserting."""

    async def scenario() -> None:
        processes, sessions, lock = Processes(), dict[str, int](), asyncio.Lock()

        async def create() -> None:
            if "a" not in sessions:
                sessions["a"] = await processes.start()

        async def get_or_create(late: bool) -> None:
            if late:
                await happens("second request")
            if gate:
                async with lock:
                    await create()
            else:
                await create()

        async with asyncio.TaskGroup() as callers:
            callers.create_task(get_or_create(late=False), name="first")
            callers.create_task(get_or_create(late=True), name="second")
        assert len(processes.alive) == 1, "two processes of one key"

    return scenario


def aba_eviction(*, compares: bool) -> Scenario:
    """The victim is sampled, its close awaited, and then its key removed, whoever has it by then unless it ``compares``."""

    async def scenario() -> None:
        processes = Processes()
        sessions = {"a": await processes.start()}

        async def evict() -> None:
            victim = sessions.get("a")
            if victim is None:
                return
            await processes.close(victim)
            if not compares or sessions.get("a") == victim:
                sessions.pop("a", None)

        async def replace() -> None:
            await happens("the session is found dead")
            processes.alive.discard(sessions.pop("a", 0))
            sessions["a"] = await processes.start()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(evict(), name="evict")
            tasks.create_task(replace(), name="replace")
        assert set(sessions.values()) == processes.alive, "a process that no session owns"

    return scenario


def leaked_start(*, closes: bool) -> Scenario:
    """A caller is cancelled while its process starts; only a caller that ``closes`` takes the process along."""

    async def scenario() -> None:
        processes, sessions = Processes(), dict[str, int]()

        async def create() -> None:
            try:
                sessions["a"] = await processes.start()
            except asyncio.CancelledError:
                if closes:
                    processes.alive.clear()
                raise

        await asyncio.gather(asyncio.create_task(create(), name="creator"), return_exceptions=True)
        assert set(sessions.values()) == processes.alive, "a process that no session owns"

    return scenario


class Permit:
    """One permit, handed over in order. ``passes_on``: whether a waiter cancelled after the hand-over gives it back."""

    def __init__(self, *, passes_on: bool) -> None:
        self.free = True
        self._passes_on = passes_on
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        if self.free:
            self.free = False
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and self._passes_on:
                self.release()
            raise

    def release(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was cancelled while it waited
                turn.set_result(None)
                return
        self.free = True


def cancelled_hand_off(*, passes_on: bool) -> Scenario:
    """Three users of one permit, one of them cancelled between the hand-over to it and its next step."""

    async def scenario() -> None:
        permit = Permit(passes_on=passes_on)

        async def use(name: str) -> None:
            await permit.acquire()
            try:
                await happens(f"{name} is done")
            finally:
                permit.release()

        users = [asyncio.create_task(use(name), name=name) for name in ("one", "two", "three")]
        await asyncio.gather(*users, return_exceptions=True)
        assert permit.free, "the permit is lost"

    return scenario


TOYS = (
    Toy("duplicate creation", duplicate_creation(gate=False), duplicate_creation(gate=True), 0),
    Toy("ABA eviction", aba_eviction(compares=False), aba_eviction(compares=True), 0),
    Toy("leak on cancellation during start", leaked_start(closes=False), leaked_start(closes=True), 1),
)
"""The three that the default strategy must find within ten executions."""
HAND_OFF = Toy(
    "cancelled hand-off", cancelled_hand_off(passes_on=False), cancelled_hand_off(passes_on=True), 1
)
