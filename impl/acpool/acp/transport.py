"""The transport between an agent's pipes and the SDK: frames, filters and keeps the order of the wire.

The SDK takes any object that sends and receives messages in place of a pair of streams. This one never lets a
line through that the SDK cannot digest, never lets a send hang on a broken pipe, and decides where a turn
begins and ends while it reads, since the SDK hands each message to a task of its own and so loses their
order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import IO, Any

from acp.meta import AGENT_METHODS, CLIENT_METHODS

from acpool.acp.lines import LineSplitter, LineTooLong
from acpool.acp.messages import (
    MalformedMessage,
    Message,
    decode,
    encode,
    is_request,
    is_response,
    method_not_found,
    too_many_requests,
)
from acpool.acp.pipes import PipeReader, PipeWriter
from acpool.acp.turns import TurnBook

logger = logging.getLogger("acpool.acp")

SHOWN_LINE_BYTES = 200
REPORTED_LINES = 10
REFUSAL_BUFFER_BYTES = 1_048_576
UNANSWERED_REQUESTS = 64


class AgentTransport:
    """Messages to and from one agent, until it is lost.

    ``on_lost`` is called with the reason when the agent closes its output or input, ``on_abuse`` when it
    sends an endless line.
    """

    def __init__(
        self,
        stdin: IO[bytes],
        stdout: IO[bytes],
        turns: TurnBook,
        *,
        label: str,
        line_limit_bytes: int,
        on_lost: Callable[[str], None],
        on_abuse: Callable[[str], None],
    ) -> None:
        self._turns = turns
        self._label = label
        self._on_lost = on_lost
        self._on_abuse = on_abuse
        self._lines = LineSplitter(line_limit_bytes)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._lost = False
        self._malformed = 0
        self._unanswered = 0
        self._writer = PipeWriter(stdin, lambda: on_lost("the agent no longer reads its input"))
        self._reader = PipeReader(stdout, self._on_data, lambda: on_lost("the agent closed its output"))

    async def send(self, message: dict[str, Any]) -> None:
        """Write ``message`` and wait until it is mostly taken.

        Raises ``ConnectionError`` when the agent is lost; only an answer is dropped then, since nobody misses it.
        """
        if is_response(message):
            await self._send_answer(message)
            return
        if message["method"] == AGENT_METHODS["session_prompt"]:
            # What is in the pipe now was written before the agent could see this prompt, so it belongs to no
            # turn or an older one.
            self._reader.read_available()
        self._writer.write(encode(message))
        if message["method"] == AGENT_METHODS["session_prompt"]:
            self._turns.sent(message["id"])
        await self._writer.drain()

    async def _send_answer(self, message: Message) -> None:
        self._writer.write(encode(message))
        # The SDK's task would complain to the root logger.
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        self._unanswered -= 1

    def post(self, method: str, params: dict[str, Any]) -> None:
        """Write a notification without waiting."""
        self._writer.write(encode({"jsonrpc": "2.0", "method": method, "params": params}))

    async def receive(self) -> Message | None:
        """The next message for the SDK; None once the agent is lost."""
        return await self._inbox.get()

    async def close(self) -> None:
        """Part of the SDK's interface; the pipes are given back by :meth:`release`."""

    def lose(self) -> None:
        """Close the agent's input and tell whoever sends or waits for an answer; called once.

        What still arrives is read and dropped: a full pipe must not hold up an agent that is leaving.
        """
        self._lost = True
        self._writer.close()
        self._inbox.put_nowait(None)

    def read_rest(self) -> None:
        """Read what an agent that has exited left in the pipe."""
        self._reader.read_available()

    def release(self) -> None:
        """Give the agent's output back; its input is closed since it was lost."""
        self._reader.close()

    def _on_data(self, data: bytes) -> None:
        if self._lost:
            return
        try:
            for line in self._lines.feed(data):
                self._on_line(line)
        except LineTooLong as error:
            self._on_abuse(f"the agent sent {error}")

    def _on_line(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = decode(line)
        except MalformedMessage as error:
            self._report(line, error)
            return
        if is_response(message):
            self._turns.answered(message["id"])
            self._inbox.put_nowait(message)
        elif not is_request(message):
            if message["method"] == CLIENT_METHODS["session_update"]:
                self._turns.updated(message.get("params"))
        elif message["method"] != CLIENT_METHODS["session_request_permission"]:
            # Nothing else is served or was advertised.
            self._refuse(method_not_found(message))
        elif self._unanswered >= UNANSWERED_REQUESTS:
            self._refuse(too_many_requests(message))
        else:
            self._unanswered += 1
            self._inbox.put_nowait(message)

    def _refuse(self, answer: Message) -> None:
        # An agent that asks without reading answers gets no more of them.
        if self._writer.buffered_bytes <= REFUSAL_BUFFER_BYTES:
            self._writer.write(encode(answer))

    def _report(self, line: bytes, error: MalformedMessage) -> None:
        self._malformed += 1
        if self._malformed <= REPORTED_LINES:
            logger.warning("%s: ignored a line (%s): %r", self._label, error, line[:SHOWN_LINE_BYTES])
        if self._malformed == REPORTED_LINES:
            logger.warning("%s: further such lines are ignored without a word", self._label)
