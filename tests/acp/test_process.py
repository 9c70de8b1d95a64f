"""The group is killed before its leader is reaped, and never signalled afterwards."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from acpool.acp import exits, process
from acpool.acp.exits import is_unreaped, watch_exit
from acpool.acp.process import AgentProcess

pytestmark = pytest.mark.asyncio

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, signal.Signals, bool]]:
    """Every signal sent to a group: group, signal, and whether its leader was still ours then."""
    sent: list[tuple[int, signal.Signals, bool]] = []
    real = os.killpg

    def recording(group: int, signum: int) -> None:
        if signum:
            sent.append((group, signal.Signals(signum), is_unreaped(group)))
        real(group, signum)

    monkeypatch.setattr(os, "killpg", recording)
    return sent


def run(command: list[str], cwd: Path, on_exit: Callable[[], None] = lambda: None) -> AgentProcess:
    return AgentProcess(command, cwd=str(cwd), env={}, on_exit=on_exit)


def _always(answer: object) -> Callable[[int], object]:
    return lambda _group: answer


def close_pipes(agent: AgentProcess) -> None:
    for pipe in (agent.stdin, agent.stdout, agent.stderr):
        pipe.close()


async def test_the_group_is_killed_while_its_leader_is_unreaped_and_never_after(
    tmp_path: Path,
    signals: list[tuple[int, signal.Signals, bool]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent = run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    assert os.getpgid(agent.pid) == os.getsid(agent.pid) == agent.pid
    assert agent.fate == "is running"
    await agent.dead.wait()
    assert signals == [(agent.pid, signal.SIGKILL, True)]
    assert agent.fate == "exited with status 3"
    assert not is_unreaped(agent.pid)
    # The id may be another child's by now.
    monkeypatch.setattr(process, "is_unreaped", _always(True))
    agent.signal_group(signal.SIGKILL)
    assert len(signals) == 1
    assert caplog.messages == [], "it died with its group, for which nobody had to wait"
    close_pipes(agent)


async def test_no_signal_goes_to_a_leader_that_somebody_else_reaped(
    tmp_path: Path, signals: list[tuple[int, signal.Signals, bool]]
) -> None:
    agent = run(SLEEPER, tmp_path)
    os.kill(agent.pid, signal.SIGKILL)
    os.waitpid(agent.pid, 0)  # noqa: ASYNC222 -- it was killed; nothing may run before it is reaped
    agent.signal_group(signal.SIGKILL)
    await agent.dead.wait()
    assert signals == []
    close_pipes(agent)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGRTMIN + 5])
async def test_the_fate_names_the_signal(tmp_path: Path, signum: int) -> None:
    exited = asyncio.Event()
    agent = run(SLEEPER, tmp_path, exited.set)
    os.kill(agent.pid, signum)
    await exited.wait()
    expected = "SIGTERM" if signum == signal.SIGTERM else f"signal {signum}"
    assert agent.fate == f"was ended by {expected}"
    await agent.dead.wait()
    close_pipes(agent)


@pytest.mark.parametrize("why", ["unknown", "refused"])
async def test_exit_is_noticed_without_a_pidfd_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def refused(_pid: int) -> int:
        raise OSError("not implemented")

    if why == "unknown":
        monkeypatch.delattr(os, "pidfd_open")
    else:
        monkeypatch.setattr(os, "pidfd_open", refused)
    agent = run(SLEEPER, tmp_path)
    agent.signal_group(signal.SIGTERM)
    await agent.dead.wait()
    assert agent.fate == "was ended by SIGTERM"
    close_pipes(agent)


async def test_a_child_that_is_not_ours_counts_as_exited_without_a_pidfd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    exited = asyncio.Event()
    watch_exit(os.getppid(), exited.set)
    await exited.wait()


async def test_nothing_is_left_when_the_exit_cannot_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptors: Callable[[], dict[str, str]]
) -> None:
    pids: list[int] = []

    def fail(pid: int, on_exit: Callable[[], None]) -> None:
        pids.append(pid)
        raise OSError("no descriptors left")

    monkeypatch.setattr(process, "watch_exit", fail)
    before = descriptors()
    with pytest.raises(OSError, match="no descriptors left"):
        run(SLEEPER, tmp_path)
    assert not is_unreaped(pids[0])
    assert descriptors() == before


async def test_a_group_that_outlives_the_kill_is_given_up_after_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "GROUP_TIMEOUT_S", 0.05)
    monkeypatch.setattr(process, "_group_lives", _always(True))
    agent = run([sys.executable, "-c", ""], tmp_path)
    await agent.dead.wait()
    assert "outlives SIGKILL" in caplog.text
    close_pipes(agent)


async def test_only_living_members_keep_a_group_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = process._group_lives  # pyright: ignore[reportPrivateUsage] -- states that cannot be staged
    assert lives(os.getpgid(0))
    command = [sys.executable, "-c", ""]
    zombie = subprocess.Popen(command, start_new_session=True)  # noqa: ASYNC220 -- it must stay unreaped
    exited = asyncio.Event()
    watch_exit(zombie.pid, exited.set)
    await exited.wait()
    assert not lives(zombie.pid)
    monkeypatch.setattr(process, "PROC", tmp_path)
    assert lives(zombie.pid)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "stat").touch()
    (tmp_path / "1").mkdir()
    assert not lives(zombie.pid)
    (tmp_path / "1" / "stat").write_text(f"1 (a) Z b) S 0 {zombie.pid} 0")
    assert lives(zombie.pid)
    zombie.wait()
    assert not lives(zombie.pid)


async def test_a_signal_that_is_not_permitted_is_only_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "acpool.acp")

    def forbidden(group: int, signum: int) -> None:
        raise PermissionError("not permitted")

    agent = run(SLEEPER, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", forbidden)
        agent.signal_group(signal.SIGKILL)
        assert process._group_lives(agent.pid)  # pyright: ignore[reportPrivateUsage] -- as above
    assert "cannot send SIGKILL to its group: not permitted" in caplog.text
    agent.signal_group(signal.SIGKILL)
    await agent.dead.wait()
    close_pipes(agent)


async def test_where_an_exited_child_stays_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exits.unreaped_children_visible()
    for name in ("waitid", "WNOWAIT"):
        with monkeypatch.context() as patch:
            patch.delattr(os, name)
            assert not exits.unreaped_children_visible()


async def test_an_exit_after_the_end_of_its_loop_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(asyncio.SelectorEventLoop):
        """Says so when it is told anything."""

        told = threading.Event()

        def call_soon_threadsafe(self, *_: object, **__: object) -> asyncio.Handle:
            self.told.set()
            raise RuntimeError("the loop is closed")

    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    before = set(threading.enumerate())
    loop = Ended()
    exits._watch_from_thread(os.getppid(), loop, lambda: None)  # pyright: ignore[reportPrivateUsage] -- a state that cannot be staged
    for thread in set(threading.enumerate()) - before:
        thread.join()
    loop.close()
    assert loop.told.is_set()
    assert failed == []
