"""When two states are the same: whatever the rest of a run can depend on makes them differ, and nothing else does."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from acpool_spec import choose, explore, happens, offer
from acpool_spec.exploration.canonical import state_key
from acpool_spec.exploration.contents import NotCanonical
from acpool_spec.loop import DeterministicLoop

Scenario = Callable[[], Coroutine[Any, Any, object]]
VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("VARIABLE")


def keys(scenario: Scenario, iterations: int = 4) -> list[bytes]:
    """The state before each of the first iterations."""
    loop = DeterministicLoop()
    with loop.running():
        try:
            loop.create_task(scenario())
            found: list[bytes] = []
            for _ in range(iterations):
                found.append(state_key(loop))
                loop.run_iteration()
            return found
        finally:
            loop.dispose()


def test_a_run_has_the_same_states_every_time() -> None:
    async def scenario() -> None:
        box: dict[str, list[object]] = {"a": [1, {2}, (None, "x")]}
        box["self"] = [box]
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
            box["a"].append(asyncio.Lock())
            await asyncio.sleep(0)

    assert keys(scenario) == keys(scenario)
    assert len(set(keys(scenario))) == 4


def test_where_a_coroutine_stands_tells_states_apart() -> None:
    async def scenario() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert len(set(keys(scenario))) == 4


async def _one() -> int:
    await asyncio.sleep(0)
    return 1


# Each hides the number that it was made with: ``given`` is empty when the states are compared.


def local(given: list[int]) -> Scenario:
    async def scenario() -> None:
        value = given.pop()
        await asyncio.sleep(0)
        assert value >= 0

    return scenario


def on_the_stack(given: list[int]) -> Scenario:
    async def scenario() -> None:
        max(given.pop() + 1, await _one())

    return scenario


def shared(given: list[int]) -> Scenario:
    async def scenario() -> None:
        one = [1]
        two = one if given.pop() else [1]
        await asyncio.sleep(0)
        one.append(len(two))

    return scenario


def timer(given: list[int]) -> Scenario:
    async def scenario() -> None:
        asyncio.get_running_loop().call_later(given.pop() + 1, int)
        await asyncio.sleep(0)

    return scenario


def offered(given: list[int]) -> Scenario:
    async def scenario() -> None:
        offer(int, name=f"number {given.pop()}")
        await asyncio.sleep(0)

    return scenario


def in_context(given: list[int]) -> Scenario:
    async def scenario() -> None:
        VARIABLE.set(given.pop())
        await asyncio.sleep(0)

    return scenario


def callback(given: list[int]) -> Scenario:
    async def scenario() -> None:
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(str if given.pop() else repr)
        await asyncio.sleep(0)
        del future

    return scenario


def cancelled(given: list[int]) -> Scenario:
    async def scenario() -> None:
        task = asyncio.create_task(_one())
        if given.pop():
            task.cancel()
        await asyncio.sleep(0)

    return scenario


def ready(given: list[int]) -> Scenario:
    async def scenario() -> None:
        asyncio.get_running_loop().call_soon(str if given.pop() else repr, 1)
        await asyncio.sleep(0)

    return scenario


VARIANTS = [local, on_the_stack, shared, timer, offered, in_context, callback, cancelled, ready]


@pytest.mark.parametrize("made", VARIANTS)
def test_what_the_rest_of_a_run_depends_on_tells_states_apart(made: Callable[[list[int]], Scenario]) -> None:
    assert keys(made([0]), 2)[1] == keys(made([0]), 2)[1]
    assert keys(made([0]), 2)[1] != keys(made([1]), 2)[1]


def test_which_task_was_made_first_does_not_matter_where_nobody_can_tell() -> None:
    def scenario(wasted: int) -> Scenario:
        async def run() -> None:
            for _ in range(wasted):
                asyncio.get_running_loop().create_future()
            await asyncio.sleep(0)

        return run

    assert keys(scenario(1), 2)[1] != keys(scenario(2), 2)[1]  # ``wasted`` itself can be seen
    assert keys(_wasting(1), 2)[1] == keys(_wasting(2), 2)[1]


def _wasting(futures: int) -> Scenario:
    numbers = iter([None] * futures)

    async def run() -> None:
        for _ in numbers:
            asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)

    return run


def test_what_nobody_can_look_into_is_refused() -> None:
    async def scenario() -> None:
        view = memoryview(b"x")
        await asyncio.sleep(0)
        del view

    with pytest.raises(NotCanonical, match=r"builtins\.memoryview"):
        keys(scenario)


def test_a_cancellation_that_is_spent_is_part_of_the_state() -> None:
    """Both ways lead to the same point, one of them only with the one cancellation there is."""

    async def scenario() -> None:
        if choose((True, False)):
            first = asyncio.create_task(happens("go"))
            await asyncio.wait([first])
            if not first.cancelled():
                return
            del first
        later = asyncio.get_running_loop().call_later(9, int)  # so that there is always something to choose
        second = asyncio.create_task(_one())
        await asyncio.wait([second])
        later.cancel()
        if second.cancelled():
            raise LookupError("the second was cancelled")

    assert "the second was cancelled" in explore(scenario, cancellations=1).why
