"""The pool's bounds on waiting, in seconds, checked once."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Bounds:
    """Every bound of a pool, in seconds; ``SessionPool`` says what each is for. ``math.inf`` takes a bound away.

    Raises ``ValueError`` for one that is negative or not a number.
    """

    capacity_timeout: float
    start_timeout: float
    lease_timeout: float
    max_lease: float | None
    cancel_timeout: float
    close_timeout: float
    idle_ttl: float | None
    cleanup_interval: float

    def __post_init__(self) -> None:
        for bound in fields(self):
            value: float | None = getattr(self, bound.name)
            if value is not None:
                require_seconds(bound.name, value)
        if not self.cleanup_interval > 0:
            raise ValueError(f"cleanup_interval is {self.cleanup_interval}: expected seconds, more than 0")

    @property
    def ending(self) -> float:
        """How long a process may take to end: told that its prompt is over, asked to close, killed and confirmed dead."""
        return self.cancel_timeout + 2 * self.close_timeout

    @property
    def creation(self) -> float:
        """How long a creation may take: the wait for capacity, the end of the process whose slot it gets, and the start."""
        return self.capacity_timeout + self.ending + self.start_timeout


def require_seconds(name: str, value: float) -> None:
    """Raises ``ValueError`` unless ``value`` is a number of seconds, 0 or more."""
    if not value >= 0:
        raise ValueError(f"{name} is {value}: expected seconds, 0 or more")
