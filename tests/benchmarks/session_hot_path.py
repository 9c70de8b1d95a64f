"""What a lease of a live session costs, beside a bare lock and beside pools of other makers, all in this one process.

Three tables. *Uncontended*: one task leases and gives back. *Contended*: 64 tasks over 16 keys, each letting the loop run
once while it holds the lease. *Size*: the first table again with few and many sessions in the pool. Costs are CPU time per
lease, and ratios to the floor, both medians over repetitions in which the subjects take turns; the floor is
``async with lock:`` beside one dictionary lookup. The other pools have no keys: contended, each has 16 connections for 64 tasks.

    python tests/benchmarks/session_hot_path.py [LEASES]   (rounded down to a multiple of 64)

The peers come with the extra ``bench``; one that is missing is named and left out.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

from acpool import SessionPool

REPETITIONS = 7
TASKS = 64
KEYS = 16
SIZES = (10, 1_000, 100_000)

#: Leases the session of a key; a pool without keys leases whatever it has.
Leases = Callable[[str], AbstractAsyncContextManager[Any]]


class FakeConnection:
    """A connection at no cost: to ``acpool`` a session, to ``psycopg_pool`` an idle transaction."""

    alive = True
    supports_load = True
    session_id: str | None = None
    autocommit = True
    closed = False

    def __init__(self) -> None:
        self._pool: object = None
        self.pgconn = self
        self.transaction_status = 0

    async def initialize(self) -> None:
        """Nothing to agree on."""

    async def new_session(self) -> str:
        """One id for all: nothing here compares them."""
        return "session"

    async def load_session(self, session_id: str) -> None:
        """Every id is known."""

    async def prompt(self, content: Any) -> Any:
        """Never asked."""

    async def cancel(self) -> None:
        """Nothing to cancel."""

    async def close(self) -> None:
        """Dead at once."""

    def kill(self) -> None:
        """Dead at once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    @classmethod
    async def connect(cls, *_: object, **__: object) -> FakeConnection:
        """What ``psycopg_pool`` calls to get one."""
        return cls()


class FakeConnector:
    """Opens fakes."""

    async def open(self, key: str) -> FakeConnection:
        """Open one."""
        return FakeConnection()


@asynccontextmanager
async def floor(keys: int) -> AsyncGenerator[Leases, None]:
    """A lock per key, found in a dictionary: the least that gives one holder at a time."""
    locks = {f"key-{number}": asyncio.Lock() for number in range(keys)}
    yield locks.__getitem__


@asynccontextmanager
async def ours(keys: int) -> AsyncGenerator[Leases, None]:
    """A pool in which every key has a live session."""
    async with SessionPool(FakeConnector(), max_sessions=keys) as pool:
        for number in range(keys):
            await pool.get_or_create(f"key-{number}")
        yield pool.session


@asynccontextmanager
async def connpool(size: int) -> AsyncGenerator[Leases, None]:
    """``connpool`` with all its connections open, no circuit breaker and no retries."""
    module: Any = importlib.import_module("connpool")
    config = module.PoolConfig(min_size=size, max_size=size, breaker=None, retry=module.NO_RETRY)
    async with module.AsyncConnectionPool.from_callables(FakeConnection, config=config) as pool:
        yield lambda _key: pool.connection()


@asynccontextmanager
async def psycopg_pool(size: int) -> AsyncGenerator[Leases, None]:
    """``psycopg_pool`` with all its connections open."""
    module: Any = importlib.import_module("psycopg_pool")
    pool = module.AsyncConnectionPool(
        "", connection_class=FakeConnection, min_size=size, max_size=size, open=False
    )
    async with pool:
        await pool.wait()
        yield lambda _key: pool.connection()


Subject = Callable[[int], AbstractAsyncContextManager[Leases]]
PEERS: dict[str, Subject] = {"connpool": connpool, "psycopg_pool": psycopg_pool}


async def alone(lease: Leases, keys: int, count: int) -> None:
    """One task, ``count`` leases, in turns of sixteen keys spread among all."""
    names = [f"key-{number * keys // KEYS}" for number in range(KEYS)]
    for _ in range(count // KEYS):
        for name in names:
            async with lease(name):
                pass


async def crowded(lease: Leases, keys: int, count: int) -> None:
    """``TASKS`` tasks, four to a key, each yielding to the others while it holds its lease."""

    async def client(name: str) -> None:
        for _ in range(count // TASKS):
            async with lease(name):
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(TASKS):
            group.create_task(client(f"key-{number % keys}"))


Body = Callable[[Leases, int, int], Awaitable[None]]


async def measure(
    subjects: dict[str, Leases], body: Body, keys: int, count: int
) -> dict[str, tuple[float, float]]:
    """Of each subject the median CPU nanoseconds per lease, and the median of its ratios to the first one.

    They take turns, and a ratio is taken within one turn, so that both sides of it met the same machine.
    """
    costs: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(REPETITIONS):
        for name, lease in subjects.items():
            gc.collect()
            started = time.process_time_ns()
            await body(lease, keys, count)
            costs[name].append((time.process_time_ns() - started) / count)
    floors = next(iter(costs.values()))
    return {
        name: (
            statistics.median(each),
            statistics.median(cost / least for cost, least in zip(each, floors, strict=True)),
        )
        for name, each in costs.items()
    }


def show(title: str, costs: dict[str, tuple[float, float]]) -> None:
    """Print one table; its first row is the floor."""
    print(f"\n{title}")
    for name, (cost, ratio) in costs.items():
        print(f"  {name:28} {cost:9,.0f} ns {ratio:7.2f} x floor")


async def compare(title: str, body: Body, keys: int, peer_size: int, peers: list[str], count: int) -> None:
    """Measure and print one comparison with the peers."""
    async with floor(keys) as locks, ours(keys) as sessions:
        subjects = {"lock and lookup (floor)": locks, "acpool session(key)": sessions}
        opened = [(name, PEERS[name](peer_size)) for name in peers]
        for name, manager in opened:
            subjects[name] = await manager.__aenter__()
        try:
            show(title, await measure(subjects, body, keys, count))
        finally:
            for _, manager in opened:
                await manager.__aexit__(None, None, None)


async def by_size(count: int) -> None:
    """Print the cost with few and with many sessions."""
    print("\nOne task, by the number of live sessions")
    for keys in SIZES:
        async with floor(keys) as locks, ours(keys) as sessions:
            costs = await measure({"floor": locks, "ours": sessions}, alone, keys, count)
        (least, _), (cost, ratio) = costs["floor"], costs["ours"]
        print(f"  {keys:9,} sessions  floor {least:6,.0f} ns  acpool {cost:6,.0f} ns {ratio:7.2f} x floor")


def available(name: str) -> bool:
    """Whether a peer can be imported; says so when not."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{name} left out: {error}")
        return False
    return True


async def main(count: int) -> None:
    """Print the tables."""
    print(f"Python {sys.version.split()[0]}, CPU time per lease, median of {REPETITIONS} x {count:,} leases")
    peers = [name for name in PEERS if available(name)]
    await compare("One task, one key", alone, 1, 1, peers, count)
    await compare(f"{TASKS} tasks over {KEYS} keys", crowded, KEYS, KEYS, peers, count)
    await by_size(count)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 6_400
    asyncio.run(main(max(TASKS, wanted - wanted % TASKS)))
