"""What a search may spend, how partitions share it, and that the same input gives the same verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import KeyValue, Register
from acpool_spec.verdict import Bound, Budget


def put(process: int, key: str, value: int, invoked_at: int, returned_at: int | None) -> Operation:
    return Operation(
        process=process,
        name="put",
        argument=[key, value],
        response=None,
        invoked_at=invoked_at,
        returned_at=returned_at,
    )


def get(process: int, key: str, value: int, invoked_at: int, returned_at: int) -> Operation:
    return Operation(
        process=process,
        name="get",
        argument=key,
        response=value,
        invoked_at=invoked_at,
        returned_at=returned_at,
    )


def hard(key: str, width: int, *, first_process: int = 0) -> list[Operation]:
    """``width`` concurrent writes of different values, and a later read of a value nobody wrote.

    Its configurations are a nonempty set of placed writes and which of them came last: width * 2 ** (width - 1).
    """
    writes = [put(first_process + n, key, n, 0, 100) for n in range(width)]
    return [*writes, get(first_process, key, -1, 200, 300)]


@pytest.mark.parametrize("width", [1, 2, 5, 9])
def test_each_configuration_is_explored_once(width: int, toolbox: Any) -> None:
    verdict = check_history(hard("a", width), toolbox.Unforced(KeyValue()))
    assert verdict.violated
    assert verdict.counts["states"] == width * 2 ** (width - 1)
    assert verdict.counts["placed"] == width


@pytest.mark.parametrize("width", [1, 2, 5, 9])
def test_pending_writes_are_explored_only_where_they_are_not_dominated(width: int) -> None:
    """Every nonempty set of writes, placed in order, is explored: the last write is then the greatest.

    In another order the last write is one that was already reached with fewer of them.
    """
    history = [put(n, "a", n, 0, None) for n in range(width)] + [get(width, "a", -1, 200, 300)]
    verdict = check_history(history, KeyValue())
    assert verdict.violated
    assert verdict.counts["states"] == 2**width - 1
    assert verdict.longest == ()


def test_every_way_to_a_state_is_remembered(toolbox: Any) -> None:
    """Pending writes A and B of 0, C of 1: explored are A, AC, B, BC, C. The other orders contain one of these.

    Where the specification says that A and B are of one kind, B is tried after A only: A, AC, C.
    """
    writes = [put(0, "a", 0, 0, None), put(1, "a", 0, 0, None), put(2, "a", 1, 0, None)]
    history = [*writes, get(3, "a", -1, 200, 300)]
    assert check_history(history, toolbox.Unhinted(KeyValue())).counts["states"] == 5
    assert check_history(history, KeyValue()).counts["states"] == 3


def test_operations_of_one_kind_are_tried_in_one_order(toolbox: Any) -> None:
    """Nine writes of one value at once: a set of them placed, 2**9 - 1, or how many of them, 9."""
    writes = [put(n, "a", 0, 0, 100) for n in range(9)]
    history = [*writes, get(9, "a", -1, 200, 300)]
    assert check_history(history, toolbox.Unhinted(KeyValue())).counts["states"] == 2**9 - 1
    assert check_history(history, KeyValue()).counts["states"] == 9


def test_what_changes_nothing_is_placed_without_a_search(toolbox: Any) -> None:
    """A write beside nine reads of what it wrote: a set of reads placed after it, 2**9, or one configuration."""
    reads = [get(n, "a", 0, 0, 100) for n in range(9)]
    history = [put(9, "a", 0, 0, 100), *reads, get(9, "a", -1, 200, 300)]
    assert check_history(history, toolbox.Unhinted(KeyValue())).counts["states"] == 2**9
    assert check_history(history, KeyValue()).counts["states"] == 1


def test_a_pending_operation_that_changes_nothing_is_not_explored() -> None:
    deletes = [replace(put(n, "a", 0, 0, None), name="delete", argument="a") for n in range(5)]
    verdict = check_history([*deletes, get(9, "a", -1, 200, 300)], KeyValue())
    assert verdict.violated
    assert verdict.counts["states"] == 0


def test_a_state_budget_is_named_and_never_exceeded() -> None:
    verdict = check_history(hard("a", 12), KeyValue(), budget=Budget(states=1000))
    assert verdict.undecided
    assert verdict.bound == Bound("states", 1000)
    assert verdict.counts["states"] == 1000
    assert verdict.counts["partitions_decided"] == 0
    assert verdict.longest is not None
    assert verdict.counts["placed"] == len(verdict.longest) == 12
    assert verdict.stuck == ()


def test_a_budget_that_is_just_enough_decides(toolbox: Any) -> None:
    needed, spec = 9 * 2**8, toolbox.Unforced(KeyValue())
    assert check_history(hard("a", 9), spec, budget=Budget(states=needed)).undecided
    # One more, since the end is known only when there is nothing left to explore.
    assert check_history(hard("a", 9), spec, budget=Budget(states=needed + 1)).violated
    right = [put(0, "a", 1, 0, 1), put(0, "a", 2, 2, 3), get(0, "a", 2, 4, 5)]
    assert check_history(right, KeyValue(), budget=Budget(states=2)).holds
    assert check_history(right, KeyValue(), budget=Budget(states=1)).undecided
    assert check_history([], KeyValue(), budget=Budget(states=0)).holds


def test_seconds_are_those_of_the_clock_that_was_passed(toolbox: Any) -> None:
    ticks = iter(range(10_000))
    budget = Budget(seconds=5, clock=lambda: next(ticks))
    verdict = check_history(hard("a", 14), toolbox.Unforced(KeyValue()), budget=budget)
    assert verdict.undecided
    assert verdict.bound == Bound("seconds", 5)
    assert next(ticks) == 6
    stopped = Budget(seconds=5, clock=lambda: 0.0)
    assert check_history(hard("a", 8), KeyValue(), budget=stopped).violated


def test_executions_are_not_what_a_search_spends() -> None:
    assert check_history(hard("a", 3), KeyValue(), budget=Budget(executions=0)).violated


def test_a_hard_partition_does_not_hide_a_violation_in_another(toolbox: Any) -> None:
    spec = toolbox.Unforced(KeyValue())
    easy = [put(100, "z", 1, 0, 1), get(100, "z", 2, 2, 3)]
    budget = Budget(states=5000)
    assert check_history(hard("a", 16), spec, budget=budget).undecided
    together = toolbox.Unforced(KeyValue(partitioned=False))
    assert check_history([*hard("a", 16), *easy], together, budget=budget).undecided
    verdict = check_history([*hard("a", 16), *easy], spec, budget=budget)
    assert verdict.violated
    assert verdict.partition == "z"
    assert verdict.longest == (17,)
    assert [stuck.operation for stuck in verdict.stuck] == [18]


def test_partitions_get_equal_turns(toolbox: Any) -> None:
    """Four partitions alike, of which only the last is within the budget's reach if each gets a fair share."""
    history: list[Operation] = []
    for place, key in enumerate("abc"):
        history += hard(key, 16, first_process=100 * place)
    history += hard("d", 8, first_process=1000)
    budget = Budget(states=4 * 8 * 2**7 + 4 * 512)
    verdict = check_history(history, toolbox.Unforced(KeyValue()), budget=budget)
    assert verdict.violated
    assert verdict.partition == "d"


def test_a_long_history_needs_no_recursion(toolbox: Any) -> None:
    history = [
        operation
        for n in range(3000)
        for operation in (put(0, "a", n, 4 * n, 4 * n + 1), get(0, "a", n, 4 * n + 2, 4 * n + 3))
    ]
    for spec, states in ((toolbox.Unhinted(KeyValue()), 6000), (KeyValue(), 3000)):
        verdict = check_history(history, spec)
        assert verdict.linearization == tuple(range(6000))
        assert verdict.counts["states"] == states
    history[-1] = replace(history[-1], response=-1)
    assert check_history(history, KeyValue()).longest == tuple(range(5999))


def test_what_the_specification_raises_passes_through() -> None:
    class Broken(Register):
        def step(self, state: Any, operation: Operation) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_history([replace(put(0, "a", 1, 0, 1), name="write")], Broken())


SAME_EVERYWHERE = """
from random import Random
from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import KeyValue

random = Random(7)

def arbitrary(process):
    key, at = random.choice("xyz"), random.randrange(20)
    name = random.choice(["get", "append"])
    return Operation(
        process=process, name=name, argument=key if name == "get" else [key, "v"],
        response=random.choice([None, "v", "vv"]), invoked_at=at,
        returned_at=random.choice([None, at + random.randrange(9)]),
    )

for _ in range(40):
    operations = [arbitrary(process) for process in range(9)]
    for spec in (KeyValue(), KeyValue(partitioned=False)):
        verdict = check_history(operations, spec)
        stuck = [(each.operation, sorted(each.state), each.allowed) for each in verdict.stuck]
        print(verdict.outcome, verdict.counts, verdict.linearization, verdict.longest, stuck, verdict.partition)
"""


def test_the_verdict_is_the_same_under_every_hash_seed() -> None:
    outputs: set[str] = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        outputs.add(
            subprocess.run(
                [sys.executable, "-c", SAME_EVERYWHERE],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
    (output,) = outputs
    assert "holds {" in output
    assert "violated {" in output
