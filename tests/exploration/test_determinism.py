"""A scenario that depends on more than its choices is never called right: it is named, and the verdict is undecided."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

import pytest
from tests.exploration import unsteady
from tests.exploration.programs import race

from acpool_spec import Budget, choose, explore
from acpool_spec.exploration import elsewhere
from acpool_spec.exploration.elsewhere import Answer, Elsewhere, Unavailable, names_of
from acpool_spec.oracles import Choice
from acpool_spec.simulation import any_task

Scenario = Callable[[], Coroutine[Any, Any, object]]
CLOCKS = [
    (unsteady.reads_the_time, r"asks the wall clock \(time\.time\), unsteady\.py line \d+"),
    (unsteady.keeps_the_time, r"asks the wall clock \(time\.monotonic\)"),
    (unsteady.keeps_the_time, r"'Task-1 in keeps_the_time, .*: started is float "),
    (unsteady.reads_the_date, r"asks the wall clock \(datetime\.now\)"),
    (unsteady.draws, r"asks the generator of the process, not seeded in the run"),
    (unsteady.draws_from_its_own, r"drawn is Random "),
    (unsteady.draws_entropy, r"asks the entropy of the machine \(os\.urandom\), unsteady\.py"),
    (unsteady.draws_an_id, r"asks the entropy of the machine \(os\.urandom\), unsteady\.py"),
    (unsteady.keeps_an_address, r"address is int "),
    (unsteady.walks_through_objects, r"things is list of 32"),
    (unsteady.counts_runs, r"led to two runs that part"),
    (unsteady.one_choice_differently, r"led to two runs that part after .*stands in one_choice_differently"),
]
"""What asks the machine, or differs from run to run, and what is said of it."""


@pytest.mark.parametrize("paranoid", [False, True])
@pytest.mark.parametrize(("scenario", "said"), CLOCKS)
def test_what_no_schedule_decides_is_named(scenario: Scenario, said: str, paranoid: bool) -> None:
    report = explore(scenario, paranoid=paranoid)
    assert report.verdict == "undecided"
    assert "the scenario is not deterministic: " in report.why
    assert any(re.search(said, what) for what in report.certificate.skips)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (unsteady.walks_through_strings, "letter is str"),
        (unsteady.joins_strings, "result str"),
    ],
)
def test_the_order_of_a_set_shows_in_another_interpreter(scenario: Scenario, said: str) -> None:
    report = explore(scenario)
    assert report.verdict == "undecided"
    assert report.certificate.elsewhere == 1
    assert "in an interpreter with PYTHONHASHSEED=" in report.why
    assert said in report.why


def test_two_strings_have_the_same_order_in_some_interpreters_and_not_in_all() -> None:
    """Each of 64 pairs has one of two orders, by chance: that two interpreters agree on all of them has probability 2⁻⁶⁴."""
    assert "PYTHONHASHSEED" in explore(unsteady.walks_through_pairs, paranoid=True).why


@pytest.mark.parametrize(
    "scenario", [unsteady.asks_for_members, unsteady.draws_from_a_seed, unsteady.gathers]
)
def test_what_only_looks_so_holds(scenario: Scenario) -> None:
    report = explore(scenario, paranoid=True)
    assert report.verdict == "holds", report.why
    assert report.certificate.repeated == report.executions
    assert report.certificate.elsewhere == len(elsewhere.SEEDS) * report.executions
    assert not report.certificate.unchecked


def test_a_run_without_any_choice_is_made_twice() -> None:
    report = explore(unsteady.asks_for_members)
    assert (report.executions, report.certificate.choice_points) == (1, 0)
    assert (report.certificate.repeated, report.certificate.elsewhere) == (1, 1)


def test_runs_that_were_cut_off_are_made_twice_too() -> None:
    report = explore(race, mode="reordered", footprints=False, paranoid=True)
    assert report.verdict == "holds", report.why
    assert report.certificate.pruned > 0
    assert report.certificate.repeated == report.executions


def test_a_sample_is_made_twice_whatever_the_strategy() -> None:
    report = explore(unsteady.gathers, strategy="random", budget=Budget(executions=600))
    assert (report.certificate.repeated, report.certificate.elsewhere) == (3, 1)


def test_what_cannot_be_imported_is_said_and_no_skip() -> None:
    report = explore(unsteady.closed_over({"a", "b"}))
    assert report.verdict == "holds"
    assert list(report.certificate.unchecked) == [
        "the same run in another interpreter: it is not importable by name"
    ]
    assert report.certificate.elsewhere == 0


def test_the_paranoid_are_told_that_a_check_was_not_made() -> None:
    report = explore(unsteady.closed_over("ab"), paranoid=True)
    assert report.verdict == "undecided"
    assert report.why == "not checked: the same run in another interpreter: it is not importable by name"


def test_a_scenario_of_the_main_program_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    main = sys.modules["__main__"]
    monkeypatch.setattr(unsteady.gathers, "__module__", "__main__")
    monkeypatch.setattr(main, "gathers", unsteady.gathers, raising=False)
    with pytest.raises(Unavailable, match="main program"):
        names_of(unsteady.gathers, any_task)


def test_where_a_profiler_is_at_work_nobody_looks_for_clocks() -> None:
    def profiler(frame: FrameType, event: str, argument: object) -> None:
        """Nothing: that it is there is enough."""

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        report = explore(unsteady.reads_the_time)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(before)
    assert list(report.certificate.unchecked) == ["whether a clock is read: a profiler is at work"]


def test_a_failure_that_does_not_show_again_is_no_violation() -> None:
    """A violation is one that replays."""
    runs: list[None] = []

    async def once() -> None:
        choose("ab")
        runs.append(None)
        if len(runs) == 1:
            raise LookupError("the first time")

    report = explore(once)
    assert report.verdict == "undecided"
    assert (
        "it failed once (raised LookupError: the first time), and with the same choices it did not"
        in report.why
    )
    assert report.schedule is None


def test_a_failure_is_no_less_one_for_a_clock() -> None:
    async def fails() -> None:
        await unsteady.reads_the_time()
        raise LookupError("in any case")

    assert explore(fails).verdict == "violated"


def ask(other: Elsewhere, scenario: list[str], *choices: Choice) -> Answer:
    """One run of ``scenario`` there."""
    return other.ask(scenario, mode="fifo", cancellations=0, max_steps=100, choices=choices, cut=False)


def test_an_interpreter_that_does_not_answer_is_given_up_and_reaped() -> None:
    other = Elsewhere(7, bound_s=0.0)
    with pytest.raises(Unavailable, match="no answer within 0 s"):
        ask(other, names_of(unsteady.asks_for_members, any_task))
    assert other.process is None


def test_an_interpreter_that_has_ended_is_replaced() -> None:
    other = Elsewhere(7)
    scenario = names_of(unsteady.asks_for_members, any_task)
    first = ask(other, scenario)
    process = other.process
    assert process is not None
    process.kill()
    process.wait()
    with pytest.raises(Unavailable, match="cannot be used"):
        ask(other, scenario)
    assert process.returncode is not None
    assert ask(other, scenario) == first
    second = other.process
    other.close()
    other.close()
    assert second is not None
    assert second.returncode == 0  # it went by itself, with the end of its input


def test_what_the_other_interpreter_cannot_do_is_answered_in_words() -> None:
    other = Elsewhere(7)
    try:
        answer = ask(other, names_of(unsteady.gathers, any_task), (5, 9))
        assert answer.problem is not None
        assert answer.problem == "choice 0 (schedule): 2 alternatives, 9 were recorded"
        with pytest.raises(Unavailable, match=r"cannot be imported by name \(ModuleNotFoundError\)"):
            ask(other, ["no_such_module:scenario", "no_such_module:cancellable"])
    finally:
        other.close()


def test_the_other_interpreter_starts_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(elsewhere.INSIDE, "1")
    report = explore(unsteady.gathers)
    assert report.certificate.unchecked.keys() == {
        "the same run in another interpreter: this is the other interpreter already"
    }
