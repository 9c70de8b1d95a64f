"""The picture of a scenario's schedule: of a scope of the explorer, and of code that has no pool."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec.cli import main
from acpool_spec.exploration import explore
from acpool_spec.picture.scenario_story import tell_scenario
from acpool_spec.picture.text import text_lines
from acpool_spec.scopes import PoolScope
from acpool_spec.scopes.scenario import cancellable, explore_scope, scenario_of
from acpool_spec.targets import load_target


async def loses_a_slot() -> None:
    slot = asyncio.Semaphore(1)

    async def client() -> None:
        await slot.acquire()
        await asyncio.sleep(0)  # whoever is cancelled here takes the slot along
        slot.release()

    tasks = [asyncio.create_task(client(), name=name) for name in ("one", "other")]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not slot.locked(), "the slot is lost"


def test_a_scenario_without_a_pool_has_a_lane_for_each_task() -> None:
    report = explore(loses_a_slot, cancellations=1)
    assert report.schedule is not None
    story = tell_scenario(loses_a_slot, report.schedule)
    assert story.bad and story.callers == "tasks"
    assert [lane.label for lane in story.run.lanes] == ["the scenario", "one", "other"]
    broken = story.run.main
    assert broken is not None and broken.message.startswith("AssertionError: the slot is lost")
    assert broken.step == len(story.run.steps) - 1
    waits = [bar for bar in story.run.bars if bar.kind == "wait"]
    assert any(bar.text == "acquire()" for bar in waits)
    assert [mark.text for mark in story.run.marks if mark.kind == "cancel"] == ["cancel other"]
    nearest = story.nearest
    assert nearest is not None and nearest.run is not None and nearest.run.main is None
    assert nearest.edits == ("decision 4 is 'iterate' instead of 'cancel other'",)
    assert max(map(len, text_lines(story))) <= 100


def test_a_scenario_that_holds_now_is_told_too() -> None:
    report = explore(loses_a_slot, cancellations=1)
    assert report.schedule is not None
    held = replace(report.schedule, decisions=report.schedule.decisions[:3])
    story = tell_scenario(loses_a_slot, held)
    assert not story.bad and story.nearest is None
    assert story.verdict == "this schedule holds"


def test_a_scope_is_drawn_with_its_operations_connections_and_keys(tmp_path: Path) -> None:
    pool = load_target("acpool_spec.pools.unlocked_start:factory")
    scope = PoolScope.parse("get_or_create:a,get_or_create:a@1.fifo.f0.c0")
    report = explore_scope(scope, pool.factory, only=("S2",))
    assert report.schedule is not None
    story = tell_scenario(
        scenario_of(scope, pool.factory, only=("S2",)), report.schedule, cancellable=cancellable
    )
    broken = story.run.main
    assert broken is not None and (broken.property, broken.name) == ("S2", "one process per key")
    lanes = {lane.id for lane in story.run.lanes}
    assert {"client 0", "client 1", "key a", "connection a1", "connection a2"} <= lanes
    assert {lane.id for lane in story.run.lanes if lane.bad} >= {"key a", "connection a1", "connection a2"}
    assert not any("outside" in bar.text for bar in story.run.bars)  # between calls nobody waits
    assert any(mark.lane == "client 0" and "calls get_or_create" in mark.text for mark in story.run.marks)
    assert any(part.title == "what the pool remembers" for part in story.run.states[-1])


def test_replaying_a_schedule_of_a_scope_writes_its_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, page = tmp_path / "failures", tmp_path / "scope.html"
    pool, scope = "acpool_spec.pools.unlocked_start:factory", "get_or_create:a,get_or_create:a@1.fifo.f0.c0"
    journal = ["--journal", str(tmp_path / "journal"), "--failures", str(folder), "--workers", "1"]
    assert main(["explore", scope, "--pool", pool, *journal]) == 1
    (file,) = folder.glob("*.json")
    assert main(["replay", str(file), "--html", str(page)]) == 1
    out = capsys.readouterr().out
    assert "lanes, steps" in out and f"the picture is in {page}" in out.replace("\n", " ")
    assert "a1 of" in page.read_text()
