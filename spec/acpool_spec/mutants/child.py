"""One process with one mutant: it makes the runs of the strategies and writes what each saw, a JSON object a line.

It ends when its standard input does, and so with whoever started it, and with it ends whatever it has started
(:mod:`~acpool_spec.mutants.keeper`).

``python -m acpool_spec.mutants.child RESULTS MODULE all|first SECONDS STRATEGY...``, with the folder of what was mutated in
``PYTHONPATH``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

from acpool_spec.mutants.keeper import agents_run, keep
from acpool_spec.mutants.room_tests import Patience, patience_of

_TICK_S: Final = 1.0
_NO_CPU_S: Final = 0.02
"""Of CPU in a tick, below which a run does nothing but wait."""
READY: Final = "ready"
NOT_RUN: Final = "not run"


def main(arguments: Sequence[str]) -> None:
    """Look for the mutant in ``MODULE`` with one strategy after the other.

    ``SECONDS`` of CPU after which one run, or all directed ones, are taken to have no end; there the process ends. So it does
    where a run has waited for as long as :func:`~acpool_spec.mutants.room_tests.patience_of` says.
    """
    results, module, which, limit, *names = arguments
    run_s = float(limit)
    with Path(results).open("a", encoding="utf-8") as file:

        def write(**members: object) -> None:
            file.write(json.dumps(members) + "\n")
            file.flush()

        from acpool_spec.mutants.mutant import PACKAGES, folder_of
        from acpool_spec.mutants.room_tests import NotRun
        from acpool_spec.mutants.strategies import Look, look

        write(strategy=READY, folders={name: str(folder_of(name)) for name in PACKAGES})
        for name in names:
            patience = patience_of(module)
            watch = Watch(min(run_s, patience.cpu_s), patience)

            def endless(why: str, watch: Watch = watch, name: str = name) -> None:
                write(strategy=name, **asdict(Look("endless", watch.runs, time.process_time(), why)))

            try:
                with watch.over(endless):
                    seen = look(name, module, watch.beat)
            except NotRun as error:
                write(strategy=NOT_RUN, why=str(error))
                return
            write(strategy=name, **asdict(seen))
            if seen.broken and which == "first":
                return


class Watch:
    """Ends the process at a run that has no end; ``runs``: those that began."""

    def __init__(self, run_s: float, patience: Patience) -> None:
        self.runs = 0
        self._run_s = run_s
        self._patience = patience
        self._began = self._used = 0.0
        self._idle = 0

    def beat(self) -> None:
        """A run begins."""
        self.runs += 1
        self._began = time.monotonic()
        self._idle = 0
        signal.setitimer(signal.ITIMER_PROF, self._run_s)
        signal.setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)

    @contextmanager
    def over(self, last_words: Callable[[str], None]) -> Generator[None, None, None]:
        """Inside, ``last_words`` are said where a run has no end, with the reason."""

        def end(why: str) -> None:
            last_words(why)
            os._exit(0)

        def out_of_cpu(_signum: int, _frame: FrameType | None) -> None:
            end(f"a run took {self._run_s:g} s of CPU")

        def tick(_signum: int, _frame: FrameType | None) -> None:
            waits = time.process_time() - self._used < _NO_CPU_S and not agents_run()
            self._idle = self._idle + 1 if waits else 0
            self._used = time.process_time()
            if self._idle * _TICK_S >= self._patience.idle_s:
                end(f"a run waited for {self._patience.idle_s:g} s")
            if time.monotonic() - self._began >= self._patience.wall_s:
                end(f"a run took {self._patience.wall_s:g} s")

        signal.signal(signal.SIGPROF, out_of_cpu)
        signal.signal(signal.SIGALRM, tick)
        try:
            yield
        finally:
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)


if __name__ == "__main__":
    keep(lambda: main(sys.argv[1:]))
