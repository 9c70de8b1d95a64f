"""The outside world in the hands of a scheduler: fake agent processes whose every answer is somebody's decision.

A call that the pool makes (open, initialize, new, load, prompt, cancel, close) stays pending until the world answers it:
``ok``, ``fail``, ``refuse`` (a load), or ``hang`` (never). A process dies when the world says so; after ``kill()`` it is dead
only when the world confirms it, or never. What the agent did is recorded when it does it, not when the pool hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from acpool.errors import ConnectionLost, SessionRefused
from acpool_spec.recorder import Recorder

STAGES = ("open", "initialize", "new", "load", "prompt", "cancel", "close")


class FakeFailure(Exception):
    """What a fake connection raises where the world decided ``fail``."""


class Call:
    """One call of the pool on the outside world, pending until it is answered or its caller is cancelled."""

    __slots__ = ("answered", "connection", "future", "hung", "name", "stage")

    def __init__(
        self, name: str, stage: str, connection: FakeConnection, future: asyncio.Future[None]
    ) -> None:
        self.name = name
        self.stage = stage
        self.connection = connection
        self.future = future
        self.hung = False
        self.answered = False

    @property
    def answers(self) -> tuple[str, ...]:
        """How the world may answer now."""
        if self.hung or self.future.done() or (self.stage == "close" and self.connection.killed):
            return ()  # a killed process confirms every pending close when it is dead
        return ("ok", "refuse", "fail", "hang") if self.stage == "load" else ("ok", "fail", "hang")


class Outside:
    """Every process ever opened and every call that is pending, in the order in which they came."""

    def __init__(self, recorder: Recorder, *, agents_load: bool) -> None:
        self.recorder = recorder
        self.agents_load = agents_load
        self.calls: dict[str, Call] = {}
        self.connections: list[FakeConnection] = []
        self._sessions = 0

    def new_name(self, key: str) -> str:
        """A name for a new connection of ``key``."""
        return f"c{len(self.connections) + 1}"

    def new_session_id(self, key: str) -> str:
        """An id that no agent has used, for a session of ``key``."""
        self._sessions += 1
        return f"s{self._sessions}"

    def began(self, call: Call) -> None:
        """``call`` is pending now; whoever owns the world finds it among :meth:`pending`."""

    def ended(self, call: Call) -> None:
        """The caller of ``call`` goes on: with its answer, or cancelled."""

    def killed(self, connection: FakeConnection) -> None:
        """The process of ``connection`` was killed just now; whoever owns the world decides when it is dead."""

    def pending(self) -> Iterator[Call]:
        """The calls that can be answered, oldest first."""
        return (call for call in self.calls.values() if call.answers)

    async def call(self, connection: FakeConnection, stage: str) -> Call:
        """Wait for the world's answer. Raises what the answer is, unless it is ``ok``."""
        connection.calls += 1
        name = f"{connection.name}.{stage}"
        if name in self.calls:
            name = f"{name}#{connection.calls}"
        call = Call(name, stage, connection, asyncio.get_running_loop().create_future())
        self.calls[name] = call
        if stage == "close" and connection.stuck:
            call.hung = True
        self.began(call)
        try:
            await call.future
        except BaseException:
            connection.call_failed(call)
            raise
        finally:
            self.ended(call)
            if self.calls.get(name) is call:
                del self.calls[name]
        return call

    def answer(self, call: Call, how: str) -> None:
        """Decide ``call``; the agent's side of it happens now."""
        if how == "hang":
            call.hung = True
            return
        del self.calls[call.name]
        if how == "ok":
            call.connection.did(call.stage)
            call.answered = True
            call.future.set_result(None)
        elif how == "refuse":
            call.connection.refused()
            call.future.set_exception(SessionRefused(f"{call.name}: the agent does not know the session"))
        else:
            call.connection.failed(call.stage)
            call.future.set_exception(FakeFailure(f"{call.name} failed"))

    def end(self, connection: FakeConnection, event: str) -> None:
        """The process of ``connection`` is dead: of itself (``died``), or closed."""
        connection.dead = True
        self.recorder.event(event, connection)
        for call in list(self.calls.values()):
            if call.connection is connection and not call.future.done():
                del self.calls[call.name]
                if call.stage == "close":
                    call.future.set_result(None)
                else:
                    if call.stage == "prompt":
                        connection.prompt_ended(answered=False)
                    call.future.set_exception(ConnectionLost(f"{connection.name} is gone"))

    def outlive(self, connection: FakeConnection) -> None:
        """The killed process of ``connection`` will never be confirmed dead."""
        connection.stuck = True
        self.recorder.event("given_up", connection)
        for call in self.calls.values():
            if call.connection is connection:
                call.hung = True


class FakeConnector:
    """A :class:`acpool.Connector` of fake agent processes."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def open(self, key: str) -> FakeConnection:
        """Open a process once the world says so. A cancelled or failed open leaves none."""
        outside = self._outside
        connection = FakeConnection(outside, outside.new_name(key), key)
        outside.connections.append(connection)
        outside.recorder.event("opening", connection)
        await outside.call(connection, "open")
        return connection


class FakeConnection:
    """A :class:`acpool.Connection` to a process that exists in the recorder only."""

    def __init__(self, outside: Outside, name: str, key: str) -> None:
        self._outside = outside
        self.name = name
        self.key = key
        self.session_id: str | None = None
        self.supports_load = False
        self.opened = False
        self.dead = False
        self.closing = False
        self.killed = False
        self.stuck = False
        self.prompting = 0
        self.calls = 0
        self._loading: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs; a killed one does until it is dead."""
        return self.opened and not self.dead

    async def initialize(self) -> None:
        """Shake hands."""
        await self._call("initialize")

    async def new_session(self) -> str:
        """Establish a new session."""
        await self._call("new")
        assert self.session_id is not None
        return self.session_id

    async def load_session(self, session_id: str) -> None:
        """Load ``session_id``, from the moment the agent answers."""
        self._require_life()
        self._loading = session_id
        self._outside.recorder.event("loading", self, session_id=session_id)
        await self._call("load")

    async def prompt(self, content: Any) -> str:
        """Run one prompt; a caller that is cancelled ends it."""
        self._require_life()
        self.prompting += 1
        self._outside.recorder.event("prompt_begin", self, session_id=self.session_id)
        await self._call("prompt")
        return f"{self.session_id}: {content}"

    async def cancel(self) -> None:
        """End the prompt in progress, if there is one."""
        await self._call("cancel")

    async def close(self) -> None:
        """End the process; returns when it is dead."""
        if not self.dead:
            self._begin_closing()
            await self._outside.call(self, "close")

    def kill(self) -> None:
        """Kill the process; the world decides when it is confirmed dead."""
        if not self.dead and not self.killed:
            self._begin_closing()
            self.killed = True
            self._outside.killed(self)

    # -- the agent's side ------------------------------------------------------------------------------------------

    def did(self, stage: str) -> None:
        """The agent did what was asked."""
        outside, recorder = self._outside, self._outside.recorder
        match stage:
            case "open":
                self.opened = True
                recorder.event("opened", self)
            case "initialize":
                self.supports_load = outside.agents_load
                recorder.event("initialized", self)
            case "new":
                self.session_id = outside.new_session_id(self.key)
                recorder.event("created", self, session_id=self.session_id)
            case "load":
                self.session_id = self._loading
                recorder.event("loaded", self, session_id=self.session_id)
            case "prompt":
                self.prompt_ended(answered=True)
            case "cancel":
                for prompt in list(outside.calls.values()):
                    if prompt.connection is self and prompt.stage == "prompt" and not prompt.future.done():
                        outside.answer(prompt, "ok")
            case _:
                outside.end(self, "closed")

    def refused(self) -> None:
        """The agent refused the load."""
        self._outside.recorder.event("refused", self, session_id=self._loading)

    def failed(self, stage: str) -> None:
        """The call failed on the way."""
        if stage == "prompt":
            self.prompt_ended(answered=False)
        elif stage == "open":
            self._never_opened()

    def call_failed(self, call: Call) -> None:
        """The caller was cancelled, or hears of a failure: nothing that it began may go on without it."""
        if call.future.cancelled() and call.stage == "prompt":
            self.prompt_ended(answered=False)
        elif call.stage == "open" and call.future.cancelled():
            self._never_opened()
        elif call.stage == "open" and call.answered:
            self._outside.end(self, "closed")  # the process runs already: ``open`` itself takes it down

    def prompt_ended(self, *, answered: bool) -> None:
        """One prompt is over for the agent."""
        self.prompting -= 1
        self._outside.recorder.event(
            "prompt_end", self, session_id=self.session_id, value={"answered": answered}
        )

    async def _call(self, stage: str) -> None:
        self._require_life()
        await self._outside.call(self, stage)

    def _require_life(self) -> None:
        if self.dead:
            raise ConnectionLost(f"{self.name} is gone")

    def _begin_closing(self) -> None:
        if not self.closing:
            self.closing = True
            self._outside.recorder.event("closing", self)

    def _never_opened(self) -> None:
        self.dead = True
        self._outside.recorder.event("open_failed", self)
