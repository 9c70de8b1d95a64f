"""What of the specification was exercised: counted for every part of it, and undecided while anything was never seen."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from acpool_model import Kind
from acpool_model.actions import SHAPES
from acpool_spec import gate
from acpool_spec.batch import Sample, run_directed_batch
from acpool_spec.coverage_table import coverage_lines
from acpool_spec.gate import Plan, Progress
from acpool_spec.properties import EVERY
from acpool_spec.quiet import quiet
from acpool_spec.refinement.actions import KINDS
from acpool_spec.refinement.coverage import BRANCHES, GOALS, SOMETIMES
from acpool_spec.refinement.directed import TOURS, direct
from acpool_spec.verdict import Outcome

OURS = "acpool_spec.reference:patient"


def progress(*unseen: str, followed: int = 10) -> Progress:
    made = Progress(Plan((OURS,), schedules=10), time.monotonic())
    tested = Counter({known.id: 1 for known in EVERY})
    goals = Counter(goal for goal in GOALS if goal not in unseen)
    made.add(Sample(OURS, runs=10, followed=followed, tested=tested, goals=goals))
    return made


def refinement(made: Progress) -> gate.Line:
    [line] = [line for line in gate._judge(made.plan, made, {}) if line.id == "R1"]  # pyright: ignore[reportPrivateUsage]  # the verdict, without sampling
    return line


def test_every_action_of_the_model_is_a_goal_and_so_is_every_branch() -> None:
    assert set(KINDS.values()) | {Kind.DIE} == set(SHAPES)
    assert set(BRANCHES) == {*KINDS, "die"} <= set(GOALS)
    assert len(set(GOALS)) == len(GOALS)
    branches = sum(len([name for name in of_one if name]) for of_one in BRANCHES.values())
    assert len(GOALS) == len(BRANCHES) + branches + len(SOMETIMES)


@pytest.mark.no_cover
def test_the_directed_runs_reach_every_goal() -> None:
    with quiet():
        made = direct()
    assert made.failures == []
    assert [goal for goal in GOALS if not made.goals[goal]] == []
    assert set(made.goals) == set(GOALS)
    assert made.transitions == 912
    assert made.runs > len(TOURS)


def test_what_was_never_seen_leaves_the_refinement_undecided_and_is_named() -> None:
    assert refinement(progress()).outcome is Outcome.HOLDS
    line = refinement(progress("commit: loaded", "sometimes: evicted"))
    assert line.outcome is Outcome.UNDECIDED
    assert line.why == "never seen of the model: commit: loaded, sometimes: evicted"


def test_what_only_a_directed_run_has_seen_was_seen() -> None:
    made = progress("commit: loaded")
    made.directed_goals["commit: loaded"] = 1
    assert refinement(made).outcome is Outcome.HOLDS


def test_of_a_pool_that_tells_nothing_there_is_no_line_and_no_coverage() -> None:
    made = progress(followed=0)
    assert "R1" not in [line.id for line in gate._judge(made.plan, made, {})]  # pyright: ignore[reportPrivateUsage]  # as above
    assert "not applicable" in list(coverage_lines(made, 80))[-1]
    with quiet():
        assert run_directed_batch("acpool_spec.pools.merged:factory").directed == 0


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_names_every_goal_and_keeps_to_its_width(width: int) -> None:
    made = progress("commit: loaded")
    made.directed_goals["refused"] = 7
    lines = list(coverage_lines(made, width))
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for goal in GOALS:
        assert goal.rpartition(": ")[2] in text
    assert "loaded never" in text and "refused 1+7" in text
