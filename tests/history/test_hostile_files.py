"""Files that are no history: each gets one sentence with the line, what was found, and what was expected."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acpool_spec import history as history_module
from acpool_spec.history import ANY, HistoryError, Vocabulary, iter_history, read_history

INVOKE = {"index": 0, "time": 0, "type": "invoke", "f": "reset", "process": 0, "key": "a"}
OK = {**INVOKE, "index": 1, "type": "ok", "value": True}


def lines(*records: dict[str, Any] | str) -> str:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def changed(record: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**record, **members}


def without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in record.items() if member != name}


def refusal(text: str, vocabulary: Vocabulary = history_module.POOL) -> HistoryError:
    with pytest.raises(HistoryError) as caught:
        read_history(io.StringIO(text), vocabulary=vocabulary)
    error = caught.value
    assert str(error) == f"line {error.line}: found {error.found}; expected {error.expected}"
    assert len(str(error)) < 400
    return error


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ("{", "broken JSON", "one JSON object on one line"),
        ("{} {}", "broken JSON", "one JSON object"),
        ('{"index":0', "broken JSON", "one JSON object"),
        ("__import__('os')", "broken JSON", "one JSON object"),
        ("\x00", "broken JSON", "one JSON object"),
        ("\ufeff{}", "broken JSON (Unexpected UTF-8 BOM", "one JSON object"),
        ("null", "null", "one JSON object"),
        ("true", "true", "one JSON object"),
        ("12", "the number 12", "one JSON object"),
        ('"x"', 'the string "x"', "one JSON object"),
        ("[1,2]", "the list [1, 2]", "one JSON object"),
        ('{"a":NaN}', "NaN", "a finite number"),
        ('{"a":-Infinity}', "-Infinity", "a finite number"),
        ('{"a":1e999}', "the number 1e999", "a finite number"),
        ('{"a":' + "9" * 5000 + "}", "a number of 5000 digits", "at most 300"),
        ('{"a":1,"a":1}', 'the member the string "a" twice', "once"),
        ('{"v":{"b":1,"b":2}}', 'the string "b" twice', "once"),
        ('{"a":' + "[" * 100_000, "values nested too deep", "at most 64 levels"),
        ('{"a":' * 70 + "1" + "}" * 70, "values nested too deep", "at most 64 levels"),
        ('{"type":"pool","max_sessions":0}', '"max_sessions" 0', "at least 1"),
        ('{"type":"pool","max_sessions":"4"}', '"max_sessions" the string "4"', "an integer"),
        ('{"type":"pool","max_sessions":true}', '"max_sessions" true', "an integer"),
    ],
)
def test_a_line_that_is_no_object_of_a_history(line: str, found: str, expected: str) -> None:
    error = refusal(line)
    assert error.line == 1
    assert found in error.found
    assert expected in error.expected


@pytest.mark.parametrize(
    ("record", "found", "expected"),
    [
        (without(INVOKE, "index"), 'no "index"', "an integer"),
        (without(INVOKE, "time"), 'no "time"', "an integer, in nanoseconds"),
        (without(INVOKE, "type"), 'no "type"', "one of invoke, ok, fail, info, event"),
        (without(INVOKE, "f"), 'no "f"', "the name of an operation or event"),
        (without(INVOKE, "process"), 'type "invoke" without "process"', 'an integer "process"'),
        (changed(INVOKE, type="start"), '"type" the string "start"', "one of invoke, ok"),
        (changed(INVOKE, type=1), '"type" the number 1', "a string"),
        (changed(INVOKE, f="jump"), '"f" the string "jump"', "one of cancel, cleanup_idle, get_or_create"),
        (changed(INVOKE, f="opened"), '"f" the string "opened"', "one of cancel"),
        (changed(INVOKE, type="event"), '"f" the string "reset"', "one of acquire, "),
        (changed(INVOKE, index="0"), '"index" the string "0"', "an integer"),
        (changed(INVOKE, index=True), '"index" true', "an integer"),
        (changed(INVOKE, time=1.5), '"time" the number 1.5', "an integer"),
        (changed(INVOKE, process="nemesis"), '"process" the string "nemesis"', "an integer"),
        (changed(INVOKE, key=7), '"key" the number 7', "a string"),
        (changed(INVOKE, connection=["c"]), '"connection" the list ["c"]', "a string"),
        (changed(INVOKE, session_id=False), '"session_id" false', "a string"),
        (changed(INVOKE, error={"x": 1}), '"error" the object {"x": 1}', "a string"),
        (changed(INVOKE, ttl="1"), '"ttl" the string "1"', "a number of seconds"),
        (changed(INVOKE, ttl=True), '"ttl" true', "a number of seconds"),
        (changed(INVOKE, ttl=-1), '"ttl" the number -1', "at least 0"),
        (changed(INVOKE, key=["x" * 500]), "...", "a string"),
        (
            {"index": 0, "time": 0, "type": "event", "f": "created", "session_id": "s1", "value": "s2"},
            '"session_id" the string "s1" and "value" the string "s2"',
            "one session id",
        ),
    ],
)
def test_members_of_the_wrong_kind(record: dict[str, Any], found: str, expected: str) -> None:
    error = refusal(lines({"type": "pool"}, record))
    assert error.line == 2
    assert found in error.found
    assert expected in error.expected


@pytest.mark.parametrize(
    ("record", "found", "expected"),
    [
        (changed(OK, index=0), "index 0", "an index above 0"),
        (changed(OK, index=-1), "index -1", "an index above 0"),
        (changed(OK, time=-1), "time -1", "a time of at least 0"),
        (changed(OK, process=1), "ok of reset by process 1", "an invoke of it before"),
        (changed(OK, f="cancel"), "ok of cancel", "the answer to reset of process 0"),
        (changed(OK, key="b"), "ok for key 'b'", "key 'a', as invoked"),
        (
            changed(INVOKE, index=1),
            "a second operation of process 0",
            "the answer to its reset invoked at index 0",
        ),
        ({"type": "pool", "max_sessions": 4}, 'a line of type "pool"', "only as the first line"),
    ],
)
def test_events_that_cannot_follow(record: dict[str, Any], found: str, expected: str) -> None:
    error = refusal(lines(INVOKE, record))
    assert error.line == 2
    assert found in error.found
    assert expected in error.expected


def test_an_answer_comes_once() -> None:
    error = refusal(lines(INVOKE, OK, changed(OK, index=2, type="fail")))
    assert (error.line, error.found) == (3, "fail of reset by process 0")


@pytest.mark.parametrize("kind", ["invoke", "ok"])
def test_a_process_ends_with_info(kind: str) -> None:
    info = changed(INVOKE, index=1, type="info")
    error = refusal(lines(INVOKE, info, changed(INVOKE, index=2, type=kind)))
    assert error.line == 3
    assert error.found == "process 0 again after its info at index 1"
    assert "a new process number" in error.expected


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n"])
def test_an_empty_file_is_no_history(text: str, tmp_path: Path) -> None:
    error = refusal(text)
    assert error.found == "an empty file"
    path = tmp_path / "empty.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match="line 1: found an empty file"):
        read_history(path)


def test_bytes_that_are_no_text_have_a_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes(lines(INVOKE).encode() + b'{"key":"\xe9"}\n')
    with pytest.raises(
        HistoryError, match="line 2: found bytes that are not UTF-8 at column 9; expected text"
    ):
        read_history(path)
    with (
        path.open(encoding="utf-8") as stream,
        pytest.raises(
            HistoryError, match=r"line \d or after: found bytes that are not text; expected text in utf-8"
        ),
    ):
        read_history(stream)


def test_a_line_without_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_LINE", 100)
    path = tmp_path / "long.jsonl"
    path.write_text(lines(INVOKE, '"' + "x" * 200), encoding="utf-8")
    for source in (path, io.StringIO(path.read_text(encoding="utf-8"))):
        with pytest.raises(
            HistoryError, match="line 2: found a line longer than 100; expected one event a line"
        ):
            read_history(source)


def test_no_more_of_an_endless_line_is_read_than_shows_that_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MAX_LINE", 100)
    path = tmp_path / "endless.jsonl"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(HistoryError, match="a line longer than 100"):
            read_history(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_history(tmp_path / "nowhere.jsonl")


def test_nesting_within_strings_is_no_nesting() -> None:
    deep = changed(INVOKE, key="[" * 300 + '"\\' + "{" * 300)
    assert read_history(io.StringIO(lines(deep))).events[0].key == deep["key"]
    allowed = changed(INVOKE, value=json.loads("[" * 63 + "]" * 63), error="[" * 9)
    assert read_history(io.StringIO(lines(allowed))).events[0].value == allowed["value"]


def test_any_names_will_do_where_the_vocabulary_is_open() -> None:
    write = {"index": 0, "time": 0, "type": "invoke", "f": "write", "process": 0, "value": 3}
    assert refusal(lines(write)).found == '"f" the string "write"'
    assert read_history(io.StringIO(lines(write)), vocabulary=ANY).events[0].value == 3
    registers = Vocabulary(frozenset({"read"}), frozenset())
    assert refusal(lines(write), registers).expected == "one of read"


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(st.lists(st.one_of(st.text(), st.sampled_from([json.dumps(INVOKE), json.dumps(OK), "[", '{"a":1}']))))
def test_no_text_gets_a_traceback(chunks: list[str]) -> None:
    try:
        records = list(iter_history(io.StringIO("\n".join(chunks))))
    except HistoryError as error:
        assert error.line is not None
        assert 1 <= error.line <= len("\n".join(chunks).splitlines()) + 1
    else:
        assert records
