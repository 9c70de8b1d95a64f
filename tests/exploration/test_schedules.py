"""A failure is a value: schedule, file, the same failure again; and a file that does not fit is told apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acpool_spec import Report, ScenarioSchedule, choose, explore, replay
from acpool_spec.exploration import failure_of
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


def test_a_schedule_of_other_code_is_refused_unless_asked_for(report: Report) -> None:
    assert report.schedule is not None
    with pytest.raises(BadInput, match="made for other code"):
        replay(picks, report.schedule)
    with pytest.raises(ReplayDivergence, match=r"decision 0: .*; recorded were: step slow, step quick"):
        replay(picks, report.schedule, anyway=True)


def _cut(text: str) -> str:
    return text[:50]


def _list(_: str) -> str:
    return "[1]"


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def apply(text: str) -> str:
        members = json.loads(text)
        change(members)
        return json.dumps(members)

    return apply


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_cut, "expected one JSON object"),
        (_list, "expected one JSON object"),
        (_changed(lambda m: m.update(version=2)), "format and version"),
        (_changed(lambda m: m.update(mode="lifo")), "expected fifo or reordered"),
        (_changed(lambda m: m.update(cancellations=True)), "'cancellations' is true"),
        (_changed(lambda m: m["failure"].pop("kind")), "'kind' is null"),
        (_changed(lambda m: m["decisions"].insert(0, 3)), "decision 0 is the number 3"),
        (_changed(lambda m: m["decisions"][0].update(chosen=9)), "decision 0: the number 9 of"),
        (_changed(lambda m: m["decisions"][0].update(of=["a", 1])), "expected texts"),
        (_changed(lambda m: m["decisions"][0].update(of="ab")), "of the string"),
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
