"""The scheduler's side of the deterministic loop: what may go next, and letting it go.

Whoever drives looks at :meth:`DrivenLoop.lanes` (index 0 is what stock asyncio would run next) and runs one callback of
one lane, or a whole iteration as stock asyncio does; lets virtual time pass with :meth:`~DrivenLoop.advance`; lets the
outside world act with :meth:`~DrivenLoop.accept` or :meth:`~DrivenLoop.call_outside`. Nothing happens otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Literal, TypeAlias

from acpool_spec.lanes import Lane, LaneHandle, promote, push
from acpool_spec.refusals import Refusals
from acpool_spec.timers import Timer, Timers

ChoiceKind: TypeAlias = Literal["schedule", "value"]


class Offer:
    """Something the outside world may do, once, when the scheduler accepts it; ``cancel`` withdraws it.

    ``rare``: a fault, stranger than everything that is none.
    """

    __slots__ = ("_offers", "arguments", "callback", "name", "rare")

    def __init__(
        self,
        offers: list[Offer],
        name: str,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        rare: bool = False,
    ) -> None:
        self._offers = offers
        self.name = name
        self.callback = callback
        self.arguments = arguments
        self.rare = rare

    def __repr__(self) -> str:
        return f"<Offer {self.name}>"

    def cancel(self) -> None:
        """Withdraw the offer; nothing happens when it was accepted or withdrawn."""
        if self in self._offers:
            self._offers.remove(self)


class DrivenLoop(Refusals):
    """Ready lanes, timers and offers of one run, and the methods by which a scheduler lets them go.

    ``steps`` counts callbacks run, ``iterations`` those of stock asyncio that have begun. ``chooser`` answers ``choose()``
    inside the simulated code; whoever drives the loop sets it. ``on_step``, where set, is called before every callback with
    the lane. ``on_rest``, where set, is asked whenever nothing is ready whether time may pass then; while something is ready
    it may not. No method waits.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.iterations = 0
        self.chooser: Callable[[int, ChoiceKind], int] | None = None
        self.on_step: Callable[[Lane], object] | None = None
        self.on_rest: Callable[[], bool] | None = None
        self._time = 0.0
        self._timers = Timers()
        self._offers: list[Offer] = []
        self._runnable: list[Lane] = []
        self._current: Lane | None = None
        self._arrivals = 0
        self._order = 0
        self._boundary = 0

    def lanes(self) -> Sequence[Lane]:
        """The lanes with a ready callback, by the order in which their heads became ready.

        Index 0 is what stock asyncio would run next. It is the loop's own list: read it, and read it anew after
        every step.
        """
        runnable = self._runnable
        # ``at_boundary`` and ``begin_iteration`` without their calls: this is asked before every step of every run.
        if runnable and runnable[0].head[0] > self._boundary:  # type: ignore[index]  # a runnable lane has a head
            if self._timers.heap:
                self._fire_due()
            self._boundary = self._order
            self.iterations += 1
        return runnable

    def run_lane(self, lane: Lane) -> None:
        """Run the first callback of ``lane``. Raises ``LookupError`` when the lane is empty."""
        entry = lane.head
        if entry is None:
            raise LookupError(f"lane {lane.name!r} has nothing to run")
        if self.on_step is not None:
            self.on_step(lane)
        runnable = self._runnable
        runnable.remove(lane)
        if lane.rest:
            promote(runnable, lane)
        else:
            lane.head = None
        self.steps += 1
        self._current = lane
        try:
            entry[3].run(entry[1], *entry[2])
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio does: a callback's error is reported, not raised
            self.call_exception_handler({"message": "Exception in callback", "exception": error})
        finally:
            self._current = None

    @property
    def inside_callback(self) -> bool:
        """Whether a callback is running: what happens otherwise is no part of the run (it is being abandoned, say)."""
        return self._current is not None

    @property
    def current(self) -> Lane | None:
        """The lane whose callback is running, None between two."""
        return self._current

    @property
    def order(self) -> int:
        """The place in stock asyncio's ready queue of the callback that was queued last."""
        return self._order

    @property
    def at_boundary(self) -> bool:
        """Whether stock asyncio would begin an iteration now: all that was ready at the start of the last has run."""
        runnable = self._runnable
        return not runnable or runnable[0].head_order > self._boundary

    def is_later(self, order: int) -> bool:
        """Whether the ready callback at place ``order`` of the ready queue belongs to a later iteration than the current one."""
        return order > self._boundary

    def begin_iteration(self) -> None:
        """Begin an iteration as stock asyncio does: timers already due become ready; what is ready now belongs to it."""
        self._fire_due()
        self._boundary = self._order
        self.iterations += 1

    def finish_iteration(self) -> int:
        """Run what is left of the iteration, in stock asyncio's order; returns the number of callbacks run."""
        ran = 0
        while not self.at_boundary:
            self.run_lane(self._runnable[0])
            ran += 1
        return ran

    def run_iteration(self) -> int:
        """Run what stock asyncio runs in one iteration: all that is ready at its start; returns how many ran."""
        self.begin_iteration()
        return self.finish_iteration()

    def ready_lanes(self) -> Sequence[Lane]:
        """As :meth:`lanes`, without beginning an iteration: timers that are due stay where they are."""
        return self._runnable

    @property
    def has_ready(self) -> bool:
        """Whether any callback is ready."""
        return bool(self._runnable)

    def timers(self) -> Sequence[Timer]:
        """The live timers, in the order in which they will become ready."""
        return self._timers.live()

    @property
    def has_timers(self) -> bool:
        """Whether any timer is set; cancelled ones may count still."""
        return bool(self._timers.heap)

    def next_deadline(self) -> float | None:
        """The deadline of the next live timer, in seconds of virtual time; None when there is none."""
        return self._timers.next_deadline()

    def advance(self) -> None:
        """Let time pass until the next deadline; all timers due then become ready, each in a lane of its own.

        Their order is (deadline, order of setting). Raises ``LookupError`` when there is no live timer.
        """
        deadline = self._timers.next_deadline()
        if deadline is None:
            raise LookupError("there is no live timer to advance to")
        self._time = max(self._time, deadline)
        self._fire_due()

    def call_outside(
        self, callback: Callable[..., object], *args: Any, name: str | None = None
    ) -> LaneHandle:
        """Something happens outside: ``callback(*args)`` becomes ready, last, in a lane of its own."""
        self._arrivals += 1
        lane = Lane(name if name is not None else f"outside {self._arrivals}")
        return self._enqueue(lane, callback, args, copy_context())

    def offer(
        self, callback: Callable[..., object], *args: Any, name: str | None = None, rare: bool = False
    ) -> Offer:
        """Something that may happen outside, whenever the scheduler accepts it; never, if it does not."""
        offers = self._offers
        offer = Offer(offers, name if name is not None else _name_of(callback), callback, args, rare)
        place = len(offers)
        while not rare and place and offers[place - 1].rare:
            place -= 1
        offers.insert(place, offer)
        return offer

    def offers(self) -> Sequence[Offer]:
        """The offers neither accepted nor withdrawn, in the order in which they were made; the rare ones come last."""
        return self._offers

    def accept(self, offer: Offer) -> LaneHandle:
        """Let ``offer`` happen: its callback becomes ready. Raises ``LookupError`` when it is no longer open."""
        if offer not in self._offers:
            raise LookupError(f"offer {offer.name!r} is not open")
        self._offers.remove(offer)
        return self.call_outside(offer.callback, *offer.arguments, name=offer.name)

    def _enqueue(
        self, lane: Lane, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> LaneHandle:
        self._order += 1
        entry = (self._order, callback, args, context)
        push(self._runnable, lane, entry)
        return LaneHandle(self._runnable, lane, entry)

    def _fire_due(self) -> None:
        for serial, timer in self._timers.pop_due(self._time):
            lane = Lane(f"timer {serial}")
            timer.handle = self._enqueue(lane, timer.function, timer.arguments, timer.get_context())


def _name_of(callback: object) -> str:
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))
