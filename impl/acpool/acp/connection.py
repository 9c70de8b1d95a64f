"""One agent process with its ACP session: the SDK's calls, made safe to cancel, to lose and to close."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import signal
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, cast

from acp import PROTOCOL_VERSION, Client, RequestError, connect_to_agent, text_block
from acp.meta import AGENT_METHODS
from acp.schema import Implementation, PromptResponse

from acpool.acp.messages import MALFORMED, MalformedMessage
from acpool.acp.outstanding import Outstanding
from acpool.acp.permissions import PermissionDesk
from acpool.acp.process import AgentProcess
from acpool.acp.settings import ConnectionSettings
from acpool.acp.stderr import StderrLog
from acpool.acp.transport import AgentTransport
from acpool.acp.turns import OnUpdate, PromptResult, Turn, TurnBook
from acpool.errors import ConnectionLost, SessionRefused

logger = logging.getLogger("acpool.acp")

SDK_CLOSE_S = 1.0
T = TypeVar("T")


class AcpConnection:
    """An ``acpool.Connection`` to a real agent; made by :class:`acpool.acp.AcpConnector`.

    Calls raise ``ConnectionLost`` as soon as the process or its output is gone, ``acp.RequestError`` when
    the agent answers with a JSON-RPC error, and ``MalformedMessage`` when what it sends for an error is none.
    No call but ``close`` is bounded: put it under ``asyncio.timeout``. A request that was sent stays
    outstanding until its answer, also when its caller is cancelled; an answer never reaches another request.
    """

    def __init__(
        self, command: Sequence[str], *, key: str, cwd: str, env: dict[str, str], settings: ConnectionSettings
    ) -> None:
        """Start the process; needs a running loop. Raises ``OSError`` when it cannot be started."""
        self._cwd = cwd
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._session_id: str | None = None
        self._supports_load = False
        self._lost: str | None = None
        self._closing: asyncio.Task[None] | None = None
        self._prompting: Turn | None = None
        self._outstanding = Outstanding()
        self._label = f"agent of {key!r}"
        self._permissions = PermissionDesk(
            self._label,
            settings.permission_policy,
            settings.permission_timeout_s,
            lambda: self._turns.wanted,
        )
        self._turns = TurnBook(self._label, self._permissions.cancel_pending)
        self._process = AgentProcess(command, cwd=cwd, env=env, on_exit=self._exited)
        logger.info("%s: started as process %d", self._label, self._process.pid)
        try:
            self._connect()
        except BaseException:
            self._process.discard()
            raise

    def _connect(self) -> None:
        settings = self._settings
        self._stderr = StderrLog(self._process.stderr, self._label, settings.stderr_level)
        self._transport = AgentTransport(
            self._process.stdin,
            self._process.stdout,
            self._turns,
            label=self._label,
            line_limit_bytes=settings.line_limit_bytes,
            on_lost=self._pipe_ended,
            on_abuse=self._abort,
        )
        # The desk serves the one method that the transport lets through.
        self._sdk = connect_to_agent(cast("Client", self._permissions), self._transport)

    @property
    def alive(self) -> bool:
        """False as soon as the process or its output is gone, or ``kill`` or ``close`` was called."""
        return self._lost is None

    @property
    def session_id(self) -> str | None:
        """The session established on this connection, or None before that."""
        return self._session_id

    @property
    def supports_load(self) -> bool:
        """Whether the agent said that it can ``session/load``; known after :meth:`initialize`."""
        return self._supports_load

    @property
    def pid(self) -> int:
        """The process id, which is its group's and its session's id as well."""
        return self._process.pid

    async def initialize(self) -> None:
        """Shake hands. Raises ``RuntimeError`` when the agent speaks another protocol version."""
        self._raise_if_lost()
        answer = await self._ask(
            self._sdk.initialize(
                protocol_version=PROTOCOL_VERSION,
                client_capabilities=self._settings.client_capabilities,
                client_info=Implementation(name="acpool", version=importlib.metadata.version("acpool")),
            )
        )
        if answer.protocol_version != PROTOCOL_VERSION:
            raise RuntimeError(
                f"the agent speaks ACP version {answer.protocol_version}, not {PROTOCOL_VERSION}"
            )
        capabilities = answer.agent_capabilities
        self._supports_load = capabilities is not None and bool(capabilities.load_session)

    async def new_session(self) -> str:
        """Establish a new session and return its id."""
        self._raise_if_lost()
        answer = await self._ask(self._sdk.new_session(cwd=self._cwd, mcp_servers=self._settings.mcp_servers))
        self._session_id = answer.session_id
        return answer.session_id

    async def load_session(self, session_id: str) -> None:
        """Load ``session_id``; the history that the agent replays is dropped.

        Raises ``SessionRefused`` when the agent answers with an error. Success proves little: some agents
        accept any id and fail the first prompt.
        """
        self._raise_if_lost()
        try:
            await self._ask(
                self._sdk.load_session(
                    cwd=self._cwd, session_id=session_id, mcp_servers=self._settings.mcp_servers
                )
            )
        except RequestError as error:
            raise SessionRefused(
                f"the agent refused to load {session_id!r}: {error} ({error.code})"
            ) from error
        self._session_id = session_id

    async def prompt(
        self, content: str | Sequence[Any], *, on_update: OnUpdate | None = None
    ) -> PromptResult:
        """Send one prompt and return the answer with everything the agent streamed in this turn.

        ``content``: a text or a sequence of ACP content blocks. ``on_update`` is called with each update as
        it arrives, in order; it must not block, and when it raises, the turn is cancelled and the exception
        comes out here. Cancelling this call sends ``session/cancel``; the next prompt then waits until the
        agent has ended the old turn, at most ``cancel_timeout_s`` seconds after the cancellation, else the
        process is killed and ``ConnectionLost`` raised. Raises ``RuntimeError`` without a session and while
        another prompt is in progress.
        """
        self._raise_if_lost()
        if self._session_id is None:
            raise RuntimeError("no session: call new_session or load_session first")
        blocks: list[Any] = [text_block(content)] if isinstance(content, str) else list(content)
        if self._prompting is not None:
            raise RuntimeError("a prompt is in progress on this connection")
        self._prompting = turn = Turn(self._session_id, on_update)
        try:
            await self._old_turn_ended(turn)
            if turn.interrupted.done():
                return PromptResult("cancelled", (), answered=False)
            return await self._run_turn(turn, blocks)
        finally:
            self._prompting = None

    async def cancel(self) -> None:
        """Ask the agent to end the prompt in progress, once; does nothing without one. Never waits.

        A prompt that was not written yet returns "cancelled", not ``answered``, without a word to the agent.
        """
        self._raise_if_lost()
        turn = self._prompting
        if turn is not None and turn.request_id is None:
            turn.interrupt()
        elif turn is not None:
            self._send_cancel(turn)

    def kill(self) -> None:
        """SIGKILL the process group now, without waiting; :meth:`close` then confirms the death."""
        self._abort("it was killed by its owner")

    async def close(self) -> None:
        """End the process; returns when it is dead and its descriptors and tasks are gone.

        Closes its input, then SIGTERM, then SIGKILL to the group, each ``close_grace_s`` seconds after the
        one before. Idempotent; concurrent calls share one shutdown, and cancelling a call does not stop it.
        Bound: twice ``close_grace_s``, the time the kernel takes to end a killed process, and a few seconds
        for its group and the SDK.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._lose("it was closed by its owner")
        try:
            for signum in (signal.SIGTERM, signal.SIGKILL):
                if await self._dies_within_grace():
                    break
                self._process.signal_group(signum)
            await self._process.dead.wait()
        except BaseException:
            # Only the end of the loop cancels this task; then nobody is left who could kill later.
            self._process.signal_group(signal.SIGKILL)
            raise
        # The SDK's close waits for its handlers, whatever they do, and swallows cancellations: never await it
        # directly.
        self._outstanding.start(self._sdk.close())
        if not await self._outstanding.finish(SDK_CLOSE_S):
            logger.warning("%s: a handler does not end; no longer waited for", self._label)

    async def _dies_within_grace(self) -> bool:
        try:
            async with asyncio.timeout(self._settings.close_grace_s):
                await self._process.dead.wait()
        except TimeoutError:
            return False
        return True

    async def _old_turn_ended(self, turn: Turn) -> None:
        old = self._turns.current
        if old is None or old.abandoned_at is None:
            return
        bound_s = self._settings.cancel_timeout_s
        left_s = max(0.0, old.abandoned_at + bound_s - self._loop.time())
        await asyncio.wait((old.ended, turn.interrupted), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if not old.ended.done() and not turn.interrupted.done():
            self._abort(f"the agent did not end a cancelled prompt within {bound_s:g} s")
        self._raise_if_lost()

    async def _run_turn(self, turn: Turn, blocks: list[Any]) -> PromptResult:
        self._turns.begin(turn)
        request = self._outstanding.start(self._sdk.prompt(session_id=turn.session_id, prompt=blocks))
        try:
            await asyncio.wait((request, turn.interrupted), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave(turn, request)
        if turn.error is not None:
            raise turn.error
        if turn.interrupted.done():
            return PromptResult("cancelled", (), answered=False)
        answer: PromptResponse = self._result(request)
        return PromptResult(answer.stop_reason, tuple(turn.updates))

    def _leave(self, turn: Turn, request: asyncio.Task[Any]) -> None:
        """The caller of ``turn`` goes, by whatever way; what the agent still does with it is drained."""
        if turn.request_id is None or request.done():
            # Not written, so there is nothing to cancel and nothing that could still come.
            request.cancel()
            self._turns.end()
        else:
            turn.abandoned_at = self._loop.time()
            self._send_cancel(turn)

    def _send_cancel(self, turn: Turn) -> None:
        if not turn.cancel_sent and not turn.ended.done():
            turn.cancel_sent = True
            self._transport.post(AGENT_METHODS["session_cancel"], {"sessionId": turn.session_id})
            self._permissions.cancel_pending()

    async def _ask(self, call: Coroutine[Any, Any, T]) -> T:
        request = self._outstanding.start(call)
        # wait() leaves the request alone when the caller is cancelled.
        await asyncio.wait((request,))
        return self._result(request)

    def _result(self, request: asyncio.Task[T]) -> T:
        try:
            return request.result()
        except ConnectionError as error:
            raise self._connection_lost() from error
        except RequestError as error:
            if error.data is MALFORMED:
                # Neither yes nor no: what the agent meant is not known, so it must not count as a refusal.
                raise MalformedMessage(f"{self._label}: {error}") from error
            raise

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._connection_lost()

    def _connection_lost(self) -> ConnectionLost:
        return ConnectionLost(f"{self._label} is lost: {self._lost}{self._stderr.last_words}")

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
            logger.info("%s is lost: %s", self._label, reason)
            self._stderr.read_rest()
            self._turns.end()
            self._transport.lose()

    def _pipe_ended(self, reason: str) -> None:
        # The pipes of an agent that has exited end as well; how it ended says more.
        self._lose(f"the agent {self._process.fate}" if self._process.exited else reason)

    def _abort(self, reason: str) -> None:
        self._lose(reason)
        self._process.signal_group(signal.SIGKILL)

    def _exited(self) -> None:
        # What the agent managed to write before it died still counts.
        self._transport.read_rest()
        self._lose(f"the agent {self._process.fate}")
        logger.info("%s: process %d %s", self._label, self._process.pid, self._process.fate)
        self._stderr.read_rest()
        self._transport.release()
        self._stderr.release()
