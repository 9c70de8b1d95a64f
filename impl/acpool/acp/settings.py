"""What is the same for every connection of one connector, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acp.schema import ClientCapabilities

from acpool.acp.permissions import PermissionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """See :class:`acpool.acp.AcpConnector`, where the defaults are. Raises ``ValueError`` for bad ones."""

    permission_policy: PermissionPolicy
    permission_timeout_s: float
    cancel_timeout_s: float
    close_grace_s: float
    line_limit_bytes: int
    stderr_level: int
    mcp_servers: list[Any]
    client_capabilities: ClientCapabilities | None

    def __post_init__(self) -> None:
        for name in ("permission_timeout_s", "cancel_timeout_s", "close_grace_s", "line_limit_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        offered = self.client_capabilities
        if offered is not None:
            files = offered.fs
            if offered.terminal or (files is not None and (files.read_text_file or files.write_text_file)):
                raise ValueError(
                    "client_capabilities offers fs or terminal methods, which this connection does not serve"
                )
