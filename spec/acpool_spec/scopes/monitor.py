"""What must hold of a pool, judged while it runs, in a state that merges: no history in it, and no counter that grows.

The properties are those of :mod:`acpool_spec.properties`, and so is the judge: a :class:`~acpool_spec.properties.judgement.Judgement`
hears every event of the run. What it remembers of the past are places in the history, and it asks of two places only which was
first. So two of its states that have the same places in the same order tell apart no future, whatever the numbers are: what
the explorer sees of a monitor (:meth:`Monitor.canonical_state`) are the ranks of its places, and states merge as if they had
been judged alike from the start, which they were. Hence:

* judged on **all** paths of a scope, pruning or not: S1–S11, L1, L3, L4, L5, and L2 as far as virtual time goes: whoever still
  waits when nothing more can happen;
* judged on **every run made**, complete or cut: S12. It is a property of the whole history, which lies beside the run; of two
  runs that reach one state by different histories only one is followed to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from acpool_spec.events import Event, History, PoolFacts
from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop
from acpool_spec.properties import Violation
from acpool_spec.properties.judgement import Judgement, Remains
from acpool_spec.properties.ledger import NEVER, Ledger, Pending, Process
from acpool_spec.recorder import Recorder


Signature = tuple[object, ...]


def signature_of(events: Sequence[Event]) -> Signature:
    """The same for histories that say the same."""
    return tuple(
        (e.type, e.f, e.process, e.key, e.connection, e.session_id, repr(e.value), e.error, e.time)
        for e in events
    )


class PropertyViolated(AssertionError):
    """A property does not hold in this run: ``property_id``, and in a ``sentence`` why. ``failure_kind`` tells ``explore``."""

    def __init__(self, property_id: str, sentence: str) -> None:
        super().__init__(f"{property_id}: {sentence}")
        self.property_id = property_id
        self.sentence = sentence
        self.failure_kind = f"violated {property_id}"


class Notes(Recorder):
    """The history of a run, beside the run: nothing in the run reads it, so it is no part of the run's state.

    What coroutines do when the run has been cut and they are closed is no part of the run either.
    """

    def __init__(self, loop: DeterministicLoop, pool: PoolFacts) -> None:
        super().__init__(loop.time, pool)
        self._loop = loop

    def _add(self, **members: Any) -> None:
        if self._loop.inside_callback:
            super()._add(**members)

    def canonical_state(self) -> object:
        """Nothing: see :class:`Monitor` for what is remembered of the past."""
        return None


class Monitor:
    """Judges one run. ``over`` gets the first violation as its exception, so that whoever waits for the run hears of it.

    ``only``: the properties that end a run, None: all. ``forbidden``: histories that are known to break a property, at which the
    run ends.
    """

    def __init__(
        self,
        loop: DeterministicLoop,
        over: asyncio.Future[None],
        *,
        max_sessions: int,
        reclaims: bool,
        only: Collection[str] | None,
        forbidden: Mapping[Signature, Violation],
    ) -> None:
        self._only = only
        self.notes = Notes(loop, PoolFacts(max_sessions=max_sessions))
        self.notes.listeners.append(self._see)
        self._forbidden = forbidden
        self.judgement = Judgement(max_sessions, reclaims=reclaims, agents_load=True, sees_rest=True)
        self._over = over

    @property
    def history(self) -> History:
        """Everything that was seen so far."""
        return self.notes.history()

    def _see(self, event: Event) -> None:
        if self._over.done():
            return
        # It is called from inside the pool's own tasks: what goes wrong here must not be taken for an error of theirs.
        try:
            self.judgement.see(event)
        except Exception as error:  # noqa: BLE001 - it ends the run, as the violation would
            self._over.set_exception(error)
        self._tell()
        if self._forbidden:
            known_bad = self._forbidden.get(signature_of(self.notes.events))
            if known_bad is not None:
                self.violated(known_bad)

    def stopped(self, called: set[str]) -> None:
        """Nothing is ready; ``called``: the connections with a call in progress."""
        if not self._over.done():
            self.notes.rest()
            self.judgement.stopped(called)
            self._tell()

    def at_rest(self, remains: Remains) -> None:
        """Nothing can happen any more but what is asked of the pool anew."""
        self.judgement.at_rest(remains)
        self._tell()

    def at_the_end(self, remains: Remains, findings: Sequence[Finding]) -> None:
        """The pool is shut down, or will never be."""
        self.judgement.at_the_end(remains, findings)
        self._tell()

    def violated(self, violation: Violation) -> None:
        """End the run with ``violation``."""
        wanted = self._only is None or violation.property in self._only
        if wanted and not self._over.done():
            self._over.set_exception(PropertyViolated(violation.property, violation.message))

    def _tell(self) -> None:
        for violation in self.judgement.violations.values():
            self.violated(violation)

    def canonical_state(self) -> object:
        """What the rest of the run can depend on: facts, and the order of the places in the history that are remembered."""
        return (self._over, normal_form(self.judgement))


def normal_form(judgement: Judgement) -> object:
    """All that ``judgement`` remembers, its places in the history by rank: equal where no future event is judged differently.

    Members of which it is only asked whether they are there (an opening that was seen, a closing) are that and no more.
    """
    return _NormalForm(judgement).value


class _NormalForm:
    def __init__(self, judgement: Judgement) -> None:
        self._places: list[int] = []
        ledger = judgement.ledger
        sessions = judgement.sessions
        facts: list[Any] = [
            judgement.disturbed,
            ledger.sees_leases,
            ledger.sees_prompts,
            sessions.agents_load,
            ",".join(sorted(sessions.dropped)),
        ]
        self._at(ledger.shutdown_called, ledger.shutdown_returned)
        for _, process in sorted(ledger.processes.items()):
            facts += self._process(ledger, process)
        for _, call in sorted(ledger.pending.items()):
            facts += self._call(call)
        for name, key in sorted(ledger.keys.items()):
            facts += (name, key.session_id)
            self._at(key.reset_called, key.reset_returned)
        for name, place in sorted(ledger.strays.items()):
            facts.append(name)
            self._at(place)
        for session_id, flag in sorted(sessions.flags.items()):
            facts += (session_id, flag.up)
            self._at(flag.lowered)
        for invoked, (key, last) in ledger.evictors.items():
            facts.append(key)
            self._at(invoked, last)
        ranks = {place: rank for rank, place in enumerate(sorted({*self._places, -1, NEVER}))}
        self.value = f"{facts} {[ranks[place] for place in self._places]}"

    def _at(self, *places: int | None) -> None:
        self._places += [-1 if place is None else place for place in places]

    def _process(self, ledger: Ledger, process: Process) -> list[Any]:
        self._at(
            process.opening,
            process.ended,
            process.released,
            process.leased,
            process.excused,
            process.first_use,
            process.last_use,
            process.idle_since,
            process.removable,
        )
        facts: list[Any] = [
            process.name,
            process.key,
            process.opened is None,
            process.closing is None,
            process.given_up,
            process.session_id,
            process.claimed_id,
            process.established,
            process.holder,
            process.heard_of,
        ]
        for prompt in process.prompts:
            # Of the calls that may have sent it, it matters when they were made and whether they are in progress still.
            facts += (prompt.process, [ledger.pending.get(call.process) is call for call in prompt.by])
            self._at(*(call.invoked for call in prompt.by))
        return facts

    def _call(self, call: Pending) -> list[Any]:
        self._at(call.invoked)
        return [
            call.process,
            call.f,
            call.key,
            None if call.holds is None else call.holds.name,
            call.taken_back,
            call.short_of_slots,
            call.settled,
        ]
