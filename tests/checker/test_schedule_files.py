"""Schedule files: a failure as data. What is saved replays; what cannot be used is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acpool_spec import json_file
from acpool_spec.batch import run_batch
from acpool_spec.cli import main
from acpool_spec.minimise import Failure, Minimiser
from acpool_spec.schedule import (
    Divergence,
    Schedule,
    broken,
    load_schedule,
    require_same_code,
    run_schedule,
    save_schedule,
    schedule_of,
)
from acpool_spec.targets import BadInput, Target, load_target

POOL = "acpool_spec.pools.unlocked_start:factory"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(POOL)


@pytest.fixture(scope="module")
def failure(target: Target) -> Failure:
    """A small failure of a known-bad pool."""
    found = run_batch(POOL, 0, range(8)).found["S2"].failure
    return Minimiser(target.factory, found).minimise()


@pytest.fixture
def saved(failure: Failure, target: Target, tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "er" / "schedule.json"
    save_schedule(schedule_of(target, failure), path)
    return path


Edit = Callable[..., Path]


@pytest.fixture
def edited(saved: Path) -> Edit:
    """The saved file with members changed; ``...`` as a value removes the member."""

    def edit(scope: dict[str, Any] | None = None, **members: Any) -> Path:
        found = json.loads(saved.read_text(encoding="utf-8"))
        for where, changes in ((found, members), (found["scope"], scope or {})):
            for name, value in changes.items():
                if value is ...:
                    del where[name]
                else:
                    where[name] = value
        saved.write_text(json.dumps(found), encoding="utf-8")
        return saved

    return edit


def test_what_is_saved_is_what_is_loaded_and_it_fails_in_the_same_way(
    saved: Path, failure: Failure, target: Target
) -> None:
    schedule = load_schedule(saved)
    assert schedule == schedule_of(target, failure)
    assert (schedule.scope, schedule.decisions) == (failure.scope, failure.decisions)
    assert schedule.feasible == failure.scope.mode
    require_same_code(schedule, target)
    seen = [run_schedule(schedule, target) for _ in range(2)]
    assert [broken(world, schedule) for world in seen] == [failure.violation] * 2
    assert seen[0].recorder.events == seen[1].recorder.events


def test_a_file_is_replaced_whole(saved: Path, failure: Failure, target: Target) -> None:
    save_schedule(replace(schedule_of(target, failure), message="other – ☂"), saved)
    assert load_schedule(saved).message == "other – ☂"
    assert [path.name for path in saved.parent.iterdir()] == ["schedule.json"]


def test_only_a_schedule_of_s12_costs_a_search_for_a_linearization(failure: Failure, target: Target) -> None:
    schedule = schedule_of(target, failure)
    assert run_schedule(schedule, target).judgement.tested["S12"] == 0
    assert run_schedule(replace(schedule, property_id="S12"), target).judgement.tested["S12"] >= 1


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What ``acpool replay`` says about a file that it does not take."""
    assert main(["replay", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("acpool replay: ")
    return said.err


@pytest.mark.parametrize(
    ("content", "place", "found", "expected"),
    [
        pytest.param(b"", ", line 1", "broken JSON", "one JSON object", id="empty"),
        pytest.param(b'{"a": 1,\n"b": ]}', ", line 2", "broken JSON", "one JSON object", id="broken"),
        pytest.param(b"[1, 2]", "", "the list [1, 2]", "one JSON object", id="list"),
        pytest.param(b"7", "", "the number 7", "one JSON object", id="number"),
        pytest.param(b'{"a": NaN}', "", "NaN", "one JSON object", id="NaN"),
        pytest.param(b'{"a": 1, "a": 2}', "", '"a" twice', "one JSON object", id="twice"),
        pytest.param(b'{"a":' * 9999, "", "nested too deep", "one JSON object", id="deep"),
        pytest.param(b"\n\xff\xfe{}", ", line 2", "not UTF-8", "a schedule file", id="not UTF-8"),
        pytest.param(b"\x00" * 16, ", line 1", "broken JSON", "one JSON object", id="binary"),
        pytest.param(b"{}", "", "member 'format' is missing", "expected 'acpool-schedule'", id="no members"),
    ],
)
def test_what_is_no_schedule_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, place: str, found: str, expected: str
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    said = refused(path, capsys)
    assert f"{path}{place}: " in said
    assert found in said
    assert expected in said


def test_a_file_too_large_is_not_read(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(json_file, "MAX_BYTES", 100)
    assert "larger than 100 bytes; expected a schedule file" in refused(saved, capsys)


def test_a_file_without_end_is_not_read_to_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(json_file, "MAX_BYTES", 100)
    assert "larger than 100 bytes" in refused(Path("/dev/zero"), capsys)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in refused(tmp_path / "none.json", capsys)
    assert "directory" in refused(tmp_path, capsys)


@pytest.mark.parametrize(
    ("members", "scope", "found", "expected"),
    [
        (
            {"format": "acpool-history"},
            {},
            "'format' is the string \"acpool-history\"",
            "expected 'acpool-schedule'",
        ),
        ({"version": 2}, {}, "'version' is the number 2", "expected 1, the one version"),
        ({"version": True}, {}, "'version' is true", "expected a whole number"),
        ({"version": 1.0}, {}, "'version' is the number 1.0", "expected a whole number"),
        ({"version": ...}, {}, "'version' is missing", "expected a whole number"),
        ({"decisions": "turn"}, {}, "'decisions' is the string \"turn\"", "expected a list"),
        ({"decisions": ["turn", 3]}, {}, "decision 2 is the number 3", "expected a text such as"),
        ({"property": "S99"}, {}, "'property' is the string \"S99\"", "expected one of S1, S2"),
        ({"property": 1}, {}, "'property' is the number 1", "expected a text"),
        ({"pool": None}, {}, "'pool' is null", "expected a text"),
        ({"pool": True}, {}, "'pool' is true", "expected a text"),
        ({"digest": ...}, {}, "'digest' is missing", "expected a text"),
        ({"message": []}, {}, "'message' is the list []", "expected a text"),
        ({"scope": []}, {}, "'scope' is the list []", "expected a JSON object"),
        ({}, {"clients": "two"}, "'clients' of 'scope' is the string \"two\"", "expected a whole number"),
        ({}, {"clients": True}, "'clients' of 'scope' is true", "expected a whole number"),
        ({}, {"clients": 1.5}, "'clients' of 'scope' is the number 1.5", "expected a whole number"),
        ({}, {"agents_load": 1}, "'agents_load' of 'scope' is the number 1", "expected true or false"),
        (
            {},
            {"keys": "ab"},
            "'keys' of 'scope' is the string \"ab\"",
            "expected a list of at least one text",
        ),
        ({}, {"keys": ["a", 1]}, "'keys' of 'scope' is the list [\"a\", 1]", "expected a list of at least"),
        ({}, {"keys": ...}, "'keys' of 'scope' is missing", "expected a list of at least one text"),
        ({}, {"keys": []}, "'keys' of 'scope' is the list []", "expected a list of at least one text"),
        (
            {},
            {"operations": ["get_or_create", "__init__"]},
            "'operations' of 'scope' is the list",
            "expected get_or_create, with_",
        ),
        ({}, {"mode": "lifo"}, "'mode' of 'scope' is the string", "expected fifo, reordered or directed"),
        ({}, {"clients": 0}, "'clients' of 'scope' is the number 0", "expected 1 to 100"),
        ({}, {"clients": 101}, "'clients' of 'scope' is the number 101", "expected 1 to 100"),
        ({}, {"max_sessions": 0}, "'max_sessions' of 'scope' is", "expected 1 to 1000"),
        ({}, {"max_sessions": 10**9}, "the number 1000000000", "expected 1 to 1000"),
    ],
)
def test_a_member_that_cannot_be_used_is_named(
    edited: Edit,
    capsys: pytest.CaptureFixture[str],
    members: dict[str, Any],
    scope: dict[str, Any],
    found: str,
    expected: str,
) -> None:
    if "scope" in members:
        path = edited()
        content = json.loads(path.read_text(encoding="utf-8")) | members
        path.write_text(json.dumps(content), encoding="utf-8")
    else:
        path = edited(scope, **members)
    said = refused(path, capsys)
    assert str(path) in said
    assert found in said
    assert expected in said


@pytest.mark.parametrize(("member", "what"), [("digest", f"the pool {POOL}"), ("checker", "the checker")])
def test_a_schedule_for_other_code_is_refused_and_replayed_anyway(
    edited: Edit, capsys: pytest.CaptureFixture[str], member: str, what: str
) -> None:
    path = edited(**{member: "0123456789abcdef"})
    said = refused(path, capsys)
    assert f"made for other code: {what} has digest" in said
    assert "0123456789abcdef" in said
    assert "--anyway" in said
    assert main(["replay", str(path), "--anyway"]) == 1
    assert "S2 one process per key violated" in capsys.readouterr().out


def test_a_run_that_leaves_its_schedule_says_where_and_what_was_possible(
    edited: Edit, saved: Path, capsys: pytest.CaptureFixture[str], failure: Failure
) -> None:
    decisions = [*failure.decisions]
    decisions[1] = "answer c9.open ok"
    said = refused(edited(decisions=decisions), capsys)
    assert 'decision 2 cannot be made: the string "answer c9.open ok": no such call' in said
    assert f"acpool replay: {saved}, line 1: " in said
    assert "possible were: " in said
    assert said.rstrip().endswith("…")


HUGE = "x" * 5_000_000


@pytest.mark.parametrize(
    ("members", "scope"),
    [
        ({"decisions": [HUGE]}, {}),
        ({"decisions": [[HUGE]]}, {}),
        ({"decisions": HUGE}, {}),
        ({"format": HUGE}, {}),
        ({"version": HUGE}, {}),
        ({"property": HUGE}, {}),
        ({"pool": HUGE}, {}),
        ({"pool": f"{HUGE}:factory"}, {}),
        ({"pool": f"acpool_spec.reference:{HUGE}"}, {}),
        ({"digest": HUGE}, {}),
        ({"checker": HUGE}, {}),
        ({"decisions": ["nothing"]}, {"keys": [HUGE, "two\nlines"]}),
        ({}, {"mode": HUGE}),
        ({}, {"keys": {"a": HUGE}}),
        ({}, {"operations": [HUGE]}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_message_stays_short_whatever_the_file_says(
    edited: Edit, capsys: pytest.CaptureFixture[str], members: dict[str, Any], scope: dict[str, Any]
) -> None:
    path = edited(scope, **members)
    said = refused(path, capsys)
    assert said.startswith(f"acpool replay: {path}")
    assert len(said) < 1000


def test_a_message_tells_the_line(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = saved.read_text(encoding="utf-8").splitlines()

    def told(line: str, instead: str) -> str:
        changed = [instead if found.strip().startswith(line) else found for found in lines]
        saved.write_text("\n".join(changed), encoding="utf-8")
        number = next(number for number, found in enumerate(changed, start=1) if found == instead)
        said = refused(saved, capsys)
        assert said.startswith(f"acpool replay: {saved}, line {number}: ")
        return said

    assert "member 'version' is true; expected a whole number" in told('"version"', '"version": true,')
    assert "member 'keys' of 'scope' is the list []" in told('"keys"', '"keys": [], "before": [')
    decision = lines[lines.index(' "decisions": [') + 1].strip()
    assert "is null; expected a text such as 'answer c1.open ok'" in told(decision, "null,")
    assert 'cannot be made: the string "answer c9.open ok"' in told(decision, '"answer c9.open ok",')


def test_divergence_lists_all_that_was_possible_where_it_is_little(target: Target, failure: Failure) -> None:
    scope = replace(failure.scope, clients=1, keys=("a",), operations=("get_or_create",))
    schedule = replace(schedule_of(target, failure), scope=scope, decisions=("turn",))
    with pytest.raises(Divergence) as caught:
        run_schedule(schedule, target)
    assert str(caught.value).endswith("possible were: start 0 get_or_create a 0")


def test_a_pool_that_has_been_mended_holds(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schedule: Schedule = load_schedule(saved)
    path = saved.with_name("empty.json")
    save_schedule(replace(schedule, decisions=()), path)
    assert main(["replay", str(path)]) == 0
    assert "holds in this schedule now" in " ".join(capsys.readouterr().out.split())


def test_another_pool_than_that_of_the_file_may_be_replayed(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(saved), "--pool", "acpool_spec.pools.nothing:factory"]) == 2
    assert "acpool_spec.pools.nothing" in capsys.readouterr().err


def test_bad_input_is_one_kind_of_error() -> None:
    assert issubclass(Divergence, BadInput)
