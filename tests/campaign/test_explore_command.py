"""``acpool explore`` as its user meets it: the table, the files it leaves, bad input, and what a kill costs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.campaign.conftest import FAMILY, ROOT

from acpool_spec.cli import main

TOYS = ["--scopes", FAMILY, "--workers", "1"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    # A worker is a process of its own, which imports the toy family by name.
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    )


def explore(*arguments: str) -> int:
    return main(["explore", *arguments, *TOYS])


def table(output: str) -> list[tuple[str, ...]]:
    """The lines of the table, less the seconds: verdict, share explored, executions, states, scope."""
    lines = output.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("verdict "))
    end = lines.index("", begin)
    rows = [line.split(maxsplit=5) for line in lines[begin + 1 : end]]
    return [(*row[:4], row[5]) for row in rows]


def test_the_profile_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("--list") == 0
    assert capsys.readouterr().out.splitlines() == ["orders 2", "orders 3"]
    assert explore("--list", "--profile", "nightly") == 0
    assert capsys.readouterr().out.splitlines() == ["orders 2", "orders 3", "deep 6"]


def test_what_holds_is_told_in_a_table_and_explored_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore("orders 2", "deep 6") == 0
    first = capsys.readouterr().out
    assert [(row[0], row[1], row[-1]) for row in table(first)] == [
        ("holds", "100%", "orders 2"),
        ("holds", "100%", "deep 6"),
    ]
    assert first.splitlines()[-1] == "verdict: holds (2 scopes: 2 holds)"
    assert max(map(len, first.splitlines())) <= 130  # the names of scopes are never cut
    assert explore("orders 2", "deep 6") == 0
    second = capsys.readouterr().out
    assert table(second) == table(first)
    assert "2 results from the journal" in second
    assert explore("orders 2", "deep 6", "--fresh") == 0
    assert "from the journal" not in capsys.readouterr().out


def test_a_violation_leaves_a_file_that_replays_and_is_replayed_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert explore("loses") == 1
    output = capsys.readouterr().out
    assert "loses: violated: raised ArithmeticError: an update was [lost]" in output
    (path,) = Path("acpool-failures").iterdir()
    assert f"acpool replay {path}" in output
    # In a process of its own: pytest imports the toys in a way of its own, in which they are other code.
    replay = [sys.executable, "-m", "acpool_spec.cli", "replay", str(path)]
    shown = [subprocess.run(replay, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [run.returncode for run in shown] == [1, 1]
    assert "scope loses" in shown[0].stdout
    assert "\nviolated: raised ArithmeticError: an update was [lost]\n" in shown[0].stdout
    assert shown[0].stdout == shown[1].stdout
    assert explore("orders 2") == 1
    again = capsys.readouterr().out
    assert f"old failure: {path}: still violated: raised ArithmeticError: an update was [lost]" in again
    assert again.splitlines()[-1] == "verdict: violated (1 scope: 1 holds)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no such scope"], "SCOPE 'no such scope': "),
        (["--scopes", "no_such_module"], "--scopes 'no_such_module': cannot be imported: "),
        (["--scopes", "json"], "--scopes 'json': has no PoolScope"),
        (["--pool", "no_such_module:factory"], "no_such_module"),
        (["threaded"], "thread"),
        (["orders 2", "--journal", "."], ".: cannot be opened: "),
        (["orders 2", "--dask", "nowhere"], "--dask 'nowhere': "),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*TOYS[2:]] if "--scopes" in arguments else TOYS
    assert main(["explore", *arguments, *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


@pytest.mark.no_cover
def test_killed_and_begun_again_it_says_what_it_would_have_said(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    scopes = ["orders 2", "orders 3", f"blocks {gate}", "deep 6"]
    command = [sys.executable, "-m", "acpool_spec.cli", "explore", *scopes, *TOYS, "--journal", "journal"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    waiting = Path(f"{gate}.pid")
    try:
        # Until the worker stands in the middle of the third scope; what is before it is in the journal by then.
        while not waiting.exists():
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    worker = int(waiting.read_text("utf-8"))
    while _exists(worker):  # it ends with the process that it works for
        time.sleep(0.01)
    gate.touch()
    continued = subprocess.run(command, capture_output=True, text=True, check=False)
    assert continued.returncode == 0, continued.stderr
    assert re.search(r"\b[12] results? from the journal", continued.stdout)
    command[-1] = "another"
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    assert table(whole.stdout) == table(continued.stdout)


def _exists(process: int) -> bool:
    try:
        os.kill(process, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return (
        not Path(f"/proc/{process}/stat").exists() or " Z " not in Path(f"/proc/{process}/stat").read_text()
    )
