"""What the commands print on a terminal of 80 columns: a table of one line each, whole sentences, a timeline that fits."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec import commands, gate
from acpool_spec.batch import run_batch
from acpool_spec.cli import main
from acpool_spec.clients import Program
from acpool_spec.picture.story import Story
from acpool_spec.picture.telling import tell
from acpool_spec.properties import PROPERTIES
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Schedule, load_schedule, save_schedule, schedule_of
from acpool_spec.targets import Target, load_target
from acpool_spec.timeline import Watcher, render
from acpool_spec.world import Scope, World

POOL = "acpool_spec.pools.merged:factory"
# What the processes run that they start is reached in this one by other tests.
pytestmark = pytest.mark.usefixtures("untraced_children")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setitem(gate.PROFILES, "pr", replace(gate.PROFILES["pr"], examples=1))


@pytest.fixture(scope="module")
def schedule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failure of a known-bad pool, as a file."""
    path = tmp_path_factory.mktemp("schedules") / "S1.json"
    save_schedule(schedule_of(load_target(POOL), run_batch(POOL, 0, range(10)).found["S1"].failure), path)
    return path


@pytest.mark.no_cover
def test_the_table_has_one_line_for_each_property_and_the_rest_is_below(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--pool", POOL, "--schedules", "2", "--workers", "1", "--failures", "f"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"checking {POOL}, seed 0, on 1 process"
    end = lines.index("")
    table, below = lines[:end], lines[end + 1 :]
    assert [line.split()[0] for line in table] == ["id", *(known.id for known in PROPERTIES)]
    assert max(map(len, table)) <= 80
    assert all(("violated" in line) or ("holds" in line) or ("undecided" in line) for line in table[1:])
    clipped = [line.rstrip() for line in table if line.rstrip().endswith("…")]
    assert clipped
    for path in sorted(Path("f").iterdir()):
        schedule = load_schedule(path)
        at = next(n for n, line in enumerate(below) if line.startswith(f"{schedule.property_id}: "))
        assert below[at].endswith(f"; acpool replay {path}")
        if any(line.startswith(f"{schedule.property_id} ") for line in clipped):
            said = "\n".join(f"    {line}" for line in schedule.message.splitlines())
            assert "\n".join(below[at + 1 :]).startswith(f"{said} (")


def test_why_nothing_was_decided_is_said_once_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    ours = "acpool_spec.reference:default"
    assert main(["check", "--pool", ours, "--budget", "0.001", "--workers", "1"]) == 3
    lines = capsys.readouterr().out.splitlines()
    [whole] = [line for line in lines if " of at least " in line]
    assert re.fullmatch(
        r"S1, .*R1: the budget of 0.001 s ran out after \d+ of at least 1000 schedules", whole
    )


@pytest.fixture(scope="module")
def told(schedule_file: Path) -> Story:
    """The story of that failure: the same for every width, and most of the work."""
    schedule = load_schedule(schedule_file)
    with quiet():
        return tell(schedule, load_target(schedule.pool))


@pytest.mark.parametrize(("columns", "width"), [(20, 60), (60, 60), (80, 80), (100, 100), (500, 100)])
def test_a_timeline_fits_the_terminal(
    schedule_file: Path,
    told: Story,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    def tell_again(schedule: Schedule, target: Target) -> Story:
        assert (schedule, target.name) == (load_schedule(schedule_file), POOL)
        return told

    monkeypatch.setattr(commands, "tell", tell_again)
    assert main(["replay", str(schedule_file)]) == 1
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{POOL}, max_sessions=")
    end = next(number for number, line in enumerate(lines) if line.startswith("S1 "))
    assert width - 20 < max(map(len, lines[:end])) <= width
    said = " ".join(" ".join(lines[:end]).split())
    assert re.search(r"client-\d: get_or_create\('\w+'\),? now at merged.py:\d+, waits for c1.open", said)
    assert "resumed=False, session_reset=False" in said
    assert [line.partition(":")[0] for line in lines[end:]] == [
        "S1 capacity violated",
        "  S1 says",
        "  feasible",
    ]


def test_what_is_longer_than_three_lines_is_clipped() -> None:
    key = "k" * 10_000
    watcher = Watcher()
    with World(load_target(POOL).factory, Scope(keys=(key,)), watch=watcher.watch) as world:
        world.apply(f"start 0 {Program('get_or_create', key)}")
        world.apply("turn")
        lines = list(render(watcher, world, None, 60))
    assert max(map(len, lines)) <= 60
    assert len(lines) < 20
    assert any(line.endswith("…") for line in lines)
