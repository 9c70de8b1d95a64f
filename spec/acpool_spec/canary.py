"""The canary of the gate: a pool with a known race, checked in every run before the pools that count.

It is sampled, cut down, judged and replayed by the same code as they are. Where it does not go red, this check could not have
gone red for them either, and nothing holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from acpool_spec.properties import BY_ID
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Divergence, Schedule, broken, run_schedule
from acpool_spec.targets import load_target
from acpool_spec.verdict import Outcome

POOL = "acpool_spec.pools.merged:factory"
PROPERTY = "S2"
SEED = 0
SCHEDULES = 25
"""Enough for the race to show several times; a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Canary:
    """Whether the canary went red; ``why`` not, in a sentence."""

    caught: bool
    why: str = ""

    def __str__(self) -> str:
        name = POOL.partition(":")[0].rpartition(".")[2]
        if self.caught:
            return f"canary: {name} goes red with {PROPERTY}, as it must"
        return f"canary: {name} stays green, so this check cannot fail: {self.why}"


def judge_canary(outcome: Outcome, schedule: Schedule | None) -> Canary:
    """Whether the canary's ``outcome`` is the one that it must be, and its ``schedule`` replays."""
    name = f"{PROPERTY} ({BY_ID[PROPERTY].name})"
    if outcome is not Outcome.VIOLATED or schedule is None:
        return Canary(False, f"{name} {outcome} in {SCHEDULES} schedules of a pool that breaks it")
    try:
        with quiet():
            violation = broken(run_schedule(schedule, load_target(schedule.pool)), schedule)
    except Divergence as error:
        return Canary(False, f"the schedule that breaks {name} cannot be replayed: {error}")
    if violation is None:
        return Canary(False, f"the schedule that breaks {name} holds when it is replayed")
    return Canary(True)
