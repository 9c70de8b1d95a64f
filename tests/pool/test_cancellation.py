"""Cancelling a caller before every single step of every operation: nothing leaks, nobody is stranded, it is never swallowed.

Each scenario is run once undisturbed, and then once for every step it took until the victim was done, the victim's task
being cancelled just before that step: so also before its first one, and after its wake-up was queued.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from acpool import SessionPool, SessionRefused
from acpool_spec.driven import ChoiceKind
from acpool_spec.oracles import FirstOracle

if TYPE_CHECKING:
    from tests.pool.conftest import Agents, Simulate

    from acpool_spec.lanes import Lane

Work: TypeAlias = "asyncio.Task[Any] | Coroutine[Any, Any, Any]"
Scene: TypeAlias = "Callable[[SessionPool, Agents], Awaitable[tuple[Work, list[Work]]]]"


async def talk(pool: SessionPool, key: str, seconds: float = 0.0) -> str:
    """Lease, prompt, and stay for a while."""
    async with pool.session(key) as lease:
        answer: str = await lease.prompt("x")
        await asyncio.sleep(seconds)
        return answer


def slow(agents: Agents, key: str, *stages: str) -> None:
    """Make the next calls of ``stages`` take a moment."""
    for stage in stages:
        agents.delay(stage, key, 0.5)


async def creating(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "open", "initialize", "new")
    return pool.get_or_create("a"), []


async def joined(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "open", "new")
    return pool.get_or_create("a"), [pool.get_or_create("a"), talk(pool, "a")]


async def creating_to_lease(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "open", "initialize", "prompt")
    return talk(pool, "a", 0.5), [talk(pool, "a")]


async def resuming(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    await pool.get_or_create("a")
    await pool.cleanup_idle(0.0)
    slow(agents, "a", "close", "open", "load")
    agents.fail("load", "a", SessionRefused("unknown"))
    return pool.get_or_create("a"), [talk(pool, "a")]


async def in_line_for_a_lease(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    holder = asyncio.create_task(talk(pool, "a", 1.0))
    await agents.settle()
    return talk(pool, "a", 0.5), [talk(pool, "a"), holder]


async def in_line_with_connection(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    holder = asyncio.create_task(talk(pool, "a", 1.0))
    await agents.settle()
    slow(agents, "a", "prompt")
    victim = pool.with_connection("a", lambda lease: lease.prompt("x"))
    return victim, [pool.with_connection("a", lambda lease: lease.prompt("x")), holder]


async def in_line_for_a_slot(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    holder = asyncio.create_task(talk(pool, "a", 1.0))
    await agents.settle()
    slow(agents, "a", "close")
    return pool.get_or_create("b"), [talk(pool, "c"), holder]


async def evicting(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    await pool.get_or_create("a")
    slow(agents, "a", "close")
    slow(agents, "b", "open")
    return talk(pool, "b"), [talk(pool, "a")]


async def over_a_dead_session(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    await pool.get_or_create("a")
    agents["a1"].alive = False
    slow(agents, "a", "open")
    return talk(pool, "a"), [talk(pool, "a")]


async def a_start_that_fails(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "open", "initialize")
    agents.fail("initialize", "a", OSError("no"))
    return pool.get_or_create("a"), []


async def a_reset(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "open")
    waiting = asyncio.create_task(pool.get_or_create("a"))
    await agents.settle()
    return pool.reset("a"), [waiting]


async def a_reset_of_a_live_session(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    await pool.get_or_create("a")
    agents["a1"].stubborn = True
    slow(agents, "a", "close")
    return pool.reset("a"), [talk(pool, "a")]


async def a_reset_under_a_queue(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    first = pool.session("a")
    await first.__aenter__()
    waiting = [asyncio.create_task(talk(pool, "a")) for _ in range(2)]
    await agents.settle()
    slow(agents, "a", "open")
    await pool.reset("a")
    await first.__aexit__(None, None, None)
    return waiting[0], [waiting[1]]


async def a_cancel(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    slow(agents, "a", "prompt", "cancel")
    talking = asyncio.create_task(talk(pool, "a"))
    await agents.settle()
    return pool.cancel("a"), [talking]


async def a_shutdown(pool: SessionPool, agents: Agents) -> tuple[Work, list[Work]]:
    holder = asyncio.create_task(talk(pool, "a", 1.0))
    await agents.settle()
    slow(agents, "a", "close")
    return pool.shutdown(), [holder]


SCENES: list[Scene] = [
    creating,
    joined,
    creating_to_lease,
    resuming,
    in_line_for_a_lease,
    in_line_with_connection,
    in_line_for_a_slot,
    evicting,
    over_a_dead_session,
    a_start_that_fails,
    a_reset,
    a_reset_of_a_live_session,
    a_reset_under_a_queue,
    a_cancel,
    a_shutdown,
]


class AnyOrder(FirstOracle):
    """Whatever is ready goes next, at random; time, the last alternative, passes only when nothing is ready."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def choose(self, count: int, kind: ChoiceKind) -> int:
        return self.random.randrange(count - 1)


class Plan:
    """Cancels the victim before the steps numbered ``at``, counted from when it was started."""

    def __init__(self, *at: int) -> None:
        self.at = at
        self.steps = 0
        self.steps_of_victim = 0
        self.cancelled = False
        self.victim: asyncio.Task[Any] | None = None

    def __call__(self, _: Lane) -> None:
        if self.victim is None or self.victim.done():
            return
        if self.steps in self.at:
            self.cancelled |= self.victim.cancel()
        self.steps += 1


def as_task(work: Work) -> asyncio.Task[Any]:
    """``work`` in a task of its own."""
    return work if isinstance(work, asyncio.Task) else asyncio.create_task(work)


def play(run: Simulate, agents: Agents, scene: Scene, plan: Plan, *, seed: int | None = None) -> None:
    """One run of ``scene`` under ``plan``; what must hold at its end does."""

    async def scenario() -> None:
        world = type(agents)()
        pool = SessionPool(world, max_sessions=1, capacity_timeout=100.0, start_timeout=50.0)
        victim, others = await scene(pool, world)
        plan.victim = as_task(victim)
        rest = [as_task(other) for other in others]
        await asyncio.wait([plan.victim])
        assert plan.victim.cancelled() == plan.cancelled, "swallowed"
        if not plan.cancelled:
            plan.victim.exception()
        for other in rest:
            await other  # nobody is stranded, and nobody's answer is another's failure
        if scene is not a_shutdown:
            assert (await pool.get_or_create("z")).session_id  # no slot is lost
        await pool.shutdown()
        await asyncio.sleep(0)
        core = pool.core
        assert not any([core.entries, core.live, core.idle, core.dying, core.creations, core.waiting])
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left"
        assert world.running() == []

    if seed is None:
        run(scenario, on_step=plan)
    else:
        run(scenario, on_step=plan, oracle=AnyOrder(seed), mode="reordered")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_cancelled_before_any_step(run: Simulate, agents: Agents, scene: Scene) -> None:
    undisturbed = Plan()
    play(run, agents, scene, undisturbed)
    assert undisturbed.steps > 3, "the victim does nothing"
    for at in range(undisturbed.steps):
        plan = Plan(at)
        play(run, agents, scene, plan)
        assert plan.cancelled


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_cancelled_twice(run: Simulate, agents: Agents, scene: Scene) -> None:
    undisturbed = Plan()
    play(run, agents, scene, undisturbed)
    for at in range(undisturbed.steps):
        for later in (at + 1, at + 2):
            play(run, agents, scene, Plan(at, later))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_cancelled_while_callbacks_run_in_any_order(run: Simulate, agents: Agents, scene: Scene) -> None:
    for seed in range(40):
        play(run, agents, scene, Plan(seed % 20), seed=seed)


def test_l5_a_lease_handed_to_a_caller_that_is_already_cancelled_goes_to_the_next(
    run: Simulate, agents: Agents
) -> None:
    """The classic bug of asyncio pools: the wake-up is queued, and the cancellation overtakes it."""

    async def scenario() -> None:
        pool = SessionPool(type(agents)(), max_sessions=1)
        first = pool.session("a")
        await first.__aenter__()
        second = asyncio.create_task(talk(pool, "a"))
        third = asyncio.create_task(talk(pool, "a"))
        await agents.settle()
        await first.__aexit__(None, None, None)
        second.cancel()
        assert await third == "s1: x"
        assert second.cancelled() and pool.stats().idle == 1
        await pool.shutdown()

    run(scenario)


def test_l5_an_answer_that_reached_a_cancelled_caller_leaves_the_session_idle(
    run: Simulate, agents: Agents
) -> None:
    async def scenario() -> None:
        world = type(agents)()
        hold = world.hold("new", "a")
        pool = SessionPool(world, max_sessions=1)
        creating = asyncio.create_task(pool.get_or_create("a"))
        await world.settle()
        hold.release()
        while "a" not in pool.core.live:
            await asyncio.sleep(0)
        creating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creating
        assert world.running() == ["a1"] and pool.stats().idle == 1
        await pool.shutdown()

    run(scenario)


def test_all_callers_cancelled_abandon_the_creation_and_its_process_is_closed(
    run: Simulate, agents: Agents
) -> None:
    async def scenario() -> None:
        world = type(agents)()
        world.hold("initialize", "a")
        pool = SessionPool(world, max_sessions=1)
        callers = [asyncio.create_task(pool.get_or_create("a")), asyncio.create_task(talk(pool, "a"))]
        await world.settle()
        callers[0].cancel()
        await world.settle()
        assert world.running() == ["a1"], "one still waits: the creation belongs to the pool"
        callers[1].cancel()
        await world.settle()
        assert world.running() == [] and pool.stats().creating == pool.stats().closing == 0
        await pool.shutdown()

    run(scenario)
