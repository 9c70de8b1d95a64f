"""The foreign pool of docs/other-pools.md under the gate: what it lacks is not asked of it, what it raises is named."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acpool import NoSession, SessionInfo
from acpool.contract import Connector
from acpool_spec.cli import main
from acpool_spec.sampling import Walk
from acpool_spec.world import Scope, World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/other-pools.md").read_text(encoding="utf-8")


@pytest.mark.no_cover
def test_the_pool_on_the_page_is_judged_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = re.search(r"^\$ acpool (.*)$", PAGE, re.MULTILINE)
    assert command is not None
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs/pools"), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "docs/pools"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    assert main(command[1].split()) == 1
    printed = capsys.readouterr().out
    verdicts = dict(re.findall(r"^([SLR]\d+) .*?  (holds|violated|undecided)", printed, re.MULTILINE))
    for known in ("S12", "S2", "L1"):
        assert verdicts[known] == "violated"
    assert verdicts["S9"] == "undecided"
    assert "raised Full: " in printed
    assert "which is no answer of this operation: a pool says no with acpool.errors" in printed
    assert (tmp_path / "acpool-failures/small-S12.json").exists()
    # It has none of the three, so that nobody calls them.
    for schedule in (tmp_path / "acpool-failures").glob("*.json"):
        assert not re.search(r'"start \d+ (cancel|reset|session) ', schedule.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lacking", ["cleanup_idle", "shutdown"])
def test_a_pool_that_lacks_what_is_required_is_refused_by_name(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "docs/pools/small.py").read_text(encoding="utf-8")
    (tmp_path / f"lacks_{lacking}.py").write_text(source.replace(f"async def {lacking}", "async def other"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert main(["check", "--pool", f"lacks_{lacking}:factory"]) == 2
    assert f"the pool it makes lacks {lacking}; expected get_or_create" in capsys.readouterr().err


class Idle:
    """A pool that has one session, and does nothing with it."""

    def __init__(self, connector: Connector, max_sessions: int) -> None: ...

    async def get_or_create(self, key: str) -> SessionInfo:
        return SessionInfo("s1", resumed=False, session_reset=False)

    async def with_connection(self, key: str, fn: object) -> None:
        raise NoSession(key)

    async def cleanup_idle(self, ttl: float) -> list[str]:
        return []

    async def shutdown(self) -> None: ...


def answers(**instead: Callable[..., object]) -> dict[str, str]:
    """What is said of a pool whose operations are ``instead``, each called once: by property."""

    class Pool(Idle):
        """Idle, but for ``instead``."""

    for name, operation in instead.items():
        setattr(Pool, name, operation)
    with World(Pool, Scope()) as world:
        for decision in ("start 0 get_or_create a 0", "turn", "start 1 cleanup_idle - 30", "turn"):
            world.apply(decision)
        world.finish(linearize=False)
        return {known: found.message for known, found in world.judgement.violations.items()}


async def _sleeps(pool: object, key: str) -> None:
    time.sleep(600)  # noqa: ASYNC251 - it is what is to be refused


async def _fails(pool: object, key: str) -> None:
    raise ValueError("one\ntwo" + "x" * 1_000)


def _is_no_coroutine(pool: object, key: str) -> int:
    return 1


def _lists_nothing(pool: object, ttl: float) -> list[str]:
    return []


async def _says_little(pool: object, key: str) -> str:
    return "s1"


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        (
            {"get_or_create": _is_no_coroutine},
            "get_or_create('a') returned 1, which cannot be awaited: expected an operation that is async def",
        ),
        (
            {"cleanup_idle": _lists_nothing},
            "cleanup_idle(None) returned a list, which cannot be awaited: expected an operation that is async def",
        ),
        (
            {"get_or_create": _says_little},
            (
                "get_or_create('a') answered 's1', which has no session_id, resumed, session_reset: expected something that has"
                " session_id, resumed, session_reset, such as acpool.SessionInfo"
            ),
        ),
        (
            {"get_or_create": _sleeps},
            (
                "get_or_create('a') asks for what no schedule decides: the deterministic loop has no time.sleep: it holds up"
                " every task; use asyncio.sleep"
            ),
        ),
        ({"get_or_create": _fails}, "get_or_create('a') raised ValueError: one twoxxx"),
    ],
)
def test_an_answer_that_is_none_is_named_with_what_was_expected(
    instead: dict[str, Callable[..., object]], said: str
) -> None:
    found = answers(**instead)["S12"]
    assert found.startswith(said)
    assert len(found) < 500 and "\n" not in found
    if not found.startswith("get_or_create('a') raised"):
        assert found == said


def test_time_sleep_is_itself_again_after_a_run() -> None:
    before = time.sleep
    answers()
    assert time.sleep is before
    time.sleep(0)


class Restless(Idle):
    """A task of it never rests."""

    def __init__(self, connector: Connector, max_sessions: int) -> None:
        super().__init__(connector, max_sessions)
        self.connector = connector
        self.watch = asyncio.get_running_loop().create_task(self.watching())

    async def get_or_create(self, key: str) -> SessionInfo:
        await self.connector.open(key)
        return await super().get_or_create(key)

    async def watching(self) -> None:
        while True:
            await asyncio.sleep(0)


@pytest.mark.parametrize("number", range(4))
def test_a_random_run_of_a_pool_that_never_rests_ends_and_says_what_moves(number: int) -> None:
    walk = Walk(0, number)
    with World(Restless, walk.scope) as world:
        walk.run(world)
        world.finish(linearize=False)
        moves = world.judgement.violations["L2"].message
        assert moves == (
            "the pool does not come to rest: Restless.watching() still moves after 2000 calm steps"
        )
