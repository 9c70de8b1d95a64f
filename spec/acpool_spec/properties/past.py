"""What can still be asked of processes that are over: kept so that the answer needs no walk through them.

A process is over, and *retired*, when it has ended, the pool has heard of that, and no operation in progress may have sent a
prompt to it. It is never alive again, so most questions pass it by; the others are answered here, by one look-up each.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from acpool_spec.properties.records import NEVER, Process


@dataclass(slots=True)
class Removals:
    """The ends of operations that may take back leases. ``last``: the last one seen to end; ``unseen``: the last one that may go
    on unseen. Places in the history, -1: none."""

    last: int = -1
    unseen: int = -1

    def note(self, now: int, until: int) -> None:
        """One has ended, or is seen no more, at event ``now``."""
        if until == NEVER:
            self.unseen = now
        else:
            self.last = now

    def reach(self, opening: int) -> int:
        """The last event at which one was in progress that a process opened at ``opening`` can have met."""
        if self.unseen > opening:
            return NEVER
        return self.last if self.last > opening else -1


@dataclass(slots=True)
class PastOfKey:
    """The processes of one key. ``begun``: how many there were; ``youngest``: the last of them; ``ended``: when one ended last.

    Of the retired: ``unclosed``: how many died with a session and were not closed; ``untold``: when those opened of whose
    session nobody was told.
    """

    begun: int = 0
    youngest: Process | None = None
    ended: int = -1
    unclosed: int = 0
    untold: dict[str, int] = field(default_factory=dict[str, int])
    removals: Removals = field(default_factory=Removals)


@dataclass(slots=True)
class Past:
    """``held``: how many of the retired died under a lease whose end was not seen."""

    held: int = 0
    _keys: dict[str, PastOfKey] = field(default_factory=dict[str, PastOfKey])
    _removals: Removals = field(default_factory=Removals)
    _sessions: dict[str | None, list[Process]] = field(default_factory=dict[str | None, list[Process]])

    def of(self, key: str) -> PastOfKey:
        """The record of ``key``."""
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = PastOfKey()
        return known

    def begins(self, process: Process) -> None:
        """The first that is seen of ``process``."""
        known = self.of(process.key)
        known.begun += 1
        known.youngest = process
        self._sessions.setdefault(None, []).append(process)

    def holds(self, process: Process, session_id: str | None) -> None:
        """``process`` has the session ``session_id`` from now on."""
        before = self._sessions[process.session_id]
        del before[before.index(process, bisect_left(before, process.opening, key=_opening))]
        if not before:
            del self._sessions[process.session_id]
        process.session_id = session_id
        insort(self._sessions.setdefault(session_id, []), process, key=_opening)

    def youngest_first(self, session_id: str | None) -> Iterator[Process]:
        """The processes that hold ``session_id``, retired or not; those without a session for None."""
        return reversed(self._sessions.get(session_id, ()))

    def removed(self, key: str | None, now: int, until: int) -> None:
        """An operation that may take back the leases of ``key``, of every key for None, has ended at ``now``; ``until``:
        NEVER where it may go on unseen."""
        (self._removals if key is None else self.of(key).removals).note(now, until)

    def retire(self, process: Process) -> None:
        """``process`` is over."""
        process.retired = True
        self._count(process, 1)
        if process.session_id is not None and not process.established:
            self.of(process.key).untold[process.name] = process.opening

    def recall(self, process: Process) -> None:
        """``process`` is retired no more."""
        process.retired = False
        self._count(process, -1)
        known = self.of(process.key)
        known.untold.pop(process.name, None)
        for removals in (self._removals, known.removals):
            process.removable = max(process.removable, removals.reach(process.opening))

    def _count(self, process: Process, number: int) -> None:
        if process.holder is not None:
            self.held += number
        elif process.session_id is not None and process.closing is None:
            self.of(process.key).unclosed += number

    def occupied(self, leasing: Iterable[str | None]) -> int:
        """How many of the retired may hold a slot, with calls that lease in progress on the keys ``leasing``."""
        return self.held + sum(
            self.of(key).unclosed for key in leasing if key is not None and key in self._keys
        )

    def untold_since(self, key: str, place: int) -> bool:
        """Whether one of the retired of ``key`` that was opened after ``place`` has a session of which nobody was told.

        ``place`` does not go back: what was opened before it is forgotten.
        """
        untold = self.of(key).untold
        while untold:
            name, opening = next(iter(untold.items()))
            if opening > place:
                return True
            del untold[name]
        return False


def _opening(process: Process) -> int:
    return process.opening
