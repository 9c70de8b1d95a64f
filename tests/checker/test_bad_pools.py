"""Pools that misbehave in every way: one sentence and status 2, never a traceback, whose status is that of a violation."""

from __future__ import annotations

import asyncio
import gc
import importlib.abc
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acpool import Connector, SessionPool
from acpool_spec import commands, gate
from acpool_spec.cli import main
from acpool_spec.making import FactoryFailed, Unusable
from acpool_spec.schedule import save_schedule, schedule_of
from acpool_spec.targets import load_target
from acpool_spec.world import Scope, World

FACTORY = "def factory(connector, *, max_sessions): "
OWN = "class Own(BaseException): ...\n"
MUTE = "class Mute(Exception):\n    def __str__(self): raise ValueError('no text')\n"
BAD = {
    "cancelled_module": ("import asyncio\nraise asyncio.CancelledError", "imported: CancelledError"),
    "own_module": (f"{OWN}raise Own('mine')", "imported: Own: mine"),
    "mute_module": (f"{MUTE}raise Mute", "imported: Mute: (its text cannot be had: ValueError)"),
    "cancelled_factory": (f"import asyncio\n{FACTORY}raise asyncio.CancelledError", "with CancelledError"),
    "own_factory": (f"{OWN}{FACTORY}raise Own('mine')", "failed with Own: mine"),
    "mute_factory": (f"{MUTE}{FACTORY}raise Mute", "with Mute: (its text cannot be had: ValueError)"),
    "long_factory": (f"{FACTORY}raise ValueError('x' * 10**6)", "failed with ValueError: xxx"),
    "no_pool": (f"{FACTORY}return None", "factory returned None; expected a pool"),
    "async_factory": (f"async {FACTORY}return 1", "factory returned a coroutine; expected a pool"),
    "unasked_module": (
        "def __getattr__(name):\n    raise RuntimeError('not now')",
        "cannot be asked for 'factory': RuntimeError: not now",
    ),
    "unasked_pool": (
        f"class Pool:\n    def __getattr__(self, name): raise RuntimeError('not now')\n{FACTORY}return Pool()",
        "cannot be asked for 'get_or_create': RuntimeError: not now; expected AttributeError",
    ),
    "undecided_factory": (
        f"class Odd:\n    def __bool__(self): raise RuntimeError('who knows')\n{FACTORY}1\nfactory.reclaims_leases = Odd()",
        "RuntimeError: who knows",
    ),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(gate.PROFILES, "pr", replace(gate.PROFILES["pr"], examples=1))
    monkeypatch.delenv("ACPOOL_TRACEBACK", raising=False)


def one_sentence(capsys: pytest.CaptureFixture[str], command: str = "check") -> str:
    err = capsys.readouterr().err
    assert err.startswith(f"acpool {command}: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert len(err) < 700
    return err


@pytest.mark.parametrize("name", BAD)
def test_a_bad_pool_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, found = BAD[name]
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    assert main(["check", "--pool", f"{name}:factory"]) == 2
    gc.collect()  # a coroutine that was never awaited would warn now, and warnings are errors
    said = one_sentence(capsys)
    assert said.startswith(f"acpool check: --pool '{name}:factory': ")
    assert found in said


def test_a_pool_that_cannot_be_asked_for_an_optional_operation_is_named() -> None:
    class Shy(SessionPool):
        def __getattribute__(self, name: str) -> Any:
            if name == "reset":
                raise RuntimeError("not now")
            return super().__getattribute__(name)

    with (
        pytest.raises(FactoryFailed, match="cannot be asked for 'reset': RuntimeError: not now"),
        World(Shy, Scope()),
    ):
        pass
    asyncio.run(asyncio.sleep(0))  # no loop was left running


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit, SystemExit])
def test_a_factory_that_stops_everything_fails_like_any_other(error: type[BaseException]) -> None:
    def broken(connector: Connector, *, max_sessions: int) -> SessionPool:
        raise error

    with (
        pytest.raises(FactoryFailed, match=f"max_sessions=1\\) failed with {error.__name__}$"),
        World(broken, Scope()),
    ):
        pass
    asyncio.run(asyncio.sleep(0))


ENDING = (
    "class Pool:\n"
    "    def __init__(self, *_, **__): ...\n"
    "    async def get_or_create(self, key): raise SystemExit(0)\n"
    "    async def shutdown(self): ...\n"
    "    with_connection = cleanup_idle = get_or_create\n"
)


@pytest.mark.usefixtures("untraced_children")
def test_a_pool_that_would_end_the_process_gives_it_no_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``SystemExit(0)`` from a worker used to end the check with the status of a pool that holds."""
    (tmp_path / "ending_pool.py").write_text(ENDING, encoding="utf-8")
    assert main(["check", "--pool", "ending_pool:Pool", "--schedules", "2", "--workers", "1"]) == 2
    assert "the pool raised SystemExit: 0 after 't" in one_sentence(capsys)
    target = load_target("ending_pool:Pool")
    with World(target.factory, Scope()) as world:
        world.apply("start 0 get_or_create a 0")
        with pytest.raises(Unusable, match="after 'turn'; expected it to leave the process alone"):
            world.apply("turn")


# -- the last resort ---------------------------------------------------------------------------------------------------


class Mute(BaseException):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("error", [KeyError("k"), SystemExit(0), asyncio.CancelledError(), Mute()])
def test_whatever_is_raised_is_one_sentence_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    def broken(options: object) -> int:
        raise error

    monkeypatch.setattr(commands, "check", broken)
    assert main(["check"]) == 2
    said = one_sentence(capsys)
    assert said.startswith(f"acpool check: {type(error).__name__}")
    assert "ACPOOL_TRACEBACK=1 shows where" in said
    monkeypatch.setenv("ACPOOL_TRACEBACK", "1")
    assert main(["check"]) == 2
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert "in broken" in said
    assert said.splitlines()[-1].startswith(f"acpool check: {type(error).__name__}")


def test_the_traceback_of_a_refusal_leads_into_the_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "traced_pool.py").write_text(f"{FACTORY}raise KeyError('k')", encoding="utf-8")
    monkeypatch.setenv("ACPOOL_TRACEBACK", "1")
    assert main(["check", "--pool", "traced_pool:factory"]) == 2
    assert 'traced_pool.py", line 1, in factory' in capsys.readouterr().err


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


class _InterruptedImport(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "acpool_spec.commands":
            raise KeyboardInterrupt
        return None


@pytest.mark.parametrize("command", ["check", "replay", "history"])
def test_an_interrupt_during_the_imports_is_undecided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.delitem(sys.modules, "acpool_spec.commands")
    monkeypatch.setattr(sys, "meta_path", [_InterruptedImport(), *sys.meta_path])
    assert main([command, *(["file"] if command != "check" else [])]) == 3
    assert one_sentence(capsys, command).endswith("interrupted, before there was anything to say\n")


@pytest.mark.parametrize(
    "code",
    ["raise KeyboardInterrupt", f"{FACTORY}raise KeyboardInterrupt"],
    ids=["while importing", "while making a pool"],
)
def test_an_interrupt_in_the_pools_own_code_is_an_interrupt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    name = "interrupted_module" if code.startswith("raise") else "interrupted_factory"
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    assert main(["check", "--pool", f"{name}:factory"]) == 3
    assert one_sentence(capsys).endswith("interrupted, before there was anything to say\n")
    asyncio.run(asyncio.sleep(0))


# -- a pool that is not named ------------------------------------------------------------------------------------------


def test_a_pool_without_a_name_is_not_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from acpool_spec.batch import run_batch

    pool = "acpool_spec.pools.global_lock:factory"
    path = tmp_path / "schedule.json"
    save_schedule(schedule_of(load_target(pool), run_batch(pool, 0, range(8)).found["L1"].failure), path)
    for command, arguments in (("check", []), ("replay", [str(path)])):
        assert main([command, *arguments, "--pool", ""]) == 2
        assert "--pool '': expected module:factory" in one_sentence(capsys, command)
