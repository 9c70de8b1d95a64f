"""The command line: exit statuses, one sentence for what cannot be used, and no traceback whatever it is given."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec import gate
from acpool_spec.batch import run_batch
from acpool_spec.cli import _parser, main  # pyright: ignore[reportPrivateUsage]  # what an option means, without running it
from acpool_spec.schedule import save_schedule, schedule_of
from acpool_spec.targets import load_target

# What the processes run that they start is reached in this one by other tests.
pytestmark = pytest.mark.usefixtures("untraced_children")

GOOD_HISTORY: list[dict[str, object]] = [
    {"type": "pool", "max_sessions": 1},
    {"index": 0, "time": 0, "process": 0, "type": "invoke", "f": "get_or_create", "key": "a"},
    {"index": 1, "time": 1, "type": "event", "f": "opening", "key": "a", "connection": "c1"},
    {"index": 2, "time": 2, "type": "event", "f": "opened", "key": "a", "connection": "c1"},
    {"index": 3, "time": 3, "type": "event", "f": "initialized", "key": "a", "connection": "c1"},
    {
        "index": 4,
        "time": 4,
        "type": "event",
        "f": "created",
        "key": "a",
        "connection": "c1",
        "session_id": "s",
    },
    {
        "index": 5,
        "time": 5,
        "process": 0,
        "type": "ok",
        "f": "get_or_create",
        "key": "a",
        "value": {"session_id": "s", "resumed": False, "session_reset": False},
    },
]
ODD_KEYS = ("[red]x[/red]", "a\\[bold]b", "sp ace", "[/]", "\ud800", "ünï☂", "-", "")

Run = Callable[..., subprocess.CompletedProcess[str]]


def history(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def crowded(key: str) -> list[dict[str, object]]:
    """A history in which two processes of ``key`` are alive at once."""
    second: list[dict[str, object]] = [
        {"index": index, "time": index, "type": "event", "f": f, "key": key, "connection": "c2"}
        for index, f in ((6, "opening"), (7, "opened"))
    ]
    return [record | ({"key": key} if "key" in record else {}) for record in GOOD_HISTORY] + second


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(gate.PROFILES, "pr", replace(gate.PROFILES["pr"], examples=1))


@pytest.fixture
def acpool(tmp_path: Path) -> Run:
    """Run the command in a process of its own, in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "acpool_spec.cli", *arguments]
        env = os.environ | {"PYTHONWARNINGS": "ignore"} | environment
        return subprocess.run(
            program, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )

    return run


@pytest.fixture(scope="module")
def schedule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failure of a known-bad pool, as a file."""
    pool = "acpool_spec.pools.unlocked_start:factory"
    path = tmp_path_factory.mktemp("schedules") / "S2.json"
    save_schedule(schedule_of(load_target(pool), run_batch(pool, 0, range(40)).found["S2"].failure), path)
    return path


def one_sentence(command: str, err: str) -> str:
    assert err.startswith(f"acpool {command}: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


# -- check -------------------------------------------------------------------------------------------------------------

POOL = "class Pool:\n    async def get_or_create(self, key): ...\n    with_connection = cleanup_idle = shutdown = get_or_create\n"


@pytest.mark.parametrize(
    ("pool", "code", "found"),
    [
        ("no-colon", "", "expected module:factory"),
        (":factory", "", "expected module:factory"),
        ("module:", "", "expected module:factory"),
        ("there_is_no_such_module:factory", "", "cannot be imported: ModuleNotFoundError"),
        ("broken_syntax:factory", "def f(:\n", "cannot be imported: SyntaxError"),
        (
            "raises_early:factory",
            "raise ValueError('two\\nlines')",
            "cannot be imported: ValueError: two lines",
        ),
        ("exits_early:factory", "import sys\nsys.exit(0)", "cannot be imported: SystemExit: 0"),
        ("empty_module:factory", "", "has no callable 'factory'"),
        ("not_callable:factory", "factory = 7", "has no callable 'factory'"),
        ("deep_name:a.b.c", "class a: b = 1", "has no callable 'a.b.c'"),
        (
            "failing_factory:factory",
            "def factory(connector, *, max_sessions): raise KeyError('k')",
            "KeyError: 'k'",
        ),
        (
            "silent_factory:factory",
            "def factory(connector, *, max_sessions): raise KeyError",
            "failed with KeyError\n",
        ),
        (
            "exiting_factory:factory",
            "def factory(connector, *, max_sessions): raise SystemExit(3)",
            "SystemExit: 3",
        ),
        ("wrong_factory:factory", "def factory(): return 1", "TypeError"),
        (
            "not_a_pool:factory",
            "def factory(connector, *, max_sessions): return 7",
            "lacks get_or_create, with_conn",
        ),
        (
            "half_a_pool:Pool",
            POOL.replace("= shutdown", "") + "    def __init__(self, *_, **__): ...\n",
            "lacks shutdown",
        ),
    ],
)
def test_a_pool_that_cannot_be_checked_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pool: str, code: str, found: str
) -> None:
    module = pool.partition(":")[0]
    if code or module == "empty_module":
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
    assert main(["check", "--pool", pool]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert found in one_sentence("check", said.err)
    assert repr(pool) in said.err


def test_a_factory_that_fails_later_gets_one_sentence(tmp_path: Path, acpool: Run) -> None:
    (tmp_path / "later_pool.py").write_text(
        "from acpool import SessionPool\n"
        "def factory(connector, *, max_sessions):\n"
        "    if max_sessions > 1: raise ValueError('only one')\n"
        "    return SessionPool(connector, max_sessions=1)\n"
    )
    run = acpool("check", "--pool", "later_pool:factory", "--schedules", "50", "--workers", "1")
    assert run.returncode == 2
    assert "failed with ValueError: only one" in one_sentence("check", run.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--budget", "0"],
        ["check", "--budget", "soon"],
        ["check", "--budget", "nan"],
        ["check", "--budget", "inf"],
        ["check", "--schedules", "0"],
        ["check", "--schedules", "-5"],
        ["check", "--workers", "1.5"],
        ["check", "--seed", "x"],
        ["history", "h", "--max-sessions", "0"],
        ["replay"],
        ["frobnicate"],
        [],
    ],
)
def test_arguments_that_cannot_be_used_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "usage: acpool" in err
    assert ("the museum of races" in err) is (not arguments)  # who says nothing is told what there is


def test_a_budget_may_have_its_unit() -> None:
    budgets = [_parser().parse_args(["check", "--budget", said]).budget for said in ("0.05", "0.05s")]
    assert budgets == [0.05, 0.05]


def test_too_short_a_check_is_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--budget", "0.05s", "--workers", "1"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "verdict: undecided (within a sample of " in said
    assert "the budget of 0.05 s ran out" in said


def test_a_broken_pool_ends_with_1_and_a_file_that_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "fail[ures]"
    pool = "acpool_spec.pools.global_lock:factory"
    arguments = ["--schedules", "8", "--workers", "1", "--failures", str(folder)]
    assert main(["check", "--pool", pool, *arguments]) == 1
    said = capsys.readouterr().out
    assert f"checking {pool}, seed 0, on 1 process\n" in said
    assert "verdict: violated (within a sample of 8 schedules, seed 0)" in said
    path = folder / "global_lock-L1.json"
    assert re.search(
        rf"^L1: \d+ decisions, feasible: fifo; acpool replay {re.escape(str(path))}$", said, re.MULTILINE
    )
    assert main(["replay", str(path)]) == 1
    assert "L1 isolation violated: " in capsys.readouterr().out


def test_a_schedule_that_cannot_be_written_does_not_cost_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    (taken / "global_lock-L1.json.new").mkdir(parents=True)  # where the file would be drafted
    pool = "acpool_spec.pools.global_lock:factory"
    assert (
        main(["check", "--pool", pool, "--schedules", "8", "--workers", "1", "--failures", str(taken)]) == 1
    )
    assert "cannot be written: " in capsys.readouterr().out


ENDLESS = ["--pool", "acpool_spec.reference:default", "--schedules", "1000000", "--workers", "2"]


@pytest.fixture
def endless(tmp_path: Path, interruptible: None) -> Iterator[subprocess.Popen[str]]:
    """A check that does not end by itself, in a process group of its own."""
    check = subprocess.Popen(
        [sys.executable, "-u", "-m", "acpool_spec.cli", "check", *ENDLESS],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with check:
        yield check
        if check.poll() is None:
            os.killpg(check.pid, signal.SIGKILL)


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def ignores_interrupts(process: int) -> bool:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"^SigIgn:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) & 1 << signal.SIGINT - 1)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="looks at other processes in /proc"
)


@needs_proc
@pytest.mark.parametrize("late", [False, True], ids=["as the workers start", "while they work"])
def test_an_interrupt_ends_the_sampling_not_the_report(endless: subprocess.Popen[str], late: bool) -> None:
    """Ctrl-C reaches every process of the group, the workers too."""
    # Two workers and what watches over them.
    while (sum(map(ignores_interrupts, children(endless.pid))) if late else len(children(endless.pid))) < 3:
        assert endless.poll() is None
        time.sleep(0.01)
    os.killpg(endless.pid, signal.SIGINT)
    out, err = endless.communicate(timeout=120)
    assert err == ""
    assert endless.returncode == 3
    assert "interrupted after " in out
    assert "verdict: undecided" in out


@needs_proc
def test_the_workers_of_a_check_that_was_killed_end_with_it(endless: subprocess.Popen[str]) -> None:
    while sum(map(ignores_interrupts, children(endless.pid))) < 3:
        assert endless.poll() is None
        time.sleep(0.01)
    endless.kill()
    # Each of them has the other end of these pipes, and reading comes to an end when all have closed it.
    out, _ = endless.communicate(timeout=120)
    assert endless.returncode == -signal.SIGKILL
    assert "verdict" not in out


# -- replay ------------------------------------------------------------------------------------------------------------


@pytest.mark.no_cover
def test_a_replay_is_the_same_text_under_any_hash_seed_and_optimization(
    schedule_file: Path, acpool: Run
) -> None:
    runs = [acpool("replay", str(schedule_file), PYTHONHASHSEED=seed) for seed in ("0", "1", "random")]
    runs.append(acpool("replay", str(schedule_file), PYTHONOPTIMIZE="1"))
    assert {run.returncode for run in runs} == {1}
    assert {run.stderr for run in runs} == {""}
    assert len({run.stdout for run in runs}) == 1
    assert "S2 one process per key violated" in runs[0].stdout
    assert "feasible: " in runs[0].stdout


def test_a_timeline_is_at_most_100_columns_wide(
    schedule_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(schedule_file)]) == 1
    lines = capsys.readouterr().out.splitlines()
    begin = next(number for number, line in enumerate(lines) if "what happened" in line)
    end = next(number for number, line in enumerate(lines) if line.startswith("S2 "))
    assert end - begin > 5
    assert max(map(len, lines[begin:end])) <= 100


# -- history -----------------------------------------------------------------------------------------------------------


def test_a_good_history_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(history(tmp_path / "h", GOOD_HISTORY))]) == 0
    said = capsys.readouterr().out
    assert "6 events; verdict: holds" in said
    assert re.search(r"^L1 .*not judged: a file does not say", said, re.MULTILINE)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_survives_whatever_it_looks_like(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    assert main(["history", str(history(tmp_path / "h", crowded(key)))]) == 1
    assert f"{key!r} has 2 live processes: c1, c2" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("key", ["ünï☂", "\ud800"])
def test_a_terminal_that_cannot_show_it_is_no_reason_to_fail(tmp_path: Path, encoding: str, key: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "acpool_spec.cli", "history", str(history(tmp_path / "h", crowded(key)))],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, b"")
    assert b"has 2 live processes" in run.stdout


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "line 1: found an empty file"),
        (b"{}\n", "line 1: found no"),
        (b'{"type":"pool"}\n{"index"\n', "line 2: found broken JSON"),
        (b"\xff\n", "line 1: found bytes that are not UTF-8"),
    ],
)
def test_a_history_that_cannot_be_used_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, found: str
) -> None:
    path = tmp_path / "h"
    path.write_bytes(content)
    assert main(["history", str(path)]) == 2
    assert f"{path}: {found}" in one_sentence("history", capsys.readouterr().err)


def test_a_missing_history_and_a_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert main(["history", str(path)]) == 2
        assert str(path) in one_sentence("history", capsys.readouterr().err)


# -- output that goes nowhere ------------------------------------------------------------------------------------------


def test_who_stops_reading_gets_no_verdict(tmp_path: Path) -> None:
    """Rich would end with status 1, which says *violated*, of a history that holds."""
    path = history(tmp_path / "h", GOOD_HISTORY)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody_reads:
        run = subprocess.run(
            [sys.executable, "-m", "acpool_spec.cli", "history", str(path)],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (run.returncode, run.stderr) == (2, "")


@pytest.mark.parametrize(("redirection", "status"), [(">&-", 0), (">/dev/full", 2)])
def test_output_that_cannot_be_written(tmp_path: Path, redirection: str, status: int) -> None:
    path = history(tmp_path / "h", GOOD_HISTORY)
    command = f"{sys.executable} -m acpool_spec.cli history {path} {redirection}"
    run = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert run.returncode == status
    assert "Traceback" not in run.stderr


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "acpool_spec.commands")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main(["check"]) == 2
    assert "pip install 'acpool[check]'" in capsys.readouterr().err


def test_elsewhere_than_on_posix_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("acpool_spec.cli.os.name", "nt")
        status = main(["check"])
    assert status == 2
    assert "POSIX" in capsys.readouterr().err
