"""What a history forces never changes a verdict: against a search of everything, on thousands of small histories, and by hand.

    ACPOOL_HISTORIES=700 pytest tests/linearizability/test_forced.py

judges more than 20,000 small histories both ways.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from acpool_spec.explanation import explanation, lines_of
from acpool_spec.linearizability import Operation, check_history, checked
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register
from acpool_spec.verdict import Budget, Outcome, Verdict

HISTORIES = int(os.environ.get("ACPOOL_HISTORIES", "60"))
"""For each object, each share of pending operations and each generator; 350 make more than 10,000."""

SEARCHED = Budget(states=20_000)
"""Enough for nearly all of these histories without what is forced; those it does not decide are counted and left out."""

KINDS = ["register", "cas", "key_value", "lock", "queue"]


def at_once(operations: list[Operation], spec: Any) -> Verdict:
    """Asked before anything is searched."""
    return checked(operations, spec, None, 0)


def searched(operations: list[Operation], spec: Any) -> Verdict:
    """Never asked what is forced."""
    return checked(operations, spec, SEARCHED, None)


def require_explained(verdict: Verdict, operations: list[Operation], spec: Any, toolbox: Any) -> None:
    """The evidence is right whatever it was found by: what is in an order can be, and what is stuck cannot come next."""
    order = verdict.linearization if verdict.holds else verdict.longest
    assert order is not None
    assert toolbox.explains(order, operations, spec)
    if verdict.holds:
        assert {i for i, op in enumerate(operations) if not op.pending} <= set(order)
        return
    rest = [
        i for i, op in enumerate(operations) if i not in order and spec.partition(op) == verdict.partition
    ]
    candidates = {i for i in rest if not any(toolbox.precedes(operations[j], operations[i]) for j in rest)}
    assert {stuck.operation for stuck in verdict.stuck} == candidates
    for stuck in verdict.stuck:
        allowed = bool(toolbox.follow([stuck.state], operations[stuck.operation], spec))
        assert stuck.allowed == allowed
        assert not allowed or operations[stuck.operation].pending
    found = explanation(operations, spec, verdict)
    assert found is not None
    text = list(lines_of(found, operations))
    assert any("these show it by themselves" in line for line in text) == bool(verdict.contradiction)


@pytest.mark.parametrize("pending", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("kind", KINDS)
def test_verdicts_are_those_of_a_search_of_everything(kind: str, pending: float, toolbox: Any) -> None:
    random = Random(f"forced {kind} {pending}")
    seen: Counter[Any] = Counter()
    for number in range(2 * HISTORIES):
        spec: Any = toolbox.specification(kind)
        if kind == "key_value":
            spec = KeyValue(partitioned=random.random() < 0.5)
        make = toolbox.plausible_history if number % 2 else toolbox.small_history
        operations = make(random, kind, pending=pending)
        plain = searched(operations, spec)
        if plain.undecided:
            seen["left out"] += 1
            continue
        verdict = at_once(operations, spec)
        assert verdict.outcome is plain.outcome, operations
        require_explained(verdict, operations, spec, toolbox)
        seen[plain.outcome, verdict.contradiction is not None] += 1
    assert seen["left out"] < 2 * HISTORIES // 20
    assert seen[Outcome.VIOLATED, True] > HISTORIES // 5
    assert seen[Outcome.HOLDS, False] > HISTORIES // 5


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_holds_is_forced_to_be_wrong_beside_brute_force(kind: str, toolbox: Any) -> None:
    random = Random(f"forced and brute force {kind}")
    spec = toolbox.specification(kind)
    for _ in range(HISTORIES):
        operations = toolbox.plausible_history(random, kind, pending=0.3, most=7)
        assert at_once(operations, spec).holds == toolbox.Oracle(operations, spec).explained


# -- what could not be decided before ---------------------------------------------------------------------------------

WIDE = Budget(states=20_000)
CLIENTS = 50


def crowd(toolbox: Any, *asked: tuple[str, Any, Any]) -> list[Operation]:
    """All of ``asked`` at once, each by a process of its own."""
    return [toolbox.operation(n, *each, at=(0, 1000)) for n, each in enumerate(asked)]


def require(
    operations: list[Operation], spec: Any, outcome: Outcome, toolbox: Any, claim: str = ""
) -> Verdict:
    """What is forced decides it; what is searched does not."""
    assert checked(operations, spec, WIDE, None).undecided
    verdict = check_history(operations, spec, budget=WIDE)
    assert verdict.outcome is outcome
    require_explained(verdict, operations, spec, toolbox)
    assert (claim in verdict.contradiction.claim) if verdict.contradiction else not claim
    return verdict


def test_fifty_writers_and_a_read_of_what_was_overwritten(toolbox: Any) -> None:
    op = toolbox.operation
    writes = crowd(toolbox, *(("write", n, None) for n in range(CLIENTS)))
    reads = [op(90, "read", None, 7, at=(1100, 1101)), op(90, "read", None, 8, at=(1102, 1103))]
    verdict = require([*writes, *reads], Register(), Outcome.VIOLATED, toolbox, "nothing else can be written")
    assert verdict.contradiction is not None
    assert set(verdict.contradiction.operations) <= {7, 8, 50, 51}
    assert check_history([*writes, reads[0]], Register(), budget=WIDE).holds


def test_fifty_appends_and_a_read_that_two_orders_would_have_to_explain(toolbox: Any) -> None:
    op = toolbox.operation
    appends = crowd(toolbox, *(("append", ["a", f"{n};"], None) for n in range(CLIENTS)))
    texts = [f"{n};" for n in random_order(CLIENTS)]
    some, shown = "".join(texts[:12]), "".join(texts)
    reads = [op(90, "get", "a", some, at=(10, 11)), op(91, "get", "a", shown, at=(1100, 1101))]
    require([*appends, *reads], KeyValue(), Outcome.HOLDS, toolbox)
    crossed = [replace(reads[0], response="".join(texts[11::-1])), reads[1]]
    require([*appends, *crossed], KeyValue(), Outcome.VIOLATED, toolbox, "neither of two reads shows all")
    cut = [replace(reads[0], response=some[:-1]), reads[1]]
    require([*appends, *cut], KeyValue(), Outcome.VIOLATED, toolbox, "no order of appends leads to what")


def test_fifty_values_put_in_at_once_and_two_taken_out_in_turn(toolbox: Any) -> None:
    op = toolbox.operation
    order = random_order(CLIENTS)
    puts = crowd(toolbox, *(("enqueue", n, None) for n in range(CLIENTS)))
    takes = [op(90, "dequeue", None, n, at=(1100 + 2 * k, 1101 + 2 * k)) for k, n in enumerate(order)]
    require([*puts, *takes], Queue(), Outcome.HOLDS, toolbox)
    first = replace(puts[order[30]], returned_at=5)
    puts[order[30]], puts[order[3]] = first, replace(puts[order[3]], invoked_at=6)
    require([*puts, *takes], Queue(), Outcome.VIOLATED, toolbox, "put in first is taken out first")


def test_a_chain_of_values_leaves_no_instant_at_which_a_queue_is_empty(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "enqueue", "a", at=(0, 1)),
        op(1, "dequeue", None, None, at=(2, 8)),
        op(0, "enqueue", "b", at=(3, 4)),
        op(2, "dequeue", None, "a", at=(5, 9)),
        op(0, "dequeue", None, "b", at=(9, 10)),
    ]
    verdict = at_once(history, Queue())
    assert verdict.contradiction is not None
    assert set(verdict.contradiction.operations) == {0, 1, 2, 3, 4}
    assert at_once([*history[:4], replace(history[4], invoked_at=8)], Queue()).holds


def test_takers_that_never_returned_take_no_more_than_one_each(toolbox: Any) -> None:
    op = toolbox.operation
    puts = [op(0, "enqueue", n, at=(10 * n, 10 * n + 1)) for n in range(4)]
    takers = [op(1 + n, "dequeue", at=(100, None)) for n in range(3)]
    last = op(9, "dequeue", None, 3, at=(200, 201))
    assert at_once([*puts, *takers, last], Queue()).holds
    verdict = at_once([*puts, *takers[1:], last], Queue())
    assert verdict.contradiction is not None
    assert "nobody else is left" in verdict.contradiction.claim


def test_two_holders_of_a_lock_are_named(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "acquire", at=(0, 1)),
        op(1, "acquire", at=(2, 3)),
        op(0, "release", at=(4, 5)),
        op(1, "release", at=(6, 7)),
    ]
    verdict = at_once(history, Lock())
    assert verdict.contradiction is not None
    assert set(verdict.contradiction.operations) == {0, 1, 2, 3}


def test_of_what_was_found_once_only_one_can_have_been_made_another(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "write", 1, at=(0, 1))]
    history += [op(n, "cas", [1, 10 + n], True, at=(2, 50)) for n in (1, 2)]
    verdict = at_once(history, CasRegister())
    assert verdict.contradiction is not None
    assert set(verdict.contradiction.operations) == {1, 2}


def test_a_value_that_was_written_twice_says_nothing(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "write", 1, at=(0, 1)), op(0, "write", 2, at=(2, 3)), op(0, "read", None, 1, at=(4, 5))]
    assert at_once(history, Register()).contradiction is not None
    again = [*history, op(1, "write", 1, at=(3, None))]
    assert at_once(again, Register()).holds
    assert at_once(history, Register(start=1)).violated


def random_order(count: int) -> list[int]:
    order = list(range(count))
    Random(count).shuffle(order)
    return order
