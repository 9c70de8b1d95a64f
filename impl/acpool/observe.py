"""What an operator sees: counts, the log, and the ``on_event`` hook."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from acpool.core import Core
from acpool.records import PoolEvent, Stage

log = logging.getLogger("acpool")


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Counts at one instant. ``creating + idle + leased + closing`` slots of ``max_sessions`` are taken.

    ``suspended``: keys whose session id is remembered. ``waiting_for_capacity``: creations without a slot.
    ``waiting_for_lease``: callers in lease queues. ``given_up``: processes that could not be confirmed dead, ever.
    """

    max_sessions: int
    creating: int
    idle: int
    leased: int
    closing: int
    suspended: int
    waiting_for_capacity: int
    waiting_for_lease: int
    given_up: int


def count(core: Core) -> PoolStats:
    """Count the slots of ``core`` by stage, and those who wait."""
    stages = Counter(entry.stage for entry in core.entries.values())
    return PoolStats(
        max_sessions=core.max_sessions,
        creating=stages[Stage.CREATING],
        idle=stages[Stage.IDLE],
        leased=stages[Stage.LEASED],
        closing=stages[Stage.CLOSING],
        suspended=len(resumable(core)),
        waiting_for_capacity=len(core.waiting),
        waiting_for_lease=sum(len(entry.queue) for entry in core.live.values()),
        given_up=core.given_up,
    )


def resumable(core: Core) -> dict[str, str]:
    """key → session id of what is suspended."""
    return {key: kept.session_id for key, kept in core.suspended.items() if kept.session_id is not None}


_MESSAGES = {
    "victim_changed": (
        logging.WARNING,
        "victim changed: %(key)r starts in a slot that came free before that of %(other)r",
    ),
    "give_up": (
        logging.ERROR,
        "gave up on the agent process of %(key)r (session %(session_id)r): not confirmed dead",
    ),
    "fail": (logging.WARNING, "the session of %(key)r did not start: stage %(cause)r failed"),
    "commit": (logging.INFO, "the session of %(key)r is live: %(session_id)r"),
    "remove": (logging.INFO, "the session of %(key)r (%(session_id)r) leaves its slot: %(cause)s"),
    "abandon": (logging.INFO, "the start of %(key)r is abandoned: %(cause)s"),
    "queue": (logging.INFO, "%(key)r waits for a slot: all are leased, creating or closing"),
}
_TROUBLE = {"die", "max_lease", "orphaned prompt"}


def report(event: PoolEvent, on_event: Callable[[PoolEvent], None] | None) -> None:
    """Log ``event`` where it says something to an operator, and hand it to the hook; the hook's errors end here."""
    message = _MESSAGES.get(event.action)
    if message is not None:
        level, text = message
        if event.cause in _TROUBLE:
            level = logging.WARNING
        if log.isEnabledFor(level):
            _write(level, text, event)
    if on_event is not None:
        try:
            on_event(event)
        except Exception:
            log.exception("on_event raised at %s of %r", event.action, event.key)


def _write(level: int, text: str, event: PoolEvent) -> None:
    facts = {name: getattr(event, name) for name in PoolEvent.__slots__}
    try:
        log.log(level, text, facts, extra={f"acpool_{name}": value for name, value in facts.items()})
    except Exception as error:  # noqa: BLE001 - a handler that fails must not take the pool's decision with it
        sys.stderr.write(f"acpool: a logging handler raised at {event.action} of {event.key!r}: {error!r}\n")
