"""The gate: the same answer on any number of processes, three verdicts, and none of them by accident."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acpool_spec import canary, gate, steering
from acpool_spec.batch import Found, Sample, fingerprint, minimise, run_batch, run_machine_batch
from acpool_spec.canary import Canary, judge_canary
from acpool_spec.gate import Plan, Progress, Report, run_check, targets_of
from acpool_spec.minimise import Failure
from acpool_spec.properties import BY_ID, Violation
from acpool_spec.schedule import schedule_of
from acpool_spec.targets import OURS, BadInput, load_target
from acpool_spec.verdict import Outcome
from acpool_spec.world import Scope

# What the processes run that they start is reached in this one by other tests.
pytestmark = pytest.mark.usefixtures("untraced_children")

OURS_ONE = "acpool_spec.reference:default"
FLOOR = gate.PROFILES["pr"].floor
# A pool and properties that a few of its schedules break, by the gate itself.
KNOWN_BAD = {"global_lock": (8, "L1"), "unlocked_start": (40, "S2"), "merged": (2, "S1")}


@pytest.fixture(autouse=True)
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gate.PROFILES, "pr", replace(gate.PROFILES["pr"], examples=2))


def lines(report: Report) -> list[tuple[str, Outcome, int, str]]:
    return [(line.id, line.outcome, line.tested, line.why) for line in report.lines]


def by_id(report: Report, known: str) -> gate.Line:
    return next(line for line in report.lines if line.id == known)


def progressed(*, runs: int, schedules: int | None = None, tested: int = 1) -> Progress:
    progress = Progress(Plan((OURS_ONE,), schedules=schedules), time.monotonic())
    progress.add(Sample(OURS_ONE, runs=runs, tested=Counter(dict.fromkeys(BY_ID, tested))))
    return progress


def judged(progress: Progress) -> Report:
    return Report(progress.plan, tuple(gate._judge(progress.plan, progress, {})), Canary(True), progress)  # pyright: ignore[reportPrivateUsage]  # the verdict, without an hour of sampling


@pytest.mark.no_cover
def test_the_same_sample_gives_the_same_report_on_one_process_and_on_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "BATCH", 4)
    monkeypatch.setattr(steering, "AHEAD", 3)
    reports = [run_check(Plan(OURS, seed=5, schedules=60, workers=workers)) for workers in (1, 2)]
    assert lines(reports[0]) == lines(reports[1])
    first, second = (report.progress for report in reports)
    assert (first.runs, first.steps, first.decisions) == (second.runs, second.steps, second.decisions)
    assert first.runs == 60
    assert first.histories == second.histories
    assert len(first.histories) > 50
    assert first.machine_runs == second.machine_runs > 0
    # Of the pools' 8 and 7 batches of 4, the first 3 of each know nothing of others; of the rest half are made of them.
    assert first.steered == second.steered == 2 * (5 + 4)
    assert first.transitions == second.transitions > 500


def test_a_budget_that_ends_early_is_named_and_nothing_holds() -> None:
    shown: list[str] = []
    plan = Plan((OURS_ONE,), budget_s=0.1)
    report = run_check(plan, lambda progress: shown.append(progress.phase))
    assert report.outcome is Outcome.UNDECIDED
    assert report.outcome.exit_status == 3
    assert {line.outcome for line in report.lines} == {Outcome.UNDECIDED}
    runs = report.progress.runs
    assert (
        by_id(report, "S1").why == f"the budget of 0.1 s ran out after {runs} of at least {FLOOR} schedules"
    )
    assert shown[-1] == "minimising"


def test_what_was_never_put_to_the_test_is_undecided() -> None:
    progress = progressed(runs=50, schedules=50)
    progress.pools[OURS_ONE].tested["L4"] = 0
    report = judged(progress)
    assert by_id(report, "L4").why == "never put to the test in 50 schedules"
    assert report.outcome is Outcome.UNDECIDED
    assert by_id(report, "L3").outcome is Outcome.HOLDS


def test_what_one_of_two_pools_was_never_put_to_is_undecided_and_the_pool_named() -> None:
    progress = progressed(runs=25)
    progress.plan = Plan(OURS, schedules=50)
    progress.add(Sample(OURS[1], runs=25, tested=Counter(dict.fromkeys(BY_ID, 1) | {"S8": 0})))
    report = judged(progress)
    assert len(report.cases) == 2 * len(report.lines)
    assert by_id(report, "S8").outcome is report.outcome is Outcome.UNDECIDED
    assert by_id(report, "S8").why == f"{OURS[1]}: never put to the test in 25 schedules"
    assert (by_id(report, "S7").outcome, by_id(report, "S7").tested) == (Outcome.HOLDS, 2)


def test_what_was_planned_and_done_holds() -> None:
    report = judged(progressed(runs=50, schedules=50))
    assert report.outcome is Outcome.HOLDS
    assert {line.why for line in report.lines} == {""}


@pytest.mark.parametrize(("runs", "outcome"), [(FLOOR - 1, Outcome.UNDECIDED), (FLOOR, Outcome.HOLDS)])
def test_without_a_number_there_is_a_floor(runs: int, outcome: Outcome) -> None:
    assert judged(progressed(runs=runs)).outcome is outcome


def test_a_search_that_met_its_bound_is_undecided() -> None:
    progress = progressed(runs=FLOOR)
    progress.pools[OURS_ONE].undecided["S12"] = "a search for a linearization ended at its bound states=7"
    report = judged(progress)
    assert by_id(report, "S12").why.endswith("states=7")
    assert report.outcome is Outcome.UNDECIDED


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_sample_is_undecided_and_what_it_found_is_kept() -> None:
    def interrupt(progress: Progress) -> None:
        if progress.runs and progress.phase == "sampling":
            signal.raise_signal(signal.SIGINT)

    report = run_check(Plan((OURS_ONE,), schedules=2_000), interrupt)
    assert report.progress.interrupted
    assert 0 < report.progress.runs < 2_000
    assert by_id(report, "S1").why.startswith("interrupted after ")
    assert report.outcome is Outcome.UNDECIDED


def test_every_check_begins_with_a_pool_that_goes_red() -> None:
    report = run_check(Plan((OURS_ONE,), schedules=1))
    assert report.canary == Canary(True)
    assert canary.POOL not in report.progress.pools
    assert report.progress.runs == 1


def test_a_canary_that_stays_green_leaves_everything_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "POOL", OURS_ONE)
    green = run_check(Plan((OURS_ONE,), schedules=1)).canary
    assert not green.caught
    assert "S2 (one process per key) holds in 25 schedules of a pool that breaks it" in str(green)
    progress = progressed(runs=50, schedules=50)
    assert judged(progress).outcome is Outcome.HOLDS
    assert replace(judged(progress), canary=green).outcome is Outcome.UNDECIDED


def test_a_canary_whose_schedule_does_not_replay_counts_for_nothing(tmp_path: Path) -> None:
    found = run_batch(canary.POOL, canary.SEED, range(canary.SCHEDULES)).found[canary.PROPERTY]
    schedule = schedule_of(load_target(canary.POOL), found.failure)
    assert judge_canary(Outcome.VIOLATED, schedule).caught
    for other, why in (
        (replace(schedule, decisions=()), "holds when it is replayed"),
        (replace(schedule, decisions=("dead c9",)), "cannot be replayed: decision 1"),
        (None, "violated in 25 schedules"),
    ):
        bird = judge_canary(Outcome.VIOLATED, other)
        assert not bird.caught
        assert why in bird.why


class Here(ProcessPoolExecutor):
    """Workers that are all in this process. Of what is to be minimised they do the first, are interrupted, and do no more."""

    def __init__(self) -> None:
        self.minimised = list[Failure]()
        self.pools: tuple[str, ...] = ("acpool_spec.pools.unlocked_start:factory",)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if args[0] == canary.POOL and canary.POOL not in self.pools:
            future.set_result(fn(*args))
            return future
        if fn is not minimise:
            future.set_result(fn(*args) if fn is run_batch else Sample(args[0]))
            return future
        failure: Failure = args[1]
        if not self.minimised:
            future.set_result(replace(failure, decisions=failure.decisions[:1]))
            signal.raise_signal(signal.SIGINT)
        self.minimised.append(failure)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing runs."""


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_minimising_and_what_was_not_reached_is_reported_as_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Here()

    def begin(*_: object) -> Here:
        return workers

    monkeypatch.setattr(gate, "ProcessPoolExecutor", begin)
    report = run_check(Plan(workers.pools, seed=2, schedules=40))
    reported = {line.id: line.schedule.decisions for line in report.lines if line.schedule is not None}
    first, *others = workers.minimised
    assert len(others) > 0
    assert not report.progress.interrupted
    assert reported == {
        first.violation.property: first.decisions[:1],
        **{other.violation.property: other.decisions for other in others},
    }


@pytest.mark.parametrize("pool", KNOWN_BAD)
@pytest.mark.no_cover
def test_a_known_bad_pool_is_violated_and_its_property_named(pool: str) -> None:
    schedules, known = KNOWN_BAD[pool]
    report = run_check(Plan((f"acpool_spec.pools.{pool}:factory",), seed=2, schedules=schedules, workers=2))
    assert report.outcome is Outcome.VIOLATED
    assert report.outcome.exit_status == 1
    broken = {line.id: line for line in report.lines if line.outcome is Outcome.VIOLATED}
    assert known in broken
    for known, line in broken.items():
        assert line.schedule is not None
        assert line.schedule.property_id == known
        assert line.why.startswith(line.schedule.message)
        assert line.why.endswith("×)")


def test_a_pool_that_ends_its_process_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly_pool.py").write_text(
        "import os\n"
        "class Pool:\n"
        "    async def get_or_create(self, key): os._exit(7)\n"
        "    with_connection = cleanup_idle = get_or_create\n"
        "    async def shutdown(self): os._exit(7)\n"
        "def factory(connector, *, max_sessions): return Pool()\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BadInput, match="deadly_pool:factory: a process that ran this pool has ended"):
        run_check(Plan(("deadly_pool:factory",), schedules=5))


def test_a_batch_counts_what_it_did() -> None:
    sample = run_batch(OURS_ONE, 1, range(4))
    again = run_batch(OURS_ONE, 1, range(4))
    assert sample == again
    assert sample.runs == 4
    assert sample.steps > sample.decisions / 4 > 0
    assert 0 < len(sample.histories) <= 4
    assert sample.found == {}


def test_the_machine_counts_its_runs() -> None:
    sample = run_machine_batch(OURS_ONE, 1, 3)
    assert (sample.found, sample.runs) == ({}, 0)
    assert sample.machine_runs >= 1


def failure(known: str, size: int) -> Failure:
    return Failure(Scope(), ("turn",) * size, Violation(known, "broke", 0))


def test_progress_keeps_the_failure_of_the_lowest_run_of_each_pool_and_property() -> None:
    progress = progressed(runs=0)
    for target, run, times in (("a", 9, 1), ("a", 3, 2), ("a", 30, 1), ("b", 5, 1)):
        progress.add(Sample(target, runs=1, found={"S1": Found(run, failure("S1", 5), times)}))
    assert [progress.pools[pool].found["S1"].run for pool in "ab"] == [3, 5]
    assert [progress.pools[pool].times["S1"] for pool in "ab"] == [4, 1]
    assert progress.broken == {"S1"}
    assert progress.runs == 4


def test_the_shortest_failure_of_a_batch_is_kept_and_counted() -> None:
    batches = run_batch("acpool_spec.pools.merged:factory", 0, range(10)).found["S1"]
    alone = [run_batch("acpool_spec.pools.merged:factory", 0, [number]).found for number in range(10)]
    sizes = [len(found["S1"].failure.decisions) for found in alone if "S1" in found]
    assert batches.times == len(sizes) > 1
    assert len(batches.failure.decisions) == min(sizes)


def test_histories_that_differ_in_time_alone_are_one() -> None:
    from acpool_spec.events import Event

    def event(time: int, key: str) -> Event:
        return Event(index=0, time=time, type="invoke", f="reset", process=0, key=key)

    assert fingerprint([event(1, "a")]) == fingerprint([event(2, "a")])
    assert fingerprint([event(1, "a")]) != fingerprint([event(1, "b")])


def test_every_pool_is_loaded_before_anything_runs() -> None:
    assert targets_of(OURS) == OURS
    with pytest.raises(BadInput, match="nowhere"):
        targets_of([*OURS, "nowhere:factory"])
