"""Every failure that was ever found and mended, replayed: its decisions still fit, and its property holds now.

CONTRIBUTING.md lists them, each with the command that replays it; the commands are executed here.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from acpool_spec.cli import main
from acpool_spec.quiet import quiet
from acpool_spec.schedule import broken, load_schedule, run_schedule
from acpool_spec.targets import load_target

ROOT = Path(__file__).parents[2]
FILES = sorted(Path(__file__).parent.glob("*.json"))
COMMANDS = re.findall(
    r"`(acpool replay [^`]*tests/corpus/[^`]*)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8")
)


def test_there_is_a_corpus() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_mended_stays_mended(path: Path) -> None:
    schedule = load_schedule(path)
    with quiet():
        world = run_schedule(schedule, load_target(schedule.pool))
    assert broken(world, schedule) is None
    assert world.judgement.violations == {}


def test_each_is_listed_once_and_nothing_else_is() -> None:
    listed = [shlex.split(command)[-1] for command in COMMANDS]
    assert sorted(listed) == [str(path.relative_to(ROOT)) for path in FILES]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: Path(command).stem)
def test_its_command_does_what_it_says(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    _, *arguments = shlex.split(command)
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    known = load_schedule(Path(arguments[-1])).property_id
    assert shown.splitlines()[-1].startswith(f"{known} (")
    assert shown.endswith("holds in this schedule now; it was broken when it was found\n")
