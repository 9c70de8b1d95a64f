"""Whether time has passed between two iterations is part of a state: the selector reports nothing more then, in ``fifo``.

A state has it twice: as such, and where it makes a difference also by what belongs to a later iteration. Without both,
states that are not equal are taken for one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import cast

import pytest

from acpool_spec import offer
from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration import depth_first
from acpool_spec.exploration.canonical import state_key
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import View
from acpool_spec.simulation import simulate


async def cancelled_twice() -> None:
    """Ends where ``awaited`` is cancelled, whereupon ``stays`` is, as by ``asyncio.run``.

    If that happens in the middle of an iteration in which a timer is still to run, and ``stays`` had been cancelled before,
    the same callbacks are ready at the same time as when ``stays`` is cancelled again after time has passed; but nothing
    from outside may follow them into the iteration then.
    """
    loop = asyncio.get_running_loop()

    async def awaited() -> None:
        await asyncio.Event().wait()

    async def stays() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)

    task = asyncio.create_task(awaited(), name="awaited")
    kept = asyncio.create_task(stays(), name="stays")
    offer(int, name="something")
    loop.call_later(1, int)
    loop.call_later(2, int)
    await task
    del kept


def forget_iterations(patch: pytest.MonkeyPatch) -> None:
    """From now on nothing belongs to a later iteration."""

    def never(loop: DeterministicLoop, order: int) -> bool:
        return False

    patch.setattr(DeterministicLoop, "is_later", never)


class Alternatives(DepthFirst):
    """A walk that notes what could be chosen in each state, iterations left out and not."""

    def __init__(self) -> None:
        super().__init__(Certificate(exhaustive=True), prune=True)
        self.offered: defaultdict[bytes, set[tuple[str, ...]]] = defaultdict(set)
        self.offered_without: defaultdict[bytes, set[tuple[str, ...]]] = defaultdict(set)

    def begin(self, view: View) -> None:
        super().begin(view)
        self.seen = view

    def choose(self, count: int, kind: ChoiceKind) -> int:
        loop, left = cast("DeterministicLoop", self.seen.loop), self.seen.cancellations_left
        self.offered[state_key(loop, (left, self.seen.late))].add(self.seen.labels())
        with pytest.MonkeyPatch.context() as patch:
            forget_iterations(patch)
            self.offered_without[state_key(loop, left)].add(self.seen.labels())
        return super().choose(count, kind)


def walked(walk: DepthFirst) -> int:
    """The number of states that ``walk`` finds."""
    while not walk.finished:
        simulate(cancelled_twice, walk, mode="fifo", cancellations=2)
    return walk.certificate.states


@pytest.mark.no_cover
def test_equal_states_offer_the_same_alternatives(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Alternatives()
    states = walked(walk)
    assert {len(labels) for labels in walk.offered.values()} == {1}
    assert {len(labels) for labels in walk.offered_without.values()} == {1, 2}

    def forgetful(view: View) -> bytes:
        return state_key(cast("DeterministicLoop", view.loop), view.cancellations_left)

    monkeypatch.setattr(depth_first, "state_at", forgetful)
    forget_iterations(monkeypatch)
    assert walked(DepthFirst(Certificate(exhaustive=True), prune=True)) < states
