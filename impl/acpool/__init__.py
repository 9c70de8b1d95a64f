"""A session pool for asyncio: at most ``max_sessions`` agent processes, one per conversation, suspended and resumed on demand.

``SessionPool`` is the pool; ``acpool.acp`` connects it to Agent Client Protocol agents; ``Connector`` and ``Connection`` are
what it needs of anything else.
"""

from acpool.contract import Connection, Connector, SessionInfo
from acpool.errors import (
    ConnectionLost,
    LeaseRevoked,
    NoSession,
    PoolClosed,
    PoolError,
    PoolExhausted,
    SessionBusy,
    SessionRefused,
    SessionStartError,
)
from acpool.lease import Lease
from acpool.observe import PoolStats
from acpool.pool import SessionPool
from acpool.records import PoolEvent
from acpool.trace import Step

__all__ = [
    "Connection",
    "ConnectionLost",
    "Connector",
    "Lease",
    "LeaseRevoked",
    "NoSession",
    "PoolClosed",
    "PoolError",
    "PoolEvent",
    "PoolExhausted",
    "PoolStats",
    "SessionBusy",
    "SessionInfo",
    "SessionPool",
    "SessionRefused",
    "SessionStartError",
    "Step",
]
