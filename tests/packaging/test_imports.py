"""What an import brings along: the pool alone needs neither the checker nor a protocol."""

from __future__ import annotations

import os
import subprocess
import sys

CHECKER = {"rich", "hypothesis", "crosshair", "z3", "acpool_model", "acpool_spec"}
PROTOCOL = {"acp", "pydantic", "pydantic_core"}


def brought_along(statement: str) -> set[str]:
    """The top-level modules of an interpreter that ran ``statement``."""
    program = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    # Measuring coverage would bring modules of its own along.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [sys.executable, "-c", program], env=unmeasured, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_the_pool_brings_neither_the_checker_nor_a_protocol() -> None:
    loaded = brought_along("import acpool")
    assert "acpool" in loaded
    assert loaded & (CHECKER | PROTOCOL) == set()


def test_importing_the_agents_brings_the_protocol_but_not_the_checker() -> None:
    loaded = brought_along("import acpool.acp")
    assert loaded >= PROTOCOL
    assert loaded & CHECKER == set()


def test_importing_the_model_brings_neither_the_pool_nor_asyncio() -> None:
    loaded = brought_along("import acpool_model")
    assert "acpool_model" in loaded
    assert loaded & {"acpool", "acpool_spec", "asyncio", "random", *PROTOCOL} == set()
