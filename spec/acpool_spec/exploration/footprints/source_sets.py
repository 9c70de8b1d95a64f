"""One run of every class of equivalent ones: dynamic partial-order reduction with source sets and sleep sets.

After P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, *Optimal dynamic partial order reduction* (POPL 2014), algorithm 1, with the
runs made anew from their beginning for each branch. At a state one lane is followed; another only where a race seen in a run
demands it. A lane that was followed sleeps in what is explored beside it, until a step that conflicts with its own wakes it:
where everything that is ready sleeps, the run is one that is known, told in another order, and ends there.

It is for runs in which lanes compete and nothing else does, and in which what is ready stays so until it runs. ``unfit`` says
otherwise: nothing may be concluded then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from acpool_spec.driven import ChoiceKind
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import NotDeterministic
from acpool_spec.exploration.footprints.cells import Footprint
from acpool_spec.exploration.footprints.happens_before import HappensBefore, Step
from acpool_spec.exploration.footprints.observer import Observer
from acpool_spec.exploration.order import VisitingOrder
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import PrunedRun, View

AGAIN = 3
"""How often a walk may begin again because a step did not touch what it touched before."""
STEPS = 500
"""Of the longest run that is looked at. Each step is compared with every other: a run without an end would take for ever."""


class Asleep(NamedTuple):
    """The step of a lane that was followed at step ``parted`` of an earlier run."""

    footprint: Footprint
    parted: int


class _Node:
    """The state before one step on the path: who is ready, who is followed, whom a race demands, who was followed, who sleeps."""

    __slots__ = ("chosen", "demanded", "followed", "lanes", "sleep", "told")

    def __init__(self, lanes: tuple[int, ...], chosen: int, sleep: dict[int, Asleep]) -> None:
        self.lanes = lanes
        self.chosen = chosen
        self.demanded = [chosen]
        self.followed: dict[int, Asleep] = {}
        self.sleep = sleep
        self.told: object = None


class SourceSets:
    """The oracle of such a walk. ``finished``: every reversal that a race demanded was taken. ``seed``: which lane a state begins
    with; 0 is stock asyncio's choice. In ``certificate``, an alternative is a lane that is followed at first or demanded."""

    def __init__(self, certificate: Certificate, *, seed: int = 0) -> None:
        self.finished = False
        self.observer = Observer()
        self._certificate = certificate
        self._order = VisitingOrder(seed)
        self._path: list[_Node] = []
        self._new_from = 0
        self._loop: DeterministicLoop | None = None
        self._steps: list[Step] = []
        self._enabler: int | None = None
        self._numbers: dict[int, int] = {}
        self._lanes: list[Lane] = []
        self._open: tuple[int, ...] | None = None
        self._blocked = False
        self._strange = False
        self._again = 0
        self._reason = ""

    @property
    def unfit(self) -> str:
        """Why this reduction cannot be used here, in words; empty as long as it can."""
        return self._reason or self.observer.unfit

    def begin(self, view: View) -> None:
        """The next path, from the root."""
        self._loop = loop = cast("DeterministicLoop", view.loop)
        self._steps, self._numbers, self._lanes = [], {}, []
        self._open, self._blocked, self._strange = None, False, False
        if view.cancellations_left:
            self._reason = "tasks may be cancelled from outside"
        self.observer.begin(loop)
        loop.on_step = self._on_step

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """The lane that the path says; beyond its end, the first that does not sleep."""
        self._close_step()
        loop = self._loop
        assert loop is not None
        ready = loop.ready_lanes()
        if kind != "schedule" or count != len(ready):
            self._reason = self._reason or "lanes are not all that there is to choose among"
        if kind == "value":
            return 0  # a run cannot be ended inside a step
        if self.unfit or self._blocked or self._strange:
            raise PrunedRun
        node = self._node(ready)
        if self._blocked:
            raise PrunedRun
        return node.lanes.index(node.chosen)

    def _number(self, lane: Lane) -> int:
        """Which lane of the run: in the order in which they were first seen ready, the same in runs that begin alike."""
        known = self._numbers.get(id(lane))
        if known is None:
            known = self._numbers[id(lane)] = len(self._lanes)
            self._lanes.append(lane)
        return known

    def _node(self, ready: Sequence[Lane]) -> _Node:
        """The state before the next step: the one on the path, or a new one at its end."""
        at = len(self._steps)
        lanes = tuple([self._number(lane) for lane in ready])
        if at >= STEPS:
            self._reason = self._reason or f"a run has more than {STEPS} steps"
        if at < len(self._path):
            node = self._path[at]
            if node.lanes != lanes:
                raise NotDeterministic(
                    f"step {at}: lanes {lanes} are ready, where an earlier run with the same choices had {node.lanes}"
                )
            return node
        sleep = self._falling_asleep(at)
        awake = [lane for lane in lanes if lane not in sleep]
        if not awake:
            self._blocked = True
            awake = list(lanes)
        chosen = awake[self._order.draw(len(awake)).start if len(awake) > 1 else 0]
        node = _Node(lanes, chosen, sleep)
        self._path.append(node)
        self._count(node)
        return node

    def _falling_asleep(self, at: int) -> dict[int, Asleep]:
        """Who sleeps before step ``at``: those who slept or were followed before the last step, and do not conflict with it."""
        if not at:
            return {}
        above, step = self._path[at - 1], self._steps[at - 1]
        return {
            lane: asleep
            for lane, asleep in (above.sleep | above.followed).items()
            if lane != step.lane and not asleep.footprint.may_conflict(asleep.parted, step.footprint)
        }

    def _on_step(self, lane: Lane) -> None:
        self._close_step()
        if self.unfit:
            self.observer.stop()
            return
        loop = self._loop
        assert loop is not None
        self._node(loop.ready_lanes())
        self._open = self._number(lane), len(self._steps)
        self._enabler = self.observer.begin_step(lane)

    def _close_step(self) -> None:
        footprint = self.observer.end_step()
        if footprint is None or self._open is None:
            return
        at = len(self._steps)
        self._steps.append(Step(self._open[0], self._enabler, footprint))
        self._open = None
        told = footprint.told(), self.observer.notes.names.seen()
        if at >= self._new_from:
            self._path[at].told = told
        elif self._path[at].told != told:
            self._strange = True

    def end(self) -> None:
        """The run came to its end: learn from its races, and go on to the next path."""
        self._close_step()
        if not self.unfit:
            self.observer.end()
        if self.unfit:
            self.observer.stop()
            return
        if self._strange:
            self._begin_again()
            return
        steps, path = self._steps, self._path
        if len(steps) < self._new_from:
            raise NotDeterministic(
                f"the run ended after step {len(steps)}, where an earlier run with the same choices went on"
            )
        self._certificate.blocked += self._blocked
        self._certificate.classes += not self._blocked
        for race in HappensBefore(steps).races(self._new_from):
            node = path[race.first]
            if not race.initials & {*node.demanded, *node.sleep}:
                wanted = sorted(race.initials & set(node.lanes))
                if not wanted:
                    self._reason = "a race cannot be reversed"
                    return
                node.demanded.append(wanted[0])
                self._certificate.alternatives += len(node.lanes) > 1
        self._turn()

    def _begin_again(self) -> None:
        """A step touched other things than when it was made before: something is remembered from one run to the next, a cache
        of the standard library most likely. Names mean nothing across such runs, so what was learned is forgotten."""
        self._again += 1
        if self._again > AGAIN:
            self._reason = "the same steps do not touch the same things each time"
            return
        account = self._certificate
        account.choice_points = account.alternatives = account.taken = 0
        account.abandoned += account.classes + account.blocked + 1
        account.classes = account.blocked = 0
        self._path.clear()
        self._new_from = 0

    def _turn(self) -> None:
        """To the deepest state at which somebody who is demanded has not been followed."""
        path, steps = self._path, self._steps
        while path:
            at, node = len(path) - 1, path[-1]
            if at < len(steps):
                node.followed[node.chosen] = Asleep(steps[at].footprint, at)
                self._certificate.taken += len(node.lanes) > 1
                left = [lane for lane in node.demanded if lane not in node.followed]
                if left:
                    node.chosen = left[0]
                    self._new_from = at
                    return
            else:
                self._certificate.taken += len(node.lanes) > 1  # nobody was awake there
            path.pop()
        self.finished = True

    def _count(self, node: _Node) -> None:
        if len(node.lanes) > 1:
            self._certificate.choice_points += 1
            self._certificate.alternatives += 1
