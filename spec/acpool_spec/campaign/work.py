"""The work of one worker: a unit, explored in whatever process this is, from names alone, and answered with data."""

from __future__ import annotations

import importlib
import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from acpool_spec.campaign.results import Counts, Result
from acpool_spec.campaign.subject import Scope, Subject, python_version, subject_of
from acpool_spec.exploration import Certificate, Report, explore
from acpool_spec.exploration.explorer import SAMPLE
from acpool_spec.exploration.handover import Walk
from acpool_spec.exploration.strategies import EXHAUSTIVE, WALKS, portfolio_of
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.oracles import Oracle
from acpool_spec.quiet import quiet
from acpool_spec.refusals import LoopRefusal
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Bound, Budget, Outcome

WHOLE = 50_000
"""Executions after which a unit counts as large, and leaves what is open to others, part by part. It does not depend on how many
workers there are, so that the counts do not."""
_FOREVER_S = 1e9
_TOO_BIG = "it is too big for the time that was left, and was walked and sampled by turns"
_FOR_THE_WALK = 0.95  # of the seconds; what is left is for an estimate, and for saying all that
_TELL_S = 0.25  # between two tellings of how far a unit is


class Post(NamedTuple):
    """Where a unit tells how far it is: at ``place``, one of as many as there are workers, as number ``number`` of all units that
    were handed out; on a cluster, under ``topic``."""

    place: int
    number: int
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What to explore, in names: see :class:`~acpool_spec.campaign.results.Unit`.

    ``digest`` and ``python``: of the code that asks, which the worker's must be like. ``known``: states that were known when
    the part was left to others, one key after the other. ``seconds``: how long it may take at most; None: as long as it takes.
    ``whole``: executions after which it is left to others. ``strategy``: one that is not ``exhaustive`` makes ``executions`` runs
    at most (None: as many as it takes, a sampler 1,000), and leaves nothing. ``workers``: how many there are, by which a scope is
    too big for ``seconds`` or not. ``post``: where it tells how far it is; None: nowhere.
    """

    family: str
    pool: str
    digest: str
    python: str
    scope: str
    prefix: Prefix = ()
    known: bytes = b""
    seconds: float | None = None
    whole: int = WHOLE
    paranoid: bool = False
    strategy: str = EXHAUSTIVE
    executions: int | None = None
    workers: int = 1
    post: Post | None = field(default=None, compare=False)


_one_at_a_time = threading.Lock()
"""A worker of many threads gains nothing by exploring in all of them, and logging is switched off for a whole process."""


def _never() -> bool:
    return False


_is_stopped: Callable[[], bool] = _never


def stop_when(is_stopped: Callable[[], bool]) -> None:
    """From now on units in this process end early when ``is_stopped``."""
    global _is_stopped  # noqa: PLW0603 - workers are told when their process starts, and functions come to them by name
    _is_stopped = is_stopped


def _nowhere(_post: Post, _counts: Counts) -> None:
    pass


_tell: Callable[[Post, Counts], object] = _nowhere


def tell_with(tell: Callable[[Post, Counts], object]) -> None:
    """From now on units in this process say with ``tell`` how far they are, now and then."""
    global _tell  # noqa: PLW0603 - as above
    _tell = tell


def _tell_cluster(post: Post, counts: Counts) -> None:
    """Tell the client of the cluster that this worker belongs to."""
    distributed: Any = importlib.import_module("distributed")
    distributed.get_worker().log_event(post.topic, [post.place, post.number, *counts])


def run_unit(order: Order) -> dict[str, Any]:
    """Explore one unit; the record of its :class:`Result`.

    Raises :class:`BadInput` where this process cannot: its code is another, or there is no such pool or scope. Bound on waiting:
    ``order.seconds``, and the minimisation of a failure.
    """
    with _one_at_a_time, quiet():
        subject = subject_of(order.family, order.pool)
        if (subject.digest, python_version()) != (order.digest, order.python):
            raise BadInput(
                f"a worker has other code: its digest is {subject.digest} under Python {python_version()}, "
                f"expected {order.digest} under {order.python}"
            )
        began = time.monotonic()
        try:
            result = _Work(order, subject, subject.family.scope(order.scope)).result()
        except LoopRefusal as error:
            raise BadInput(f"scope {order.scope!r} with --pool {order.pool!r}: {error}") from error
        # As it comes out of a journal: a result from there and one from here cannot be told apart.
        record: dict[str, Any] = json.loads(
            json.dumps(replace(result, seconds=time.monotonic() - began).record())
        )
        return record


class _Clock:
    """Time for a budget, which calls ``look`` when it is read; ``ran_out`` when the unit was told to end, or its seconds are
    over."""

    def __init__(self, seconds: float | None, look: Callable[[float], object]) -> None:
        self._look = look
        self.limit = _FOREVER_S if seconds is None else max(0.0, seconds)
        self.ran_out = False
        self.spent_s = 0.0
        self._began = time.monotonic()
        self._ahead = 0.0

    def __call__(self) -> float:
        spent = time.monotonic() - self._began
        self._look(spent)
        self.spent_s = spent
        self.ran_out = spent >= self.limit or _is_stopped()
        if self.ran_out:  # later than at any reading before, the first one included
            self._ahead += self.limit + 1
        return spent + self._ahead


class _Work:
    """One order being carried out."""

    def __init__(self, order: Order, subject: Subject, scope: Scope) -> None:
        self._order = order
        self._subject = subject
        self._scope = scope
        self._scenario = subject.scenario(scope)
        self._clock = _Clock(order.seconds, self._tell)
        self._told_s = 0.0
        self._runs = 0
        self._walk = self._begin()

    def result(self) -> Result:
        order = self._order
        if order.strategy != EXHAUSTIVE:
            return self._finished(self._explore(self._by_strategy))
        report = self._explore(self._by_walk)
        certificate = report.certificate
        spent = f"the budget {Bound('executions', order.whole)} ran out"
        if self._clock.ran_out or report.verdict != Outcome.UNDECIDED or spent not in certificate.skips:
            return self._finished(report)
        del certificate.skips[spent]  # it was for this unit: what is open is not left out, but left to others
        if self._is_too_big():
            report = self._explore(self._by_turns, self._by_turns_again)
            if report.verdict == Outcome.UNDECIDED:
                report.certificate.skip(_TOO_BIG)
            return self._finished(report)
        left = self._walk.leave()
        return Result(certificate, parts=left.parts, known=left.known)

    def _is_too_big(self) -> bool:
        """Whether the scope will not be done in time, if what is ahead of the walk takes as long as what is behind it."""
        order, spent_s = self._order, self._clock.spent_s
        if order.prefix or order.seconds is None:
            return False
        ahead_s = math.inf if not self._walk.behind else spent_s * (1 / self._walk.behind - 1)
        return ahead_s > (order.seconds - spent_s) * order.workers

    def _begin(self) -> Walk:
        return Walk(Certificate(exhaustive=True), prefix=self._order.prefix, known=self._order.known)

    def _explore(self, by: Callable[[], Report], again: Callable[[], Report] | None = None) -> Report:
        report, conclude = by(), self._subject.family.conclude
        return report if conclude is None else conclude(self._scenario, report, again or by)

    def _by_walk(self) -> Report:
        self._walk = self._begin()
        return self._explore_with(self._walk, self._order.whole, self._clock.limit)

    def _by_turns(self) -> Report:
        """Go on with the walk and sample, by turns, for as long as the walk alone has taken: there are other scopes."""
        seconds = min(self._clock.spent_s, self._clock.limit - self._clock.spent_s)
        return self._explore_with(portfolio_of(self._walk, 0), None, max(0.0, seconds))

    def _by_turns_again(self) -> Report:
        """The same runs of the samplers, and those of the walk from its beginning."""
        self._walk = self._begin()
        left_s = self._clock.limit - self._clock.spent_s
        return self._explore_with(portfolio_of(self._walk, 0), None, max(0.0, left_s))

    def _by_strategy(self) -> Report:
        self._walk, self._runs = self._begin(), 0
        executions, name = self._order.executions, self._order.strategy
        if executions is None and name not in WALKS:
            executions = SAMPLE
        asked = portfolio_of(self._walk, 0) if name in WALKS else name
        return self._explore_with(asked, executions, self._clock.limit)

    def _explore_with(self, strategy: str | Oracle, executions: int | None, seconds: float) -> Report:
        order = self._order
        return explore(
            self._scenario,
            mode=self._scope.mode,
            strategy=strategy,
            cancellations=self._scope.cancellations,
            cancellable=self._subject.family.cancellable,
            budget=Budget(executions=executions, seconds=_FOR_THE_WALK * seconds, clock=self._clock),
            paranoid=order.paranoid,
            footprints=False,  # as in scopes.scenario: a pool sets timers
            prefix=order.prefix,
        )

    def _counts(self) -> Counts:
        walk = self._walk
        return Counts(max(walk.certificate.executions, self._runs), walk.certificate.states, walk.behind)

    def _tell(self, seconds: float) -> None:
        if self._order.strategy not in WALKS:
            self._runs += 1  # the clock is read before each run, which is all that is known of a sampler's
        if self._order.post is not None and seconds >= self._told_s:
            self._told_s = seconds + _TELL_S
            tell = _tell_cluster if self._order.post.topic else _tell
            tell(self._order.post, self._counts())

    def _finished(self, report: Report) -> Result:
        schedule, certificate = report.schedule, report.certificate
        if schedule is not None:
            schedule = replace(schedule, about=self._subject.about(self._scope))
        out_of_time = any(skip.startswith("the budget seconds=") for skip in certificate.skips)
        return Result(
            certificate,
            failure=report.failure,
            schedule=None if schedule is None else schedule.text(),
            stopped=self._clock.ran_out or (out_of_time and _TOO_BIG not in certificate.skips),
            behind=self._walk.behind,
            estimate=report.estimate,
        )
