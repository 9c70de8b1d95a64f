"""The tests of the pool's own rooms as a strategy: what they say goes beyond the properties, such as refusals and messages.

They are not installed with the package, so they take part where the repository is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import acpool_spec

TESTS: Final = "tests"
"""What is said to be broken where a test fails."""
_ROOM: Final = {"acpool": ("tests/pool", "tests/corpus"), "acpool_model": ("tests/model",)}
_SLOW: Final = frozenset(
    {"test_core_machine.py", "test_exploration.py", "test_counts.py", "test_stubborn.py", "test_sleep.py"}
)  # longer than all the others, which see what it sees


def repository() -> Path | None:
    """The root of the repository from which the checker runs; None where it was installed without."""
    root = Path(str(acpool_spec.__file__)).parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "tests").is_dir() else None


def files_for(module: str, root: Path) -> list[Path]:
    """The test files of the room of ``module``, such as ``acpool.core``, without the slow ones."""
    rooms = [root / room for room in _ROOM[module.partition(".")[0]]]
    return sorted(file for room in rooms for file in room.glob("test_*.py") if file.name not in _SLOW)


def tested(root: Path, files: list[Path], beat: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Run ``files`` up to the first failure; one by one what failed, ``TESTS`` and the name of the test."""
    import pytest

    class Listener:
        def __init__(self) -> None:
            self.outcomes: list[tuple[str, str]] = []

        def pytest_runtest_logstart(self) -> None:
            beat()
            self.outcomes.append(("", ""))

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                self.outcomes[-1] = (TESTS, report.nodeid.rpartition("/")[2])

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                self.outcomes.append((TESTS, report.nodeid.rpartition("/")[2]))

    listener = Listener()
    options = [
        "-x",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-c",
        str(root / "pyproject.toml"),
        "--rootdir",
        str(root),
    ]
    beat()
    status = pytest.main([*options, *map(str, files)], plugins=[listener])
    failed = any(broken for broken, _ in listener.outcomes)
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not failed:
        listener.outcomes.append((TESTS, f"pytest ended with status {int(status)}"))
    yield from listener.outcomes
