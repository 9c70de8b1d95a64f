"""Clients of the pool under test: each calls one operation at a time and writes down what it was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from acpool.errors import ConnectionLost, PoolError
from acpool_spec.fakes import FakeFailure
from acpool_spec.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Program:
    """One call: operation ``f`` on ``key`` (None where it takes none); ``argument``: the prompts under a lease, or the ttl."""

    f: str
    key: str | None = None
    argument: int = 0

    def __str__(self) -> str:
        return " ".join([self.f, self.key if self.key is not None else "-", str(self.argument)])

    @staticmethod
    def parse(words: Sequence[str]) -> Program:
        """The program that ``str`` wrote. Raises ``ValueError``."""
        f, key, argument = words
        return Program(f, None if key == "-" else key, int(argument))

    @staticmethod
    def all(operations: Sequence[str], keys: Sequence[str]) -> Iterator[Program]:
        """Every call of ``operations`` on ``keys``, the commonest first."""
        for f in operations:
            if f in ("get_or_create", "cancel", "reset"):
                yield from (Program(f, key) for key in keys)
            elif f in ("with_connection", "session"):
                yield from (Program(f, key, prompts) for prompts in (1, 0) for key in keys)
            elif f == "cleanup_idle":
                yield from (Program(f, None, ttl) for ttl in (0, 30))
            else:
                yield Program(f)


class Client:
    """One caller. ``task`` is the operation in progress, None while it is free."""

    def __init__(self, number: int, pool: Any, recorder: Recorder) -> None:
        self.number = number
        self.task: asyncio.Task[None] | None = None
        self.program: Program | None = None
        self.cancellations = 0
        self.swallowed = False
        self.unexpected: list[str] = []
        self._pool = pool
        self._recorder = recorder

    @property
    def busy(self) -> bool:
        """Whether its operation has not ended."""
        return self.task is not None and not self.task.done()

    def start(self, program: Program) -> None:
        """Call the pool in a task of its own."""
        self.program = program
        self.cancellations = 0
        self.task = asyncio.get_running_loop().create_task(
            self._operate(program), name=f"client-{self.number}"
        )

    def cancel(self) -> None:
        """Cancel the operation in progress."""
        assert self.task is not None
        self.cancellations += 1
        self.task.cancel()

    async def _operate(self, program: Program) -> None:
        record, number, f, key = self._recorder, self.number, program.f, program.key
        record.invoke(number, f, key, ttl=float(program.argument) if f == "cleanup_idle" else None)
        try:
            value = await self._call(program)
        except asyncio.CancelledError:
            record.info(number, f, key, "CancelledError")
            raise
        except PoolError as error:
            record.fail(number, f, key, type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever else a pool raises is what is to be found
            self.unexpected.append(f"{f}({key!r}) raised {type(error).__name__}: {error}")
            record.fail(number, f, key, type(error).__name__)
        else:
            record.ok(number, f, key, value)
        if self.cancellations:
            self.swallowed = True

    async def _call(self, program: Program) -> object:
        pool, key = self._pool, program.key
        match program.f:
            case "get_or_create":
                return _described(await pool.get_or_create(key))
            case "with_connection":
                return await pool.with_connection(key, partial(self._use, program))
            case "session":
                async with pool.session(key) as connection:
                    return await self._use(program, connection)
            case "cleanup_idle":
                removed: Any = await pool.cleanup_idle(float(program.argument))
                return list(removed) if type(removed) in (list, tuple, set, frozenset) else None
            case "cancel":
                return bool(await pool.cancel(key))
            case "reset":
                return bool(await pool.reset(key))
            case _:
                await pool.shutdown()
                return None

    async def _use(self, program: Program, connection: Any) -> object:
        # The names are read first: a lease that is taken back no longer tells them.
        seen = _Seen(connection.name, connection.key)
        record = self._recorder
        session_id = connection.session_id
        record.event("acquire", seen, process=self.number, session_id=session_id)
        try:
            for number in range(program.argument):
                try:
                    await connection.prompt(f"{program.key}-{number}")
                    record.event("answered", seen, process=self.number, session_id=session_id)
                except (FakeFailure, ConnectionLost):
                    pass  # the agent's trouble, not the pool's
            return {"session_id": session_id}
        finally:
            record.event("release", seen, process=self.number, session_id=session_id)


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    key: str


def _described(info: Any) -> dict[str, object]:
    names = ("session_id", "resumed", "session_reset")
    return {name: getattr(info, name) for name in names if hasattr(info, name)}
