"""Clients of the pool under test: each calls one operation at a time and writes down what it was answered."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from acpool.errors import ConnectionLost, PoolError
from acpool_spec.fakes import FakeConnection, FakeFailure
from acpool_spec.making import clip, said
from acpool_spec.recorder import Recorder
from acpool_spec.refusals import LoopRefusal


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


class Registry:
    """Tells which of the world's ``connections`` a holder was handed, whatever the pool has wrapped around it.

    From the first one that it cannot tell it tells none: a history in which some leases are recorded and others are not
    would show an order of holders that is not the true one.
    """

    def __init__(self, connections: Sequence[FakeConnection]) -> None:
        self._connections = connections
        self._lost = False

    def find(self, handed: object, key: str | None) -> FakeConnection | None:
        """The connection behind ``handed``, which its holder got for ``key``; None where that is not known."""
        found = None if self._lost else self._named(handed) or self._of_session(handed, key)
        self._lost = found is None
        return found

    def _named(self, handed: object) -> FakeConnection | None:
        name, session_id = _read(handed, "name"), _session_of(handed)
        found = (c for c in self._connections if c.name == name)
        return next((c for c in found if session_id in (None, c.session_id)), None)

    def _of_session(self, handed: object, key: str | None) -> FakeConnection | None:
        session_id, alive = _session_of(handed), _read(handed, "alive")
        if session_id is None:
            return None
        same = (c for c in reversed(self._connections) if c.key == key and c.session_id == session_id)
        # A session that was resumed had a process before that: which of them it is shows by its life.
        return next((c for c in same if alive is None or c.alive == alive), None)


class Client:
    """One caller. ``task`` is the operation in progress, None while it is free; ``holding``: it is under a lease.

    ``registry`` tells it which connection it was handed.
    """

    def __init__(self, number: int, pool: Any, recorder: Recorder, registry: Registry) -> None:
        self.number = number
        self.task: asyncio.Task[None] | None = None
        self.program: Program | None = None
        self.cancellations = 0
        self.holding = False
        self.swallowed = False
        self.unexpected: list[str] = []
        self._pool = pool
        self._recorder = recorder
        self._registry = registry

    @property
    def busy(self) -> bool:
        """Whether its operation has not ended."""
        return self.task is not None and not self.task.done()

    def start(self, program: Program) -> None:
        """Call the pool in a task of its own."""
        self.program = program
        self.cancellations = 0
        self.task = asyncio.get_running_loop().create_task(
            self.operate(program), name=f"client-{self.number}"
        )

    def cancel(self) -> None:
        """Cancel the operation in progress."""
        assert self.task is not None
        self.cancellations += 1
        self.task.cancel()

    async def operate(self, program: Program) -> None:
        """Call the pool and write down what it answers. Raises ``CancelledError`` only; bounded as the operation is."""
        record, number, f, key = self._recorder, self.number, program.f, program.key
        record.invoke(number, f, key, ttl=float(program.argument) if f == "cleanup_idle" else None)
        try:
            value = await self._call(program)
        except asyncio.CancelledError:
            record.info(number, f, key, "CancelledError")
            raise
        except PoolError as error:
            record.fail(number, f, key, type(error).__name__)
        except _NoAnswer as error:
            self.unexpected.append(f"{f}({key!r}) {error}")
            record.fail(number, f, key, "NoAnswer")
        except LoopRefusal as error:
            self.unexpected.append(f"{f}({key!r}) asks for what no schedule decides: {error}")
            record.fail(number, f, key, "LoopRefusal")
        except Exception as error:  # noqa: BLE001 - whatever else a pool raises is what is to be found
            self.unexpected.append(
                f"{f}({key!r}) raised {said(error)}, which is no answer of this operation: a pool says no with acpool.errors"
            )
            record.fail(number, f, key, type(error).__name__)
        else:
            record.ok(number, f, key, value)
        if self.cancellations:
            self.swallowed = True

    async def _call(self, program: Program) -> object:
        pool, key = self._pool, program.key
        match program.f:
            case "get_or_create":
                return _described(await _awaitable(pool.get_or_create(key)))
            case "with_connection":
                return await _awaitable(pool.with_connection(key, partial(self._use, program)))
            case "session":
                async with pool.session(key) as connection:
                    return await self._use(program, connection)
            case "cleanup_idle":
                removed: Any = await _awaitable(pool.cleanup_idle(float(program.argument)))
                return list(removed) if type(removed) in (list, tuple, set, frozenset) else None
            case "cancel":
                return _told(await _awaitable(pool.cancel(key)))
            case "reset":
                return _told(await _awaitable(pool.reset(key)))
            case _:
                await _awaitable(pool.shutdown())
                return None

    async def _use(self, program: Program, connection: Any) -> object:
        # Both are read first: a lease that is taken back no longer tells them.
        session_id = _session_of(connection)
        seen = self._registry.find(connection, program.key)
        self._note("acquire", seen, session_id)
        self.holding = True
        try:
            for number in range(program.argument):
                try:
                    await connection.prompt(f"{program.key}-{number}")
                    self._note("answered", seen, session_id)
                except Exception as error:
                    if not _of_the_agent(error):
                        raise
            return {"session_id": session_id}
        finally:
            self.holding = False
            self._note("release", seen, session_id)

    def _note(self, f: str, seen: FakeConnection | None, session_id: str | None) -> None:
        if seen is not None:
            self._recorder.event(f, seen, process=self.number, session_id=session_id)


def _read(handed: object, name: str) -> Any:
    """The member ``name`` of what a pool hands out, None where it has none or does not tell."""
    try:
        return getattr(handed, name, None)
    except Exception:  # noqa: BLE001 - whatever it raises, it does not tell
        return None


def _session_of(handed: object) -> str | None:
    session_id = _read(handed, "session_id")
    return session_id if isinstance(session_id, str) else None


def _of_the_agent(error: BaseException) -> bool:
    """Whether a prompt failed by the agent's trouble, not the pool's: also where somebody made an error of his own of it."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        if isinstance(cause, FakeFailure | ConnectionLost):
            return True
        if isinstance(cause, PoolError):
            return False
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return False


def _told(answer: object) -> bool | None:
    """What ``cancel`` or ``reset`` told, None where it told nothing."""
    return answer if isinstance(answer, bool) else None


_PARTS = ("session_id", "resumed", "session_reset")


def _described(info: Any) -> dict[str, object]:
    missing = [name for name in _PARTS if not hasattr(info, name)]
    if missing:
        raise _NoAnswer(
            f"answered {_in_words(info)}, which has no {', '.join(missing)}: expected something that has {', '.join(_PARTS)},"
            " such as acpool.SessionInfo"
        )
    return {name: getattr(info, name) for name in _PARTS}


class _NoAnswer(Exception):
    """A pool answered with something that is no answer; the message says what it did, and what was expected."""


def _awaitable(answer: Any) -> Any:
    """``answer``, to be awaited. Raises :class:`_NoAnswer` for that of an operation that is no coroutine."""
    if not inspect.isawaitable(answer):
        raise _NoAnswer(
            f"returned {_in_words(answer)}, which cannot be awaited: expected an operation that is async def"
        )
    return answer


def _in_words(value: object) -> str:
    if value is None or isinstance(value, (str, int, float)):
        return clip(repr(value))
    return f"a {type(value).__name__}"
