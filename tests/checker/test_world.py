"""The world: decisions by name, none half made, stock asyncio's order, rest at the end and an audit of what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import PoolClosed
from acpool_spec.clients import Client, Program, Registry
from acpool_spec.events import PoolFacts
from acpool_spec.making import FactoryFailed
from acpool_spec.recorder import Recorder
from acpool_spec.reference import default
from acpool_spec.world import Moment, NotEnabled, Scope, World


class Toy:
    """A pool without connections; ``steps`` is the order in which its operations went on."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self.steps: list[str] = []
        self.lock = asyncio.Lock()
        self.closed = False

    async def get_or_create(self, key: str) -> SessionInfo:
        for step in range(3):
            self.steps.append(f"create {key} {step}")
            await asyncio.sleep(0)
        return SessionInfo(f"of {key}", resumed=False, session_reset=False)

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[Any]]) -> Any:
        self.steps.append(f"wants {key}")
        async with self.lock:
            self.steps.append(f"has {key}")
            await asyncio.sleep(0)
            self.steps.append(f"ends {key}")
        return None

    async def cleanup_idle(self, ttl: float) -> object:
        self.steps.append("cleanup")
        await asyncio.gather(*(self.get_or_create(key) for key in ("x", "y")))
        return None

    async def shutdown(self) -> None:
        self.closed = True


class Restless(Toy):
    """A pool that never comes to rest."""

    async def get_or_create(self, key: str) -> SessionInfo:
        while not self.closed:
            await asyncio.sleep(0)
        raise PoolClosed("shut")


class Impatient(Toy):
    """A pool that polls once a second, for ever."""

    async def get_or_create(self, key: str) -> SessionInfo:
        while not self.closed:
            await asyncio.sleep(1)
        raise PoolClosed("shut")


class Odd(Toy):
    """A pool that raises what is no answer, and swallows cancellations."""

    async def get_or_create(self, key: str) -> SessionInfo:
        raise KeyError(key)

    async def cleanup_idle(self, ttl: float) -> object:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return {"a"}
        return None


def go(world: World, text: str) -> None:
    for decision in filter(None, map(str.strip, text.splitlines())):
        world.apply(decision)


def settle(world: World) -> None:
    while possible := world.schedule():
        world.apply(possible[0])


CREATED = """
start 0 get_or_create a 0
turn
turn
answer c1.open ok
turn
answer c1.initialize ok
turn
answer c1.new ok
turn
turn
"""


def test_decisions_are_what_is_enabled_and_enabled_is_what_can_be_made() -> None:
    with World(default, Scope()) as world:
        assert world.schedule() == []
        assert world.faults() == []
        assert world.cancellations() == []
        assert all(decision.startswith("start ") for decision in world.enabled())
        go(world, "start 0 get_or_create a 0 \n turn \n turn")
        answers = [f"answer c1.open {how}" for how in ("ok", "fail", "hang")]
        assert world.answers() == answers[:1]
        assert [d for d in world.enabled() if d.startswith("answer")] == answers
        assert world.cancellations() == ["cancel 0"]
        assert world.decisions == ["start 0 get_or_create a 0", "turn", "turn"]


@pytest.mark.parametrize("mode", ["fifo", "reordered"])
def test_every_enabled_decision_can_be_made(mode: str) -> None:
    def after(made: list[str]) -> list[str]:
        with World(default, Scope(mode=mode, keys=("a",), clients=2)) as world:
            for decision in made:
                world.apply(decision)
            assert world.decisions == made
            return world.enabled()

    frontier: list[list[str]] = [[]]
    for _ in range(3):
        frontier = [[*made, decision] for made in frontier for decision in after(made)[:12]]
    assert len(frontier) > 500
    for made in frontier[::7]:
        after(made)


@pytest.mark.parametrize(
    "decision",
    [
        "",
        "nonsense",
        "turn now",
        "step client-0",
        "step nobody",
        "answer c1.open refuse",
        "answer c9.open ok",
        "answer c1.open",
        "start 0 get_or_create a 0",
        "start 7 get_or_create a 0",
        "start 1 get_or_create z 0",
        "start 1 get_or_create a",
        "start 1 explode a 0",
        "start x get_or_create a 0",
        "cancel 1",
        "cancel x",
        "die c1",
        "die",
        "dead c1",
        "outlive c1",
        "advance 3",
    ],
)
def test_what_cannot_be_decided_leaves_everything_as_it_was(decision: str) -> None:
    with World(default, Scope()) as world:
        go(world, "start 0 get_or_create a 0 \n turn \n turn")
        before = (list(world.decisions), list(world.recorder.events), world.enabled(), world.loop.steps)
        with pytest.raises(NotEnabled) as caught:
            world.apply(decision)
        assert repr(decision) in str(caught.value)
        after = (list(world.decisions), list(world.recorder.events), world.enabled(), world.loop.steps)
        assert after == before


def test_a_killed_process_is_dead_or_never_will_be_before_time_passes() -> None:
    def killed(world: World) -> None:
        go(world, CREATED + "start 1 reset a 0 \n turn \n turn \n turn")
        assert world.answers() == ["answer c1.close ok"] or world.answers() == ["dead c1"]
        while "dead c1" not in world.answers():
            world.apply("advance") if world.timer() else world.apply("turn")

    with World(default, Scope()) as world:
        killed(world)
        assert world.timer() == []
        assert "outlive c1" in world.faults()
        with pytest.raises(NotEnabled):
            world.apply("advance")
        with pytest.raises(NotEnabled):
            world.apply("die c1")
        world.apply("dead c1")
        assert world.recorder.events[-1].f == "closed"
    with World(default, Scope()) as world:
        killed(world)
        world.apply("outlive c1")
        assert world.recorder.events[-1].f == "given_up"
        assert "dead c1" not in world.answers()


def test_a_client_is_cancelled_twice_at_most() -> None:
    with World(default, Scope()) as world:
        go(world, "start 0 get_or_create a 0 \n turn \n cancel 0")
        assert world.cancellations() == ["cancel 0"]
        world.apply("cancel 0")
        assert world.cancellations() == []


def test_lanes_of_one_name_are_told_apart() -> None:
    with World(Toy, Scope(mode="reordered")) as world:
        go(world, "start 0 cleanup_idle - 0 \n step client-0")
        names = world.ready()
        assert len(names) == len(set(names)) == 2
        for name in names:
            world.apply(name)


def grouped(steps: list[str]) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for step in steps:
        if step == "turn":
            groups.append([])
        else:
            groups[-1].append(step)
    return [group for group in groups if group]


PROGRAMS = (
    Program("get_or_create", "a"),
    Program("with_connection", "a", 0),
    Program("with_connection", "b", 0),
    Program("cleanup_idle", None, 0),
    Program("get_or_create", "b"),
)


class StockLoop(asyncio.SelectorEventLoop):
    """Stock asyncio that tells when an iteration begins."""

    steps: list[str]

    def _run_once(self) -> None:
        self.steps.append("turn")
        super()._run_once()  # type: ignore[misc]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]  # the one place where asyncio has it


def stock_iterations() -> list[list[str]]:
    pool = Toy(Nobody(), max_sessions=1)

    async def main() -> None:
        recorder = Recorder(asyncio.get_running_loop().time, PoolFacts())
        clients = [Client(number, pool, recorder, Registry([])) for number in range(len(PROGRAMS))]
        for client, program in zip(clients, PROGRAMS, strict=True):
            client.start(program)
        while any(client.busy for client in clients):
            await asyncio.sleep(0)

    def make_loop() -> asyncio.AbstractEventLoop:
        loop = StockLoop()
        loop.steps = pool.steps
        return loop

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())
    return grouped(pool.steps)


class Nobody:
    """A connector that is never asked."""

    async def open(self, key: str) -> Connection:
        raise AssertionError(key)


@pytest.mark.parametrize("watched", [False, True])
def test_a_turn_is_an_iteration_of_stock_asyncio(watched: bool) -> None:
    moments: list[Moment] = []
    watch = moments.append if watched else None
    with World(Toy, Scope(clients=len(PROGRAMS)), watch=watch) as world:
        for number, program in enumerate(PROGRAMS):
            world.apply(f"start {number} {program}")
        while world.loop.has_ready:
            world.pool.steps.append("turn")
            world.apply("turn")
        turns = grouped(world.pool.steps)
    assert turns == stock_iterations()
    assert len(turns) > 3
    assert bool(moments) is watched


def test_a_good_pool_finishes_with_nothing_broken_and_everything_audited() -> None:
    with World(default, Scope(max_sessions=2)) as world:
        go(world, CREATED)
        world.finish(linearize=True)
        assert world.judgement.violations == {}
        assert world.judgement.tested.keys() >= {"S10", "S12", "L2"}
        calls = [(e.f, e.key) for e in world.recorder.events if e.process == world.auditor.number]
        asked = [call for number, call in enumerate(calls) if number % 2 == 0]
        creations = [("get_or_create", key) for key in ("audit-0", "audit-1", "a", "b")]
        assert asked == [*creations, ("shutdown", None)]


def test_a_pool_that_was_shut_is_not_audited() -> None:
    with World(default, Scope()) as world:
        go(world, "start 0 shutdown - 0")
        world.finish(linearize=False)
        assert world.judgement.violations == {}
        asked = [e.f for e in world.recorder.events if e.process == world.auditor.number]
        assert asked == ["shutdown", "shutdown"]


def test_a_pool_that_never_rests_is_reported() -> None:
    with World(Restless, Scope()) as world:
        world.apply("start 0 get_or_create a 0")
        world.finish(linearize=False)
        assert "does not come to rest" in world.judgement.violations["L2"].message


def test_a_pool_that_polls_for_ever_rests_after_many_timers_and_its_caller_waits_in_vain() -> None:
    with World(Impatient, Scope()) as world:
        world.apply("start 0 get_or_create a 0")
        world.finish(linearize=False)
        assert world.judgement.violations["L3"].message.startswith("get_or_create('a') of client 0 waits")
        assert world.loop.time() >= World.TIMERS


def test_time_does_not_pass_beyond_the_horizon() -> None:
    class Sleeper(Toy):
        async def get_or_create(self, key: str) -> SessionInfo:
            await asyncio.sleep(World.HORIZON_S + 1)
            return await super().get_or_create(key)

    with World(Sleeper, Scope()) as world:
        go(world, "start 0 get_or_create a 0 \n turn")
        assert world.timer() == []
        with pytest.raises(NotEnabled, match="horizon"):
            world.apply("advance")


def test_what_is_no_answer_and_what_is_swallowed_is_found() -> None:
    with World(Odd, Scope()) as world:
        go(world, "start 0 get_or_create a 0 \n start 1 cleanup_idle - 30 \n turn \n cancel 1 \n turn")
        world.finish(linearize=False)
        assert world.judgement.violations["S12"].message.startswith("get_or_create('a') raised KeyError: 'a'")
        assert (
            world.judgement.violations["L2"].message
            == "cleanup_idle - 30 of client 1 was cancelled and went on to answer"
        )
        removed = [event.value for event in world.recorder.events if event.type == "ok"]
        assert ["a"] in removed


def test_a_pool_is_exercised_with_the_operations_that_it_has() -> None:
    with World(Toy, Scope()) as world:
        offered = {program.f for program in world.programs}
    assert offered == {"get_or_create", "with_connection", "cleanup_idle", "shutdown"}


def test_a_factory_that_fails_leaves_no_loop_running() -> None:
    def broken(connector: Connector, *, max_sessions: int) -> Toy:
        raise LookupError("no pool today")

    with pytest.raises(FactoryFailed, match="LookupError: no pool today"), World(broken, Scope()):
        pass
    asyncio.run(asyncio.sleep(0))


@pytest.mark.parametrize("program", list(Program.all(Scope().operations, ("a", "b"))), ids=str)
def test_a_program_is_read_as_it_was_written(program: Program) -> None:
    assert Program.parse(str(program).split(" ")) == program
