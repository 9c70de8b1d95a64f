"""What the pool needs of the outside: a connector that starts processes and the connections it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What ``get_or_create`` answers.

    ``session_id``: the agent's name for the conversation.
    ``resumed``: the live process got this session by ``session/load``.
    ``session_reset``: an established session of this key was lost and nobody has been told yet; it stays true until a
    prompt on the new session has been answered.
    """

    session_id: str
    resumed: bool
    session_reset: bool


@runtime_checkable
class Connection(Protocol):
    """One live agent process with its session, seen through the calls the pool makes.

    No call is bounded by itself: the pool bounds every one of them. Each must let a cancellation through.
    """

    @property
    def alive(self) -> bool:
        """False as soon as the process or its output is gone."""
        ...

    @property
    def session_id(self) -> str | None:
        """The session established on this connection, or None before that."""
        ...

    @property
    def supports_load(self) -> bool:
        """Whether the agent can ``session/load``; known after :meth:`initialize`."""
        ...

    async def initialize(self) -> None:
        """Shake hands with the agent; any exception is a failed start."""
        ...

    async def new_session(self) -> str:
        """Establish a new session and return its id."""
        ...

    async def load_session(self, session_id: str) -> None:
        """Load ``session_id``. Raises ``SessionRefused`` when the agent says no; any other exception is a failure in transit."""
        ...

    async def prompt(self, content: Any) -> Any:
        """Send one prompt and return the agent's answer to it.

        A cancelled prompt must tell the agent, and whatever the agent still says about it must not reach the next one.
        An answer whose attribute ``answered`` is False says that the prompt never reached the agent.
        """
        ...

    async def cancel(self) -> None:
        """Ask the agent to end the prompt in progress."""
        ...

    async def close(self) -> None:
        """End the process; idempotent; returns when it is confirmed dead."""
        ...

    def kill(self) -> None:
        """End the process now, without waiting and without asking."""
        ...


class Connector(Protocol):
    """Starts agent processes."""

    async def open(self, key: str) -> Connection:
        """Start a process for ``key``; nothing has been said to it yet. A cancelled or failed ``open`` leaves no process."""
        ...
