"""L1–L5: who waits for what, seen when everything has come to a stop and when a lease or a slot changes hands."""

from __future__ import annotations

from collections.abc import Iterator

from acpool_spec.events import Event
from acpool_spec.properties.ledger import CREATING, LEASING, Ledger, Pending, Suspicion

Found = Iterator[tuple[str, str]]


def judge_isolation(ledger: Ledger) -> Found:
    """L1 and L3 at an instant at which nothing is ready: all that happens next happens outside."""
    for call in ledger.pending.values():
        if call.f == "shutdown" or call.holds is not None:
            continue
        if call.f == "cleanup_idle":
            yield (
                "L1",
                f"cleanup_idle of client {call.process} waits, though nothing that it does needs an answer",
            )
            continue
        assert call.key is not None
        since = _decided_after(ledger, call)
        own = [p for p in ledger.processes.values() if p.key == call.key and p.ended is None]
        # Its own key's process is starting, prompting, being told or closing: that it may wait for.
        if own or any(other.holds is not None and other.key == call.key for other in ledger.pending.values()):
            yield "L1", ""
            continue
        if call.f in CREATING and ledger.max_sessions is not None:
            yield "L1", ""
            if _taken(ledger, since) >= ledger.max_sessions:
                continue
        # A creation that others caused may be ahead of it in the queue for capacity.
        joined = call.key in ledger.strays or any(
            c.key == call.key and c.f in CREATING for c in ledger.pending.values()
        )
        full = ledger.max_sessions is None or _taken(ledger, since) >= ledger.max_sessions
        if call.f in LEASING and joined and full:
            continue
        yield (
            "L1",
            f"{call.f}({call.key!r}) of client {call.process} waits, though no process of its key exists and a slot is free",
        )


def _decided_after(ledger: Ledger, call: Pending) -> int:
    """The event after which it was decided what ``call`` waits for: it may have joined a creation that another call began."""
    if call.key in ledger.strays:
        return -1
    return min([call.invoked, *(other.invoked for other in ledger.calls(*CREATING, key=call.key))])


def _taken(ledger: Ledger, since: int) -> int:
    """The slots that may be taken as far as a decision after event ``since`` could know: a pool is not told when an idle
    process dies of itself."""
    unnoticed = [
        p for p in ledger.processes.values() if p.ended is not None and p.ended > since and p.closing is None
    ]
    return ledger.occupied() + len([p for p in unnoticed if p.holder is None])


def settle(ledger: Ledger) -> None:
    """Everything has come to a stop: whoever waits now was in its queue before whoever calls from now on."""
    for call in ledger.pending.values():
        call.settled = True
    ledger.hear_of_endings()


def judge_order(event: Event, ledger: Ledger) -> Found:
    """L4 at an ``acquire`` or an ``opening``; ``ledger`` has *not* seen it. Whoever seems to be passed over may have been refused
    already and not have heard of it: that it was not is judged at rest."""
    if event.f == "acquire" and event.process in ledger.pending:
        yield from _overtaken(ledger.pending[event.process], LEASING, ledger)
    elif event.f == "opening" and event.key is not None:
        yield from _slot_overtaken(event, ledger)


def _overtaken(winner: Pending, names: tuple[str, ...], ledger: Ledger) -> Found:
    for call in ledger.calls(*names, key=winner.key):
        if call is winner or call.holds is not None or not call.settled:
            continue
        yield "L4", ""
        # A reset or a death sends those who wait to the next session; who was about to begin then asks anew.
        key = winner.key or ""
        disturbed = ledger.key(key).reset_called > call.invoked or ledger.past.of(key).ended > call.invoked
        if call.invoked < winner.invoked and not winner.settled and not disturbed:
            message = f"client {winner.process} gets the lease of {winner.key!r} before client {call.process}, which waited first"
            ledger.suspicions.append(Suspicion("L4", message, waiting=call))


def _slot_overtaken(event: Event, ledger: Ledger) -> Found:
    mine = ledger.calls(*CREATING, key=event.key)
    if not mine or event.key in ledger.strays:
        return
    own = ledger.past.of(event.key or "").youngest
    if own is not None and own.opened is not None and own.ended is not None and own.closing is None:
        return  # the slot of its process that died may be its own still
    if any(call.claims for call in mine):
        return  # so may that of a session that was taken out, for those who waited for its lease, and of a start that was reset
    began = min(call.invoked for call in mine)
    for call in _queue_for_slots(ledger, other_than=event.key):
        yield "L4", ""
        if call.invoked < began and not any(mate.settled for mate in mine):
            message = (
                f"{event.key!r} gets a slot before {call.key!r}, whose client {call.process} waited first"
            )
            ledger.suspicions.append(Suspicion("L4", message, waiting=call))


def _queue_for_slots(ledger: Ledger, *, other_than: str | None) -> Iterator[Pending]:
    """The creators that have no slot for sure, in the order in which they came."""
    dying = sum(1 for p in ledger.present.values() if p.running and p.closing is not None)
    # The newcomer takes one slot; whoever was given another of the free ones may not have begun to use it.
    spare = 0 if ledger.max_sessions is None else max(0, ledger.max_sessions - ledger.occupied() - 1)
    assigned: set[str] = set()
    for call in ledger.calls(*CREATING):
        if call.key == other_than or call.key is None or call.holds is not None or not call.settled:
            continue
        # Where its key had a process during the call it has had its slot, whatever became of that.
        served = ledger.past.of(call.key).ended > call.invoked or any(
            p.key == call.key and p.ended is None for p in ledger.present.values()
        )
        if served or ledger.key(call.key).reset_called >= call.invoked or call.key in assigned:
            continue
        if len(assigned) < dying + spare:
            assigned.add(call.key)  # a slot that is free, or whose process is dying, may be its own already
        else:
            yield call
