"""The other interpreter: reads which run to make from its standard input, a line of JSON each, and answers with the trace.

Started by ``elsewhere``. Ends with its input.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from typing import Any

from acpool_spec.exploration.trace import Following, Tracing
from acpool_spec.oracles import ReplayDivergence
from acpool_spec.quiet import quiet
from acpool_spec.simulation import simulate


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Make the run that is asked for."""
    try:
        scenario, cancellable = (_imported(name) for name in question["scenario"])
    except Exception as error:  # noqa: BLE001 - importing a stranger's module may raise anything
        return {"refused": f"it cannot be imported by name ({type(error).__name__})"}
    choices = [(chosen, count) for chosen, count in question["choices"]]
    oracle = Tracing(Following(choices, cut=question["cut"]))
    problem: str | None = None
    try:
        run = simulate(
            scenario,
            oracle,
            mode=question["mode"],
            cancellations=question["cancellations"],
            cancellable=cancellable,
            max_steps=question["max_steps"],
        )
        oracle.trace.conclude(run)
    except ReplayDivergence as error:
        problem = str(error)
    return {"digest": oracle.trace.digest, "lines": oracle.trace.lines, "problem": problem}


def _imported(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def main() -> None:
    """Answer until there are no more questions. What a scenario prints, or reads, has nothing to do with them."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    sys.stdin = io.StringIO()
    with quiet(), questions, answers:
        for line in questions:
            answers.write(json.dumps(answer(json.loads(line))).encode("ascii") + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
