"""What the tests of the exploration share: walks of the whole tree, and what they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from acpool_spec.exploration.certificate import Certificate
from acpool_spec.exploration.depth_first import DepthFirst
from acpool_spec.simulation import Mode, Outcome, Scenario, simulate

Walk = Callable[..., tuple[Counter[str], Certificate]]


def walk(
    scenario: Scenario, *, mode: Mode = "reordered", cancellations: int = 0, prune: bool = True
) -> tuple[Counter[str], Certificate]:
    """Every run of ``scenario`` by how it ended, those cut at known states aside, and the account of the walk."""
    certificate = Certificate(exhaustive=True)
    oracle = DepthFirst(certificate, prune=prune)
    ends: Counter[str] = Counter()
    while not oracle.finished:
        run = simulate(scenario, oracle, mode=mode, cancellations=cancellations)
        certificate.executions += 1
        if run.outcome is not Outcome.PRUNED:
            findings = sorted(f"{finding.kind} {finding.subject}" for finding in run.findings)
            ends[f"{run.outcome.value} {run.result!r} {run.exception!r} {run.time} {findings}"] += 1
    return ends, certificate


@pytest.fixture(name="walk")
def walk_fixture() -> Walk:
    """:func:`walk`, for tests."""
    return walk
