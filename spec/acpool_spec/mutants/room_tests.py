"""The tests of the pool's own rooms as a strategy: what they say goes beyond the properties, such as refusals and messages.

They are not installed with the package, so they take part where the repository is at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import acpool_spec

TESTS: Final = "tests"
"""What is said to be broken where a test fails."""
_ROOM: Final = {
    "acpool": ("tests/pool", "tests/corpus"),
    "acpool.acp": ("tests/acp",),
    "acpool_model": ("tests/model",),
}
_SLOW: Final = frozenset(
    {
        *(
            "test_core_machine.py",
            "test_exploration.py",
            "test_counts.py",
            "test_stubborn.py",
            "test_sleep.py",
        ),
        "test_pydantic_agent.py",
    }
)  # longer than all the others, which see what it sees
_FIRST: Final = {
    "acpool.acp.connection": ("turns", "closing", "hostile"),
    "acpool.acp.connector": ("connector",),
    "acpool.acp.environment": ("connector",),
    "acpool.acp.exits": ("process", "connector"),
    "acpool.acp.lines": ("lines", "hostile"),
    "acpool.acp.messages": ("messages",),
    "acpool.acp.outstanding": ("turns", "closing"),
    "acpool.acp.permissions": ("permissions",),
    "acpool.acp.pipes": ("pipes", "hostile"),
    "acpool.acp.process": ("process", "closing", "connector"),
    "acpool.acp.settings": ("connector",),
    "acpool.acp.stderr": ("hostile",),
    "acpool.acp.transport": ("hostile", "permissions", "turns"),
    "acpool.acp.turns": ("turns", "permissions"),
    "acpool.errors": ("observing",),
    "acpool.bounds": ("bounds", "operator"),
    "acpool.closing": ("closing", "shutdown", "misbehaviour"),
    "acpool.core": ("core_leases", "core_slots", "core_starts", "core_callers", "core_operator", "trace"),
    "acpool.lease": ("leases", "revocation", "cancellation"),
    "acpool.observe": ("observing",),
    "acpool.pool": ("operator", "get_or_create", "leases", "misbehaviour", "shutdown"),
    "acpool.records": ("core_leases", "core_slots", "core_starts"),
    "acpool.shell": ("misbehaviour", "shutdown", "cancellation", "bounds"),
    "acpool.slots": ("core_slots", "core_leases", "core_starts", "core_operator", "trace"),
    "acpool.trace": ("trace",),
    "acpool_model.canonical": ("canonical",),
    "acpool_model.composition": ("composition",),
    "acpool_model.counts": ("counts",),
    "acpool_model.exhaust": ("progress", "counts"),
    "acpool_model.explore": ("explore", "progress"),
    "acpool_model.independence": ("sleep",),
    "acpool_model.interned": ("progress",),
    "acpool_model.invariants": ("planted", "valid"),
    "acpool_model.inductive": ("valid",),
    "acpool_model.machine": ("transitions", "planted"),
    "acpool_model.packed": ("composition", "stubborn"),
    "acpool_model.picture": ("picture",),
    "acpool_model.places": ("transitions", "planted"),
    "acpool_model.progress": ("progress",),
    "acpool_model.sleep": ("sleep",),
    "acpool_model.state": ("transitions", "planted"),
    "acpool_model.step_invariants": ("planted", "valid"),
    "acpool_model.stubborn": ("stubborn",),
    "acpool_model.textbook": ("composition",),
    "acpool_model.transitions": ("transitions", "planted"),
    "acpool_model.words": ("words",),
}
"""By module, the files of tests that are the likeliest to see something of it, also where they are slow or of another room; the
others of its room come after them."""
_ALSO: Final = {
    "acpool_model.inductive": ("tests/proofs",),
    "acpool_model.invariants": ("tests/proofs",),
    "acpool_model.step_invariants": ("tests/proofs",),
}
"""By module, folders of which only the files named above take part."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds by the wall clock a run may wait, taking no CPU, with nothing that it has started able to run, and how
    many it may take in all; and how many of CPU."""

    idle_s: float
    wall_s: float
    cpu_s: float


_ALONE: Final = Patience(300.0, 300.0, math.inf)
_WITH_AGENTS: Final = Patience(5.0, 60.0, 5.0)
"""The longest wait for an agent in a test of a sound pool is two seconds, and none takes more than two of CPU."""


class NotRun(Exception):
    """The tests could not be run, which says nothing about the mutant; the message says why."""


def repository() -> Path | None:
    """The root of the repository from which the checker runs; None where it was installed without."""
    root = Path(str(acpool_spec.__file__)).parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "tests").is_dir() else None


def patience_of(module: str) -> Patience:
    """How long a run of ``module`` may wait, before it is taken to have no end."""
    return _WITH_AGENTS if module.startswith("acpool.acp.") else _ALONE


def files_for(module: str, root: Path, *, quick: bool = False) -> list[Path]:
    """The test files of the room of ``module``, such as ``acpool.core``, without the slow ones; its own come first.

    ``quick``: without those of other rooms.
    """
    own = _own(module)
    also = [root / folder for folder in _ALSO.get(module, ())]
    files = [
        file
        for folder in folders_of(module, root)
        if not (quick and folder in also)
        for file in folder.glob("test_*.py")
        if file.name in own or not (file.name in _SLOW or folder in also)
    ]
    return sorted(files, key=lambda file: (own.index(file.name) if file.name in own else len(own), str(file)))


def _own(module: str) -> list[str]:
    return [f"test_{name}.py" for name in _FIRST.get(module, ())]


def folders_of(module: str, root: Path) -> list[Path]:
    """The folders with the tests that :func:`files_for` takes."""
    return [root / folder for folder in (*_ROOM[module.rpartition(".")[0]], *_ALSO.get(module, ()))]


def tested(root: Path, module: str, beat: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Run the tests of ``module`` up to the first failure; one by one what failed, ``TESTS`` and the name of the test.

    Its own come first, by themselves, since to collect the others costs more than most failures. Raises :class:`NotRun`.
    """
    own = _own(module)
    files = files_for(module, root)
    try:
        for some in (
            [file for file in files if file.name in own],
            [file for file in files if file.name not in own],
        ):
            if some:
                yield from _run(root, some, beat)
    except (Exception, SystemExit) as error:
        raise NotRun(f"{type(error).__name__}: {error}") from error


def _run(root: Path, files: list[Path], beat: Callable[[], object]) -> Iterator[tuple[str, str]]:
    import pytest

    class Listener:
        def __init__(self) -> None:
            self.outcomes: list[tuple[str, str]] = []

        @property
        def failed(self) -> bool:
            return any(broken for broken, _ in self.outcomes)

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
    # Nobody reads how an assertion failed. Examples are drawn by a fixed seed, so that what sees a mutant today sees it tomorrow.
    quiet = ["--assert=plain", "--tb=no", "--hypothesis-seed=0"]
    where = ["-c", str(root / "pyproject.toml"), "--rootdir", str(root)]
    beat()
    status: int = pytest.ExitCode.TESTS_FAILED
    try:
        status = pytest.main(
            ["-x", "-q", "-n0", "-p", "no:cacheprovider", *quiet, *where, *map(str, files)],
            plugins=[listener],
        )
    except Exception:
        # What a failed test left behind may be found at the end of all of them.
        if not listener.failed:
            raise
    failed = listener.failed
    if status != (pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK) and not (
        failed and status == pytest.ExitCode.INTERRUPTED
    ):
        raise NotRun(f"pytest ended with status {int(status)}")
    yield from listener.outcomes
