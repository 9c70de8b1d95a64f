"""Old failures come first: a folder of schedules, those of this scenario tried before anything else, new ones added."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acpool_spec import Budget, ScenarioSchedule, choose, explore
from acpool_spec import schedule as sampled
from acpool_spec.exploration import scenario_schedule
from acpool_spec.exploration.corpus import FORMATS
from acpool_spec.targets import BadInput

FAILING = {500}
"""The values that fail; a test that mends the scenario empties it."""


@pytest.fixture(autouse=True)
def _as_it_was() -> Any:
    yield
    FAILING.clear()
    FAILING.add(500)


async def one_of_many() -> None:
    """Fails for the values that fail."""
    assert choose(range(1000)) not in FAILING


async def another() -> None:
    """Never fails."""
    assert choose("ab") in "ab"


async def overtaken() -> None:
    """Fails where one task is held back, which stock asyncio never does."""
    order: list[str] = []

    async def add(name: str) -> None:
        order.append(name)

    await asyncio.gather(*(asyncio.create_task(add(name), name=name) for name in "ab"))
    assert order == ["a", "b"]


async def leaks() -> None:
    """Fails where a task is cancelled."""
    held = [True]

    async def hold() -> None:
        await asyncio.sleep(0)
        held.clear()

    await asyncio.gather(asyncio.create_task(hold()), return_exceptions=True)
    assert not held


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_failure_is_kept_and_comes_first_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    first = explore(one_of_many, corpus=folder)
    assert (first.executions, first.certificate.replayed) == (501, 0)
    (name,) = files(folder)
    assert name.startswith("tests-exploration-test_corpus_folder-one_of_many-raised-AssertionError-")
    assert ScenarioSchedule.load(folder / name) == first.schedule
    again = explore(one_of_many, corpus=folder)
    assert (again.executions, again.certificate.replayed) == (0, 1)
    assert again.verdict == "violated"
    assert again.schedule == first.schedule
    assert files(folder) == [name]


def test_what_has_been_mended_is_explored_to_its_end(tmp_path: Path) -> None:
    explore(one_of_many, corpus=tmp_path)
    FAILING.clear()
    report = explore(one_of_many, corpus=tmp_path)
    assert report.verdict == "holds"
    assert (report.executions, report.certificate.replayed) == (1000, 1)
    assert len(files(tmp_path)) == 1


def test_other_code_is_tried_and_counts_where_it_fails_again(tmp_path: Path) -> None:
    explore(one_of_many, corpus=tmp_path)
    (path,) = tmp_path.iterdir()
    replace(ScenarioSchedule.load(path), digest="0" * 16, code="0" * 16, python="3.9.0").save(path)
    report = explore(one_of_many, corpus=tmp_path)
    assert (report.verdict, report.executions) == ("violated", 0)
    assert report.schedule is not None
    assert report.schedule.digest != "0" * 16


def test_a_run_that_has_changed_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    """The value 500 is out of reach here: the nearest one is tried, and fails."""
    schedule = explore(one_of_many).schedule
    assert schedule is not None
    (made,) = schedule.decisions
    replace(schedule, decisions=(made._replace(chosen=5_000, of=9_999),)).save(tmp_path / "far.json")
    FAILING.clear()
    FAILING.add(999)
    report = explore(one_of_many, corpus=tmp_path, budget=Budget(executions=1))
    assert report.verdict == "violated"
    assert report.certificate.replayed == 1


def test_those_of_other_scenarios_and_formats_are_passed_over(tmp_path: Path) -> None:
    explore(one_of_many, corpus=tmp_path)
    (tmp_path / "of-a-pool.json").write_text('{"format": "acpool-schedule"}', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a schedule", encoding="utf-8")
    report = explore(another, corpus=tmp_path)
    assert (report.verdict, report.certificate.replayed) == ("holds", 0)
    assert len(files(tmp_path)) == 3


def test_it_is_known_what_may_lie_in_the_folder() -> None:
    assert set(FORMATS) == {sampled.FORMAT, scenario_schedule.FORMAT}


def test_a_file_of_another_format_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"format": "notes"}', encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"notes\.json, line 1: member 'format' is the string .notes.; expected one of"
    ):
        explore(another, corpus=tmp_path)


def test_a_file_that_cannot_be_used_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"broken\.json, line 1: found broken JSON"):
        explore(another, corpus=tmp_path)


@pytest.mark.parametrize(
    ("scenario", "found_with", "narrower"),
    [
        (overtaken, {"mode": "reordered"}, {"mode": "fifo"}),
        (leaks, {"cancellations": 1}, {"cancellations": 0}),
    ],
)
def test_what_the_scope_cannot_make_is_no_failure_of_it(
    tmp_path: Path,
    scenario: Callable[[], Coroutine[Any, Any, None]],
    found_with: dict[str, Any],
    narrower: dict[str, Any],
) -> None:
    assert explore(scenario, corpus=tmp_path, **found_with).verdict == "violated"
    report = explore(scenario, corpus=tmp_path, **narrower)
    assert (report.verdict, report.certificate.replayed) == ("holds", 0)
    assert explore(scenario, corpus=tmp_path, **found_with).certificate.replayed == 1
