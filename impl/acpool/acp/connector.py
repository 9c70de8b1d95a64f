"""Starting agent processes for a pool."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acp.schema import ClientCapabilities

from acpool.acp.connection import AcpConnection
from acpool.acp.environment import child_environment
from acpool.acp.exits import unreaped_children_visible
from acpool.acp.permissions import PermissionPolicy, refuse_all
from acpool.acp.settings import ConnectionSettings

Cwd = str | Path | Callable[[str], str | Path]


class AcpConnector:
    """An ``acpool.Connector`` that runs one ACP agent command per key.

    ``command``: the program and its arguments; no shell.
    ``cwd``: the agent's working directory and that of its session, absolute; or a function from the key to
    it.
    ``env``, ``inherit_env``: variables to set, and names to copy from this process, beyond
    ``acpool.acp.BASE_NAMES``.
    ``permission_policy``: answers the agent's permission requests, see :class:`acpool.acp.PermissionDesk`;
    refuses by default.
    ``permission_timeout_s``: seconds a policy may take before the request is refused.
    ``cancel_timeout_s``: seconds the agent has to end a cancelled prompt before the next one gives it up.
    ``close_grace_s``: seconds between closing the agent's input, SIGTERM and SIGKILL.
    ``line_limit_bytes``: the longest line, so the largest message, that the agent may send.
    ``stderr_level``: the level at which the agent's error output is logged.
    ``mcp_servers``: passed to the agent with each session, as objects of ``acp.schema``.
    ``client_capabilities``: what to advertise; nothing by default, and no fs or terminal methods ever.

    Raises ``ValueError`` for an empty command, a relative ``cwd`` or a bound that is not positive,
    ``NotImplementedError`` where the platform cannot keep an exited child unreaped.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Cwd,
        env: Mapping[str, str] | None = None,
        inherit_env: Sequence[str] = (),
        permission_policy: PermissionPolicy = refuse_all,
        permission_timeout_s: float = 300.0,
        cancel_timeout_s: float = 10.0,
        close_grace_s: float = 2.0,
        line_limit_bytes: int = 32 * 1024 * 1024,
        stderr_level: int = logging.DEBUG,
        mcp_servers: Sequence[Any] = (),
        client_capabilities: ClientCapabilities | None = None,
    ) -> None:
        if not unreaped_children_visible():
            raise NotImplementedError("acpool.acp needs POSIX and waitid: Linux, or macOS with Python 3.13")
        if isinstance(command, str) or not command:
            raise ValueError(f"command must be a non-empty sequence of strings, not {command!r}")
        self._command = tuple(command)
        self._cwd = cwd if callable(cwd) else _absolute(cwd)
        self._env = dict(env or {})
        self._inherit_env = tuple(inherit_env)
        self._settings = ConnectionSettings(
            permission_policy=permission_policy,
            permission_timeout_s=permission_timeout_s,
            cancel_timeout_s=cancel_timeout_s,
            close_grace_s=close_grace_s,
            line_limit_bytes=line_limit_bytes,
            stderr_level=stderr_level,
            mcp_servers=list(mcp_servers),
            client_capabilities=client_capabilities,
        )

    async def open(self, key: str) -> AcpConnection:
        """Start a process for ``key``. Raises ``OSError`` when that fails, ``ValueError`` for a relative cwd.

        Takes one step of the loop, so there is no instant at which a cancellation could leave a process
        behind.
        """
        return AcpConnection(
            self._command,
            key=key,
            cwd=_absolute(self._cwd(key)) if callable(self._cwd) else self._cwd,
            env=child_environment(self._inherit_env, self._env),
            settings=self._settings,
        )


def _absolute(cwd: str | Path) -> str:
    if not os.path.isabs(cwd):
        raise ValueError(f"cwd must be absolute, not {str(cwd)!r}")
    return str(cwd)
