"""Asynchronous fixtures are made in each execution, in the order of their needs, and ended with it."""

from __future__ import annotations

import pytest
from tests.pytest_plugin.conftest import Session

pytestmark = pytest.mark.no_cover  # the inner sessions explore

SERVER = """
import acpool_spec

events = []

@pytest.fixture
def names():
    return ["a"]

@pytest.fixture
async def counter(names):
    names.append("b")
    events.append("made")
    await asyncio.sleep(1)
    return Counter()

@pytest.fixture
async def server(counter, names):
    served = asyncio.create_task(asyncio.sleep(3600), name="server")
    yield counter, names
    served.cancel()
    await asyncio.wait([served])
    events.append("ended")
"""


def test_each_execution_makes_its_own(session: Session) -> None:
    """They share the copies of plain fixtures with the test; the task that one of them leaves is ended by it."""
    result = session(
        SERVER
        + """
@pytest.mark.acpool(mode="fifo")
async def test_uses_them(server, counter, names):
    assert server == (counter, names)
    assert names == ["a", "b"]
    assert counter.value == 0
    counter.value += 1
    if acpool_spec.choose([False, True]):
        await asyncio.sleep(1)
    assert counter.value == 1

def test_afterwards():
    assert events.count("made") == events.count("ended") > 1

class TestThem:
    @pytest.fixture(autouse=True)
    async def always(self, counter):
        counter.value = 3

    @pytest.fixture
    async def mine(self, counter):
        assert counter.value == 3
        return self, counter

    @pytest.mark.acpool
    async def test_has_its_instance(self, mine, counter):
        assert mine == (self, counter)
"""
    )
    result.assert_outcomes(passed=3)


def test_a_race_with_one_is_found_and_replays(session: Session, pytester: pytest.Pytester) -> None:
    result = session(
        SERVER
        + """
@pytest.mark.acpool
async def test_both_count(server):
    await asyncio.gather(server[0].add(), server[0].add())
    assert server[0].value == 2
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*acpool schedule*", "* the scenario, now at test_it.py:* in counter"])
    [file] = (pytester.path / "acpool-failures").glob("*.json")
    session("", "--acpool-replay", str(file)).assert_outcomes(failed=1)


def test_what_one_leaves_behind_is_a_failure(session: Session) -> None:
    result = session(
        SERVER.replace("    served.cancel()\n", "").replace("asyncio.wait([served])", "asyncio.sleep(0)")
        + "\n@pytest.mark.acpool\nasync def test_nothing(server):\n    assert server\n"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["leftover task: server: *"])


@pytest.mark.parametrize(
    ("fixture", "said"),
    [
        (
            "@pytest.fixture(scope='module')\nasync def bad():\n    pass",
            "fixture 'bad' is asynchronous and of scope 'module'",
        ),
        (
            "@pytest.fixture(params=[1, 2])\nasync def bad():\n    pass",
            "fixture 'bad' is asynchronous and parametrized",
        ),
        (
            "@pytest.fixture\ndef bad(counter):\n    pass",
            "fixture 'bad' needs 'counter', which is asynchronous",
        ),
        (
            "@pytest.fixture\nasync def bad():\n    yield 1\n    yield 2",
            "fixture 'bad' yields more than once",
        ),
    ],
)
def test_what_cannot_be_made_so_is_named(session: Session, fixture: str, said: str) -> None:
    result = session(SERVER + f"\n{fixture}\n\n@pytest.mark.acpool\nasync def test_it(bad):\n    pass\n")
    assert not result.parseoutcomes().get("passed")
    assert said in result.stdout.str()
