"""A campaign: units handed to workers until none is left, their results put together by scope.

Results are known by the unit that they are of, so that it does not matter who came by them, when, or how often the
campaign was interrupted. There is no scheduler here: the executor decides what runs where.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any

from acpool_spec.campaign.account import Account, Line
from acpool_spec.campaign.executors import Crew
from acpool_spec.campaign.journal import Journal
from acpool_spec.campaign.results import Counts, Result, Unit, result_of
from acpool_spec.campaign.work import WHOLE, Order, Post, run_unit
from acpool_spec.exploration.strategies import EXHAUSTIVE
from acpool_spec.interruption import LOOK_S, Interruption, interruption
from acpool_spec.verdict import Bound
from acpool_spec.workers import held_back

_GRACE_LOOKS = 60  # what is being explored when the time is over may take as long to say so
_DEATHS = 2
_DIED = f"its worker process died {_DEATHS} times"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to explore: ``scopes`` of the family in the module ``family``, with ``pool``; see :class:`Order`.

    ``seconds``: for all of it, on ``clock``; None: no bound.
    """

    family: str
    pool: str
    digest: str
    python: str
    scopes: Sequence[str]
    seconds: float | None = None
    whole: int = WHOLE
    paranoid: bool = False
    strategy: str = EXHAUSTIVE
    executions: int | None = None
    clock: Callable[[], float] = time.monotonic


class Campaign:
    """One campaign, carried out by ``crew``; what is in ``journal`` is not done again. ``show`` is called whenever there is news.

    ``ended``: why it ended before everything was done; empty where it did not.
    """

    def __init__(
        self,
        plan: Plan,
        crew: Crew,
        journal: Journal | None = None,
        show: Callable[[Campaign], object] = lambda _: None,
    ) -> None:
        self.plan = plan
        self.accounts = {name: Account(name) for name in plan.scopes}
        self.ended = ""
        self.taken_over = 0
        self.running: dict[Future[dict[str, Any]], Unit] = {}
        self._posts: dict[Unit, Post] = {}
        self._since: dict[Unit, float] = {}
        self._handed_out = 0
        self.workers = crew.workers
        self._asked = Interruption()
        self._crew = crew
        self._journal = journal
        self._show = show
        self._began = plan.clock()
        self._deaths: Counter[Unit] = Counter()
        self._suspects: deque[Unit] = deque()
        self._suspected: set[Unit] = set()
        self._waiting: deque[Unit] = deque()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self.plan.clock() - self._began

    def lines(self) -> list[Line]:
        """The table: one line for each scope, in the order of the plan."""
        return [account.line(self.ended or "not explored yet") for account in self.accounts.values()]

    def run(self) -> list[Line]:
        """Explore everything that is left; Ctrl-C ends the exploring, not the table.

        Raises what a worker raises. Bound on waiting: the seconds of the plan, and what it takes to minimise failures.
        """
        self._take_over()
        self._show(self)
        with interruption() as self._asked:
            try:
                self._explore()
            except KeyboardInterrupt:  # the second, before the first was looked at
                self._interrupted()
        for unit, counts in self.counts().items():
            if counts is not None:
                self.accounts[unit.scope].cut(unit, counts, self.seconds - self._since[unit])
        return self.lines()

    def _interrupted(self) -> None:
        self.ended = "interrupted"
        self._crew.stop()

    def _take_over(self) -> None:
        finished = {} if self._journal is None else self._journal.finished
        for account in self.accounts.values():
            while found := [unit for unit in account.left() if unit in finished]:
                # One after the other: a violated part makes the later ones superfluous.
                account.take(found[0], finished[found[0]])
                self.taken_over += 1
        self._waiting.extend(unit for account in self.accounts.values() for unit in account.left())

    def _explore(self) -> None:
        while not self.ended:
            self._hand_out()
            if not self._left():
                self._crew.stop()  # what is still being explored lies behind a violated part
                return
            if not self.running:  # each of those that are left has had its time
                self._end(f"the budget {Bound('seconds', self.plan.seconds or 0.0)} ran out")
                break
            done, _ = wait(self.running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            self._collect(done)
            seconds = self.plan.seconds
            if self._asked.requested and self._left():
                self._interrupted()
            elif seconds is not None and self.seconds >= seconds and self._left():
                self._end(f"the budget {Bound('seconds', seconds)} ran out")
            elif not done and (why := self._crew.given_up()):
                self._end(why)
            self._show(self)

    def _left(self) -> bool:
        return any(account.left() for account in self.accounts.values())

    def _end(self, why: str) -> None:
        """No more units; those that are being explored may still come to their end."""
        self.ended = why
        self._crew.stop()
        for future in self.running:
            future.cancel()
        done: set[Future[dict[str, Any]]] = set()
        for _ in range(_GRACE_LOOKS):
            done, left = wait(self.running, timeout=LOOK_S)
            if not left or self._asked.requested:
                break
        self._collect({future for future in done if not future.cancelled()})

    def _hand_out(self) -> None:
        # No more than can be explored at once: what waits inside the executor would lose the time that it has left.
        while len(self.running) < self.workers and (unit := self._next()) is not None:
            left = None if self.plan.seconds is None else max(0.0, self.plan.seconds - self.seconds)
            plan = self.plan
            order = Order(
                plan.family,
                plan.pool,
                plan.digest,
                plan.python,
                unit.scope,
                unit.prefix,
                self.accounts[unit.scope].known(unit),
                left,
                plan.whole,
                plan.paranoid,
                plan.strategy,
                plan.executions,
                self.workers,
                self._post(unit),
            )
            with held_back():
                try:
                    future = self._crew.executor.submit(run_unit, order)
                except BrokenExecutor:  # a process that had nothing to do was killed
                    self._crew.renew()
                    future = self._crew.executor.submit(run_unit, order)
            self.running[future] = unit

    def _post(self, unit: Unit) -> Post:
        """A place of its own at which ``unit`` tells how far it is."""
        taken = {self._posts[known].place for known in self.running.values()}
        place = next(place for place in range(self.workers) if place not in taken)
        self._handed_out += 1
        self._since[unit] = self.seconds
        self._posts[unit] = Post(place, self._handed_out, self._crew.topic)
        return self._posts[unit]

    def counts(self) -> dict[Unit, Counts | None]:
        """The units that are being explored now, and how far each says that it is; None: it has not said anything."""
        return {unit: self._crew.told(self._posts[unit]) for unit in self.running.values()}

    def _next(self) -> Unit | None:
        """The next unit. One whose worker may have died of it is explored with nothing beside it, so that it is known whether it
        was this one."""
        if self._suspects:
            return self._suspects.popleft() if not self.running else None
        if not self._suspected.isdisjoint(self.running.values()):
            return None
        while self._waiting:
            unit = self._waiting.popleft()
            if unit in self.accounts[unit.scope].left():
                return unit
        return None

    def _collect(self, done: set[Future[dict[str, Any]]]) -> None:
        alone = False
        if any(isinstance(_error_of(future), BrokenExecutor) for future in done):
            # A broken executor gives up all that it had; what has come to its end still counts.
            done, _ = wait(self.running)
            self._crew.renew()
            alone = sum(isinstance(_error_of(future), BrokenExecutor) for future in done) == 1
        for future in sorted(done, key=[*self.running].index):
            unit, error = self.running.pop(future), _error_of(future)
            if error is None:
                self._take(unit, result_of(future.result()))
            elif isinstance(error, BrokenExecutor):
                self._lost(unit, alone=alone)
            elif isinstance(error, CancelledError):
                self.ended = self.ended or "the executor has given the work up"
            elif self._crew.is_loss(error):
                self.accounts[unit.scope].lose(unit, "several workers died of it")
            else:
                raise error

    def _lost(self, unit: Unit, *, alone: bool) -> None:
        """The process that explored ``unit`` has died, or, unless it was ``alone``, one beside it."""
        self._suspected.add(unit)
        self._deaths[unit] += alone
        if self._deaths[unit] < _DEATHS:
            self._suspects.append(unit)
        else:
            self.accounts[unit.scope].lose(unit, _DIED)

    def _take(self, unit: Unit, result: Result) -> None:
        account = self.accounts[unit.scope]
        if result.stopped:
            counts = Counts(result.certificate.executions, result.certificate.states, result.behind)
            account.cut(unit, counts, result.seconds, result.estimate)
        if result.stopped or unit not in account.left():
            return
        account.take(unit, result)
        if self._journal is not None and result.settled:
            self._journal.keep(unit, result)
        if result.parts is not None:
            self._waiting.extendleft(reversed(account.left()))


def _error_of(future: Future[dict[str, Any]]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
