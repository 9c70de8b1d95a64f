"""A process that has imported what the tests of agents need, and forks from itself whoever runs them: so each begins at once.

Nothing of the pool is imported before the fork, so each child imports the mutant as it would in a process of its own. A request
is a line of JSON on standard input, the answer its exit status on standard output. With its standard input ends the nursery, and
with the nursery whoever it has forked (:mod:`~acpool_spec.mutants.keeper`).

``python -m acpool_spec.mutants.nursery``
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

from acpool_spec.mutants.keeper import keep, status_of

_WARM: Final = ("pytest", "pytest_asyncio.plugin", "xdist.plugin", "hypothesis", "pytest_cov.plugin", "acp")


class Nursery:
    """The nursery seen from outside; it is started when it is first needed, and anew after a child that was given up."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        arguments: Sequence[str],
        place: Path,
        environment: Mapping[str, str],
        errors: Path,
        timeout_s: float,
    ) -> int | None:
        """Run ``child`` with these arguments in the folder ``place``, its standard error into the file ``errors``.

        Returns its exit status; None where it was ended since it took ``timeout_s`` seconds.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "acpool_spec.mutants.nursery"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {
            "arguments": list(arguments),
            "place": str(place),
            "path": environment["PYTHONPATH"],
            "errors": str(errors),
        }
        print(json.dumps(request), file=self._process.stdin, flush=True)
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        answer = self._process.stdout.readline() if ready else ""
        if not answer:
            self.close()
        return int(answer) if answer else None

    def close(self) -> None:
        """End it, and whoever it has forked."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    """Answer requests to the end of standard input."""
    for name in _WARM:
        with contextlib.suppress(ImportError):
            import_module(name)
    # Tests collect garbage, which is a long way through all of this.
    gc.freeze()
    while request := sys.stdin.readline():
        sys.stdout.write(f"{_status_of_fork(json.loads(request))}\n")
        sys.stdout.flush()


def _status_of_fork(request: Mapping[str, Any]) -> int:
    # Only the nursery holds the other end of the child's standard input, which so ends with the nursery.
    end, held = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(held)
        os.dup2(end, 0)
        _be_born(request)
    os.close(end)
    status = status_of(pid, lambda: os._exit(1))
    os.close(held)
    return os.waitstatus_to_exitcode(status)


def _be_born(request: Mapping[str, Any]) -> NoReturn:
    """Be the child that was asked for, in a session of its own."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(request["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.chdir(request["place"])
    os.environ["PYTHONPATH"] = request["path"]
    sys.path[:0] = [request["place"]]

    def work() -> None:
        from acpool_spec.mutants import child

        child.main(request["arguments"])

    keep(work)


if __name__ == "__main__":
    main()
