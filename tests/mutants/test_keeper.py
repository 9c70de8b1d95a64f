"""What a mutant starts ends with it, and who waits for ever is told from who is slow: in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acpool_spec.mutants.mutant import Mutant, declared
from acpool_spec.mutants.nursery import Nursery
from acpool_spec.mutants.sensitivity import environment, run_mutants, write_mutant

pytestmark = [pytest.mark.no_cover, pytest.mark.usefixtures("untraced_children")]

GUARD_S = 120.0
ESCAPES = """
    import subprocess, sys
    escaped = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(escaped.pid, flush=True)
"""
KEEPS = """
import os, signal, sys, time
from acpool_spec.mutants.keeper import keep
def work():
{work}
keep(work)
"""
WATCHES = """
import subprocess, sys, time
from acpool_spec.mutants import child
from acpool_spec.mutants.keeper import keep
from acpool_spec.mutants.room_tests import Patience
child._TICK_S, child._NO_CPU_S = 0.05, 0.001
def work():
    watch = child.Watch(60.0, Patience({idle_s}, {wall_s}, 60.0))
    with watch.over(lambda why: print(why, flush=True)):
        watch.beat()
        {run}
keep(work)
"""
BUSY = "subprocess.run([sys.executable, '-c', 'import time\\nwhile time.process_time() < 1.5: pass'])"


def started(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def stat(pid: int | str) -> list[str]:
    """The state of a process and the id of its parent; that of a zombie where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return ["Z", ""]


def is_gone(pid: int) -> bool:
    return stat(pid)[0] in "ZX"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GUARD_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(parent: int) -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and stat(name)[1] == str(parent)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody is made the parent of orphans")
@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("    pass", 0),
        ("    os._exit(7)", 7),
        ("    os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM),
    ],
)
def test_what_made_itself_a_session_of_its_own_ends_with_who_started_it(then: str, status: int) -> None:
    with started(KEEPS.format(work=ESCAPES + then)) as keeper:
        assert keeper.stdout is not None
        escaped = int(keeper.stdout.readline())
        assert keeper.wait(GUARD_S) == status
        assert is_gone(escaped)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody is made the parent of orphans")
def test_all_of_it_ends_with_standard_input() -> None:
    with started(KEEPS.format(work=ESCAPES + "    time.sleep(600)")) as keeper:
        assert keeper.stdout is not None and keeper.stdin is not None
        escaped = int(keeper.stdout.readline())
        keeper.stdin.close()
        assert keeper.wait(GUARD_S) == 128 + signal.SIGKILL
        assert is_gone(escaped)


@pytest.mark.parametrize(
    ("idle_s", "wall_s", "run", "said"),
    [
        (0.2, 60.0, "time.sleep(600)", "a run waited for 0.2 s"),
        (60.0, 0.3, "time.sleep(600)", "a run took 0.3 s"),
        # Longer than it could wait, with something to do.
        (1.0, 60.0, "while time.process_time() < 1.5: pass", ""),
        # It waits for somebody who has something to do.
        (1.0, 60.0, BUSY, ""),
        # A wait ends where the next run begins.
        (0.4, 60.0, "[(watch.beat(), time.sleep(0.15)) for _ in range(6)]", ""),
    ],
)
def test_who_waits_for_ever_is_ended(idle_s: float, wall_s: float, run: str, said: str) -> None:
    with started(WATCHES.format(idle_s=idle_s, wall_s=wall_s, run=run)) as process:
        assert process.stdout is not None
        assert process.stdout.read().strip() == said
        assert process.wait(GUARD_S) == 0


def test_mutants_of_agents_are_for_their_tests_alone() -> None:
    known = declared()
    some = ["cwd-is-absolute", "lines-are-bounded"]
    report = run_mutants([known[name] for name in some])
    assert [(row.mutant.name, list(row.looks)) for row in report.rows] == [
        (name, ["tested"]) for name in some
    ]
    assert [row.looks["tested"].broken for row in report.rows] == ["tests", "tests"]


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_with_its_input_ends_a_nursery_and_whoever_it_has_forked(tmp_path: Path) -> None:
    """So nothing goes on where whoever asked for it is gone."""
    hangs = "import time\n\ntime.sleep(600)\n\n\nclass LineTooLong"
    mutant = Mutant(
        name="m", module="acp.lines", keeps="it", breaks=("tests",), before="class LineTooLong", after=hangs
    )
    write_mutant(mutant, tmp_path)
    results = tmp_path / "results"
    request = {
        "arguments": [str(results), "acpool.acp.lines", "first", "600", "tested"],
        "place": str(tmp_path),
        "path": environment(tmp_path)["PYTHONPATH"],
        "errors": str(tmp_path / "errors"),
    }
    command = [sys.executable, "-m", "acpool_spec.mutants.nursery"]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nursery:
        assert nursery.stdin is not None
        nursery.stdin.write(json.dumps(request).encode() + b"\n")
        nursery.stdin.flush()
        until(lambda: results.exists() and "ready" in results.read_text(encoding="utf-8"))
        (keeper,) = children(nursery.pid)
        (worker,) = children(keeper)
        nursery.stdin.close()
        assert nursery.wait(GUARD_S) == 1
    until(lambda: is_gone(keeper) and is_gone(worker))


def test_a_nursery_gives_up_and_begins_anew(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    nursery = Nursery()
    try:
        assert nursery.run([], tmp_path, environment, tmp_path / "errors", 0.0) is None
        # Without arguments it ends as a process does that raised.
        assert nursery.run([], tmp_path, environment, tmp_path / "errors", 600.0) == 1
        assert "ValueError" in (tmp_path / "errors").read_text(encoding="utf-8")
    finally:
        nursery.close()
