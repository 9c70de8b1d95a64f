"""How mutants are looked for: each strategy makes its runs of the pool, whatever was changed in it, until one fails.

None of them knows the mutant, and each has its own bound. ``directed``, ``explored`` and ``sampled`` run the pool among fake
connections (:mod:`~acpool_spec.mutants.runs`). ``tested``, where none of these sees anything: the tests of the room that was
changed (:mod:`~acpool_spec.mutants.room_tests`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from acpool_spec.mutants.room_tests import NotRun, repository, tested


@dataclass(frozen=True, slots=True)
class Look:
    """What one strategy saw: the first property broken, empty where none was; in how many executions and CPU seconds."""

    broken: str
    executions: int
    seconds: float
    message: str = ""


Beat = Callable[[], object]
"""Called before every execution, so that one that does not end is told from many that do."""
Runs = Callable[[Beat], Iterator[tuple[str, str]]]
"""What makes runs: of each, what is broken, empty for nothing, and a message."""
STRATEGIES: Final = ("directed", "sampled", "explored")
LAST: Final = "tested"
"""Only where no other strategy has seen anything."""


_RUN_BY_THE_MODEL: Final = frozenset(
    f"acpool_model.{name}" for name in ("actions", "machine", "places", "state", "transitions")
)
"""The modules of the model that take its steps; what they do is compared with the pool in every run."""


_FOR_TESTS_ALONE: Final = ("acpool.acp.", "acpool.errors", "acpool.observe")


def that_can_see(module: str, strategies: Sequence[str] = STRATEGIES) -> Sequence[str]:
    """Those of ``strategies`` that see anything of ``module``, such as ``acpool.core``.

    Their connections are no agents, they read neither logs nor messages, and they ask nothing of the model but its steps: so what
    has to do with real agents or operators, or explores, is for the tests alone.
    """
    package = module.partition(".")[0]
    explores = package == "acpool_model" and module not in _RUN_BY_THE_MODEL
    return [LAST] if explores or module.startswith(_FOR_TESTS_ALONE) else strategies


def _runs(name: str, module: str, beat: Beat) -> Iterator[tuple[str, str]]:
    if name == LAST:
        root = repository()
        return iter(()) if root is None else tested(root, module, beat)
    # Not before they are asked for: the tests need nothing of what they import.
    from acpool_spec.mutants import runs

    return {"directed": runs.directed, "explored": runs.explored, "sampled": runs.sampled}[name](beat)


def look(name: str, module: str, beat: Beat = lambda: None, runs: Runs | None = None) -> Look:
    """Make the runs of the strategy ``name`` until one fails; what a run raises out of the checker is a failure as well.
    Raises :class:`NotRun` where the tests cannot be run.

    ``module``: the one of the pool that was changed, by which alone the strategy ``tested`` knows what to run; ``runs``: those to
    be made instead of the strategy's own.
    """
    began = time.process_time()
    executions = 0
    broken = message = ""
    try:
        for seen in runs(beat) if runs is not None else _runs(name, module, beat):
            executions += 1
            broken, message = seen
            if broken:
                break
    except NotRun:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a broken pool does to its checker
        executions += 1
        broken, message = f"raised {type(error).__name__}", str(error)
    return Look(broken, executions, time.process_time() - began, message)
