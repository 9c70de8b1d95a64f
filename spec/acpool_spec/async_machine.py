"""A base class for Hypothesis state machines that own the event loop, for any asyncio code.

A rule starts operations as tasks and returns; which task goes next, when time passes, what happens outside and who is cancelled
is drawn by one more rule, which is here already. So Hypothesis chooses the schedule as it chooses the operations, and shrinks
both. It is one rule and not several, since Hypothesis leaves out half of all rules in an example, and a race needs them together.
``docs/hypothesis.md`` has an example.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop
from acpool_spec.refusals import LoopRefusal
from acpool_spec.simulation import Mode

_T = TypeVar("_T")
_USUAL = 2
_RUSH = 3
"""How likely a step, and the cancellation of a task whose wake-up is queued, beside the cancellation of one that waits."""


class WrongAtRest(AssertionError):
    """Something is wrong at the end of an example: a task that waits for ever, an exception that nobody looked at, no rest."""


class AsyncRuleBasedStateMachine(RuleBasedStateMachine):
    """A machine whose rules run inside a deterministic loop, which goes on only as Hypothesis decides.

    Make what is to be tested in ``__init__``, after ``super().__init__()``, or in an ``@initialize`` rule: the loop runs there
    already, in virtual time. In a rule, :meth:`start` operations; what they answered is in their tasks later. Say in an
    ``@invariant()`` what must hold between any two steps, and in :meth:`at_rest` what must hold once nothing can happen any more.

    ``mode``: ``reordered``, any ready task goes next; ``fifo``, whole iterations of stock asyncio. ``cancellations``: how many of
    the tasks that were started may be cancelled in an example. ``may_wait``: whether tasks may still wait at the end. The same
    example makes the same run. Raises :class:`LoopRefusal` in a rule that needs a thread, a socket, a process, a signal, a file.
    """

    mode: ClassVar[Mode] = "reordered"
    cancellations: ClassVar[int] = 1
    may_wait: ClassVar[bool] = False
    CALM: ClassVar[int] = 10_000
    """Steps, timers and outside events after which what does not come to rest never will."""

    _entered: ClassVar[DeterministicLoop | None] = None

    def __init__(self) -> None:
        super().__init__()
        stale = AsyncRuleBasedStateMachine._entered
        if stale is not None and stale.is_running():
            _leave(stale)  # of a machine whose __init__ has raised: nobody calls its teardown
        self.loop = DeterministicLoop()
        self.started: list[asyncio.Task[Any]] = []
        self.cancelled = 0
        self.loop.enter()
        AsyncRuleBasedStateMachine._entered = self.loop

    def start(self, operation: Coroutine[Any, Any, _T], name: str | None = None) -> asyncio.Task[_T]:
        """Start ``operation`` as a task; it takes its first step when Hypothesis lets it. Does not wait."""
        task = self.loop.create_task(operation, name=name)
        self.started.append(task)
        return task

    def at_rest(self) -> None:
        """What must hold at the end of every example, when nothing can happen any more; for you to define, with assertions."""

    def settle(self) -> None:
        """Let everything happen that can, as a calm world would: what is ready in its order, what is offered outside, then time.

        Raises :class:`WrongAtRest` after ``CALM`` of these.
        """
        loop = self.loop
        for _ in range(self.CALM):
            if loop.has_ready:
                loop.run_iteration()
            elif loop.offers():
                loop.accept(loop.offers()[0])
            elif loop.next_deadline() is not None:
                loop.advance()
            else:
                return
        raise WrongAtRest(f"something still moves after {self.CALM} calm steps")

    @rule(data=st.data())
    def proceed(self, data: st.DataObject) -> None:
        """One thing happens of those that can: a step, something outside, the passing of time, a cancellation."""
        acts = self._acts()
        chances = [name for name, (_, weight) in acts.items() for _ in range(weight)]
        if chances:
            act, _ = acts[data.draw(st.sampled_from(chances), label="next")]
            act()

    def _acts(self) -> dict[str, tuple[Callable[[], object], int]]:
        """What can happen now, in words, and how likely it is beside the others; first what a calm world would do."""
        loop = self.loop
        lanes = list(loop.lanes() if self.mode == "reordered" else loop.ready_lanes())
        victims = self.victims()
        usual = _USUAL * max(1, len(victims))
        acts: dict[str, tuple[Callable[[], object], int]] = {}
        if lanes and self.mode == "fifo":
            acts["iterate"] = loop.run_iteration, usual
        elif lanes:
            for name, lane in zip(_told([f"step {lane.name}" for lane in lanes]), lanes, strict=True):
                acts[name] = partial(loop.run_lane, lane), usual
        offers = list(loop.offers())
        for name, offer in zip(_told([f"let {offer.name} happen" for offer in offers]), offers, strict=True):
            acts[name] = partial(loop.accept, offer), usual
        if loop.next_deadline() is not None:
            acts["let time pass"] = loop.advance, 1 if lanes else usual
        woken = [lane.task for lane in lanes if lane.task is not None and _has_begun(lane.task)]
        for name, task in zip(_told([f"cancel {task.get_name()}" for task in victims]), victims, strict=True):
            # A hand-over is lost where the wake-up is queued already.
            acts[name] = partial(self._cancel, task), _RUSH if task in woken else 1
        return acts

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        self.cancelled += 1
        task.cancel()

    def victims(self) -> Sequence[asyncio.Task[Any]]:
        """The tasks that may be cancelled now."""
        if self.cancelled >= self.cancellations:
            return []
        return [task for task in self.started if not task.done()]

    def teardown(self) -> None:
        """Come to rest and look whether anything is wrong; where the example ended with an error, only clean up."""
        loop = self.loop
        try:
            if sys.exc_info()[0] is None:
                self.settle()
                self.at_rest()
                self._look()
        finally:
            _leave(loop)
            super().teardown()

    def _look(self) -> None:
        for finding in self.loop.findings():
            if isinstance(finding.exception, LoopRefusal):
                raise finding.exception
            if not (self.may_wait and finding.kind == "leftover task"):
                raise WrongAtRest(_said(finding)) from finding.exception


def _leave(loop: DeterministicLoop) -> None:
    try:
        loop.dispose()
    finally:
        loop.leave()


def _has_begun(task: asyncio.Task[Any]) -> bool:
    coroutine = task.get_coro()
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def _told(names: Sequence[str]) -> list[str]:
    """``names``, numbered where they are alike, so that an example can be read."""
    several = {name for name in names if names.count(name) > 1}
    return [
        f"{name} #{names[:at].count(name) + 1}" if name in several else name for at, name in enumerate(names)
    ]


def _said(finding: Finding) -> str:
    if finding.kind != "leftover task":
        return str(finding)
    place = finding.where[-1] if finding.where else None
    own = [where for where in finding.where if "asyncio" not in where.filename]
    place = own[-1] if own else place
    where = f", at line {place.line} of {place.function}" if place is not None else ""
    return f"{finding.subject} waits for ever{where}"
