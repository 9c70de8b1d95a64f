"""One process with one mutant: it makes the runs of the strategies and writes what each saw, a JSON object a line.

It ends when its standard input does, and so with whoever started it.

``python -m acpool_spec.mutants.child RESULTS MODULE all|first SECONDS STRATEGY...`` with the folder of the mutated pool in ``PYTHONPATH``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
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
            runs = 0

            def beat() -> None:
                nonlocal runs
                runs += 1
                signal.setitimer(signal.ITIMER_PROF, run_s)
                signal.setitimer(signal.ITIMER_REAL, WAIT_S)

            def endless(_signum: int, _frame: FrameType | None, name: str = name) -> None:
                hung = Look("endless", runs, run_s, f"a run did not end in {run_s:g} s of CPU")
                write(strategy=name, **asdict(hung))
                os._exit(0)

            for signum in (signal.SIGPROF, signal.SIGALRM):
                signal.signal(signum, endless)
            seen = look(name, module, beat)
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)
            write(strategy=name, **asdict(seen))
            if seen.broken and which == "first":
                return


def _end_with_input() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
