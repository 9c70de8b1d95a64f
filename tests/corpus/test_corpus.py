"""Every failure that was ever found and mended, replayed: its decisions still fit, and its property holds now."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_spec.quiet import quiet
from acpool_spec.schedule import broken, load_schedule, run_schedule
from acpool_spec.targets import load_target

FILES = sorted(Path(__file__).parent.glob("*.json"))


def test_there_is_a_corpus() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_mended_stays_mended(path: Path) -> None:
    schedule = load_schedule(path)
    with quiet():
        world = run_schedule(schedule, load_target(schedule.pool))
    assert broken(world, schedule) is None
    assert world.judgement.violations == {}
