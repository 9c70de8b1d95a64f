"""What looks wrong while something still moves, and is wrong if it looks so when everything has come to a stop.

Between a decision and the event that shows it others may run, and time may pass. So an event may meet somebody who waits no more,
though nobody has told it so, and a session that is idle no more, though its closing has not begun. When nothing is ready both
have been seen: what is suspected of the order of two decisions is judged then (L4, S9).
"""

from __future__ import annotations

from collections.abc import Iterator

from acpool_spec.properties.ledger import Ledger
from acpool_spec.properties.records import Suspicion

Found = Iterator[tuple[str, str]]


def judge_suspicions(ledger: Ledger) -> Found:
    """L4 and S9 at an instant at which nothing is ready."""
    for suspicion in ledger.suspicions:
        if _confirmed(suspicion):
            yield suspicion.property, suspicion.message
    ledger.suspicions.clear()


def _confirmed(suspicion: Suspicion) -> bool:
    """Whoever was passed over did not fail meanwhile; or one of those who should have gone has not."""
    if suspicion.waiting is not None:
        return not suspicion.waiting.failed
    return any(process.closing is None and process.ended is None for process in suspicion.idle)
