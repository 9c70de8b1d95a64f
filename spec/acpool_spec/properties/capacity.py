"""S8 and S9: whether a refusal was honest and a victim the right one, as far as it can be told from outside."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from acpool_spec.events import Event
from acpool_spec.properties.ledger import CREATING, Ledger, Pending, Process, Suspicion

Found = Iterator[tuple[str, str]]
FEW = 64
"""Creators of the past that are not worth a look whether they can be forgotten."""


def watch_capacity(ledger: Ledger, now: int) -> None:
    """Note for every creator in progress whether there may be no slot for it after event ``now``."""
    for call in ledger.calls(*CREATING):
        if call.key is None:
            continue
        if not call.short_of_slots:
            call.short_of_slots = not _surely_available(ledger, call, call.key)
        if ledger.sees_closing:
            continue  # then nobody asks who may have evicted what
        served = call.holds is not None or any(p.opening > call.invoked for p in ledger.of_key(call.key))
        if not served and not _surely_free(ledger, call.key):
            ledger.evictors.pop(call.invoked, None)
            ledger.evictors[call.invoked] = call.key, now
    if len(ledger.evictors) > ledger.evictors_looked_through:
        _forget_evictors(ledger)


def _forget_evictors(ledger: Ledger) -> None:
    """Forget the creators that can have evicted nothing which was not used since.

    Whoever is not idle will have been used later than now when it is.
    """
    uses = [
        p.first_use
        for p in ledger.present.values()
        if p.running and p.holder is None and p.closing is None and p.first_use >= 0
    ]
    while ledger.evictors:
        invoked, (_, last) = next(iter(ledger.evictors.items()))
        if uses and last >= min(uses):
            break
        del ledger.evictors[invoked]
    ledger.evictors_looked_through = 2 * len(ledger.evictors) + FEW


def _surely_free(ledger: Ledger, key: str) -> bool:
    """Whether a slot for ``key`` is free now, whatever the other operations in progress have decided."""
    if ledger.max_sessions is None:
        return False
    room = ledger.max_sessions - ledger.occupied() - len(ledger.unheard_of())
    return room > 0 and _reserved(ledger, key, room) < room


def _reserved(ledger: Ledger, key: str, most: int) -> int:
    """How many keys other than ``key`` may hold a reservation which no process shows yet, counted up to ``most``."""
    return sum(1 for _ in islice(ledger.creators_without_process(other_than=key), most))


def _takers(ledger: Ledger, key: str, most: int) -> int:
    """How many idle sessions may have been evicted already, counted up to ``most``: one for each creation in progress, and one
    by each caller that was cancelled, for ``key``, too; the slot may be another's by now."""
    creating = {
        c.key for c in ledger.calls(*CREATING) if c.key not in (None, key) and _perhaps_evicts(ledger, c)
    }
    found = len(creating)
    for stray, callers in ledger.strayed.items():
        if found >= most:
            break
        housed = any(process.closing is None for process in ledger.of_key(stray))
        found += 0 if housed else callers
    return found


def _perhaps_evicts(ledger: Ledger, call: Pending) -> bool:
    """Whether ``call`` may need the slot of another key: nobody else holds the session of its key, and no process was begun for
    it. A process that its key has besides may be taken out already, though its closing has not begun."""
    assert call.key is not None
    return not any(p.holder is not None or p.opening > call.invoked for p in ledger.of_key(call.key))


def _surely_available(ledger: Ledger, call: Pending, key: str) -> bool:
    """Whether a slot for ``call`` is free or idle now, whatever the other operations in progress have decided."""
    if ledger.max_sessions is None:
        return False
    if _surely_free(ledger, key):
        return True
    idle = [p for p in ledger.present.values() if p.key != key and ledger.surely_idle(p)]
    others = _takers(ledger, key, len(idle))
    if not ledger.sees_closing:
        # What is idle to see may have been evicted, for whoever needed a slot before.
        earliest = min((p.first_use for p in idle), default=0)
        before = (invoked for invoked, _ in _evictors(ledger, earliest) if invoked != call.invoked)
        others += sum(1 for _ in islice(before, len(idle)))
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
    """S9 when a process begins to close, or is closed where that was not recorded; ``ledger`` has *not* seen it."""
    victim = ledger.processes.get(event.connection or "")
    if event.type != "event" or victim is None or not ledger.surely_idle(victim):
        return
    if event.f == "closing":
        creators = {
            call.key: call.invoked for call in reversed(ledger.calls(*CREATING)) if call.key != victim.key
        }
        # Each of those who were cancelled may have evicted somebody, beside whoever asks for the same key now.
        strays = {key: index for key, index in ledger.strays.items() if key != victim.key}
        gone = [index for key, index in strays.items() for _ in range(ledger.strayed[key])]
        yield from _unfair(victim, [*creators.values(), *gone], ledger)
    elif event.f == "closed" and not ledger.sees_closing:
        # Decided at some time before: by any creator that may have needed a slot since the victim was used.
        evictors = [invoked for invoked, key in _evictors(ledger, victim.first_use) if key != victim.key]
        yield from _unfair(victim, [*evictors, *ledger.strays.values()], ledger)
        if len(evictors) == 1 and not ledger.strays:
            del ledger.evictors[evictors[0]]  # this one was its victim


def _evictors(ledger: Ledger, since: int) -> Iterator[tuple[int, str]]:
    """Those that may have needed a slot at ``since`` or later, the latest first: the invocation of each, and its key."""
    for invoked, (key, last) in reversed(ledger.evictors.items()):
        if last < since:
            return
        yield invoked, key


def _unfair(victim: Process, creators: list[int], ledger: Ledger) -> Found:
    """``creators``: the invocations of those of whom one evicted ``victim``, and each of whom may have evicted one more."""
    if not creators:
        return
    began = min(creators)
    idle = [
        p
        for p in ledger.present.values()
        if p is not victim and p.idle_since is not None and p.idle_since <= began
    ]
    if idle:
        yield "S9", ""
    older = [p for p in idle if p.last_use < victim.first_use <= began]
    # Each of the other creators may have taken an older one already, though its closing is not to be seen yet.
    if len(older) >= len(creators):
        names = ", ".join(f"{p.name} of {p.key!r}" for p in older)
        message = f"{victim.name} of {victim.key!r} is evicted though {names} was idle and used longer ago"
        if ledger.sees_rest:
            ledger.suspicions.append(Suspicion("S9", message, idle=tuple(older)))
        else:
            yield "S9", message
