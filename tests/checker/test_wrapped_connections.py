"""Pools that wrap what they hand out: nothing beyond the contract's members is there to tell one connection from another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from acpool import SessionPool
from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import ConnectionLost, NoSession
from acpool_spec.clients import Registry
from acpool_spec.fakes import FakeConnection, FakeConnector, FakeFailure, Outside
from acpool_spec.loop import DeterministicLoop
from acpool_spec.properties.judgement import Judgement
from acpool_spec.sampling import Walk
from acpool_spec.world import PoolFactory, Scope, World

Use = Callable[[Connection], Awaitable[Any]]


class AgentTrouble(Exception):
    """What a third party makes of an agent that fails."""


class Wrapped:
    """A connection with the members of the contract and no others."""

    def __init__(self, inner: Connection) -> None:
        self._inner = inner

    @property
    def alive(self) -> bool:
        return self._inner.alive

    @property
    def session_id(self) -> str | None:
        return self._inner.session_id

    @property
    def supports_load(self) -> bool:
        return self._inner.supports_load

    async def initialize(self) -> None:
        await self._inner.initialize()

    async def new_session(self) -> str:
        return await self._inner.new_session()

    async def load_session(self, session_id: str) -> None:
        await self._inner.load_session(session_id)

    async def prompt(self, content: Any) -> Any:
        try:
            return await self._inner.prompt(content)
        except (FakeFailure, ConnectionLost) as error:
            raise AgentTrouble("the agent failed") from error

    async def cancel(self) -> None:
        await self._inner.cancel()

    async def close(self) -> None:
        await self._inner.close()

    def kill(self) -> None:
        self._inner.kill()


class Opaque(Wrapped):
    """One that does not tell its session either."""

    @property
    def session_id(self) -> str | None:
        raise RuntimeError("not told")


class WrappingConnector:
    """A connector whose connections are wrapped; ``see`` is told of each."""

    def __init__(self, connector: Connector, see: Callable[[str, Wrapped], object]) -> None:
        self._connector = connector
        self._see = see

    async def open(self, key: str) -> Wrapped:
        connection = Wrapped(await self._connector.open(key))
        self._see(key, connection)
        return connection


class WrappingPool:
    """Our pool, which hands out ``wrap`` of its leases; what ``cancel`` and ``reset`` answer, it keeps to itself."""

    def __init__(
        self, connector: Connector, *, max_sessions: int, wrap: Callable[[Connection], Connection] = Wrapped
    ) -> None:
        self.pool = SessionPool(connector, max_sessions=max_sessions)
        self.wrap = wrap

    async def get_or_create(self, key: str) -> SessionInfo:
        return await self.pool.get_or_create(key)

    async def with_connection(self, key: str, fn: Use) -> Any:
        return await self.pool.with_connection(key, lambda lease: fn(self.wrap(lease)))

    @asynccontextmanager
    async def session(self, key: str) -> AsyncGenerator[Connection, None]:
        async with self.pool.session(key) as lease:
            yield self.wrap(lease)

    async def cleanup_idle(self, ttl: float) -> object:
        return await self.pool.cleanup_idle(ttl)

    async def cancel(self, key: str) -> None:
        await self.pool.cancel(key)

    async def reset(self, key: str) -> None:
        await self.pool.reset(key)

    async def shutdown(self) -> None:
        await self.pool.shutdown()


class WithoutLeases(WrappingPool):
    """A pool that hands one session to everybody who asks for it."""

    def __init__(self, connector: Connector, *, max_sessions: int) -> None:
        self.latest: dict[str, Wrapped] = {}
        wrapping = WrappingConnector(connector, self.latest.__setitem__)
        super().__init__(wrapping, max_sessions=max_sessions)

    async def with_connection(self, key: str, fn: Use) -> Any:
        connection = self.latest.get(key)
        if connection is None or not connection.alive or connection.session_id is None:
            raise NoSession(f"no session of {key!r}")
        return await fn(connection)


def wrapped_by_the_connector(connector: Connector, *, max_sessions: int) -> SessionPool:
    def forget(key: str, connection: Wrapped) -> None:
        """Nothing is to be remembered."""

    return SessionPool(WrappingConnector(connector, forget), max_sessions=max_sessions)


def judgements(factory: PoolFactory, runs: int) -> Sequence[Judgement]:
    """What is found in random runs, all of them judged for S12 as well."""
    found: list[Judgement] = []
    for number in range(runs):
        walk = Walk(5, number)
        with World(factory, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=True)
        found.append(world.judgement)
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize("factory", [WrappingPool, wrapped_by_the_connector])
def test_a_good_pool_that_wraps_breaks_nothing_and_its_leases_are_put_to_the_test(
    factory: PoolFactory,
) -> None:
    found = judgements(factory, 60)
    assert [judgement.violations for judgement in found if judgement.violations] == []
    assert sum(judgement.tested["S5"] for judgement in found) > 20


@pytest.mark.no_cover
def test_a_good_pool_whose_connections_tell_nothing_breaks_nothing() -> None:
    found = judgements(partial(WrappingPool, wrap=Opaque), 60)
    assert [judgement.violations for judgement in found if judgement.violations] == []
    assert sum(judgement.tested["S5"] for judgement in found) == 0


def test_two_holders_behind_a_wrapper_are_caught() -> None:
    found = judgements(WithoutLeases, 60)
    assert any("S5" in judgement.violations for judgement in found)


def test_what_cancel_and_reset_do_not_tell_is_not_known() -> None:
    with World(WrappingPool, Scope()) as world:
        for f in ("cancel", "reset"):
            world.apply(f"start 0 {f} a 0")
            world.calm()
        answers = [(event.f, event.value) for event in world.recorder.events if event.type == "ok"]
        assert answers == [("cancel", None), ("reset", None)]


def test_an_error_that_is_no_agent_s_is_the_pool_s() -> None:
    class Broken(Wrapped):
        async def prompt(self, content: Any) -> Any:
            raise KeyError("prompt")

    found = judgements(partial(WrappingPool, wrap=Broken), 10)
    broken = [j.violations["S12"].message for j in found if "S12" in j.violations]
    assert any("raised KeyError: 'prompt'" in message for message in broken)


# -- which connection it is -------------------------------------------------------------------------------------------


@pytest.fixture
def connections(loop: DeterministicLoop, outside: Outside, connector: FakeConnector) -> list[FakeConnection]:
    """One after the other: dead with s1, alive with s1 again, alive with s2, the last of another key."""
    for key, session_id, dead in (("a", "s1", True), ("a", "s1", False), ("b", "s2", False)):
        connection = FakeConnection(outside, f"c{len(outside.connections) + 1}", key)
        connection.opened, connection.dead, connection.session_id = True, dead, session_id
        outside.connections.append(connection)
    return outside.connections


class Handed:
    """An object with the attributes given."""

    def __init__(self, **members: object) -> None:
        self.__dict__.update(members)


@pytest.mark.parametrize(
    ("members", "key", "expected"),
    [
        ({"name": "c1", "session_id": "s1", "alive": True}, "a", "c1"),
        ({"name": "c3"}, "a", "c3"),
        ({"name": "mine", "session_id": "s1", "alive": True}, "a", "c2"),
        ({"name": "c3", "session_id": "s1", "alive": True}, "a", "c2"),
        ({"session_id": "s1", "alive": False}, "a", "c1"),
        ({"session_id": "s1"}, "a", "c2"),
        ({"session_id": "s1", "alive": True}, "b", None),
        ({"session_id": "s9", "alive": True}, "a", None),
        ({"session_id": 1}, "a", None),
        ({}, "a", None),
    ],
)
def test_a_connection_is_known_by_its_name_or_by_its_session(
    connections: list[FakeConnection], members: dict[str, object], key: str, expected: str | None
) -> None:
    found = Registry(connections).find(Handed(**members), key)
    assert (None if found is None else found.name) == expected


def test_after_one_that_cannot_be_told_none_is_told(connections: list[FakeConnection]) -> None:
    registry = Registry(connections)
    assert registry.find(connections[1], "a") is connections[1]
    assert registry.find(Handed(), "a") is None
    assert registry.find(connections[1], "a") is None
