"""One run of a scenario on the deterministic loop, every choice made by an oracle and recorded.

Two modes. ``fifo``: ready callbacks run in stock asyncio's order, and only the outside varies: at the start of an
iteration, which offers happen, who is cancelled, and whether the next timer is due already (it is, where a callback was
slow). ``reordered``: before every callback, any lane, any offer, a cancellation, or time. The alternatives at a choice point
are in this order: lanes (``fifo``: the iteration), offers in the order in which they were made, time, cancellations of tasks
in the order in which they were created; alternative 0 is what stock asyncio does where callbacks take no time and nobody
is cancelled. Where there is one alternative there is no choice point.

A cancellation may come at any point of a task's life: before its first step, while it is suspended, and after its wake-up was
queued but before it runs, which is where a hand-over is lost that nobody takes back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias

from acpool_spec.driven import ChoiceKind, Offer
from acpool_spec.findings import Finding
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import Choice, Oracle, PrunedRun
from acpool_spec.tasks import SimulatedTask

Mode: TypeAlias = Literal["fifo", "reordered"]
Scenario: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
DEFAULT_MAX_STEPS = 100_000


def any_task(_: asyncio.Task[Any]) -> bool:
    """Every task but the scenario's own may be cancelled."""
    return True


Cancellable: TypeAlias = Callable[["asyncio.Task[Any]"], bool]


class Outcome(Enum):
    """How a run ended. Only ``RETURNED`` can be a pass; ``STEP_BOUND`` and ``PRUNED`` say nothing either way."""

    RETURNED = "returned"
    RAISED = "raised"
    DEADLOCK = "deadlock"
    STEP_BOUND = "step bound hit"
    PRUNED = "pruned"


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
    """Asks the oracle and records; keeps the first error of the oracle, which simulated code must not swallow.

    It is the oracle's view of the run as well: what ``labels`` tells is made only when it is asked for.
    """

    __slots__ = (
        "_cancellable",
        "_choose",
        "_lanes",
        "_mode",
        "_offers",
        "_pause",
        "cancellations_left",
        "choices",
        "error",
        "late",
        "loop",
        "max_steps",
        "time_may_pass",
        "time_stands",
        "victims",
    )

    def __init__(
        self,
        oracle: Oracle,
        loop: DeterministicLoop,
        mode: Mode,
        cancellations: int,
        max_steps: int,
        cancellable: Cancellable,
    ) -> None:
        self._cancellable = cancellable
        self._choose = oracle.choose
        self.max_steps = max_steps
        self._mode = mode
        self._pause: Callable[[], object] | None = getattr(oracle, "pause", None)
        self._lanes: Sequence[Lane] = ()
        self._offers: Sequence[Offer] = ()
        self.loop = loop
        self.cancellations_left = cancellations
        self.late = False
        self.time_may_pass = False
        self.time_stands = False
        self.victims: list[SimulatedTask] = []
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

    def schedule(self, lanes: Sequence[Lane], offers: Sequence[Offer]) -> int | Outcome:
        """Choose what happens next: a lane, an offer, time, a cancellation; an outcome when nothing can, or may."""
        loop = self.loop
        count = len(lanes) + len(offers)
        self.time_may_pass = loop.has_timers and not self.time_stands and loop.next_deadline() is not None
        if self.time_may_pass:
            count += 1
        if self.cancellations_left:
            count += len(self._victims())
        if not count:
            return Outcome.DEADLOCK
        if loop.steps >= self.max_steps:
            return Outcome.STEP_BOUND
        if count == 1:
            if self.time_may_pass and self._pause is not None:
                self._pause()
            return 0
        self._lanes, self._offers = lanes, offers
        return self.ask(count, "schedule")

    def ask_for_time(self) -> None:
        """Where the scenario has a say in it, whether time may pass now; what it does in that may make something ready."""
        loop = self.loop
        if loop.on_rest is not None:
            self.time_stands = loop.has_ready or not loop.on_rest() or loop.has_ready

    def outside(self, chosen: int, offers: Sequence[Offer]) -> bool:
        """Let what was chosen beyond the lanes happen; whether time has passed."""
        if chosen < len(offers):
            self.loop.accept(offers[chosen])
            return False
        chosen -= len(offers)
        if self.time_may_pass:
            if chosen == 0:
                self.loop.advance()
                return True
            chosen -= 1
        self.cancellations_left -= 1
        self.victims[chosen].cancel()
        return False

    def _victims(self) -> list[SimulatedTask]:
        tasks = self.loop.tasks
        self.victims = [task for task in tasks[1:] if not task.done() and self._cancellable(task)]
        return self.victims

    def labels(self) -> tuple[str, ...]:
        ready = ["iterate"] if self._mode == "fifo" else [f"step {lane.name}" for lane in self._lanes]
        found = [*ready[: len(self._lanes)], *(f"let {offer.name} happen" for offer in self._offers)]
        if self.time_may_pass:
            found.append("let time pass")
        if self.cancellations_left:
            found += [f"cancel {task.get_name()}" for task in self.victims]
        counts = Counter[str]()
        for index, label in enumerate(found):
            counts[label] += 1
            if counts[label] > 1:
                found[index] = f"{label} #{counts[label]}"
        return tuple(found)


def simulate(
    scenario: Scenario,
    oracle: Oracle,
    *,
    mode: Mode = "reordered",
    cancellations: int = 0,
    cancellable: Cancellable = any_task,
    max_steps: int = DEFAULT_MAX_STEPS,
    on_step: Callable[[Lane], object] | None = None,
) -> Run:
    """Run ``scenario()`` to its end on a fresh deterministic loop, ``oracle`` making the choices.

    When the scenario is done, what stock asyncio still runs before it stops is run, in its order: the rest of the iteration
    and one more. Tasks not done then are findings, and are closed. ``cancellations``: at most how many times the
    outside world cancels a task of the scenario, of those that are ``cancellable``; a scenario that such a cancellation
    ends has not failed, and the tasks it leaves are cancelled and awaited as ``asyncio.run`` does it. ``on_step`` is
    called before each callback with the lane that runs. Raises what the oracle raises; :class:`LoopRefusal` inside a
    running loop. Bounded by ``max_steps`` callbacks, which is the outcome ``STEP_BOUND``; a callback that never returns
    is not bounded.
    """
    if mode not in ("fifo", "reordered"):
        raise ValueError(f"mode {mode!r}: expected 'fifo' or 'reordered'")
    loop = DeterministicLoop()
    decider = _Decider(oracle, loop, mode, cancellations, max_steps, cancellable)
    loop.chooser = decider.ask
    loop.on_step = on_step
    loop.enter()
    try:
        oracle.begin(decider)
        main = loop.create_task(scenario())
        drive = _drive_fifo if mode == "fifo" else _drive_reordered
        try:
            stuck = drive(loop, main, decider)
            injected = decider.cancellations_left < cancellations
            if stuck is None and injected and main.cancelled():
                stuck = _cancel_the_rest(loop, decider, drive)
        except PrunedRun:
            stuck, decider.error = Outcome.PRUNED, None
        if stuck is None:
            loop.finish_iteration()
            loop.run_iteration()
        if decider.error is not None:
            raise decider.error
        oracle.end()
        return _conclude(loop, main, stuck, decider, cancellations)
    finally:
        # What is closed now asks nobody: the oracle has been told that the run is over.
        loop.chooser = _no_choice
        try:
            loop.dispose()
        finally:
            loop.leave()


def _no_choice(count: int, kind: ChoiceKind) -> int:
    return 0


_Drive: TypeAlias = Callable[[DeterministicLoop, "asyncio.Future[Any]", _Decider], Outcome | None]


def _cancel_the_rest(loop: DeterministicLoop, decider: _Decider, drive: _Drive) -> Outcome | None:
    """What ``asyncio.run`` does when the main task is done: cancel all others, and wait for them."""
    left = [task for task in loop.tasks if not task.done()]
    for task in left:
        task.cancel()
    if not left:
        return None
    return drive(loop, asyncio.gather(*left, return_exceptions=True), decider)


def _drive_fifo(loop: DeterministicLoop, main: asyncio.Future[Any], decider: _Decider) -> Outcome | None:
    """Stock asyncio's order; returns why the run stopped before ``main`` was done, or None."""
    while not main.done():
        stuck = _let_outside_act(loop, decider)
        if stuck is not None:
            return stuck
        loop.begin_iteration()
        while not loop.at_boundary and not main.done():
            if loop.steps >= decider.max_steps:
                return Outcome.STEP_BOUND
            loop.run_lane(loop.lanes()[0])
            if decider.error is not None:
                raise decider.error
    return None


def _let_outside_act(loop: DeterministicLoop, decider: _Decider) -> Outcome | None:
    """Between two iterations: offers, cancellations, then time; as a selector's events come before the timers of an iteration."""
    decider.late = False
    while True:
        if loop.on_rest is not None:
            decider.ask_for_time()
        lanes = loop.ready_lanes()[:1]
        offers: Sequence[Offer] = () if decider.late else loop.offers()
        chosen = decider.schedule(lanes, offers)
        if isinstance(chosen, Outcome):
            return chosen
        if chosen < len(lanes):
            return None
        if decider.outside(chosen - len(lanes), offers):
            decider.late = True


def _drive_reordered(loop: DeterministicLoop, main: asyncio.Future[Any], decider: _Decider) -> Outcome | None:
    """Any lane, any offer, time or a cancellation, before every callback; returns why the run stopped early, or None."""
    offers = loop.offers()
    while not main.done():
        if loop.on_rest is not None:
            decider.ask_for_time()
        lanes = loop.lanes()
        chosen = decider.schedule(lanes, offers)
        if isinstance(chosen, Outcome):
            return chosen
        if chosen < len(lanes):
            loop.run_lane(lanes[chosen])
            if decider.error is not None:
                raise decider.error
        else:
            decider.outside(chosen - len(lanes), offers)
    return None


def _conclude(
    loop: DeterministicLoop,
    main: asyncio.Task[object],
    stuck: Outcome | None,
    decider: _Decider,
    cancellations: int,
) -> Run:
    result: object = None
    exception: BaseException | None = None
    outcome = stuck
    if main.done() and stuck is not Outcome.PRUNED:
        if not main.cancelled():
            exception = main.exception()
        elif decider.cancellations_left == cancellations:
            exception = asyncio.CancelledError("the scenario was cancelled")
        outcome = stuck or (Outcome.RETURNED if exception is None else Outcome.RAISED)
        result = main.result() if exception is None and not main.cancelled() else None
    assert outcome is not None
    choices = tuple(decider.choices)
    return Run(outcome, choices, loop.steps, loop.time(), result, exception, loop.findings())
