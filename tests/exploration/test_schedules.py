"""A failure is a value: schedule, file, the same failure again; and a file that does not fit is told apart."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acpool_spec import Report, ScenarioSchedule, choose, explore, replay
from acpool_spec.exploration import Failure, failure_of
from acpool_spec.exploration.recording import Recorded
from acpool_spec.oracles import ReplayDivergence
from acpool_spec.targets import BadInput


async def held_back() -> None:
    """Fails only where ``slow`` is held back for all six steps of ``quick``."""
    steps: list[str] = []

    async def quick() -> None:
        for _ in range(6):
            steps.append("quick")
            await asyncio.sleep(0)

    async def slow() -> None:
        steps.append("slow")

    await asyncio.gather(asyncio.create_task(slow(), name="slow"), asyncio.create_task(quick(), name="quick"))
    if steps[-1] == "slow":
        raise TimeoutError("slow was held back")


async def picks() -> None:
    """Fails for one value, whatever happens around it."""
    await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(2)))
    assert choose("xyz") != "y"


@pytest.fixture(scope="module")
def report() -> Report:
    """The exploration of :func:`held_back`, in which a failure is found and minimised."""
    return explore(held_back, mode="reordered")


def test_to_hold_one_task_back_is_one_deviation(report: Report) -> None:
    schedule = report.schedule
    assert schedule is not None
    assert schedule.feasible == "reordered"
    strays = [made for made in schedule.decisions if made.chosen]
    assert {made.alternatives[0] for made in strays} == {"step slow"}
    assert [str(made) for made in strays][:6] == ["step quick"] * 6
    assert Recorded(replay(held_back, schedule), schedule.decisions).size[0] == 1


@pytest.mark.parametrize("_", range(5))
def test_the_file_is_the_same_failure_again(report: Report, tmp_path: Path, _: int) -> None:
    assert report.schedule is not None
    report.schedule.save(tmp_path / "failure.json")
    read = ScenarioSchedule.load(tmp_path / "failure.json")
    assert read == report.schedule
    failure = failure_of(replay(held_back, read))
    assert failure == report.failure


def test_values_are_kept_as_numbers() -> None:
    report = explore(picks)
    assert report.schedule is not None
    assert [str(made) for made in report.schedule.decisions] == ["value 1 of 3"]


def test_a_schedule_of_another_scenario_is_refused_unless_asked_for(report: Report) -> None:
    assert report.schedule is not None
    with pytest.raises(BadInput, match=r"it is of scenario .*:held_back, this is .*:picks; replay it with"):
        replay(picks, report.schedule)
    with pytest.raises(ReplayDivergence, match=r"decision 1: .*; recorded were: step slow, step quick"):
        replay(picks, report.schedule, anyway=True)


def counts(alternatives: int, pauses: int = 1) -> Callable[[], Coroutine[Any, Any, None]]:
    """A scenario that chooses among so many values so many times, and fails for all but the first."""

    async def scenario() -> None:
        chosen = [choose(range(alternatives)) for _ in range(pauses)]
        assert not any(chosen)

    return scenario


@pytest.fixture(scope="module")
def counted() -> ScenarioSchedule:
    """Of a failure with two decisions."""
    schedule = explore(counts(3, 2)).schedule
    assert schedule is not None
    assert [str(made) for made in schedule.decisions] == ["value 0 of 3", "value 1 of 3"]
    return schedule


def test_what_a_scenario_was_made_with_is_part_of_it(counted: ScenarioSchedule) -> None:
    assert failure_of(replay(counts(3, 2), counted)) == counted.failure
    with pytest.raises(
        BadInput, match=r"other code: the scenario has digest [0-9a-f]{16}, the schedule was recorded"
    ):
        replay(counts(4, 2), counted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"digest": "0" * 16},
            "the scenario has digest [0-9a-f]{16}, the schedule was recorded with 0{16}; ",
        ),
        (
            {"code": "0" * 16},
            "the code that the scenario is made of has digest [0-9a-f]{16}, .* with 0{16}; ",
        ),
        (
            {"python": "3.9.1"},
            r"recorded with Python 3\.9\.1, this is Python .*, whose asyncio may take other steps",
        ),
    ],
)
def test_other_code_is_refused_unless_asked_for(
    counted: ScenarioSchedule, change: dict[str, Any], said: str
) -> None:
    other = replace(counted, **change)
    with pytest.raises(BadInput, match=said):
        replay(counts(3, 2), other)
    assert failure_of(replay(counts(3, 2), other, anyway=True)) == counted.failure


def test_another_patch_of_python_is_the_same_code(counted: ScenarioSchedule) -> None:
    near = replace(counted, python=f"{sys.version_info[0]}.{sys.version_info[1]}.99")
    assert failure_of(replay(counts(3, 2), near)) == counted.failure


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (counts(4, 2), "decision 1: 4 values; recorded were: 3 values"),
        (counts(3, 1), "the run ended before decision 2; recorded were 2"),
        (counts(3, 3), "decision 3: 3 values; the schedule ends before it"),
    ],
)
def test_the_first_divergence_is_named(
    counted: ScenarioSchedule, scenario: Callable[[], Coroutine[Any, Any, None]], said: str
) -> None:
    with pytest.raises(ReplayDivergence) as caught:
        replay(scenario, counted, anyway=True)
    assert str(caught.value) == said


def test_a_message_of_any_characters_is_kept(counted: ScenarioSchedule, tmp_path: Path) -> None:
    odd = replace(counted, failure=Failure("raised ValueError", "☂ \ud800 \x00"))
    odd.save(tmp_path / "a" / "folder" / "odd.json")
    assert ScenarioSchedule.load(tmp_path / "a" / "folder" / "odd.json") == odd
    assert [path.name for path in (tmp_path / "a" / "folder").iterdir()] == ["odd.json"]


def _cut(text: str) -> str:
    return text[:50]


def _list(_: str) -> str:
    return "[1]"


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        members = json.loads(text)
        change(members)
        return json.dumps(members, indent=1)

    return apply


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_cut, "expected a schedule file, which is one JSON object"),
        (_list, "expected a schedule file, which is one JSON object"),
        (_changed(lambda m: m.update(format="acpool-schedule")), "line 2: member 'format' is the string"),
        (_changed(lambda m: m.update(version=2)), "line 3: member 'version' is the number 2; expected 1"),
        (_changed(lambda m: m.update(version=True)), "'version' is true; expected a whole number"),
        (_changed(lambda m: m.update(mode="lifo")), "expected fifo or reordered"),
        (_changed(lambda m: m.update(cancellations=True)), "'cancellations' is true"),
        (_changed(lambda m: m.update(cancellations=-1)), "expected a number that is not negative"),
        (_changed(lambda m: m.update(failure=[])), "'failure' is the list"),
        (_changed(lambda m: m["failure"].pop("kind")), "member 'kind' of 'failure' is missing"),
        (_changed(lambda m: m.pop("digest")), "'digest' is missing; expected a text"),
        (_changed(lambda m: m.update(about={"scope": 1})), "expected an object of texts"),
        (_changed(lambda m: m["decisions"].insert(0, 3)), "line 15: decision 1 is the number 3"),
        (_changed(lambda m: m["decisions"][0].update(chosen=9)), "line 16: member 'chosen' of decision 1 is"),
        (_changed(lambda m: m["decisions"][1].update(of=["a", 1])), "of 2 is the number 1; expected a text"),
        (_changed(lambda m: m["decisions"][0].update(of="ab")), "member 'of' of decision 1 is the string"),
        (_changed(lambda m: m["decisions"][0].update(of=["ab"])), "expected two alternatives, or more"),
    ],
)
def test_a_file_that_is_no_schedule_is_refused(
    report: Report, tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    assert report.schedule is not None
    path = tmp_path / "failure.json"
    report.schedule.save(path)
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(BadInput, match=said) as refusal:
        ScenarioSchedule.load(path)
    assert str(refusal.value).startswith(str(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        ScenarioSchedule.load(tmp_path / "nothing.json")
