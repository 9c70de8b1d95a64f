"""What must hold of a pool, judged while it runs, in a state that merges: no history in it, and no counter that grows.

The properties are those of :mod:`acpool_spec.properties`, and so is the judge: a
:class:`~acpool_spec.properties.judgement.Judgement` hears every event of the run. What it remembers of the past are facts, and
places in the history, of which it asks only which of two was first. So two of its states with the same facts and the same
answers to what may still be asked tell apart no future: those answers are what the explorer sees of a monitor
(:mod:`~acpool_spec.scopes.normal_form`). Hence:

* judged on **all** paths of a scope, pruning or not: S1–S11, L1, L3, L4, L5, and L2 as far as virtual time goes: whoever still
  waits when nothing more can happen;
* judged on **every run made**, complete or cut: S12, up to the last instant at which nothing was ready. It is a property of
  the whole history, which lies beside the run; of two runs that reach one state by different histories only one is followed
  to its end. Later than that instant a decision may be taken of which nothing is to be seen yet, an eviction for example.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from acpool_spec.events import Event, History, PoolFacts
from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.properties.judgement import Judgement, Remains
from acpool_spec.recorder import Recorder
from acpool_spec.scopes.normal_form import normal_form

Signature = tuple[object, ...]


def signature_of(history: History) -> Signature:
    """The same for histories that say the same."""
    said = (
        (e.type, e.f, e.process, e.key, e.connection, e.session_id, repr(e.value), e.error, e.time)
        for e in history.events
    )
    return (*said, *sorted(history.rests or ()))


class PropertyViolated(AssertionError):
    """A property does not hold in this run: ``property_id``, and in a ``sentence`` why. ``failure_kind`` tells ``explore``."""

    def __init__(self, property_id: str, sentence: str) -> None:
        super().__init__(f"{property_id} ({BY_ID[property_id].name}): {sentence}")
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

    ``bounds``: what the pool is said to have (:func:`~acpool_spec.making.stated`).
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
        bounds: Mapping[str, float],
        only: Collection[str] | None,
        forbidden: Mapping[Signature, Violation],
    ) -> None:
        self._only = only
        self.notes = Notes(loop, PoolFacts(max_sessions, bounds))
        self.notes.listeners.append(self._see)
        self._forbidden = forbidden
        self.judgement = Judgement(
            max_sessions, reclaims=reclaims, agents_load=True, sees_rest=True, cleans_up="idle_ttl" in bounds
        )
        self._over = over

    @property
    def history(self) -> History:
        """Everything that was seen until nothing was ready the last time: all that was decided by then is to be seen."""
        history = self.notes.history()
        return replace(history, events=history.events[: max(self.notes.rests, default=0)])

    def _see(self, event: Event) -> None:
        if self._over.done():
            return
        # It is called from inside the pool's own tasks: what goes wrong here must not be taken for an error of theirs.
        try:
            self.judgement.see(event)
        except Exception as error:  # noqa: BLE001 - it ends the run, as the violation would
            self.failed(error)
        self._tell()

    def failed(self, error: Exception) -> None:
        """Whatever judges the run made an error of its own."""
        if not self._over.done():
            self._over.set_exception(error)

    def differs(self, message: str) -> None:
        """R1: the pool has left the model."""
        self.judgement.differs(message)
        self._tell()

    def stopped(self, called: set[str]) -> None:
        """Nothing is ready; ``called``: the connections with a call in progress."""
        if not self._over.done():
            self.notes.rest()
            self.judgement.stopped(called)
            self._tell()
            known_bad = self._forbidden.get(signature_of(self.history)) if self._forbidden else None
            if known_bad is not None:
                self.violated(known_bad)

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
