"""The pytest plugin: ``@pytest.mark.acpool`` explores an async test, ``--acpool-replay FILE`` repeats a failure.

pytest imports this module wherever acpool is installed. So it needs nothing but pytest; what explores is imported by the first
test that is marked. ``docs/pytest.md`` describes it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MARK = "acpool"
UNDECIDED = ("fail", "skip", "warn")
_LINE = (
    "acpool(mode, strategy, executions, states, seconds, cancellations, cancellable, seed, max_steps, paranoid, undecided): "
    "explore this async test under every schedule within a bound (see docs/pytest.md of acpool)"
)


class UndecidedWarning(pytest.PytestWarning):
    """A test was explored and nothing was found, though not to the end; said where ``undecided`` is ``warn``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("acpool", "every schedule of async tests")
    group.addoption(
        "--acpool-replay",
        type=Path,
        metavar="FILE",
        help="run the one test that FILE is about, with the schedule in it",
    )
    group.addoption(
        "--acpool-anyway",
        action="store_true",
        help="replay although the code has changed since FILE was written",
    )
    group.addoption(
        "--acpool-failures",
        type=Path,
        default=Path("acpool-failures"),
        metavar="DIR",
        help="where schedules of failures go, and where old ones are replayed from (default: %(default)s)",
    )
    group.addoption(
        "--acpool-undecided",
        choices=UNDECIDED,
        default="fail",
        help="what becomes of a test that was not explored to the end and found nothing (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known; a replay is of one test, so that there is nothing to distribute."""
    config.addinivalue_line("markers", _LINE)
    if config.getoption("--acpool-replay") is not None and hasattr(config.option, "dist"):
        config.option.dist = (
            "no"  # before xdist looks: in its workers a file that cannot be used would be an internal error
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--acpool-replay``, leave the one test that the file is about."""
    file: Path | None = config.getoption("--acpool-replay")
    if file is not None:
        from acpool_spec.pytest_marker import of_schedule

        chosen = of_schedule(file, items)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look at the mark and at the fixtures, before any of them is made and before others wrap the function."""
    if item.get_closest_marker(MARK) is not None and isinstance(item, pytest.Function):
        from acpool_spec.pytest_marker import prepare

        prepare(item)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object:
    """Explore a marked test, in place of whoever would run it once."""
    __tracebackhide__ = True
    if pyfuncitem.get_closest_marker(MARK) is None:
        return None
    from acpool_spec.pytest_marker import explore_item

    return explore_item(pyfuncitem) or None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the schedule of a failure to its report."""
    report = yield
    if call.when == "call" and item.get_closest_marker(MARK) is not None:
        from acpool_spec.pytest_marker import SECTION

        text = item.stash.get(SECTION, "")
        if text:
            report.sections.append(("acpool schedule", text))
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how much was explored."""
    reports: list[Any] = [report for found in terminalreporter.stats.values() for report in found]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    properties = [given for report in calls for given in report.user_properties]
    explored = [str(value) for name, value in properties if name == MARK]
    if explored:
        verdicts = [value.partition(",")[0] for value in explored]
        tally = ", ".join(f"{verdicts.count(known)} {known}" for known in dict.fromkeys(sorted(verdicts)))
        runs = sum(int(value.split(", ")[1].split(" ")[0]) for value in explored)
        terminalreporter.write_line(f"acpool: {len(explored)} explored in {runs:,} executions: {tally}")
