"""Answers and efforts that the contract rules out whatever else happened, seen at single events (S12, S10, L1)."""

from __future__ import annotations

from collections.abc import Container, Iterator

from acpool_spec.events import Event
from acpool_spec.properties.ledger import CREATING, LEASING, Ledger, Pending, Process, answered

Found = Iterator[tuple[str, str]]


def judge_answer(event: Event, ledger: Ledger, ended: Pending | None) -> Found:
    """S12 at an ``acquire`` or an answer; ``ledger`` has seen it."""
    if event.f == "acquire" and event.process in ledger.pending:
        process, call = ledger.processes.get(event.connection or ""), ledger.pending[event.process]
        if (
            process is not None
            and process.ended is not None
            and process.ended < max(call.invoked, process.released)
        ):
            yield (
                "S12",
                f"client {call.process} gets the lease of {process.name}, which had died before it could",
            )
    if ended is None or event.type != "ok":
        return
    if ended.taken_back:
        yield "S12", f"{ended.f}({ended.key!r}) answered though the lease it held had been taken back"
    session_id = answered(event, "session_id")
    if ended.f == "get_or_create" and isinstance(session_id, str) and ended.key is not None:
        process = ledger.with_session(session_id, ended.key)
        if process is not None and _gone_before(process, ended):
            yield (
                "S12",
                f"get_or_create({ended.key!r}) answered {session_id!r}, whose process was dead before the call",
            )


def judge_efforts(ledger: Ledger, called: Container[str]) -> Found:
    """S10 and L1 at an instant at which nothing is ready: a start that nobody waits for, a shutdown that waits for nobody.

    ``called``: the connections with a call in progress.
    """
    for call in ledger.calls("reset"):
        # Nothing is ready, so the reset has decided: whoever holds a lease from before it has lost it.
        for process in ledger.processes.values():
            if process.key == call.key and process.leased < call.invoked and process.holder in ledger.pending:
                ledger.pending[process.holder].taken_back = True
    wanted = {call.key for call in ledger.calls(*CREATING, *LEASING)}
    alive = [p for p in ledger.processes.values() if p.ended is None and not p.given_up]
    for process in alive:
        if process.session_id is None and process.closing is None and process.key not in wanted:
            yield "S10", f"{process.name} of {process.key!r} goes on starting though nobody waits for it"
    still = [p for p in alive if p.established and p.closing is None and p.holder is None]
    resting = [p for p in still if p.key not in wanted and p.name not in called]
    if ledger.calls("shutdown") and alive and len(resting) == len(alive):
        names = ", ".join(f"{p.name} of {p.key!r}" for p in resting)
        yield "L1", f"shutdown waits though nothing is leased, starting or closing, with {names} still alive"


def _gone_before(process: Process, call: Pending) -> bool:
    return process.ended is not None and process.ended < call.invoked
