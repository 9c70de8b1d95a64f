"""The work of one worker: a unit, explored in whatever process this is, from names alone, and answered with data."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from acpool_spec.campaign.results import Result
from acpool_spec.campaign.subject import Scope, Subject, python_version, subject_of
from acpool_spec.exploration import Report, divide, explore, merge
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.quiet import quiet
from acpool_spec.refusals import LoopRefusal
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Budget, Outcome

WHOLE = 50_000
"""Executions after which a scope counts as large, and is divided."""
PARTS = 16
"""Into how many parts at least. Neither number depends on how many workers there are, so that the counts do not."""
_FOREVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Order:
    """What to explore, in names: see :class:`~acpool_spec.campaign.results.Unit`.

    ``digest`` and ``python``: of the code that asks, which the worker's must be like. ``seconds``: how long it may take at
    most; None: as long as it takes.
    """

    family: str
    pool: str
    digest: str
    python: str
    scope: str
    prefix: Prefix
    seconds: float | None = None
    whole: int = WHOLE
    parts: int = PARTS
    paranoid: bool = False


_one_at_a_time = threading.Lock()
"""A worker of many threads gains nothing by exploring in all of them, and logging is switched off for a whole process."""


def _never() -> bool:
    return False


_is_stopped: Callable[[], bool] = _never


def stop_when(is_stopped: Callable[[], bool]) -> None:
    """From now on units in this process end early when ``is_stopped``."""
    global _is_stopped  # noqa: PLW0603 - workers are told when their process starts, and functions come to them by name
    _is_stopped = is_stopped


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
    """Time for a budget; ``ran_out`` when the unit was told to end, or its seconds are over."""

    def __init__(self, seconds: float | None) -> None:
        self.limit = _FOREVER_S if seconds is None else max(0.0, seconds)
        self.ran_out = False
        self._began = time.monotonic()
        self._ahead = 0.0

    def __call__(self) -> float:
        spent = time.monotonic() - self._began
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
        self._clock = _Clock(order.seconds)

    def result(self) -> Result:
        if self._order.prefix:
            return self._finished(self._explore(self._order.prefix, None))
        report = self._explore((), self._order.whole)
        if (
            self._clock.ran_out
            or report.verdict != Outcome.UNDECIDED
            or report.executions < self._order.whole
        ):
            return self._finished(report)
        return self._divided()

    def _explore(self, prefix: Prefix, executions: int | None) -> Report:
        report = self._explore_once(prefix, executions)
        conclude = self._subject.family.conclude
        if conclude is None:
            return report
        return conclude(self._scenario, report, lambda: self._explore_once(prefix, executions))

    def _explore_once(self, prefix: Prefix, executions: int | None) -> Report:
        budget = Budget(executions=executions, seconds=self._clock.limit, clock=self._clock)
        return explore(
            self._scenario,
            mode=self._scope.mode,
            cancellations=self._scope.cancellations,
            cancellable=self._subject.family.cancellable,
            budget=budget,
            paranoid=self._order.paranoid,
            footprints=False,  # as in scopes.scenario: a pool sets timers
            prefix=prefix,
        )

    def _divided(self) -> Result:
        division = divide(
            self._scenario,
            self._order.parts,
            mode=self._scope.mode,
            cancellations=self._scope.cancellations,
            cancellable=self._subject.family.cancellable,
        )
        if division.failing is None:
            return Result(division.certificate, parts=division.prefixes)
        report = self._explore(division.failing, None)
        return self._finished(
            replace(report, certificate=merge(division.certificate, {"the failing run": report.certificate}))
        )

    def _finished(self, report: Report) -> Result:
        schedule = report.schedule
        if schedule is not None:
            schedule = replace(schedule, about=self._subject.about(self._scope))
        return Result(
            report.certificate,
            failure=report.failure,
            schedule=None if schedule is None else schedule.text(),
            stopped=self._clock.ran_out,
        )
