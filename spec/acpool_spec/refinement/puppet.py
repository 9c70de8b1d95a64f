"""The outside world as the model has it: a pool on the deterministic loop, made to take one given action of the model.

An action of a caller or of the operator is a task that runs until the pool has taken a step; one of the world is an answer to a
call that is under way, a death, or time that passes. Whatever is not needed for the action does not run: a callback may be
late, so every order is one that a busy loop can have. A process that dies here leaves its calls unanswered, since what it said
before may still be under way; so the model's world decides how each of them ends.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self

from acpool import Lease, PoolError, SessionPool, SessionRefused
from acpool.records import Entry
from acpool_model import Action, Kind, Stage, State, Want
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.refinement.follower import Follower, follow
from acpool_spec.refinement.transition import Transition

KEYS = ("a", "b", "c", "d")
_CAPACITY_S, _MAX_LEASE_S, _NEVER_S = 1e3, 1e6, 1e12
_MOST_STEPS = 200


class CannotTake(Exception):
    """The pool could not be brought to take the action; the message says what it did instead."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A run that left the model: where it began, the ``actions`` that the pool was made to take, the last one included, what the
    pool calls the model's ``keys``, and the ``message``: where they part."""

    start: State
    actions: tuple[Action, ...]
    keys: tuple[str, ...]
    message: str


class _Process:
    """A connection whose calls end when they are told to."""

    supports_load = False

    def __init__(self, key: str, number: int) -> None:
        self.alive = True
        self.session_id: str | None = None
        self.calls: dict[str, asyncio.Future[None]] = {}
        self.prompts: list[asyncio.Future[None]] = []
        self._fresh = f"s-{key}{number}"

    async def initialize(self) -> None:
        await self._call("initialize")

    async def new_session(self) -> str:
        await self._call("new")
        self.session_id = self._fresh
        return self._fresh

    async def load_session(self, session_id: str) -> None:
        await self._call("load")
        self.session_id = session_id

    async def prompt(self, content: Any) -> None:
        answer = asyncio.get_running_loop().create_future()
        self.prompts.append(answer)
        await answer

    async def cancel(self) -> None:
        await self._call("cancel")

    async def close(self) -> None:
        await self._call("close")

    def kill(self) -> None:
        """It dies when it is told to."""

    async def _call(self, stage: str) -> None:
        self.calls[stage] = asyncio.get_running_loop().create_future()
        await self.calls[stage]

    def end(self, stage: str, error: Exception | None = None) -> bool:
        """End a call that is under way; whether there was one."""
        call = self.calls.get(stage)
        if call is None or call.done():
            return False
        if error is None:
            call.set_result(None)
        else:
            call.set_exception(error)
        return True


class _Opening:
    """A process being started; one that is ``deaf`` goes on although its start was cancelled."""

    def __init__(self) -> None:
        self.deaf = False
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Connector:
    def __init__(self) -> None:
        self.openings: dict[asyncio.Task[Any], _Opening] = {}
        self._opened = 0

    async def open(self, key: str) -> _Process:
        task = asyncio.current_task()
        assert task is not None
        opening = self.openings[task] = _Opening()
        try:
            await opening.answer
        except asyncio.CancelledError:
            if not opening.deaf:
                raise
        self._opened += 1
        return _Process(key, self._opened)


class _Caller:
    """One call of a client, in a task of its own; ``lease`` once it holds one."""

    def __init__(self, pool: SessionPool, key: str, want: int) -> None:
        self.lease: Lease | None = None
        self.prompt: asyncio.Task[Any] | None = None
        self._pool = pool
        self._key = key
        self._want = want
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call(self) -> None:
        try:
            if self._want == Want.ANSWER:
                await self._pool.get_or_create(self._key)
            elif self._want == Want.LEASE:
                await self._pool.with_connection(self._key, self._hold)
            else:
                async with self._pool.session(self._key) as lease:
                    await self._hold(lease)
        except PoolError:
            return

    async def _hold(self, lease: Lease) -> None:
        self.lease = lease
        await self._end

    def end(self) -> None:
        if not self._end.done():
            self._end.set_result(None)


class Puppet:
    """One pool and its outside; a context manager, used once. ``follower`` follows it, ``taken`` are the model's steps so far."""

    def __init__(self, state: State, kind: type[SessionPool] = SessionPool) -> None:
        """``state``: an initial state of the model, with its keys, clients and suspended sessions. ``kind``: of the pool."""
        self._kind = kind
        self.loop = DeterministicLoop()
        self._start = state
        self._callers: dict[int, tuple[_Caller, asyncio.Task[Any]]] = {}
        self.taken: list[Transition] = []
        self._asked: list[Action] = []

    def __enter__(self) -> Self:
        self.loop.enter()
        state = self._start
        self._connector = _Connector()
        names = KEYS[: len(state.keys)]
        self.pool: SessionPool = self._kind(
            self._connector,
            max_sessions=state.capacity,
            capacity_timeout=_CAPACITY_S if state.queueing else 0.0,
            start_timeout=_NEVER_S,
            lease_timeout=_NEVER_S,
            max_lease=_MAX_LEASE_S,
            cancel_timeout=1.0,
            close_timeout=3.0,
            suspended={name: f"old-{name}" for name, key in zip(names, state.keys, strict=True) if key.kept},
        )
        follower = follow(self.pool, lambda _: None, self._failed, lambda: self.loop.inside_callback)
        assert follower is not None
        self.follower: Follower = follower
        follower.expect(names, len(state.clients))
        follower.taken = self.taken.append
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.dispose()
        self.loop.leave()

    def _failed(self, error: Exception) -> None:
        raise error

    @property
    def state(self) -> State:
        """Where the model is, and so the pool."""
        return self.follower.state

    @property
    def parted(self) -> Parted | None:
        """What has led to where the pool left the model; None as long as it has not."""
        difference = self.follower.difference
        if difference is None:
            return None
        return Parted(self._start, tuple(self._asked), tuple(self.follower.names.keys), difference.message)

    def take(self, action: Action) -> None:
        """Have the pool take ``action`` of the model; what it must do in the same breath follows it.

        Raises :class:`CannotTake` where it takes another step first, or none.
        """
        before = len(self.taken)
        self._asked.append(action)
        self._pass(1.0)  # so that no two uses are at one time
        self._how()[action.kind](action)
        self._begin_starts()
        if self.follower.difference is not None:
            raise CannotTake(self.follower.difference.message)
        if len(self.taken) == before:
            raise CannotTake("the pool took no step")
        if self.taken[before].action != action:
            raise CannotTake(f"the pool took another step: {self.taken[before].action}")

    def _how(self) -> dict[int, Callable[[Action], object]]:
        return {
            Kind.ASK: self._ask,
            Kind.LEAVE: self._leave,
            Kind.BEGIN: lambda a: self._run(self._task(a)),
            Kind.RELEASE: self._release,
            Kind.PROMPT: self._prompt,
            Kind.ANSWERED: lambda a: self._end_prompt(a, None),
            Kind.UNANSWERED: lambda a: self._end_prompt(a, OSError("no answer")),
            Kind.OPENED: self._opened,
            Kind.INITIALIZED: self._initialized,
            Kind.REFUSED: lambda a: self._end_start(a, SessionRefused("no")),
            Kind.COMMIT: lambda a: self._end_start(a, None),
            Kind.FAIL: self._fail,
            Kind.DIE: self._die,
            Kind.STOPPED: lambda a: self._run(self._start_of(a)),
            Kind.CLOSED: lambda a: self._end(a, confirmed=True),
            Kind.GIVE_UP: lambda a: self._end(a, confirmed=False),
            Kind.EXHAUST: self._exhaust,
            Kind.CANCEL: lambda a: self._operate(self.pool.cancel(self._name(a))),
            Kind.EXPIRE: self._expire,
            Kind.RECLAIM: self._reclaim,
            Kind.RESET: lambda a: self._operate(self.pool.reset(self._name(a))),
            Kind.SHUT: lambda _: self._operate(self.pool.shutdown(_NEVER_S)),
            Kind.REVOKE: self._revoke,
        }

    # -- running what is wanted, and nothing else ------------------------------------------------------------------------

    def _run(self, *tasks: asyncio.Task[Any], timers: bool = False) -> bool:
        """Run these tasks and the callbacks that they schedule until the pool has taken a step; whether it has."""
        before = self.follower.steps
        for _ in range(_MOST_STEPS):
            lane = next((lane for lane in self.loop.lanes() if self._is_of(lane, tasks, timers)), None)
            if lane is None:
                return False
            self.loop.run_lane(lane)
            if self.follower.steps > before:
                return True
        raise CannotTake("it goes on and on")

    def _is_of(self, lane: Lane, tasks: tuple[asyncio.Task[Any], ...], timers: bool) -> bool:
        if lane.task is not None:
            return lane.task in tasks
        if lane.name.startswith("timer "):
            return timers and lane.head is not None and not _is_capacity(lane.head[1])
        names = {f"callbacks of {task.get_name()}" for task in tasks}
        return lane.name in names or (timers and lane.name.startswith("callbacks of timer "))

    def _pass(self, seconds: float) -> None:
        """Let time pass; whatever is due becomes ready and waits."""
        until = self.loop.time() + seconds
        self.loop.call_at(until, _nothing)
        while self.loop.time() < until:
            self.loop.advance()
        for lane in list(self.loop.ready_lanes()):
            if lane.head is not None and lane.head[1] is _nothing:
                self.loop.run_lane(lane)

    def _begin_starts(self) -> None:
        """Bring each new start to where it waits for its process, and let what ended starts have decided be performed."""
        shell: Any = self.pool._shell  # pyright: ignore[reportPrivateUsage]  # nobody else knows which task starts what
        while waiting := [task for task in shell._starts.values() if task.done() or self._is_new(task)]:
            self._run(*waiting)

    def _is_new(self, task: asyncio.Task[Any]) -> bool:
        return task not in self._connector.openings and not task.cancelling()

    def _operate(self, operation: Coroutine[Any, Any, Any]) -> None:
        self._run(self.loop.create_task(operation))

    # -- callers ----------------------------------------------------------------------------------------------------------

    def _task(self, action: Action) -> asyncio.Task[Any]:
        return self._callers[action.client][1]

    def _ask(self, action: Action) -> None:
        caller = _Caller(self.pool, self._name(action), action.arg)
        task = self.loop.create_task(caller.call())
        self._callers[action.client] = caller, task
        self._run(task)

    def _leave(self, action: Action) -> None:
        self._task(action).cancel()
        self._run(self._task(action))

    def _release(self, action: Action) -> None:
        caller, task = self._callers[action.client]
        caller.end()
        self._run(task)

    def _prompt(self, action: Action) -> None:
        caller = self._callers[action.client][0]
        assert caller.lease is not None
        caller.prompt = self.loop.create_task(caller.lease.prompt("?"))
        self._run(caller.prompt)

    def _end_prompt(self, action: Action, error: Exception | None) -> None:
        caller = self._callers[action.client][0]
        assert caller.prompt is not None and caller.lease is not None
        entry = caller.lease.lost or self.pool.core.live[caller.lease.key]
        answer = self._process(entry).prompts[-1]
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
        self._run(caller.prompt)
        caller.prompt.exception()  # seen: nobody else asks for it

    # -- the world --------------------------------------------------------------------------------------------------------

    def _name(self, action: Action) -> str:
        return self.follower.names.keys[action.key - 1]

    def _process(self, entry: Entry) -> _Process:
        process: Any = entry.connection
        assert isinstance(process, _Process)
        return process

    def _entry(self, action: Action) -> Entry:
        """The process that the key has in use, or is starting; else the one that is dying."""
        core, name = self.pool.core, self._name(action)
        creation = core.creations.get(name)
        starting = None if creation is None else creation.entry
        return core.live.get(name) or starting or core.dying[name]

    def _start_of(self, action: Action) -> asyncio.Task[Any]:
        shell: Any = self.pool._shell  # pyright: ignore[reportPrivateUsage]  # as above
        found: asyncio.Task[Any] = shell._starts[self._entry(action).serial]
        return found

    def _opened(self, action: Action) -> None:
        task = self._start_of(action)
        opening = self._connector.openings[task]
        opening.deaf = True
        if not opening.answer.done():
            opening.answer.set_result(None)
        self._run(task)

    def _initialized(self, action: Action) -> None:
        process = self._process(self._entry(action))
        process.supports_load = bool(action.arg)
        process.end("initialize")
        self._run(self._start_of(action))

    def _end_start(self, action: Action, error: Exception | None) -> None:
        entry = self._entry(action)
        self._process(entry).end(entry.start_stage, error)
        self._run(self._start_of(action))

    def _fail(self, action: Action) -> None:
        key = self.state.keys[action.key - 1]
        if key.stage == Stage.OPENING:
            task = self._start_of(action)
            self._connector.openings[task].answer.set_exception(OSError("no such program"))
            self._run(task)
        elif key.alive or key.stage == Stage.INITIALIZING:
            self._end_start(action, OSError("broken pipe"))
        else:
            self._end_start(action, None)  # it said yes before it died; only the pool's look at it finds out

    def _die(self, action: Action) -> None:
        self._process(self._entry(action)).alive = False
        self.follower.hear_of_deaths()

    def _end(self, action: Action, *, confirmed: bool) -> None:
        entry = self.pool.core.dying[self._name(action)]
        process = self._process(entry)
        for _ in range(_MOST_STEPS):
            ending = [task for task in self.loop.tasks if self._ends(task, entry.key)]
            if self._run(*ending, timers=True):
                return
            if not process.end("cancel") and not (confirmed and process.end("close")):
                self._pass(1.0)

    def _ends(self, task: asyncio.Task[Any], key: str) -> bool:
        # A start that was defeated has its process closed as it ends.
        return task.get_name() in [f"acpool-{part}-{key}" for part in ("start", "end", "close", "cancel")]

    def _exhaust(self, action: Action) -> None:
        creation = self.pool.core.creations[self._name(action)]
        self._pass(_CAPACITY_S)
        for lane in list(self.loop.lanes()):
            if lane.head is not None and _is_capacity(lane.head[1]) and lane.head[2][0] is creation:
                self.loop.run_lane(lane)

    # -- the operator -----------------------------------------------------------------------------------------------------

    def _expire(self, action: Action) -> None:
        entry = self.pool.core.live[self._name(action)]
        age = self.loop.time() - entry.used_at
        self._operate(self.pool.cleanup_idle(age if self._process(entry).alive else math.inf))

    def _reclaim(self, action: Action) -> None:
        self._pass(_MAX_LEASE_S)
        self._operate(self.pool.cleanup_idle(math.inf))

    def _revoke(self, action: Action) -> None:
        shutting = [task for task in self.loop.tasks if task.get_name() == "acpool-shutdown"]
        if not self._run(*shutting):
            self._pass(2 * _NEVER_S)
            self._run(*shutting, timers=True)


def _nothing() -> None:
    """What is called when time has passed."""


def _is_capacity(callback: object) -> bool:
    return getattr(callback, "__name__", "") == "_capacity_ran_out"
