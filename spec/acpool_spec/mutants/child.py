"""One process with one mutant: it makes the runs of the strategies and writes what each saw, a JSON object a line.

``python -m acpool_spec.mutants.child RESULTS STRATEGY...`` with the folder of the mutated pool in ``PYTHONPATH``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

RUN_S: Final = 20.0
"""Seconds of CPU after which one run, or all directed ones, are taken to have no end; a sound pool's take far below one."""
READY: Final = "ready"


def main(arguments: Sequence[str]) -> None:
    """Look for the mutant with one strategy after the other. The process ends at a run that has no end."""
    results, *names = arguments
    with Path(results).open("a", encoding="utf-8") as file:

        def write(**members: object) -> None:
            file.write(json.dumps(members) + "\n")
            file.flush()

        from acpool_spec.mutants.mutant import pool_folder
        from acpool_spec.mutants.strategies import Look, look

        write(strategy=READY, folder=str(pool_folder()))
        for name in names:
            runs = 0

            def beat() -> None:
                nonlocal runs
                runs += 1
                signal.setitimer(signal.ITIMER_PROF, RUN_S)

            def endless(_signum: int, _frame: FrameType | None, name: str = name) -> None:
                hung = Look("endless", runs, RUN_S, f"a run did not end in {RUN_S:g} s of CPU")
                write(strategy=name, **asdict(hung))
                os._exit(0)

            signal.signal(signal.SIGPROF, endless)
            seen = look(name, beat)
            signal.setitimer(signal.ITIMER_PROF, 0)
            write(strategy=name, **asdict(seen))


if __name__ == "__main__":
    main(sys.argv[1:])
