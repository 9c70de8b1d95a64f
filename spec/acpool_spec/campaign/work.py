"""The work of one worker: a unit, explored in whatever process this is, from names alone, and answered with data."""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from acpool_spec.campaign.results import Counts, Result
from acpool_spec.campaign.subject import Scope, Subject, python_version, subject_of
from acpool_spec.exploration import Certificate, Report, explore
from acpool_spec.exploration.handover import Walk
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.quiet import quiet
from acpool_spec.refusals import LoopRefusal
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Bound, Budget, Outcome

WHOLE = 50_000
"""Executions after which a unit counts as large, and leaves what is open to others, part by part. It does not depend on how many
workers there are, so that the counts do not."""
_FOREVER_S = 1e9
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
    ``whole``: executions after which it is left to others. ``post``: where it tells how far it is; None: nowhere.
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
        self._began = time.monotonic()
        self._ahead = 0.0

    def __call__(self) -> float:
        spent = time.monotonic() - self._began
        self._look(spent)
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
        self._walk = self._begin()

    def result(self) -> Result:
        order = self._order
        report = self._explore()
        certificate, counts = report.certificate, self._counts()
        spent = f"the budget {Bound('executions', order.whole)} ran out"
        if self._clock.ran_out or report.verdict != Outcome.UNDECIDED or spent not in certificate.skips:
            return self._finished(report, counts)
        del certificate.skips[spent]  # it was for this unit: what is open is not left out, but left to others
        left = self._walk.leave()
        return Result(certificate, parts=left.parts, known=left.known)

    def _begin(self) -> Walk:
        return Walk(Certificate(exhaustive=True), prefix=self._order.prefix, known=self._order.known)

    def _explore(self) -> Report:
        report = self._explore_once()
        conclude = self._subject.family.conclude
        return report if conclude is None else conclude(self._scenario, report, self._explore_again)

    def _explore_again(self) -> Report:
        self._walk = self._begin()
        return self._explore_once()

    def _explore_once(self) -> Report:
        order = self._order
        return explore(
            self._scenario,
            mode=self._scope.mode,
            strategy=self._walk,
            cancellations=self._scope.cancellations,
            cancellable=self._subject.family.cancellable,
            budget=Budget(executions=order.whole, seconds=self._clock.limit, clock=self._clock),
            paranoid=order.paranoid,
            prefix=order.prefix,
        )

    def _counts(self) -> Counts:
        walk = self._walk
        return Counts(walk.certificate.executions, walk.certificate.states, walk.behind)

    def _tell(self, seconds: float) -> None:
        if self._order.post is not None and seconds >= self._told_s:
            self._told_s = seconds + _TELL_S
            tell = _tell_cluster if self._order.post.topic else _tell
            tell(self._order.post, self._counts())

    def _finished(self, report: Report, counts: Counts) -> Result:
        schedule = report.schedule
        if schedule is not None:
            schedule = replace(schedule, about=self._subject.about(self._scope))
        return Result(
            report.certificate,
            failure=report.failure,
            schedule=None if schedule is None else schedule.text(),
            stopped=self._clock.ran_out,
            behind=counts.behind,
        )
