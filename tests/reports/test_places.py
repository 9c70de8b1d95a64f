"""Where a violation happens: the line of the pool's own code that a reader would point at."""

from __future__ import annotations

import inspect
import linecache
import sys
from pathlib import Path

import pytest

from acpool_spec.batch import minimise, run_batch
from acpool_spec.reports.places import Place, look_again, shown_path
from acpool_spec.schedule import Schedule, load_schedule, schedule_of
from acpool_spec.targets import load_target
from acpool_spec.world import DIRECTED, Scope

# A pool, a property that it breaks, and the line of its code at which it does.
LINES = {
    ("merged", "S2"): "connection = await self._connector.open(key)",
    ("merged", "S3"): "await connection.load_session(saved)",
    ("global_lock", "L1"): "async with self._lock:",
    ("no_reclaim", "S10"): "async with self._gates.setdefault(key, asyncio.Lock()):",
}


@pytest.mark.no_cover
@pytest.mark.parametrize(("pool", "known"), LINES)
def test_the_line_of_the_offending_step_is_found(pool: str, known: str) -> None:
    name = f"acpool_spec.pools.{pool}:factory"
    target = load_target(name)
    failure = minimise(name, run_batch(name, 0, range(25)).found[known].failure)
    sight = look_again(schedule_of(target, failure), target)
    assert sight.place is not None
    assert linecache.getline(sight.place.file, sight.place.line).strip() == LINES[pool, known]
    assert Path(sight.place.file).parts[-2:] == ("pools", f"{pool}.py")
    assert sight.timeline[0].split() == ["time/s", "what", "happened"]


def test_a_directed_run_has_a_timeline_and_no_place() -> None:
    target = load_target("acpool_spec.reference:patient")
    schedule = Schedule(
        pool=target.name,
        digest="",
        checker="",
        python="3.11",
        scope=Scope(1, 1, ("a",), DIRECTED),
        decisions=(),
        property_id="R1",
        message="",
    )
    sight = look_again(schedule, target)
    assert sight.place is None
    assert sight.timeline[0].split() == ["time/s", "what", "happened"]


def test_the_trace_function_of_a_debugger_comes_back() -> None:
    schedule = load_schedule(Path(__file__).parents[1] / "corpus" / "shutdown-outruns-its-closings.json")
    before = sys.gettrace()
    sight = look_again(schedule, load_target(schedule.pool))
    assert sys.gettrace() is before
    assert sight.place is None  # it holds today
    assert len(sight.timeline) > 5


def test_a_pool_of_acpool_itself_has_its_places_in_acpool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool whose only own line makes it fail at once, and one that is our own with a connector that forgets to wait."""
    (tmp_path / "hasty_pool.py").write_text(
        "from acpool import SessionPool\n"
        "class Hasty(SessionPool):\n"
        "    async def get_or_create(self, key):\n"
        "        first = await self._connector.open(key)\n"
        "        await self._connector.open(key)\n"
        "        return first\n"
        "    def __init__(self, connector, *, max_sessions):\n"
        "        super().__init__(connector, max_sessions=max_sessions)\n"
        "        self._connector = connector\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    name = "hasty_pool:Hasty"
    target = load_target(name)
    found = run_batch(name, 0, range(25)).found["S2"]
    sight = look_again(schedule_of(target, found.failure), target)
    assert sight.place == Place("hasty_pool.py", 5, "get_or_create")


def test_paths_are_relative_to_the_checkout_then_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo" / "app").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo" / "app")
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    file = str(tmp_path / "repo" / "app" / "pool.py")
    assert shown_path(file) == "pool.py"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "repo"))
    assert shown_path(file) == "app/pool.py"
    elsewhere = inspect.getfile(Place)
    assert shown_path(elsewhere) == Path(elsewhere).resolve().as_posix()
