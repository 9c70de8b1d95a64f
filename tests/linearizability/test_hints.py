"""What the built-in objects promise of their steps is true: of every kind of operation, in every state within some steps."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from acpool_spec.linearizability import Operation
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register
from acpool_spec.sequential import hints_of

OBJECTS = {
    "register": Register(),
    "cas": CasRegister(),
    "key_value": KeyValue(),
    "lock": Lock(),
    "queue": Queue(),
}


def asked(kind: str, toolbox: Any) -> list[Operation]:
    """Operations of every kind that the generator of histories has, some of them pending, each by two processes."""
    random = Random(kind)
    found: list[Operation] = []
    for _ in range(60):
        found += toolbox.small_history(random, kind, pending=0.3)
    known = [replace(op, response=None) if op.pending else op for op in found]
    return known + [replace(op, process=op.process + 1, invoked_at=op.invoked_at - 7) for op in known]


def reachable(spec: Any, operations: list[Operation]) -> list[Any]:
    states = [spec.initial()]
    for state in states:
        if len(states) > 40:
            break
        states += [s for op in operations for s in spec.step(state, op) if s not in states][:5]
    return list(dict.fromkeys(states))


@pytest.mark.parametrize("kind", OBJECTS)
def test_operations_of_one_kind_step_alike(kind: str, toolbox: Any) -> None:
    spec: Any = OBJECTS[kind]
    operations = asked(kind, toolbox)
    states = reachable(spec, operations)
    steps: dict[Any, list[Any]] = {}
    shared = 0
    for operation in operations:
        row = [list(spec.step(state, operation)) for state in states]
        shared += spec.kind(operation) in steps
        assert steps.setdefault(spec.kind(operation), row) == row
    assert len(states) > 2
    assert shared > 50
    assert len(steps) > 3


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_observes_changes_nothing(kind: str, toolbox: Any) -> None:
    spec: Any = OBJECTS[kind]
    operations = asked(kind, toolbox)
    allowed = 0
    for operation in filter(spec.observes, operations):
        for state in reachable(spec, operations):
            led = list(spec.step(state, operation))
            assert led in ([], [state])
            allowed += bool(led)
    assert allowed > 0 or kind == "queue"


def test_a_specification_has_both_hints_or_none(toolbox: Any) -> None:
    class Half(Register):
        observes: Any = None

    assert hints_of(Register()) is not None
    assert hints_of(Half()) is None
    assert hints_of(toolbox.Bag()) is None
