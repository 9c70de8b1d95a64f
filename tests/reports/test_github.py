"""GitHub Actions: escaped workflow commands at the line of the offending step, and a summary that is nothing but text."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec.canary import Canary
from acpool_spec.reports.folder import Wanted, write_reports
from acpool_spec.reports.github import annotation, old_annotation, summary, workflow_commands
from acpool_spec.reports.result import Result

RUN = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "17"}


def parsed(command: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it."""
    found = re.fullmatch(r"::(\w+)(?: ([^\n]*?))?::([^\n]*)", command)
    assert found is not None
    given = dict(part.split("=", 1) for part in (found[2] or "").split(",") if part)

    def plain(text: str) -> str:
        for escape, mark in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(escape, mark)
        return text

    return found[1], {name: plain(value) for name, value in given.items()}, plain(found[3])


def test_a_command_says_what_it_was_given_and_nothing_else() -> None:
    level, given, message = parsed(
        annotation("error", "100 %0A\r\nx::y", file="a,b:c%2C.py", line=3, title="")
    )
    assert (level, given, message) == ("error", {"file": "a,b:c%2C.py", "line": "3"}, "100 %0A\\r\nx::y")


def test_violations_are_at_their_lines_and_undecided_properties_together(result: Result) -> None:
    violated, undecided = map(parsed, workflow_commands(result))
    assert violated[0] == undecided[0] == "error"
    assert violated[1] == {
        "file": "src/a b,c:%/pool.py",
        "line": "42",
        "title": "S1 capacity violated (broker.pool:factory)",
    }
    assert violated[2].startswith("]]></failure><script>")
    assert violated[2].endswith(f"acpool replay '{result.cases[0].file}'")
    assert undecided[1] == {"title": "S2 undecided"}
    [*_, canary, last] = map(parsed, workflow_commands(replace(result, canary=Canary(False, "it holds"))))
    assert canary[1] == {"title": "the gate cannot fail"}
    assert last == undecided


def test_old_failures_are_errors_only_where_they_fail(result: Result) -> None:
    again, _, lost = result.old
    level, given, message = parsed(old_annotation(again))
    assert (level, given["title"]) == ("error", "old failure as before: one.json")
    assert message.endswith("acpool replay --anyway f/one.json")
    assert parsed(old_annotation(lost))[0] == "notice"


def test_the_summary_has_the_table_and_nothing_in_it_is_markup_of_others(result: Result) -> None:
    text = summary(result, RUN)
    assert text.startswith("## acpool check: violated\n")
    rows = [line for line in text.splitlines() if line.startswith("| S")]
    assert [len(row.split("|")) for row in rows] == [8, 8, 8]
    assert [row.split("|")[4].strip() for row in rows] == ["**violated**", "**undecided**", "holds"]
    assert "<script" not in text
    assert "&#42;&#42;b&#42;&#42;" in rows[0]
    assert "<script>alert('1')</script> | **b**" in html.unescape(rows[0])
    assert "[artifacts of this run](https://github.com/a/b/actions/runs/17#artifacts)" in text
    assert "the artifacts of this run" in summary(result, {})


def test_a_summary_that_would_be_too_long_to_be_shown_is_cut(result: Result) -> None:
    rows = tuple(f"row {number:05} {'<' * 90}" for number in range(30_000))
    cases = tuple(replace(result.cases[0], timeline=rows) for _ in range(18))
    text = summary(replace(result, cases=cases), RUN)
    assert len(text.encode()) < 1024 * 1024
    for shown in ("row 00000 ", "… 29,900 rows\n", "row 29901 ", "row 29999 "):
        assert text.count(shown) == 18, shown
    assert "row 00001 " not in text and "row 29900 " not in text


def test_a_picture_is_pointed_to_where_there_is_one(result: Result) -> None:
    case = replace(result.cases[0], picture=Path("report/pictures/pool-S1.html"))
    assert "Its picture is pool-S1.html in the [artifacts" in summary(replace(result, cases=(case,)), RUN)


def test_the_summary_is_appended(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert write_reports(result, Wanted(github=True)) == []
    assert path.read_text(encoding="utf-8").startswith("before\n## acpool check: violated\n")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert write_reports(result, Wanted(github=True)) == []
