"""The mark beside fixtures, classes, parameters, pytest-asyncio in both of its modes, and xdist."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Session

SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")
TESTS = """
import os

@pytest.fixture
def counter():
    return Counter()

@pytest.fixture
def make():
    return Counter

@pytest.fixture
def patched(monkeypatch, tmp_path):
    monkeypatch.setenv("SEEN", tmp_path.name)

@pytest.fixture(params=[1, 2])
def times(request):
    return request.param

@pytest.mark.acpool(mode="reordered")
async def test_every_execution_has_its_own_copy(counter, make, times, tmp_path, patched):
    assert counter.value == 0 and make().value == 0
    assert os.environ["SEEN"] == tmp_path.name
    await counter.add()
    await asyncio.gather(make().add(), counter.add(), counter.add())
    counter.value = times
    assert counter.value == times

class TestClass:
    calls = None

    def setup_method(self):
        self.calls = []

    @pytest.mark.acpool
    @pytest.mark.parametrize("who", ["a", "b"])
    async def test_has_an_instance_of_its_own(self, who):
        assert self.calls == []
        async def call():
            self.calls.append(who)
        await asyncio.gather(call(), call())
        assert self.calls == [who, who]
"""


@pytest.mark.no_cover
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_fixtures_are_copied_for_each_execution(session: Session, mode: str) -> None:
    result = session(TESTS, f"--asyncio-mode={mode}", "-p", "pytest_asyncio.plugin", *SCOPE)
    result.assert_outcomes(passed=4)
    line = next(line for line in result.outlines if line.startswith("acpool: "))
    assert line.endswith("executions: 4 holds")
    assert int(line.split()[4].replace(",", "")) > 8  # several of each: the copies mattered


@pytest.mark.no_cover
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_tests_of_pytest_asyncio_run_beside_it(session: Session, mode: str) -> None:
    result = session(
        """
import pytest_asyncio

@pytest_asyncio.fixture
async def started():
    await asyncio.sleep(0)
    return 7

@pytest.mark.asyncio
async def test_on_a_real_loop(started):
    await asyncio.to_thread(lambda: None)
    assert started == 7

@pytest.mark.acpool
async def test_explored():
    await Counter().add()

@pytest.mark.acpool
async def test_with_an_asynchronous_fixture(started):
    assert started == 7

@pytest.mark.asyncio
@pytest.mark.acpool
async def test_both_marks():
    await Counter().add()
""",
        f"--asyncio-mode={mode}",
        "-p",
        "pytest_asyncio.plugin",
        *SCOPE,
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["acpool: 3 explored in 3 executions: 3 holds"])


def test_what_cannot_be_copied_is_named(session: Session) -> None:
    result = session(
        """
import threading

@pytest.fixture
def lock():
    return threading.Lock()

@pytest.mark.acpool
async def test_locked(lock):
    assert not lock.locked()

@pytest.mark.acpool
async def test_patching(monkeypatch):
    monkeypatch.setattr(Counter, "add", None)
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "acpool: fixture 'lock' cannot be copied for each execution (TypeError: *",
            "acpool: fixture 'monkeypatch' undoes after the last execution *",
        ]
    )


@pytest.mark.no_cover
def test_parameters_are_told_apart_when_a_failure_is_replayed(session: Session) -> None:
    result = session(
        """
@pytest.mark.acpool
@pytest.mark.parametrize("clients", [1, 2])
async def test_all_count(clients):
    counter = Counter()
    await asyncio.gather(*(counter.add() for _ in range(clients)))
    assert counter.value == clients
"""
    )
    result.assert_outcomes(failed=1, passed=1)
    [file] = Path("acpool-failures").glob("*.json")
    again = session("", "--acpool-replay", str(file), "-v")
    again.assert_outcomes(failed=1, deselected=1)
    again.stdout.fnmatch_lines([r"test_it.py::test_all_count[[]2[]] FAILED*"])


@pytest.mark.no_cover
def test_with_xdist(session: Session, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    session(
        TESTS + "\n@pytest.mark.acpool\nasync def test_fails():\n    assert not await asyncio.sleep(0, 1)\n"
    )
    Path("acpool-failures").rename("old-failures")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")  # as it is where acpool was installed
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n1")
    result.assert_outcomes(failed=1, passed=4)
    result.stdout.fnmatch_lines(
        ["*acpool schedule*", "acpool: 5 explored in * executions: 4 holds, 1 violated"]
    )
    [file] = Path("acpool-failures").glob("*.json")
    again = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n1", "--acpool-replay", str(file))
    again.assert_outcomes(failed=1)
    wrong = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n1", "--acpool-replay", "none.json")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(
        ["ERROR: --acpool-replay: none.json: cannot be read: No such file or directory"]
    )
