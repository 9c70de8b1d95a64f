"""Obligations on processes: findings come back whole, and whatever happens to a process is said, never taken for a proof."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from acpool_spec.proofs.crew import Order, Running, prove_all
from acpool_spec.proofs.shapes import Size
from acpool_spec.verdict import Outcome


def order(*names: str, seconds: float = 60) -> Order:
    return Order(names=names, size=Size(1, 1), seconds=seconds, workers=2)


def alive(running: Sequence[Running]) -> list[bool]:
    return [one.process.is_alive() for one in running]


def test_every_obligation_is_tried_and_no_process_is_left() -> None:
    seen: dict[str, Running] = {}

    def look(running: Sequence[Running]) -> None:
        assert len(running) <= 2
        seen.update((one.name, one) for one in running)

    findings = {finding.name: finding for finding in prove_all(order("die", "S2", "no such"), look)}
    assert {name: finding.outcome for name, finding in findings.items()} == {
        "die": Outcome.HOLDS,
        "S2": Outcome.HOLDS,
        "no such": Outcome.UNDECIDED,
    }
    assert "KeyError" in findings["no such"].why
    assert set(seen) == set(findings)


def test_a_process_that_dies_leaves_its_obligation_undecided() -> None:
    def look(running: Sequence[Running]) -> None:
        for one in running:
            assert one.process.pid is not None
            os.kill(one.process.pid, signal.SIGKILL)

    (finding,) = prove_all(order("serve"), look)
    assert (finding.outcome, finding.why) == (Outcome.UNDECIDED, "its process ended with -9")


def test_a_process_that_does_not_end_is_ended() -> None:
    def stop(running: Sequence[Running]) -> None:
        for one in running:
            assert one.process.pid is not None
            os.kill(one.process.pid, signal.SIGSTOP)

    # A process is given some times its seconds of CPU; of so few, none are left when it has begun.
    (finding,) = prove_all(order("serve", seconds=1e-9), stop)
    assert (finding.outcome, finding.why) == (Outcome.UNDECIDED, "it did not end, and was ended")


def test_whoever_looks_may_break_it_off() -> None:
    kept: list[Running] = []

    def look(running: Sequence[Running]) -> None:
        kept.extend(running)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(prove_all(order("serve", "die"), look))
    assert kept
    assert not any(alive(kept))
