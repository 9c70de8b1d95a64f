"""``acpool check`` with every report: old failures first, a canary, a folder that is whole by itself."""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from acpool_spec import canary, gate
from acpool_spec.campaign.old_failures import Replayed
from acpool_spec.cli import main
from acpool_spec.commands import _room_for  # pyright: ignore[reportPrivateUsage]  # without checks that end red twice
from acpool_spec.json_file import write_whole
from acpool_spec.reports.folder import Wanted, write_reports
from acpool_spec.reports.page import page
from acpool_spec.reports.result import Result, overall
from acpool_spec.schedule import Schedule, save_schedule
from acpool_spec.verdict import Outcome
from acpool_spec.world import Scope

BAD = "acpool_spec.pools.global_lock:factory"
OURS = "acpool_spec.reference:default"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.setitem(gate.PROFILES, "pr", replace(gate.PROFILES["pr"], examples=1))


def check(*arguments: str) -> int:
    return main(["check", "--workers", "1", *arguments])


class Tags(HTMLParser):
    """The tags of a page, the values of its attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.no_cover
def test_a_red_check_leaves_everything_and_the_next_one_begins_with_its_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = ["--junit", "out/j.xml", "--sarif", "out/s.sarif", "--report", "rep", "--github"]
    assert check("--pool", BAD, "--schedules", "8", *reports) == 1
    said = capsys.readouterr().out
    assert "canary: merged goes red with S2, as it must\n" in said
    [command] = re.findall(r"^::error file=.*$", said, re.MULTILINE)
    assert re.search(r"pools/global_lock\.py,line=\d+,title=L1 isolation violated", command)
    found = json.loads(Path("out/s.sarif").read_text())["runs"][0]["results"]
    assert [one["ruleId"] for one in found] == ["L1"]
    failures = list(ET.parse("out/j.xml").iter("failure"))  # noqa: S314 - what we have written ourselves
    assert len(failures) == 1
    assert Path("summary.md").read_text().startswith("## acpool check: violated")
    assert {path.relative_to("rep").as_posix() for path in Path("rep").rglob("*.*")} == {
        "index.html",
        "junit.xml",
        "acpool.sarif",
        "pictures/global_lock-L1.html",
        "schedules/global_lock-L1.json",
    }
    links = Tags(Path("rep/index.html").read_text(encoding="utf-8")).links
    assert {"pictures/global_lock-L1.html", "schedules/global_lock-L1.json"} < set(links)
    assert "L1 isolation" in Path("rep/pictures/global_lock-L1.html").read_text(encoding="utf-8")
    summary = html.unescape(Path("summary.md").read_text(encoding="utf-8"))
    assert "Its picture is global_lock-L1.html in the artifacts of this run" in summary
    assert main(["replay", "rep/schedules/global_lock-L1.json"]) == 1
    capsys.readouterr()

    # Too short to find it again: the old failure alone is red, and it is said before anything is sampled.
    assert check("--pool", BAD, "--schedules", "1", "--seed", "3", "--junit", "j2.xml", "--github") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(
        "old failure: acpool-failures/global_lock-L1.json: still violated: L1 (isolation): "
    )
    assert lines[2].startswith("::error title=old failure as before%3A global_lock-L1.json::")
    assert "1 old failure as before: global_lock-L1.json" in lines
    [old] = [case for case in ET.parse("j2.xml").iter("testcase") if case.get("classname") == "old failures"]  # noqa: S314 - likewise
    assert old.find("failure") is not None


@pytest.mark.usefixtures("untraced_children")
def test_a_gate_that_cannot_fail_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(canary, "POOL", OURS)
    assert check("--pool", OURS, "--schedules", "1", "--junit", "j.xml", "--github") == 3
    said = capsys.readouterr().out
    assert "canary: reference stays green, so this check cannot fail: S2 (one process per key) holds" in said
    assert "::error title=the gate cannot fail::canary: reference stays green" in said
    assert "verdict: undecided" in said
    [case] = [case for case in ET.parse("j.xml").iter("testcase") if case.get("classname") == "gate"]  # noqa: S314 - what we have written ourselves
    assert case.find("error") is not None


def test_the_verdict_is_the_worst_of_everything(result: Result) -> None:
    green, red = canary.Canary(True), canary.Canary(False, "it holds")
    again, gone, lost = result.old
    holds, undecided, violated = Outcome.HOLDS, Outcome.UNDECIDED, Outcome.VIOLATED
    assert overall(green, [gone, lost], [holds]) is holds
    assert overall(green, [], [holds, undecided]) is undecided
    assert overall(red, [], [holds]) is undecided
    assert overall(red, [], [undecided, violated]) is violated
    assert overall(green, [gone, again], [holds]) is violated


def test_a_report_that_cannot_be_written_is_no_pass(result: Result, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    taken = tmp_path / "taken" / "x"
    problems = write_reports(result, Wanted(junit=taken, sarif=taken, report=taken))
    assert len(problems) == 3
    assert all("cannot be written: " in problem for problem in problems)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--report", "taken"], "--report: taken: File exists; expected a folder"),
        (["--report", "taken/in/it"], "--report: taken/in/it: Not a directory; expected a folder"),
        (["--junit", "taken/j.xml"], "--junit: taken: File exists; expected a folder"),
        (["--junit", "folder"], "--junit: folder is a folder; expected the name of a file"),
        (["--sarif", "/"], "--sarif: / is a folder; expected the name of a file"),
        (["--failures", "taken"], "taken: Not a directory; expected a folder of failures"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_sampled(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("a file")
    Path("folder").mkdir()
    monkeypatch.setattr(gate, "run_check", None)
    assert check("--pool", OURS, *arguments) == 2
    assert capsys.readouterr().err == f"acpool check: {said}\n"
    assert Path("taken").read_text() == "a file"


def test_a_report_may_go_where_there_is_no_file() -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(Path("pipe"), "said")
    assert os.read(reader, 9) == b"said"
    os.close(reader)
    assert Path("pipe").is_fifo()
    Path("link").symlink_to("file")
    write_whole(Path("link"), "said")
    assert (Path("link").is_symlink(), Path("file").read_text()) == (True, "said")


def test_a_failure_takes_no_others_place() -> None:
    def schedule(pool: str, *decisions: str) -> Schedule:
        return Schedule(f"{pool}:factory", "", "", "3.11", Scope(), decisions, "S1", "broke")

    folder, path = Path("kept"), Path("kept/pool-S1.json")
    first, second, others = schedule("a.pool", "turn"), schedule("a.pool", "turn", "turn"), schedule("b.pool")
    assert _room_for(first, folder, []) == path
    save_schedule(first, path)
    again, gone = (Replayed(path, outcome) for outcome in (Outcome.VIOLATED, Outcome.HOLDS))
    assert _room_for(first, folder, [again]) == path
    assert _room_for(second, folder, [gone]) == path
    beside = {_room_for(other, folder, [again]) for other in (second, others)}
    assert beside == {Path(f"kept/pool-S1-{other.fingerprint}.json") for other in (second, others)}
    assert _room_for(others, folder, []) in beside  # that of another module is not replayed
    path.write_text('{"format": "acpool-scenario-schedule"}')
    assert _room_for(first, folder, []) not in (path, *beside)


def test_an_old_failure_that_cannot_be_read_ends_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    Path("acpool-failures").mkdir()
    Path("acpool-failures/broken.json").write_text("{")
    assert check("--pool", OURS, "--schedules", "1") == 2
    assert "acpool-failures/broken.json" in capsys.readouterr().err


def test_the_page_needs_nothing_but_itself_and_shows_hostile_texts_as_texts(
    result: Result, tmp_path: Path
) -> None:
    text = page(result, tmp_path)
    text.encode("utf-8")
    seen = Tags(text)
    assert "script" not in seen.tags
    assert "]]></failure><script>alert('1')</script> | **b**" in seen.said
    assert "\\x00\\x1b[31m\\ud800" in seen.said
    assert [link for link in seen.links if not link.startswith(("#", "fail%20ures/"))] == []
    assert html.unescape("src/a b,c:%/pool.py:42 in get_or_create") in seen.said


def test_the_profile_decides_what_no_option_does() -> None:
    nightly = gate.Plan((OURS,), profile="nightly")
    assert (nightly.seconds, nightly.floor, nightly.examples) == (1_800.0, 20_000, 2_000)
    short = gate.Plan((OURS,), budget_s=9.0, profile="nightly")
    assert (short.seconds, short.floor, short.examples) == (9.0, 20_000, 10)
    assert gate.Plan((OURS,), budget_s=7_200.0, profile="nightly").examples == 2_000
    assert gate.Plan((OURS,), schedules=3, profile="nightly").examples == 2_000
    assert gate.Plan((OURS,), schedules=30, profile="nightly").floor == 30
    assert gate.Plan((OURS,)).seconds == 60.0
