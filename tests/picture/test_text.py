"""The story as text: everything that the page says, in a hundred columns, whatever keys are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec.cli import main
from acpool_spec.picture.short import LINES, in_short
from acpool_spec.picture.story import Nearest, Story
from acpool_spec.picture.telling import moved, tell
from acpool_spec.picture.text import lane_lines, nearest_lines, text_lines
from acpool_spec.quiet import quiet
from acpool_spec.reference import default
from acpool_spec.schedule import Schedule, save_schedule
from acpool_spec.targets import Target
from acpool_spec.world import Scope

from .conftest import KEPT


def test_the_text_tells_the_whole_story_in_a_hundred_columns(story: Story) -> None:
    lines = list(text_lines(story))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100
    for said in (
        "S3 one owner per session violated: loaded of 's1' on c3 while c1 is alive and holds it",
        "waits for c1.prompt",
        "client 0 holds the lease of c1",
        "c3 ('a'): loading session 's1'",
        "the pool has 'a' in _suspended",
        "* get_or_create('a') answering 's1', session_reset=False takes effect",
        "✗ also S4 busy is not idle: c1 of 'a' is replaced by c3 while client 0 holds its",
        "✗ S3 one owner per session: loaded of 's1'",
        "cannot follow: event 7 (c2: opening)",
        "the nearest schedule that passes: decision 16",
    ):
        assert said in text, said


def test_lanes_stand_above_each_other_with_the_bad_step_and_the_divergence_below(story: Story) -> None:
    assert story.nearest is not None
    lines = list(lane_lines(story.run, 100, story.nearest.diverges[0]))
    below = next(line for line in lines if line.strip() and set(line.strip()) <= set("|^ "))
    offset = below.index("^") - (len(story.run.steps) - 1)
    assert below.index("|") - offset == story.nearest.diverges[0]
    first = next(line for line in lines if line.startswith("client 0"))
    assert first[offset + story.run.main.step] == "#"  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [60, 100])
def test_long_runs_show_the_lanes_before_the_bad_step(story: Story, width: int) -> None:
    main_break = story.run.main
    assert main_break is not None
    steps = story.run.steps * 20
    moved = replace(main_break, step=len(steps) - 1)
    lines = list(lane_lines(replace(story.run, steps=steps, breaks=(moved,)), width))
    assert max(map(len, lines)) <= width
    assert lines[0].endswith(f"to {len(steps)} of {len(steps)}:")
    assert any(line.endswith("^") for line in lines)


def test_where_nothing_near_passes_the_text_says_so_with_the_bound() -> None:
    (line,) = nearest_lines(Nearest(None, (), (), (0, 0), 17, "every schedule of one edit"))
    assert line == "no passing schedule was found near this one; looked at: every schedule of one edit"


HOSTILE = "\x1b[31m</script>\u202e"


def test_a_key_moves_no_cursor(target: Target, kept: Schedule) -> None:
    scope = Scope(keys=(HOSTILE,))
    decisions = (f"start 0 get_or_create {HOSTILE} 0", "turn", "turn", "answer c1.open ok")
    ours = replace(target, name="ours", factory=default)
    with quiet():
        told = tell(replace(kept, scope=scope, decisions=decisions), ours)
    lines = list(text_lines(told))
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= 100
    assert any("</script>" in line for line in lines)


def test_the_command_prints_it_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "race.html"
    assert main(["replay", "--anyway", str(KEPT), "--html", str(page)]) == 1
    out = capsys.readouterr().out
    assert "✗ also S4 busy is not idle" in out
    assert "* get_or_create('a') answering 's1', session_reset=False" in out
    assert "the nearest schedule that passes" in out
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.no_cover
def test_a_replay_of_s12_ends_at_the_event_that_cannot_be_explained(
    tmp_path: Path, kept: Schedule, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s12.json"
    save_schedule(replace(kept, property_id="S12"), file)
    assert main(["replay", "--anyway", str(file)]) == 1
    timeline, _, rest = capsys.readouterr().out.partition("in short:")
    assert timeline.rstrip().endswith("more rows, after the violation")
    assert "c2 ('b'): opening" in timeline and "c2 ('b'): opened" not in timeline
    assert "S12 linearizable violated: no linearization" in rest


def test_the_race_is_told_in_short(story: Story) -> None:
    short = in_short(story.run)
    assert len(short) <= LINES
    assert short[-1] == (24, "✗ S3: loaded of 's1' on c3 while c1 is alive and holds it")
    told = {words: step for step, words in short}
    evicted = (
        "client 1 in get_or_create('b') moves 'a' in the pool: _suspended, not _active, _gates, _cancel_handles,"
        " while client 0 holds its lease"
    )
    assert told["client 0 takes the lease of c1"] < told[evicted] < told["a process is started: c3 of 'a'"]
    assert not any("c2" in words for words in told)  # b's own process is no part of it
    lines = list(text_lines(story))
    assert "  step   25  ✗ S3: loaded of 's1' on c3 while c1 is alive and holds it" in lines


def test_where_a_key_is_now_comes_before_what_it_has_left() -> None:
    assert moved("_active, _gates", "_gates, _suspended") == "_suspended, not _active, _gates"
    assert moved("", "_gates") == "_gates"
    assert moved("_gates", "") == ""
