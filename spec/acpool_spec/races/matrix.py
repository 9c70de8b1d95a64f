"""The matrix pools × properties: every exhibit and our own pool beside it, looked at on several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass

from acpool_spec.interruption import LOOK_S, interruption
from acpool_spec.properties import PROPERTIES
from acpool_spec.races.catalogue import exhibit_of
from acpool_spec.races.exhibit import Exhibit
from acpool_spec.races.survey import Survey, survey
from acpool_spec.verdict import Outcome
from acpool_spec.workers import begin_worker, held_back

Place = tuple[str, bool]
"""The id of an exhibit, and whether it is shown on our own pool."""


@dataclass(frozen=True, slots=True)
class Row:
    """One exhibit: what its pool broke, and what ours did in the same scope. None: not looked at, since it was interrupted."""

    exhibit: Exhibit
    shown: Survey | None
    ours: Survey | None

    @property
    def red(self) -> bool:
        """Whether the pool broke the exhibit's own property."""
        return self.shown is not None and self.exhibit.property_id in self.shown.broken

    @property
    def unseen(self) -> str:
        """Why nothing can be said of the pool, empty where something can."""
        return "interrupted" if self.shown is None or self.ours is None else self.shown.undecided

    @property
    def green(self) -> Outcome:
        """Whether our own pool broke nothing."""
        if self.ours is None:
            return Outcome.UNDECIDED
        if self.ours.broken or self.ours.strange:
            return Outcome.VIOLATED
        return Outcome.HOLDS if self.ours.complete else Outcome.UNDECIDED


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows in the order of the exhibits."""

    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The properties, in their order; those that only an exhibit knows come last."""
        known = [each.id for each in PROPERTIES]
        return (
            *known,
            *dict.fromkeys(r.exhibit.property_id for r in self.rows if r.exhibit.property_id not in known),
        )

    @property
    def outcome(self) -> Outcome:
        """Holds when every exhibit is red with its own property and our pool is green beside it."""
        outcomes = [row.green for row in self.rows]
        missing = any(row.unseen for row in self.rows)
        if Outcome.VIOLATED in outcomes or not all(row.red or row.unseen for row in self.rows):
            return Outcome.VIOLATED
        return Outcome.UNDECIDED if missing or Outcome.UNDECIDED in outcomes else Outcome.HOLDS

    def ours(self) -> dict[str, str]:
        """What all the rows say of our own pool, property by property."""
        found = [row.ours for row in self.rows if row.ours is not None]
        cells: dict[str, str] = {}
        for column in self.columns:
            said = [survey.cell(column) for survey in found]
            worst = next((cell for cell in said if cell not in ("", "·", "?")), "")
            cells[column] = worst or ("?" if "?" in said else "·" if "·" in said else "")
        return cells


def look_at(name: str, ours: bool) -> Survey:
    """Survey the exhibit called ``name``, in any process."""
    return survey(exhibit_of(name), ours=ours)


def make_matrix(
    exhibits: Sequence[Exhibit], workers: int, show: Callable[[int, int], object] = lambda done, of: None
) -> Matrix:
    """Look at all ``exhibits`` on ``workers`` processes; ``show`` hears how many of how many surveys are made.

    Ctrl-C ends it with what there is. Bound: that of every survey, which is a number of executions.
    """
    places = [(exhibit.id, ours) for exhibit in exhibits for ours in (False, True)]
    # Spawned, not forked: a worker that begins from nothing behaves like the process that replays its schedules.
    context = multiprocessing.get_context("spawn")
    made: dict[Place, Survey] = {}
    with ProcessPoolExecutor(workers, context, begin_worker) as pool, interruption() as asked:
        waiting: dict[Future[Survey], Place] = {}
        for place in places:
            with held_back():
                waiting[pool.submit(look_at, *place)] = place
        left: Iterable[Future[Survey]] = waiting
        while left and not asked.requested:
            done, left = wait(left, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            made |= {waiting[future]: future.result() for future in done}
            show(len(made), len(places))
        for future in left:
            future.cancel()
    return Matrix(tuple(Row(e, made.get((e.id, False)), made.get((e.id, True))) for e in exhibits))
