"""The picture of a history: of any object, and of a pool, as far as it can be explained."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from acpool_spec.cli import main
from acpool_spec.history import History, write_history
from acpool_spec.history_report import judge
from acpool_spec.linearizability import check_history
from acpool_spec.objects.key_value import KeyValue
from acpool_spec.objects.register import Register
from acpool_spec.picture.history_story import STEPS, story_of_history, story_of_operations
from acpool_spec.picture.recording import record
from acpool_spec.picture.text import text_lines
from acpool_spec.quiet import quiet
from acpool_spec.schedule import Schedule
from acpool_spec.sequential import Operation
from acpool_spec.targets import Target
from acpool_spec.verdict import Budget


def op(
    process: int, name: str, argument: Any, response: Any, invoked: int, returned: int | None
) -> Operation:
    return Operation(
        process=process,
        name=name,
        argument=argument,
        response=response,
        invoked_at=invoked,
        returned_at=returned,
    )


STALE = [
    op(0, "write", 1, None, 0, 10),
    op(1, "read", None, 1, 5, 15),
    op(2, "write", 2, None, 8, 30),
    op(0, "read", None, 2, 20, 25),
    op(1, "read", None, 1, 27, 40),
    op(3, "write", 7, None, 3, None),
]


def test_a_stale_read_is_the_first_bad_step_and_cannot_come_next() -> None:
    verdict = check_history(STALE, Register(0))
    story = story_of_operations(STALE, verdict, title="a register", spec=Register(0))
    broken = story.run.main
    assert broken is not None and story.bad
    assert story.run.steps[broken.step].what == "process 1: read is answered"
    explained = story.explanation
    assert explained is not None and not explained.whole
    assert explained.stuck[0] == ("4: read() → 1", "not with this answer")
    assert explained.placed == len(verdict.longest or ())
    marks = [mark for mark in story.run.marks if mark.kind == "break"]
    assert [(mark.lane, mark.text) for mark in marks] == [("client 1", "cannot come next: read() → 1")]


def test_what_holds_has_a_place_for_every_operation_inside_it() -> None:
    operations = STALE[:4]
    verdict = check_history(operations, Register(0))
    story = story_of_operations(operations, verdict, title="a register")
    points = [mark for mark in story.run.marks if mark.kind == "point"]
    assert len(points) == 4 and not story.bad
    for bar in story.run.bars:
        inside = [mark for mark in points if mark.lane == bar.lane and bar.begin <= mark.at <= bar.end]
        assert len(inside) == 1
    order = [mark.text for mark in sorted(points, key=lambda mark: mark.at)]
    linearized = verdict.linearization
    assert linearized is not None
    assert order == [
        f"{o.name}({'' if o.argument is None else o.argument}) → {o.response}"
        for o in (operations[n] for n in linearized)
    ]


def test_only_the_partition_that_has_no_linearization_is_shown() -> None:
    spec = KeyValue()
    operations = [
        op(0, "put", ["x", 1], None, 0, 1),
        op(0, "get", "x", 2, 2, 3),
        op(1, "put", ["y", 1], None, 0, 3),
    ]
    verdict = check_history(operations, spec)
    assert verdict.violated
    story = story_of_operations(operations, verdict, title="a map", spec=spec)
    assert {lane.id for lane in story.run.lanes} == {"client 0"}
    assert len(story.run.steps) == 4


def test_an_undecided_history_names_the_bound_and_is_not_bad() -> None:
    verdict = check_history(STALE, Register(0), budget=Budget(states=1))
    assert verdict.undecided
    story = story_of_operations(STALE, verdict, title="a register")
    assert not story.bad and story.run.main is None
    assert "states=1" in story.verdict
    assert story.explanation is not None and "states=1" in story.explanation.note


def test_of_a_long_history_the_steps_before_the_bad_one_are_shown() -> None:
    operations = [op(0, "write", n, None, 2 * n, 2 * n + 1) for n in range(3_000)]
    operations.append(op(1, "read", None, 7, 6_000, 6_001))
    story = story_of_operations(operations, check_history(operations, Register(0)), title="long")
    assert len(story.run.steps) == STEPS
    broken = story.run.main
    assert broken is not None
    assert story.run.steps[broken.step].what == "process 1: read is answered"
    assert "2000 of 6002 steps are shown" in story.run.note


def test_the_command_draws_the_window_of_an_object_that_has_no_linearization(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "history.jsonl", tmp_path / "page.html"
    lines: list[dict[str, Any]] = []
    for value in range(20):
        lines.append({"type": "invoke", "f": "write", "process": 0, "value": value})
        lines.append({"type": "ok", "f": "write", "process": 0})
    lines.append({"type": "invoke", "f": "read", "process": 1})
    lines.append({"type": "ok", "f": "read", "process": 1, "value": 3})
    rows = [json.dumps({"index": n, "time": n * 2_500_000_000, **line}) for n, line in enumerate(lines)]
    file.write_text("\n".join(rows))
    assert main(["history", str(file), "--spec", "register", "--html", str(page)]) == 1
    assert "the picture is in" in capsys.readouterr().out
    written = page.read_text()
    assert r"process 1: read() \u2192 3 [40\u201341]" in written  # by the events of the file
    steps = json.loads(written.partition('id="story">')[2].partition("</script>")[0])["runs"][0]["steps"]
    assert steps[-1]["time"] == lines.index(lines[-1]) * 2.5  # and their own times
    before = re.search(
        r"before these, (\d+) completed operations have linearizations, which leave (\d+)", written
    )
    assert before is not None and int(before[2]) == int(before[1]) - 1  # whatever the window begins with
    file.write_text("\n".join(rows[:4]))
    page.unlink()
    assert main(["history", str(file), "--spec", "register", "--html", str(page)]) == 0
    assert capsys.readouterr().out.endswith(f"linearizable as register: holds\nthe picture is in {page}\n")
    drawn = json.loads(page.read_text().partition('id="story">')[2].partition("</script>")[0])
    assert not drawn["bad"] and drawn["explanation"]["whole"]
    assert [mark["kind"] for mark in drawn["runs"][0]["marks"]] == ["point", "point"]
    assert not drawn["runs"][0]["note"] and "connection" not in drawn["legend"]
    # Of several objects it is one, and says so.
    keyed = [{**json.loads(row), "key": "xy"[n // 2]} for n, row in enumerate(rows[:4])]
    file.write_text("\n".join(map(json.dumps, keyed)))
    assert main(["history", str(file), "--spec", "register", "--html", str(page)]) == 0
    assert "the first 1 operations of one of 2 objects; 2 were judged" in page.read_text()


@pytest.fixture(scope="module")
def raced(kept: Schedule, target: Target) -> History:
    with quiet():
        return record(target.factory, kept.scope, kept.decisions, linearize=False).history


def test_the_history_of_a_pool_is_drawn_as_its_run_is(raced: History) -> None:
    violations = judge(raced).violations
    story = story_of_history(raced, violations, title="h", main="S3")
    broken = story.run.main
    assert broken is not None and broken.property == "S3"
    assert story.run.steps[broken.step].what == "c3: loaded"
    assert {lane.id for lane in story.run.lanes if lane.bad} == {"key a", "connection c1", "connection c3"}
    assert [(b.property, b.step < broken.step) for b in story.run.breaks if b.property == "S4"] == [
        ("S4", True)
    ]
    assert (
        "'a': c1 live s1, leased by client 0 AND c3 live s1, idle"
        in {part.title: part.lines for part in story.run.states[story.run.state_at[-1]]}["keys"]
    )


def test_the_first_of_several_is_what_a_history_is_about(raced: History) -> None:
    story = story_of_history(raced, judge(raced).violations, title="h")
    main_break = story.run.main
    assert main_break is not None
    assert all(main_break.step <= broken.step for broken in story.run.breaks)
    assert len(story.run.steps) == main_break.step + 1


def test_a_history_in_which_nothing_is_broken(raced: History) -> None:
    story = story_of_history(raced, [], title="h")
    assert not story.bad and story.run.main is None
    assert len(story.run.steps) == len(raced.events)


def test_the_command_writes_the_page(
    raced: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "history.jsonl", tmp_path / "out" / "page.html"
    write_history(raced, file)
    assert main(["history", str(file), "--html", str(page)]) == 1
    assert f"the picture is in {page}" in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_the_text_of_a_history_fits_a_hundred_columns(raced: History) -> None:
    story = story_of_history(raced, judge(raced).violations, title="h")
    lines = list(text_lines(story))
    assert max(map(len, lines)) <= 100
    assert any("the history can be explained up to" in line for line in lines)
