"""Alternative 0 everywhere is stock asyncio: generated programs take the very same observable steps in the same order.

The peer is asyncio's own selector loop with a selector that jumps to the next deadline instead of sleeping. Every
delay of a program is a different power of two, so no two deadlines are equal (stock asyncio leaves ties to the heap).
Tasks there are hashed alike too: with addresses, stock asyncio's own order over sets of tasks is not repeatable.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acpool_spec.oracles import FirstOracle
from acpool_spec.simulation import Mode, simulate
from acpool_spec.tasks import SimulatedTask

# What it reaches the unit tests reach too; tracing branches would triple the time it takes.
pytestmark = pytest.mark.no_cover

Instruction = tuple[Any, ...]
Body = tuple[Instruction, ...]
END_OF_TIME = 2.0**22  # seconds; stock asyncio never asks its selector for more than a day at once


class _AlikeTask(asyncio.Task[Any]):
    """Iterated over in the order of insertion, as those of the deterministic loop."""

    def __hash__(self) -> int:
        return 1


class _JumpingSelector(selectors.SelectSelector):
    """Passes no real time: a wait for a deadline moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing will ever happen: the program should have ended"
        self.now += max(timeout, 0.0)
        return []


class _StockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _JumpingSelector()
        super().__init__(self.clock)
        self.numbered = 0

    def time(self) -> float:
        return self.clock.now

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        self.numbered += 1
        task = _AlikeTask.__new__(_AlikeTask)
        text = f"Task-{self.numbered}" if name is None else str(name)
        _AlikeTask.__init__(task, coro, loop=self, name=text, context=context)
        return task


@dataclass
class _Machine:
    """Runs a program and writes down each observable step."""

    log: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])
    spawned: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def main(self, bodies: tuple[Body, ...]) -> list[tuple[str, str, float]]:
        self.locks = [asyncio.Lock(), asyncio.Lock()]
        self.events = [asyncio.Event(), asyncio.Event()]
        self.queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        self.semaphore = asyncio.Semaphore(2)
        self.condition = asyncio.Condition()
        try:
            async with asyncio.timeout(END_OF_TIME):
                await asyncio.gather(*(self.body(body) for body in bodies), return_exceptions=True)
        except TimeoutError:
            self.note("end of time")
        for task in self.spawned:
            task.cancel()
        await asyncio.gather(*self.spawned, return_exceptions=True)
        return self.log

    def note(self, what: str) -> None:
        task = asyncio.current_task()
        name = "callback" if task is None else task.get_name()
        self.log.append((name, what, asyncio.get_running_loop().time()))

    async def body(self, body: Body) -> None:
        for index, (name, *arguments) in enumerate(body):
            self.note(f"{index} {name}")
            try:
                await getattr(self, f"do_{name}")(*arguments)
            except asyncio.CancelledError:
                self.note(f"{index} {name} cancelled")
                raise
            except (ArithmeticError, TimeoutError, BaseExceptionGroup) as error:
                self.note(f"{index} {name} {type(error).__name__}")
                if name == "raise":
                    raise

    def spawn(self, body: Body) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self.body(body))
        self.spawned.append(task)
        return task

    async def do_yield(self) -> None:
        await asyncio.sleep(0)

    async def do_sleep(self, delay: float) -> None:
        await asyncio.sleep(delay)

    async def do_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self.note, "soon")

    async def do_later(self, delay: float) -> None:
        handle = asyncio.get_running_loop().call_later(delay, self.note, "later")
        if delay > 1.0:
            handle.cancel()

    async def do_now(self) -> None:
        asyncio.get_running_loop().call_later(0, self.note, "now")

    async def do_lock(self, which: int, body: Body) -> None:
        async with self.locks[which]:
            await self.body(body)

    async def do_semaphore(self, body: Body) -> None:
        async with self.semaphore:
            await self.body(body)

    async def do_set(self, which: int) -> None:
        self.events[which].set()

    async def do_clear(self, which: int) -> None:
        self.events[which].clear()

    async def do_wait(self, which: int) -> None:
        await self.events[which].wait()

    async def do_put(self) -> None:
        await self.queue.put(1)

    async def do_get(self) -> None:
        await self.queue.get()

    async def do_notify(self) -> None:
        async with self.condition:
            self.condition.notify()

    async def do_await_condition(self) -> None:
        async with self.condition:
            await self.condition.wait()

    async def do_timeout(self, delay: float, body: Body) -> None:
        async with asyncio.timeout(delay):
            await self.body(body)

    async def do_gather(self, bodies: tuple[Body, ...]) -> None:
        await asyncio.gather(*(self.spawn(body) for body in bodies))

    async def do_group(self, bodies: tuple[Body, ...]) -> None:
        async with asyncio.TaskGroup() as group:
            for body in bodies:
                group.create_task(self.body(body))

    async def do_first(self, bodies: tuple[Body, ...]) -> None:
        await asyncio.wait([self.spawn(body) for body in bodies], return_when=asyncio.FIRST_COMPLETED)

    async def do_completed(self, bodies: tuple[Body, ...]) -> None:
        for earliest in asyncio.as_completed([self.spawn(body) for body in bodies]):
            await earliest
            self.note("one completed")

    async def do_shield(self, body: Body) -> None:
        await asyncio.shield(self.spawn(body))

    async def do_generator(self, body: Body) -> None:
        async def values() -> AsyncIterator[int]:
            yield 0
            # Once only: a body run twice would set the same delay twice.
            await self.body(body)
            yield 1

        async for value in values():
            self.note(f"value {value}")

    async def do_spawn(self, body: Body) -> None:
        self.spawn(body)

    async def do_cancel(self, which: int) -> None:
        if self.spawned:
            self.spawned[which % len(self.spawned)].cancel()

    async def do_raise(self) -> None:
        raise ArithmeticError


_simple = st.sampled_from(
    [(name,) for name in ("yield", "soon", "now", "put", "get", "notify", "await_condition", "raise")]
    + [(name, which) for name in ("set", "clear", "wait", "cancel") for which in (0, 1)]
    + [("sleep", None), ("later", None)]
)


def _compound(inner: st.SearchStrategy[Instruction]) -> st.SearchStrategy[Instruction]:
    body = st.lists(inner, min_size=1, max_size=3).map(tuple)
    bodies = st.lists(body, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.tuples(st.just("lock"), st.integers(0, 1), body),
        st.tuples(st.just("timeout"), st.none(), body),
        st.tuples(st.sampled_from(["semaphore", "shield", "spawn", "generator"]), body),
        st.tuples(st.sampled_from(["gather", "group", "first", "completed"]), bodies),
    )


_programs = st.lists(
    st.lists(st.recursive(_simple, _compound, max_leaves=6), min_size=1, max_size=4).map(tuple),
    min_size=1,
    max_size=4,
).map(tuple)


def _with_delays(instruction: Any, delays: list[float]) -> Any:
    """Every None becomes a delay that no other instruction has."""
    if instruction is None:
        delays.append(2.0 ** (len(delays) * 7 % 40 - 20))
        return delays[-1]
    if isinstance(instruction, tuple):
        return tuple(_with_delays(part, delays) for part in instruction)  # pyright: ignore[reportUnknownVariableType] - nested data of any depth
    return instruction


def _stock(scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    loop = _StockLoop()
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        return loop.run_until_complete(scenario())
    finally:
        loop.close()


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
@settings(max_examples=300, deadline=None)
@given(program=_programs)
def test_first_alternatives_are_stock_asyncio(mode: Mode, program: tuple[Body, ...]) -> None:
    """The log of every step, with task names and times, is equal."""
    bodies: tuple[Body, ...] = _with_delays(program, [])
    run = simulate(lambda: _Machine().main(bodies), FirstOracle(), mode=mode)
    assert run.exception is None
    assert run.result == _stock(lambda: _Machine().main(bodies))


def test_the_peer_is_not_the_loop_under_test() -> None:
    """The comparison is with asyncio's own loop and tasks."""

    async def kinds() -> tuple[bool, bool]:
        return (
            isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop),
            isinstance(asyncio.current_task(), SimulatedTask),
        )

    assert _stock(kinds) == (True, False)
    assert simulate(kinds, FirstOracle()).result == (False, True)
