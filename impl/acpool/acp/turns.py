"""Which update belongs to which turn, decided in the order of the wire.

A turn takes the updates that arrive after its prompt was written and before the answer to that very request.
Everything else, the history that ``session/load`` replays, the late chunks of a cancelled turn, updates of
another session, belongs to nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acp.schema import AgentMessageChunk, SessionNotification, TextContentBlock
from pydantic import ValidationError

logger = logging.getLogger("acpool.acp")

# The SDK's update classes, a union that grows with the protocol; tell them apart by isinstance.
SessionUpdate = Any
OnUpdate = Callable[[SessionUpdate], None]


@dataclass(frozen=True, slots=True)
class PromptResult:
    """The agent's answer to one prompt.

    ``stop_reason`` as in the protocol: ``"end_turn"``, ``"max_tokens"``, ``"max_turn_requests"``,
    ``"refusal"``, ``"cancelled"``.
    ``updates``: what the agent streamed during this turn, oldest first, as objects of ``acp.schema``.
    ``answered``: False where the prompt was called off before a word of it was written, so that the agent never saw it.
    """

    stop_reason: str
    updates: tuple[SessionUpdate, ...]
    answered: bool = True

    @property
    def text(self) -> str:
        """The agent's message: the text of its message chunks, joined."""
        return "".join(
            update.content.text
            for update in self.updates
            if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock)
        )


def _new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True)
class Turn:
    """One prompt from its request to its answer; ``interrupted`` is done when its caller must go."""

    session_id: str
    on_update: OnUpdate | None
    updates: list[SessionUpdate] = field(default_factory=list[SessionUpdate])
    request_id: int | None = None
    cancel_sent: bool = False
    abandoned_at: float | None = None
    malformed: bool = False
    error: Exception | None = None
    interrupted: asyncio.Future[None] = field(default_factory=_new_future)
    ended: asyncio.Future[None] = field(default_factory=_new_future)

    def interrupt(self, error: Exception | None = None) -> None:
        """Send the caller away: its ``on_update`` raised ``error``, or it was cancelled unsent."""
        if not self.interrupted.done():
            self.error = error
            self.interrupted.set_result(None)

    def take(self, update: SessionUpdate) -> None:
        """Keep ``update`` and show it to the caller, unless the caller is gone."""
        if self.abandoned_at is not None or self.interrupted.done():
            return
        self.updates.append(update)
        if self.on_update is not None:
            try:
                self.on_update(update)
            except Exception as error:  # noqa: BLE001 -- the caller's code: prompt() raises it again
                self.interrupt(error)


class TurnBook:
    """The turn in progress, if any, and what the wire says about it; ``on_end`` is called when one ends."""

    def __init__(self, label: str, on_end: Callable[[], None]) -> None:
        self._label = label
        self._on_end = on_end
        self.current: Turn | None = None

    @property
    def wanted(self) -> bool:
        """Whether a turn is in progress and nobody has asked the agent to cancel it."""
        return self.current is not None and not self.current.cancel_sent

    def begin(self, turn: Turn) -> None:
        """Make ``turn`` the one in progress."""
        self.current = turn

    def sent(self, request_id: int) -> None:
        """The current turn's prompt was written under ``request_id``."""
        if self.current is not None:
            self.current.request_id = request_id

    def answered(self, request_id: int) -> None:
        """An answer arrived; it ends the turn whose request it names, and no other."""
        if self.current is not None and self.current.request_id == request_id:
            self.end()

    def end(self) -> None:
        """The turn in progress is over, answered or not."""
        if self.current is not None:
            self.current.ended.set_result(None)
            self.current = None
            self._on_end()

    def updated(self, params: Any) -> None:
        """A ``session/update`` arrived."""
        turn = self.current
        if turn is None or turn.request_id is None:
            return
        try:
            notification = SessionNotification.model_validate(params)
        except ValidationError as error:
            if not turn.malformed:
                turn.malformed = True
                count = error.error_count()
                logger.warning(
                    "%s: dropped an update that is not of the protocol (%d errors)", self._label, count
                )
            return
        if notification.session_id == turn.session_id:
            turn.take(notification.update)
