"""One run of a scenario on the deterministic loop, every choice made by an oracle and recorded.

Two modes. ``fifo``: ready callbacks run in stock asyncio's order, and only the outside varies: at the start of an
iteration, which offers happen and whether the next timer is due already (it is, where a callback was slow).
``reordered``: before every callback, any lane, any offer, or time. The alternatives at a choice point are in this
order: lanes (``fifo``: the iteration), offers in the order in which they were made, time; alternative 0 is what stock
asyncio does where callbacks take no time. Where there is one alternative there is no choice point.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias

from acpool_spec.driven import ChoiceKind
from acpool_spec.findings import Finding
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import Choice, Oracle

Mode: TypeAlias = Literal["fifo", "reordered"]
Scenario: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
DEFAULT_MAX_STEPS = 100_000


class Outcome(Enum):
    """How a run ended. Only ``RETURNED`` can be a pass; ``STEP_BOUND`` says nothing either way."""

    RETURNED = "returned"
    RAISED = "raised"
    DEADLOCK = "deadlock"
    STEP_BOUND = "step bound hit"


class Run(NamedTuple):
    """One run of a scenario.

    ``choices``: at each choice point, the alternative chosen and how many there were. ``steps``: callbacks run.
    ``time``: virtual seconds passed. ``result`` and ``exception``: the scenario's, where it came to an end.
    """

    outcome: Outcome
    choices: tuple[Choice, ...]
    steps: int
    time: float
    result: Any
    exception: BaseException | None
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the scenario returned and nothing was found wrong."""
        return self.outcome is Outcome.RETURNED and not self.findings


class OracleError(Exception):
    """The oracle chose an alternative that does not exist."""


class _Decider:
    """Asks the oracle and records; keeps the first error of the oracle, which simulated code must not swallow."""

    __slots__ = ("_choose", "choices", "error")

    def __init__(self, oracle: Oracle) -> None:
        self._choose = oracle.choose
        self.choices: list[Choice] = []
        self.error: BaseException | None = None

    def ask(self, count: int, kind: ChoiceKind) -> int:
        if self.error is not None:
            raise self.error
        try:
            chosen = self._choose(count, kind)
            if not 0 <= chosen < count:
                raise OracleError(f"choice {len(self.choices)}: {chosen} of {count} alternatives")
        except BaseException as error:
            self.error = error
            raise
        self.choices.append((chosen, count))
        return chosen


def simulate(
    scenario: Scenario,
    oracle: Oracle,
    *,
    mode: Mode = "reordered",
    max_steps: int = DEFAULT_MAX_STEPS,
    on_step: Callable[[Lane], object] | None = None,
) -> Run:
    """Run ``scenario()`` to its end on a fresh deterministic loop, ``oracle`` making the choices.

    When the scenario is done, what stock asyncio still runs before it stops is run, in its order: the rest of the
    iteration and one more. Tasks not done then are findings, and are closed. ``on_step`` is called before each callback
    with the lane that runs. Raises what the oracle raises; :class:`LoopRefusal` inside a running loop.
    Bounded by ``max_steps`` callbacks, which is the outcome ``STEP_BOUND``; a callback that never returns is not bounded.
    """
    if mode not in ("fifo", "reordered"):
        raise ValueError(f"mode {mode!r}: expected 'fifo' or 'reordered'")
    loop = DeterministicLoop()
    decider = _Decider(oracle)
    loop.chooser = decider.ask
    loop.on_step = on_step
    loop.enter()
    try:
        oracle.begin()
        main = loop.create_task(scenario())
        drive = _drive_fifo if mode == "fifo" else _drive_reordered
        stuck = drive(loop, main, decider, max_steps)
        if stuck is None:
            loop.finish_iteration()
            loop.run_iteration()
        if decider.error is not None:
            raise decider.error
        oracle.end()
        return _conclude(loop, main, stuck, tuple(decider.choices))
    finally:
        try:
            loop.dispose()
        finally:
            loop.leave()


def _drive_fifo(
    loop: DeterministicLoop, main: asyncio.Task[object], decider: _Decider, max_steps: int
) -> Outcome | None:
    """Stock asyncio's order; returns why the run stopped before ``main`` was done, or None."""
    while not main.done():
        stuck = _let_outside_act(loop, decider, max_steps)
        if stuck is not None:
            return stuck
        loop.begin_iteration()
        while not loop.at_boundary and not main.done():
            if loop.steps >= max_steps:
                return Outcome.STEP_BOUND
            loop.run_lane(loop.lanes()[0])
            if decider.error is not None:
                raise decider.error
    return None


def _let_outside_act(loop: DeterministicLoop, decider: _Decider, max_steps: int) -> Outcome | None:
    """Between two iterations: offers, then time; as a selector's events come before the timers of an iteration."""
    late = False
    while True:
        ready = 1 if loop.has_ready else 0
        offers = () if late else loop.offers()
        outside = ready + len(offers)
        count = outside if loop.next_deadline() is None else outside + 1
        if count == 0:
            return Outcome.DEADLOCK
        if loop.steps >= max_steps:
            return Outcome.STEP_BOUND
        chosen = 0 if count == 1 else decider.ask(count, "schedule")
        if chosen < ready:
            return None
        if chosen < outside:
            loop.accept(offers[chosen - ready])
        else:
            loop.advance()
            late = True


def _drive_reordered(
    loop: DeterministicLoop, main: asyncio.Task[object], decider: _Decider, max_steps: int
) -> Outcome | None:
    """Any lane, any offer or time, before every callback; returns why the run stopped early, or None."""
    offers = loop.offers()
    while not main.done():
        lanes = loop.lanes()
        ready = len(lanes)
        outside = ready + len(offers)
        count = outside if loop.next_deadline() is None else outside + 1
        if count == 0:
            return Outcome.DEADLOCK
        if loop.steps >= max_steps:
            return Outcome.STEP_BOUND
        chosen = 0 if count == 1 else decider.ask(count, "schedule")
        if chosen < ready:
            loop.run_lane(lanes[chosen])
            if decider.error is not None:
                raise decider.error
        elif chosen < outside:
            loop.accept(offers[chosen - ready])
        else:
            loop.advance()
    return None


def _conclude(
    loop: DeterministicLoop, main: asyncio.Task[object], stuck: Outcome | None, choices: tuple[Choice, ...]
) -> Run:
    result: object = None
    exception: BaseException | None = None
    outcome = stuck
    if main.done():
        cancelled = asyncio.CancelledError("the scenario was cancelled") if main.cancelled() else None
        exception = cancelled or main.exception()
        outcome = Outcome.RETURNED if exception is None else Outcome.RAISED
        result = main.result() if exception is None else None
    assert outcome is not None
    return Run(outcome, choices, loop.steps, loop.time(), result, exception, loop.findings())
