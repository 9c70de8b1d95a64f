"""The search against brute force, on thousands of small random histories."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest

from acpool_spec.linearizability import check_history
from acpool_spec.objects import KeyValue
from acpool_spec.verdict import Verdict

HISTORIES = int(os.environ.get("ACPOOL_HISTORIES", "400"))
"""For each object and each share of pending operations; 500 make more than 10,000."""


def require_witness(verdict: Verdict, operations: list[Any], spec: Any, toolbox: Any) -> None:
    """Judge the evidence, not the outcome alone."""
    if verdict.holds:
        order = verdict.linearization
        assert order is not None
        assert toolbox.explains(order, operations, spec)
        assert {i for i, op in enumerate(operations) if not op.pending} <= set(order)
        return
    longest = verdict.longest
    assert longest is not None
    assert verdict.stuck
    assert toolbox.explains(longest, operations, spec)
    rest = [
        i for i, op in enumerate(operations) if i not in longest and spec.partition(op) == verdict.partition
    ]
    candidates = {i for i in rest if not any(toolbox.precedes(operations[j], operations[i]) for j in rest)}
    assert {stuck.operation for stuck in verdict.stuck} == candidates
    for stuck in verdict.stuck:
        allowed = bool(toolbox.follow([stuck.state], operations[stuck.operation], spec))
        assert stuck.allowed == allowed
        assert not allowed or operations[stuck.operation].pending


@pytest.mark.parametrize("pending", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("kind", ["register", "lossy", "cas", "key_value", "lock", "queue", "bag"])
def test_the_search_agrees_with_brute_force(kind: str, pending: float, toolbox: Any) -> None:
    random = Random(f"{kind} {pending}")
    spec = toolbox.specification(kind)
    outcomes = {True: 0, False: 0}
    for number in range(HISTORIES):
        operations = toolbox.small_history(random, kind, pending=pending)
        verdict = check_history(operations, spec)
        if number % 4 == 0:
            unhinted = check_history(operations, toolbox.Unhinted(spec))
            assert unhinted.outcome is verdict.outcome
            assert unhinted.counts["states"] >= verdict.counts["states"]
        oracle = toolbox.Oracle(operations, spec)
        assert verdict.holds == oracle.explained
        assert verdict.violated != oracle.explained
        require_witness(verdict, operations, spec, toolbox)
        outcomes[verdict.holds] += 1
    assert min(outcomes.values()) >= HISTORIES // 20, outcomes


@pytest.mark.parametrize("kind", ["register", "lossy", "cas", "lock", "queue", "bag"])
def test_the_longest_partial_linearization_is_the_longest(kind: str, toolbox: Any) -> None:
    random = Random(f"longest {kind}")
    spec = toolbox.specification(kind)
    violated = 0
    for _ in range(HISTORIES):
        operations = toolbox.small_history(random, kind, pending=0.3)
        verdict = check_history(operations, spec)
        if verdict.longest is not None:
            violated += 1
            completed = sum(not operations[index].pending for index in verdict.longest)
            assert completed == toolbox.Oracle(operations, spec).most_completed
    assert violated >= HISTORIES // 20


@pytest.mark.parametrize("pending", [0.0, 0.5])
def test_partitions_change_nothing_but_the_work(pending: float, toolbox: Any) -> None:
    random = Random(f"partitions {pending}")
    outcomes = {True: 0, False: 0}
    for _ in range(HISTORIES):
        operations = toolbox.small_history(random, "key_value", pending=pending)
        whole = check_history(operations, KeyValue(partitioned=False))
        parts = check_history(operations, KeyValue())
        assert whole.outcome is parts.outcome
        require_witness(whole, operations, KeyValue(partitioned=False), toolbox)
        outcomes[whole.holds] += 1
    assert min(outcomes.values()) >= HISTORIES // 20, outcomes


@pytest.mark.parametrize("kind", ["register", "lossy", "bag"])
def test_the_oracle_agrees_with_the_definition(kind: str, toolbox: Any) -> None:
    random = Random(f"definition {kind}")
    spec = toolbox.specification(kind)
    outcomes = {True: 0, False: 0}
    for _ in range(300):
        operations = toolbox.small_history(random, kind, pending=0.3)[:5]
        explained = toolbox.Oracle(operations, spec).explained
        assert toolbox.Oracle.by_permutations(operations, spec) == explained
        outcomes[explained] += 1
    assert min(outcomes.values()) >= 15, outcomes
