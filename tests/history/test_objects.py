"""``acpool history --spec``: recorded histories of other objects, judged as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from acpool_spec.cli import main
from acpool_spec.object_histories import OBJECTS, judge_objects
from acpool_spec.sections import SECTION
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Bound, Outcome


def history(path: Path, text: str) -> Path:
    """A line for each of ``0 > write 1 x``: who, a sign (``>`` invoke, ``<`` ok, ``!`` fail, ``?`` info), f, value, key."""
    types = {">": "invoke", "<": "ok", "!": "fail", "?": "info"}
    records: list[dict[str, Any]] = []
    for index, line in enumerate(part for part in text.split(";") if part.strip()):
        who, sign, f, value, *key = line.split()
        record: dict[str, Any] = {
            "index": index,
            "time": index,
            "process": int(who),
            "type": types[sign],
            "f": f,
        }
        record |= {"value": json.loads(value)} | ({"key": key[0]} if key else {})
        records.append(record)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("register", "0 > write 1; 0 < write null; 1 > read null; 1 < read 1", "holds"),
        ("register", "0 > write 1; 0 < write null; 1 > read null; 1 < read null", "violated"),
        ("register", "0 > write 1 x; 0 < write null x; 1 > read null y; 1 < read null y", "holds"),
        ("register", "0 > write 1; 0 ! write null; 1 > read null; 1 < read 1", "violated"),
        ("register", "0 > write 1; 0 ? write null; 1 > read null; 1 < read 1", "holds"),
        ("register", "0 > write 1; 1 > read null; 1 < read 1", "holds"),
        ("cas-register", "0 > cas [null,1]; 0 < cas [null,1]; 1 > read null; 1 < read 1", "holds"),
        ("cas-register", "0 > cas [null,1]; 0 < cas null; 1 > read null; 1 < read 1", "holds"),
        ("cas-register", "0 > cas [null,1]; 0 < cas false", "violated"),
        ("cas-register", "0 > cas [3,1]; 0 < cas true", "violated"),
        ("key-value", '0 > append "a" k; 0 < append null k; 1 > get null k; 1 < get "a" k', "holds"),
        (
            "key-value",
            "0 > put 1 k; 0 < put null k; 1 > delete null k; 1 < delete null k; 1 > get null k; 1 < get 1 k",
            "violated",
        ),
        ("lock", "0 > acquire null; 0 < acquire null; 1 > acquire null; 1 < acquire true", "violated"),
        ("lock", "0 > acquire null; 0 < acquire null; 1 > acquire null; 1 < acquire false", "holds"),
        ("queue", "0 > enqueue 1; 0 < enqueue null; 1 > dequeue null; 1 < dequeue null", "violated"),
        ("queue", "0 > enqueue 1; 0 < enqueue null; 1 > dequeue null; 1 < dequeue 1", "holds"),
    ],
)
def test_each_object_is_read_as_documented(name: str, text: str, outcome: str, tmp_path: Path) -> None:
    path = history(tmp_path / "h", text)
    assert judge_objects(path, name).outcome is Outcome(outcome)
    assert main(["history", str(path), "--spec", name]) == Outcome(outcome).exit_status


@pytest.mark.parametrize(
    "text", ["0 > write 1; 1 > read null", "0 > write 1; 0 ! write null", "0 > write 1; 0 ? write null"]
)
def test_where_nothing_was_answered_nothing_is_decided(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(tmp_path / "h", text)
    report = judge_objects(path, "register")
    assert (report.outcome, report.bound, report.answered) == (Outcome.UNDECIDED, None, 0)
    assert main(["history", str(path), "--spec", "register"]) == 3
    assert "no operation of the file was answered" in capsys.readouterr().out


def test_a_file_without_operations_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_text('{"type":"pool"}\n{"index":0,"time":0,"type":"event","f":"x"}\n', encoding="utf-8")
    assert main(["history", str(path), "--spec", "queue"]) == 3


def test_no_value_reaches_the_terminal_as_an_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(
        tmp_path / "h",
        r'0 > write "\u009b2J\u202e\ud800\u001b[1m"; 0 < write null; 1 > read null; 1 < read "é"',
    )
    assert main(["history", str(path), "--spec", "register"]) == 1
    out = capsys.readouterr().out
    assert r'"\x9b2J\u202e\ud800\u001b[1m"' in out
    assert '"é"' in out
    assert all(line.isprintable() for line in out.splitlines())


def test_the_command_line_offers_every_object(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["history", "--help"])
    assert "{" + ",".join(OBJECTS) + "}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "line", "found"),
    [
        ("register", "0 > read null; 0 > read null", 2, "a second operation of process 0"),
        ("register", "0 > increment 1", 1, 'found "f" the string "increment"; expected one of read, write'),
        (
            "cas-register",
            "0 > read null; 0 < read null; 0 > cas 1",
            3,
            'found "value" the number 1 of a cas; expected a list',
        ),
        ("key-value", "0 > get null", 1, 'found get without "key"'),
        ("key-value", "0 > append 3 k", 1, "the number 3 of an append; expected a string"),
        (
            "key-value",
            '0 > put 3 k; 0 < put null k; 1 > append "x" k; 1 < append null k',
            None,
            "append joins text to text",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named(
    name: str, text: str, line: int | None, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(tmp_path / "h", text)
    with pytest.raises(BadInput) as caught:
        judge_objects(path, name)
    assert found in str(caught.value)
    assert str(caught.value).startswith(
        f"{path}: line {line}: " if line is not None else f"{path}: key 'k': "
    )
    assert main(["history", str(path), "--spec", name]) == 2
    assert found in capsys.readouterr().err


def test_what_runs_out_is_named_and_the_other_keys_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = "".join(f"{n} > enqueue {n} hard; " for n in range(9)) + "".join(
        f"{n} < enqueue null hard; " for n in range(9)
    )
    text = many + "20 > dequeue null hard; 20 < dequeue 99 hard"
    report = judge_objects(history(tmp_path / "h", text), "queue", states=100)
    assert (report.outcome, report.bound, report.undecided) == (
        Outcome.UNDECIDED,
        Bound("states", 100),
        ("hard",),
    )
    assert main(["history", str(tmp_path / "h"), "--spec", "queue", "--states", "100"]) == 3
    assert "the history of key 'hard' ended at its bound states=100" in capsys.readouterr().out
    easy = "; 30 > dequeue null easy; 30 < dequeue 5 easy"
    report = judge_objects(history(tmp_path / "h", text + easy), "queue", states=100)
    assert report.outcome is Outcome.VIOLATED
    assert report.violated is not None
    assert report.violated[0] == "easy"


def recorded(operations: int) -> Iterator[str]:
    """Registers that work, by ten clients, of whom one in a hundred calls is lost."""
    random = Random(operations)
    values: dict[str, int] = {}
    calls: dict[int, list[Any]] = {}
    clients, fresh, index, begun = list(range(10)), 10, 0, 0
    while begun < operations:
        place = random.randrange(10)
        process = clients[place]
        call = calls.get(process)
        record: dict[str, Any] = {"index": index, "time": index, "process": process}
        if call is None:
            begun += 1
            key, f = f"k{random.randrange(4)}", random.choice(["read", "write"])
            calls[process] = [key, f, random.randrange(9), None]
            record |= {"type": "invoke", "f": f, "key": key, "value": calls[process][2]}
        elif call[3] is None:
            call[3] = "done"
            if call[1] == "write":
                values[call[0]] = call[2]
            else:
                call[2] = values.get(call[0])
            continue
        elif call[1] == "write" and random.random() < 0.01:
            del calls[process]
            clients[place], fresh = fresh, fresh + 1
            record |= {"type": "info", "f": call[1]}
        else:
            del calls[process]
            record |= {"type": "ok", "f": call[1], "value": call[2]}
        yield json.dumps(record) + "\n"
        index += 1


def test_a_long_history_is_not_held_in_memory(tmp_path: Path) -> None:
    """Of each of four keys two sections at most, and what stays pending for ever."""
    for operations in (3_000, 6_000):
        path = tmp_path / str(operations)
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(recorded(operations))
        report = judge_objects(path, "register")
        assert report.outcome is Outcome.HOLDS
        assert report.operations == operations
        assert report.pending > operations / 500
        assert report.most_held < 4 * 1.5 * SECTION + report.pending
