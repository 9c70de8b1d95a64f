"""Permission requests of the agent, answered by the caller's policy and refused where that has no answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from acp.schema import (
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    RequestPermissionRequest,
    RequestPermissionResponse,
    ToolCallUpdate,
)

logger = logging.getLogger("acpool.acp")

PermissionPolicy = Callable[[RequestPermissionRequest], str | Awaitable[str | None] | None]


def refuse_all(request: RequestPermissionRequest) -> None:
    """The default policy: no permission is ever given."""


class PermissionDesk:
    """The client that the SDK asks; it serves ``session/request_permission`` and nothing else.

    ``policy`` gets the request and returns the id of the option it picks, or None to refuse; it may be a
    coroutine function. When it raises, picks what was not offered or takes more than ``timeout_s`` seconds,
    the request is refused: with the agent's own reject option, the one-time one if there is a choice, else
    with the outcome "cancelled". ``wanted`` says whether a turn is in progress that nobody cancelled; without
    one the outcome is "cancelled" at once, as the protocol demands.
    """

    def __init__(
        self, label: str, policy: PermissionPolicy, timeout_s: float, wanted: Callable[[], bool]
    ) -> None:
        self._label = label
        self._policy = policy
        self._timeout_s = timeout_s
        self._wanted = wanted
        # A dictionary for its order; the tasks are held here while nobody else holds them.
        self._asking: dict[asyncio.Task[str | None], None] = {}

    def cancel_pending(self) -> None:
        """The turn is over or being cancelled: what its requests wait for no longer matters."""
        for task in tuple(self._asking):
            task.cancel()

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **meta: Any
    ) -> RequestPermissionResponse:
        """Answer one request. Bound: ``timeout_s``."""
        if not self._wanted():
            return _cancelled()
        request = RequestPermissionRequest(
            session_id=session_id, tool_call=tool_call, options=options, field_meta=meta or None
        )
        # A task of its own, waited for from outside: a policy that swallows its cancellation cannot hold up
        # the answer.
        asking = asyncio.create_task(self._ask(request))
        self._asking[asking] = None
        asking.add_done_callback(self._asking.pop)
        try:
            await asyncio.wait({asking}, timeout=self._timeout_s)
        finally:
            late = asking.cancel()
        if late:
            logger.warning(
                "%s: permission refused: no answer of the policy within %g s", self._label, self._timeout_s
            )
            return _refused(options)
        if asking.cancelled() or not self._wanted():
            return _cancelled()
        choice = asking.result()
        if choice is None:
            return _refused(options)
        if choice not in [option.option_id for option in options]:
            logger.warning("%s: permission refused: the policy picked %r, not offered", self._label, choice)
            return _refused(options)
        return _selected(choice)

    async def _ask(self, request: RequestPermissionRequest) -> str | None:
        try:
            choice = self._policy(request)
            return await choice if inspect.isawaitable(choice) else choice
        except Exception:
            # The caller's code: whatever went wrong in it, the safe answer is no.
            logger.exception("%s: permission refused: the policy failed", self._label)
            return None


def _selected(option_id: str) -> RequestPermissionResponse:
    return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option_id))


def _refused(options: Sequence[PermissionOption]) -> RequestPermissionResponse:
    for kind in ("reject_once", "reject_always"):
        for option in options:
            if option.kind == kind:
                return _selected(option.option_id)
    return _cancelled()


def _cancelled() -> RequestPermissionResponse:
    return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
