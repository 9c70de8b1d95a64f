"""Real agents over the Agent Client Protocol: a connector for the pool that survives what agents do."""

from __future__ import annotations

from acpool.acp.connection import AcpConnection
from acpool.acp.connector import AcpConnector
from acpool.acp.environment import BASE_NAMES
from acpool.acp.permissions import PermissionDesk, PermissionPolicy, refuse_all
from acpool.acp.turns import OnUpdate, PromptResult

__all__ = [
    "BASE_NAMES",
    "AcpConnection",
    "AcpConnector",
    "OnUpdate",
    "PermissionDesk",
    "PermissionPolicy",
    "PromptResult",
    "refuse_all",
]
