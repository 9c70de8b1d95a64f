"""Every way the pool says no: one class per reason, each a :class:`PoolError`."""

from __future__ import annotations


class PoolError(Exception):
    """Base of every error of this package; catch it to catch them all."""


class PoolExhausted(PoolError):
    """Every slot was leased, creating or closing for ``capacity_timeout``; retry later or raise ``max_sessions``."""


class SessionStartError(PoolError):
    """The agent process did not become a session; a known session id is kept, so calling again tries again.

    ``stage`` is one of ``"capacity"``, ``"open"``, ``"initialize"``, ``"new"``, ``"load"``; ``cause`` is what failed there.
    """

    def __init__(self, key: str, stage: str, cause: BaseException) -> None:
        detail = str(cause)
        reason = f"{type(cause).__name__}: {detail}" if detail else type(cause).__name__
        super().__init__(f"session {key!r} did not start: stage {stage!r} failed with {reason}")
        self.key = key
        self.stage = stage
        self.cause = cause


class PoolClosed(PoolError):
    """The pool is shutting down or shut; open another pool."""


class NoSession(PoolError):
    """The key has no live session; call ``get_or_create`` first, or use ``session(key)``."""


class SessionBusy(PoolError):
    """The lease was held by others for ``lease_timeout``; ``cancel(key)`` or ``reset(key)`` frees a stuck one."""


class LeaseRevoked(PoolError):
    """The lease was taken back (by ``reset``, ``max_lease``, the deadline of ``shutdown``, or its process died)."""


class SessionRefused(PoolError):
    """Raised by ``Connection.load_session``: the agent answered that it will not load this session id."""


class ConnectionLost(PoolError):
    """Raised by a connection whose process, or its output, is gone; the session id is kept where one was established."""
