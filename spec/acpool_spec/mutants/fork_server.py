"""A process in which everything is loaded, from which one for each mutant is forked: to load costs more than most looks.

What a fork sees is believed after the same runs, or the same test, have seen nothing in a fork without a mutant. What it does not
see, and what cannot be put into a loaded module (:mod:`~acpool_spec.mutants.patching`), is for a process of its own
(:mod:`~acpool_spec.mutants.sensitivity`): a table that was computed when a module was imported is that of the module as it was.

``python -m acpool_spec.mutants.fork_server MODULE SOCKET``: requests and answers are JSON objects, a line each, on the socket
that it inherits. It ends with that.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from acpool_spec.mutants.generated import OUTSIDE, Generated
from acpool_spec.mutants.mutant import source_of
from acpool_spec.mutants.room_tests import TESTS, files_for, repository
from acpool_spec.mutants.strategies import LAST, Look

if TYPE_CHECKING:
    import pytest

UNFIT: Final = "unfit"
END: Final = "end"
WAIT_S: Final = 3600.0
"""Seconds to wait for one answer. Others may keep the server from running for long."""


class Lost(Exception):
    """The server is gone, or says nothing any more."""


class ForkServer:
    """The server of one room, as seen by who asks it: started with the first question, and again where it is lost."""

    def __init__(self, package: str, module: str, environment: Mapping[str, str], run_s: float) -> None:
        self._module = f"{package}.{module}"
        self._source = source_of(module, package)
        self._environment = environment
        self._run_s = run_s
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._believed: dict[tuple[str, str], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def look(
        self, mutant: Generated, strategies: Sequence[str], deadline: float | None = None
    ) -> dict[str, Look]:
        """What each of ``strategies`` sees, up to the first that sees anything; empty where it is not for the server to say."""
        if mutant.part == OUTSIDE:
            return {}
        looks: dict[str, Look] = {}
        try:
            for name in strategies:
                seen = self._ask(mutant.mutant.after, mutant.part, name, deadline)
                if seen is None or (seen.broken and not self._is_believed(name, seen, deadline)):
                    return {}
                looks[name] = seen
                if seen.broken:
                    break
        except Lost:
            self._end()
            return {}
        return looks

    def _is_believed(self, name: str, seen: Look, deadline: float | None) -> bool:
        """Whether the strategy, or the test that failed, sees nothing where nothing was changed."""
        test = seen.message if seen.broken == TESTS else ""
        if (name, test) not in self._believed:
            control = self._ask(self._source, "", name, deadline, test)
            self._believed[name, test] = control is not None and control.executions > 0 and not control.broken
        return self._believed[name, test]

    def _ask(
        self, after: str, part: str, strategy: str, deadline: float | None, test: str = ""
    ) -> Look | None:
        if self._socket is None:
            self._start()
        assert self._socket is not None
        self._socket.settimeout(
            WAIT_S if deadline is None else max(0.001, min(WAIT_S, deadline - time.monotonic()))
        )
        request = {"after": after, "part": part, "strategy": strategy, "test": test, "run_s": self._run_s}
        seen: Look | None = None
        try:
            with self._socket.makefile("rwb") as stream:
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                while True:
                    line = stream.readline()
                    if not line:
                        raise Lost
                    answer = json.loads(line)
                    if END in answer:
                        return seen
                    if UNFIT not in answer:
                        seen = Look(**answer)
        except OSError as error:
            raise Lost from error

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "acpool_spec.mutants.fork_server", self._module, str(theirs.fileno())],
                env=dict(self._environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        self._socket = ours

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._socket = self._process = None


# -- in the server --------------------------------------------------------------------------------------------------------


class _Tests:
    """A plugin that runs tests when it is asked to, instead of all of them once."""

    def __init__(self, serve: Callable[[_Tests], object]) -> None:
        self.failed = ""
        self.begun = 0
        self.session: pytest.Session | None = None
        self._serve = serve

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.session = session
        self._serve(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = _short(report.nodeid)

    def run(self, only: str, beat: Callable[[], object]) -> Iterator[tuple[str, str]]:
        """Run the tests up to the first that fails, or ``only`` one; of each what failed, as a strategy says it."""
        assert self.session is not None
        items = [item for item in self.session.items if only in ("", _short(item.nodeid))]
        for item, following in zip(items, [*items[1:], None], strict=True):
            beat()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield (TESTS, self.failed) if self.failed else ("", "")
            if self.failed:
                return


def _short(nodeid: str) -> str:
    return nodeid.rpartition("/")[2]


_Tests.pytest_runtestloop.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]


def main(arguments: Sequence[str]) -> None:
    """Load everything, and serve."""
    module, number = arguments[0], int(arguments[1])
    root = repository()
    with socket.socket(fileno=number) as connection, connection.makefile("rwb") as stream:

        def serve(tests: _Tests | None = None) -> None:
            for line in stream:
                pid = os.fork()
                if not pid:
                    _look(module, json.loads(line), stream.write, stream.flush, tests)
                _, status = os.waitpid(pid, 0)
                stream.write(json.dumps({END: status}).encode() + b"\n")
                stream.flush()

        if root is None:
            serve()
            return
        import pytest

        # What all forks need besides.
        import_module("acpool_spec.mutants.runs")
        pytest.main(
            [
                *("-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
                *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
                *("-c", str(root / "pyproject.toml"), "--rootdir", str(root)),
                *map(str, files_for(module, root, quick=True)),
            ],
            plugins=[_Tests(serve)],
        )


def _look(
    module: str,
    request: Mapping[str, Any],
    write: Callable[[bytes], object],
    flush: Callable[[], object],
    tests: _Tests | None,
) -> None:
    """In a fork: put the mutant in, look with the strategy, answer, and end."""
    from acpool_spec.mutants.child import Watch
    from acpool_spec.mutants.patching import Unfit, patch
    from acpool_spec.mutants.room_tests import patience_of
    from acpool_spec.mutants.strategies import look

    def say(answer: Mapping[str, object]) -> None:
        write(json.dumps(answer).encode() + b"\n")
        flush()

    status = 1
    try:
        package, _, name = module.partition(".")
        if request["part"]:
            patch(import_module(module), request["part"], source_of(name, package), request["after"])
        watch = Watch(request["run_s"], patience_of(module))

        def endless(why: str) -> None:
            # A wait is for a process that nobody keeps from running.
            if why.endswith("of CPU"):
                say(asdict(Look("endless", watch.runs, time.process_time(), why)))

        strategy = request["strategy"]
        runs = partial(tests.run, request["test"]) if strategy == LAST and tests is not None else None
        with watch.over(endless):
            seen = look(strategy, module, watch.beat, runs)
        say(asdict(seen))
        status = 0
    except Unfit as error:
        say({UNFIT: str(error)})
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
