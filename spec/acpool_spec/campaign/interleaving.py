"""A run of a scenario as a readable interleaving: who takes steps, where they come to stand, what was decided between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from acpool_spec.exploration.recording import Decision
from acpool_spec.lanes import Lane
from acpool_spec.making import clip
from acpool_spec.oracles import View
from acpool_spec.tasks import SimulatedTask, suspended_at

_PLUMBING = ("callbacks of ", "timer ", "outside ")
_STANDARD = frozenset({"asyncio", "contextlib.py"})


@dataclass(slots=True)
class Row:
    """A run of steps of one task, or one decision that strays from stock asyncio."""

    time: float
    text: str
    steps: int = 0
    where: str = ""


class Interleaving:
    """Collects the rows of a run; give its two methods to ``replay``."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.decisions = 0
        self._time = 0.0
        self._stepping: SimulatedTask | None = None

    def decided(self, decision: Decision, view: View) -> None:
        """Note a decision: which one it was, among how many."""
        self._look()
        self.decisions += 1
        self._time = view.loop.time()
        steps = decision.alternatives and str(decision).startswith(("step ", "iterate"))
        if decision.chosen or not steps:
            said = f"decision {self.decisions}: {decision}"
            passed = f", not {decision.alternatives[0]}" if decision.alternatives and decision.chosen else ""
            self.rows.append(Row(self._time, said + passed))

    def stepped(self, lane: Lane) -> None:
        """Note a step; plain callbacks are plumbing of asyncio."""
        self._look()
        task = lane.task
        if task is None:
            if not lane.name.startswith(_PLUMBING):
                self.rows.append(Row(self._time, lane.name))
            return
        self._time = task.get_loop().time()
        name = "the scenario" if task.serial == 1 else lane.name
        last = self.rows[-1] if self.rows else None
        if last is None or not last.steps or (last.text, last.time) != (name, self._time):
            self.rows.append(last := Row(self._time, name))
        last.steps += 1
        self._stepping = task

    def lines(self, width: int) -> Iterator[str]:
        """The interleaving in lines of at most ``width`` columns, time in virtual seconds."""
        yield f"{'time/s':>9}  what happens"
        for row in self.rows:
            times = f" ({row.steps} steps)" if row.steps > 1 else ""
            mark = "" if row.steps else "· "
            yield clip(f"{row.time:>9g}  {mark}{row.text}{times}{row.where}", width)

    def _look(self) -> None:
        """See where the task that took the last step has come to stand."""
        task, self._stepping = self._stepping, None
        if task is None:
            return
        places = [] if task.done() else suspended_at(task)
        own = [place for place in places if not _STANDARD & {*PurePath(place.filename).parts}]
        if task.done():
            self.rows[-1].where = ", done"
        elif own:
            place = own[-1]
            self.rows[-1].where = f", now at {PurePath(place.filename).name}:{place.line} in {place.function}"
