"""The mark: every schedule of an async test, three outcomes of which one passes, and a failure that can be had again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from acpool_spec import pytest_marker

from .conftest import Session

BOTH_ADD = """
@pytest.mark.acpool
async def test_both_count():
    counter = Counter()
    await asyncio.gather(counter.add(), counter.add())
    assert counter.value == 2
"""


@pytest.mark.no_cover
def test_a_race_is_a_failure_with_its_schedule_and_replays_until_it_is_mended(
    session: Session, pytester: pytest.Pytester
) -> None:
    others = "\n@pytest.mark.acpool\nasync def test_one_counts():\n    await Counter().add()\n"
    result = session(BOTH_ADD + others)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert counter.value == 2",
            "E       assert 1 == 2",
            "E        +  where 1 = <test_it.Counter object at *>.value",
            "E       acpool: this schedule again: pytest --acpool-replay acpool-failures/*.json",
            "*acpool schedule*",
            "*time/s  what happens",
            "*Task-3*now at test_it.py:* in add",
            "*decisions in acpool-failures/*.json, feasible: *",
            "acpool: 2 explored in * executions: 1 holds, 1 violated",
        ]
    )
    [file] = Path("acpool-failures").glob("*.json")
    assert json.loads(file.read_text())["about"] == {"test": "test_it.py::test_both_count"}

    again = session("", "--acpool-replay", str(file))
    again.assert_outcomes(failed=1, deselected=1)
    again.stdout.fnmatch_lines(["E       assert 1 == 2", "*acpool schedule*"])

    pytester.makepyfile(test_it=Path("test_it.py").read_text().replace("await asyncio.sleep(0)", "pass"))
    refused = session("", "--acpool-replay", str(file))
    refused.assert_outcomes(failed=1, deselected=1)
    refused.stdout.fnmatch_lines(["*made for other code*replay it with --acpool-anyway*"])
    assert session("").parseoutcomes() == {"passed": 2}


@pytest.mark.no_cover
def test_the_example_of_the_page(session: Session, pytester: pytest.Pytester) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"<!-- (\w+): mark -->\n```\w+\n(.*?)```", page, re.DOTALL))
    pytester.makepyfile(test_counter=blocks["example"])
    result = session("")
    result.assert_outcomes(failed=1, passed=1)
    assert blocks["output"] in result.stdout.str()
    assert blocks["output"].splitlines()[1] in result.outlines
    for name in pytest_marker._KNOWN:  # pyright: ignore[reportPrivateUsage]  # what the table of the page is about
        assert f"`{name}`" in page
    for option in re.findall(r"--acpool-\w+", page):
        assert (
            option in pytester.runpytest_inprocess("-p", "acpool_spec.pytest_plugin", "--help").stdout.str()
        )


def test_old_failures_are_tried_first(session: Session) -> None:
    session(BOTH_ADD).assert_outcomes(failed=1)
    # One execution would be stock asyncio's order, which already fails here; none at all leaves what is kept.
    result = session(BOTH_ADD.replace("acpool\n", "acpool(executions=0)\n"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["acpool: 1 explored in 0 executions: 1 violated"])


@pytest.mark.no_cover
def test_undecided_is_never_a_silent_pass(session: Session) -> None:
    result = session(
        """
async def in_any_order():
    seen = []
    async def see(what):
        seen.append(what)
    await asyncio.gather(*map(see, range(3)))
    assert len(seen) == 3

@pytest.mark.acpool(executions=1)
async def test_fails_by_default():
    await in_any_order()

@pytest.mark.acpool(executions=1, undecided="skip")
async def test_skips():
    await in_any_order()

@pytest.mark.acpool(strategy="random", executions=2, undecided="warn")
async def test_warns():
    await in_any_order()
""",
        "-rs",
    )
    result.assert_outcomes(failed=1, skipped=1, passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*acpool: undecided after 1 executions: the budget executions=1 ran out; * alternatives were seen *",
            "*UndecidedWarning: undecided after 2 executions: the budget executions=2 ran out; the strategy samples",
            "acpool: 3 explored in 4 executions: 3 undecided",
            "SKIPPED*undecided after 1 executions*",
        ]
    )
    result = session("", "--acpool-undecided=warn", "-k", "default")
    result.assert_outcomes(passed=1, warnings=1, deselected=2)


@pytest.mark.no_cover
def test_cancellations_deadlocks_and_left_over_tasks_are_failures(session: Session) -> None:
    result = session(
        """
@pytest.mark.acpool(mode="fifo", cancellations=1)
async def test_a_slot_is_lost():
    slot = asyncio.Semaphore(1)
    async def client():
        await slot.acquire()
        await asyncio.sleep(0)
        slot.release()
    await asyncio.gather(asyncio.create_task(client(), name="client"), return_exceptions=True)
    assert not slot.locked(), "the slot is lost"

@pytest.mark.acpool
async def test_deadlock():
    await asyncio.Event().wait()

@pytest.mark.acpool
async def test_left_over():
    asyncio.create_task(asyncio.sleep(5), name="sleeper")

@pytest.mark.acpool
async def test_skips_itself():
    pytest.skip("not here")
""",
    )
    result.assert_outcomes(failed=3, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: the slot is lost",
            "*decision *: cancel client, not iterate*",
            "deadlock: nothing is left that could happen: *",
            "leftover task: sleeper: not done at the end of the run*",
        ]
    )
    assert len(list(Path("acpool-failures").glob("*.json"))) == 3


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("'fifo'", "the mark takes no positional arguments; expected some of mode, strategy, "),
        ("execution=3", "the mark has no execution; expected some of mode, strategy, executions, "),
        ("executions=-1", "budget executions=-1: expected a finite number >= 0"),
        ("undecided='pass'", "undecided='pass'; expected one of fail, skip, warn"),
        ("mode='lifo'", "mode 'lifo': expected 'fifo' or 'reordered'"),
        ("strategy='luck'", "'luck'"),
    ],
)
def test_a_mark_that_cannot_be_used_is_named(session: Session, mark: str, said: str) -> None:
    result = session(f"\n@pytest.mark.acpool({mark})\nasync def test_one():\n    await Counter().add()\n")
    assert sum(result.parseoutcomes().get(name, 0) for name in ("failed", "errors")) == 1
    assert said in result.stdout.str()
    _nothing_else_is_said(result)


def _nothing_else_is_said(result: pytest.RunResult) -> None:
    for noise in ("During handling of", "All traceback entries", "Traceback"):
        assert noise not in result.stdout.str()


def test_a_sync_test_has_no_schedule_and_those_of_a_marked_module_are_left_alone(session: Session) -> None:
    result = session(
        "\npytestmark = pytest.mark.acpool\n"
        "@pytest.mark.acpool\ndef test_own():\n    assert True\n"
        "def test_of_the_module():\n    assert True\n"
        "async def test_explored():\n    await Counter().add()\n"
    )
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(["acpool: test_own is no async test*", "acpool: 1 explored in *"])


def test_what_the_loop_refuses_is_said(session: Session) -> None:
    result = session("\n@pytest.mark.acpool\nasync def test_thread():\n    await asyncio.to_thread(print)\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["acpool: *thread*"])
    _nothing_else_is_said(result)


@pytest.mark.no_cover
def test_a_test_without_an_end_is_undecided(session: Session) -> None:
    """One goes on until it is cut; two go round among states that are known, which is no pass either."""
    result = session(
        """
async def spin():
    while True:
        await asyncio.sleep(0)

@pytest.mark.acpool
async def test_spins():
    await spin()

@pytest.mark.acpool
async def test_two_spin():
    await asyncio.gather(spin(), spin())
"""
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "acpool: undecided after * a run was cut after max_steps=10000*",
            "acpool: undecided after * every run came back to a state that it had been in, and none to an end",
            "acpool: 2 explored in * executions: 2 undecided",
        ]
    )


def test_what_stock_asyncio_does_not_do_is_told_apart(session: Session) -> None:
    """A timer that is due and late is a failure in mode ``reordered`` only, and its report says so."""
    test = """
@pytest.mark.acpool(mode="reordered")
async def test_in_time():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.sleep(10)
"""
    result = session(test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["* decisions in *, feasible: reordered, where what is ready is late; mode='fifo' *"]
    )
    session(test.replace("reordered", "fifo"), "--acpool-failures=elsewhere").assert_outcomes(passed=1)


def test_a_file_about_another_test_is_refused(session: Session, pytester: pytest.Pytester) -> None:
    session(BOTH_ADD)
    [file] = Path("acpool-failures").glob("*.json")
    result = session(BOTH_ADD.replace("both", "all"), "--acpool-replay", str(file))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*it is about test_it.py::test_both_count, which is not among the tests*"])
    pytester.makefile(".json", broken="{")
    assert session("", "--acpool-replay", "broken.json").ret == pytest.ExitCode.USAGE_ERROR


def test_importing_the_plugin_brings_nothing_but_pytest() -> None:
    program = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport acpool_spec.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [sys.executable, "-c", program], env=unmeasured, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["acpool_spec", "acpool_spec.pytest_plugin"]
