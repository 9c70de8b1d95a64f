"""One process with one mutant: it makes the runs of the strategies and writes what each saw, a JSON object a line.

It ends when its standard input does, and so with whoever started it.

``python -m acpool_spec.mutants.child RESULTS MODULE all|first SECONDS STRATEGY...``, with the folder of what was mutated in
``PYTHONPATH``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

WAIT_S: Final = 300.0
"""Seconds after which one run is taken to have no end though it does nothing, as a test may that waits for a process."""
READY: Final = "ready"


def main(arguments: Sequence[str]) -> None:
    """Look for the mutant in ``MODULE`` with one strategy after the other.

    ``SECONDS`` of CPU after which one run, or all directed ones, are taken to have no end; there the process ends.
    """
    threading.Thread(target=_end_with_input, daemon=True).start()
    results, module, which, limit, *names = arguments
    run_s = float(limit)
    with Path(results).open("a", encoding="utf-8") as file:

        def write(**members: object) -> None:
            file.write(json.dumps(members) + "\n")
            file.flush()

        from acpool_spec.mutants.mutant import PACKAGES, folder_of
        from acpool_spec.mutants.strategies import Look, look

        write(strategy=READY, folders={name: str(folder_of(name)) for name in PACKAGES})
        for name in names:
            watch = _Watch(run_s)

            def endless(watch: _Watch = watch, name: str = name) -> None:
                write(
                    strategy=name,
                    **asdict(Look("endless", watch.runs, run_s, f"a run took {run_s:g} s of CPU")),
                )

            with watch.over(endless):
                seen = look(name, module, watch.beat)
            write(strategy=name, **asdict(seen))
            if seen.broken and which == "first":
                return


class _Watch:
    """Ends the process at a run that has no end; ``runs``: those that began."""

    def __init__(self, run_s: float) -> None:
        self.runs = 0
        self._run_s = run_s

    def beat(self) -> None:
        """A run begins."""
        self.runs += 1
        signal.setitimer(signal.ITIMER_PROF, self._run_s)
        signal.setitimer(signal.ITIMER_REAL, WAIT_S)

    @contextmanager
    def over(self, last_words: Callable[[], None]) -> Generator[None, None, None]:
        """Inside, ``last_words`` are said where a run has no end."""

        def end(_signum: int, _frame: FrameType | None) -> None:
            last_words()
            os._exit(0)

        for signum in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(signum, end)
        yield
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)


def _end_with_input() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
