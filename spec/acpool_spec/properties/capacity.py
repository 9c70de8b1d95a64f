"""S8 and S9: whether a refusal was honest and a victim the right one, as far as it can be told from outside."""

from __future__ import annotations

from collections.abc import Iterator

from acpool_spec.events import Event
from acpool_spec.properties.ledger import CREATING, Ledger, Pending

Found = Iterator[tuple[str, str]]


def watch_capacity(ledger: Ledger) -> None:
    """Note for every creator in progress whether there may be no slot for it at this instant."""
    for call in ledger.calls(*CREATING):
        if not call.short_of_slots and call.key is not None:
            call.short_of_slots = not surely_available(ledger, call.key)


def surely_available(ledger: Ledger, key: str) -> bool:
    """Whether a slot for ``key`` is free or idle now, whatever the other operations in progress have decided."""
    if ledger.max_sessions is None:
        return False
    others = len(ledger.creators_without_process(other_than=key))
    if len(ledger.occupying()) + len(ledger.unheard_of()) + others < ledger.max_sessions:
        return True
    idle = [p for p in ledger.processes.values() if p.key != key and ledger.surely_idle(p)]
    return len(idle) > others


def judge_exhaustion(event: Event, ended: Pending | None) -> Found:
    """S8 at the end of an operation."""
    if ended is None or event.error != "PoolExhausted":
        return
    yield "S8", ""
    if not ended.short_of_slots:
        yield (
            "S8",
            f"{ended.f}({ended.key!r}) failed with PoolExhausted though at every instant of it a slot was free or idle",
        )


def judge_victim(event: Event, ledger: Ledger) -> Found:
    """S9 when a process begins to close; ``ledger`` has *not* seen it."""
    victim = ledger.processes.get(event.connection or "")
    if event.f != "closing" or victim is None or not ledger.surely_idle(victim):
        return
    creators = {
        call.key: call.invoked for call in reversed(ledger.calls(*CREATING)) if call.key != victim.key
    }
    creators |= {key: index for key, index in ledger.strays.items() if key != victim.key}
    if not creators:
        return
    began = min(creators.values())
    idle = [
        p
        for p in ledger.processes.values()
        if p is not victim and p.idle_since is not None and p.idle_since <= began
    ]
    if idle:
        yield "S9", ""
    older = [p for p in idle if p.last_use < victim.first_use <= began]
    # Each of the other creators may have taken an older one already, though its closing is not to be seen yet.
    if len(older) >= len(creators):
        names = ", ".join(f"{p.name} of {p.key!r}" for p in older)
        yield "S9", f"{victim.name} of {victim.key!r} is evicted though {names} was idle and used longer ago"
