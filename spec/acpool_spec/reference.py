"""Our own pool as pools under test: as it comes, and with every optional bound in use."""

from __future__ import annotations

from acpool import Connector, SessionPool


def default(connector: Connector, *, max_sessions: int) -> SessionPool:
    """The pool as it comes: a creation does not wait for capacity, and leases are never taken back by ``cleanup_idle``."""
    return SessionPool(connector, max_sessions=max_sessions)


def patient(connector: Connector, *, max_sessions: int) -> SessionPool:
    """The pool with a queue for capacity, a short lease queue, and leases that ``cleanup_idle`` takes back."""
    return SessionPool(
        connector,
        max_sessions=max_sessions,
        capacity_timeout=30.0,
        lease_timeout=20.0,
        max_lease=25.0,
        close_timeout=3.0,
    )


def explored(connector: Connector, *, max_sessions: int) -> SessionPool:
    """The pool of the explored scopes: that of :func:`patient`.

    Its bounds are finite. Virtual time passes there only when nothing else can happen, so their length makes no states, and
    their order alone decides which runs out first.
    """
    return patient(connector, max_sessions=max_sessions)


patient.reclaims_leases = True  # type: ignore[attr-defined]  # read by the checker: cleanup_idle may end a lease
explored.reclaims_leases = True  # type: ignore[attr-defined]  # likewise
patient.max_lease = explored.max_lease = 25.0  # type: ignore[attr-defined]  # likewise: not before this age, in seconds
