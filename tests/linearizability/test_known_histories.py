"""Histories whose answer is known from the literature, or plain to see."""

from __future__ import annotations

from typing import Any

import pytest

from acpool_spec.linearizability import Operation, check_history
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register, UnknownOperation, hashable
from acpool_spec.verdict import Stuck


def test_no_operations_hold() -> None:
    verdict = check_history([], Register())
    assert verdict.holds
    assert verdict.linearization == ()
    assert verdict.counts["states"] == 0


def test_a_read_may_see_a_concurrent_write_or_not(toolbox: Any) -> None:
    op = toolbox.operation
    for seen in (None, 1):
        history = [op(0, "write", 1, at=(0, 10)), op(1, "read", None, seen, at=(5, 6))]
        assert check_history(history, Register()).holds


def test_a_stale_read_is_named_with_what_it_should_have_seen(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "write", 1, at=(0, 1)), op(1, "write", 2, at=(2, 3)), op(0, "read", None, 1, at=(4, 5))]
    verdict = check_history(history, Register())
    assert verdict.violated
    assert verdict.longest == (0, 1)
    assert verdict.stuck == (Stuck(2, 2, allowed=False),)
    assert verdict.counts["placed"] == 2


def test_a_new_value_seen_and_then_the_old_one_again(toolbox: Any) -> None:
    """The new-old inversion: regular registers allow it, atomic ones do not (Lamport, 1986)."""
    op = toolbox.operation
    write = op(0, "write", 1, at=(0, 100))
    new, old = op(1, "read", None, 1, at=(10, 20)), op(2, "read", None, None, at=(30, 40))
    assert check_history([write, new, old], Register()).violated
    assert check_history([write, old, op(1, "read", None, 1, at=(50, 60))], Register()).holds


@pytest.mark.parametrize(
    ("answers", "holds"),
    [
        (("x", "y"), True),
        (("y", "x"), True),
        (("y", "y"), False),
        (("x", "x"), False),
    ],
)
def test_two_concurrent_enqueues_come_out_in_either_order(
    toolbox: Any, answers: tuple[str, str], holds: bool
) -> None:
    """After the examples of Herlihy and Wing (1990), figure 1."""
    op = toolbox.operation
    history = [
        op(0, "enqueue", "x", at=(0, 3)),
        op(1, "enqueue", "y", at=(1, 2)),
        op(1, "dequeue", None, answers[0], at=(4, 6)),
        op(0, "dequeue", None, answers[1], at=(7, 8)),
    ]
    assert check_history(history, Queue()).holds is holds


def test_a_queue_does_not_overtake(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "enqueue", "x", at=(0, 1)),
        op(1, "enqueue", "y", at=(2, 3)),
        op(0, "dequeue", None, "y", at=(4, 5)),
    ]
    assert check_history(history, Queue()).violated
    assert check_history([*history[:2], op(0, "dequeue", None, "x", at=(4, 5))], Queue()).holds


def test_two_holders_of_one_lock(toolbox: Any) -> None:
    op = toolbox.operation
    both = [op(0, "acquire", at=(0, 1)), op(1, "acquire", at=(2, 3))]
    assert check_history(both, Lock()).violated
    refused = [both[0], op(1, "acquire", None, False, at=(2, 3)), op(0, "release", at=(4, 5))]
    assert check_history(refused, Lock()).holds


def test_only_the_holder_releases(toolbox: Any) -> None:
    op = toolbox.operation
    held = op(0, "acquire", at=(0, 1))
    assert check_history([held, op(1, "release", at=(2, 3))], Lock()).violated
    assert check_history([held, op(1, "release", None, False, at=(2, 3))], Lock()).holds
    assert check_history([held, op(0, "release", None, False, at=(2, 3))], Lock()).violated


def test_a_pending_release_lets_the_next_holder_in(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "acquire", at=(0, 1)),
        op(0, "release", at=(2, None)),
        op(1, "acquire", at=(4, 5)),
        op(2, "acquire", None, False, at=(3, 3)),
    ]
    verdict = check_history(history, Lock())
    assert verdict.linearization is not None
    assert [index for index in verdict.linearization if index != 3] == [0, 1, 2]


def test_a_pending_write_may_appear_late_or_never_but_once(toolbox: Any) -> None:
    op = toolbox.operation
    lost = op(0, "write", 1, at=(0, None))
    reads = [op(1, "read", None, None, at=(10, 11)), op(1, "read", None, 1, at=(20, 21))]
    assert check_history([lost, reads[0]], Register()).linearization == (1,)
    assert check_history([lost, *reads], Register()).linearization == (1, 0, 2)
    again = [op(2, "write", 2, at=(30, 31)), op(1, "read", None, 1, at=(40, 41))]
    assert check_history([lost, *reads, *again], Register()).violated


def test_a_pending_operation_cannot_take_effect_before_it_is_invoked(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(1, "read", None, 1, at=(0, 9)), op(0, "write", 1, at=(10, None))]
    assert check_history(history, Register()).violated
    touching = [op(1, "read", None, 1, at=(0, 10)), op(0, "write", 1, at=(10, None))]
    assert check_history(touching, Register()).holds


def test_what_does_not_help_is_said_to_be_pending(toolbox: Any) -> None:
    op = toolbox.operation
    verdict = check_history([op(0, "write", 1, at=(0, None)), op(1, "read", None, 2, at=(1, 2))], Register())
    assert verdict.longest == ()
    assert set(verdict.stuck) == {Stuck(0, None, allowed=True), Stuck(1, None, allowed=False)}


def test_the_response_of_a_pending_operation_is_not_believed(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "cas", [None, 1], False, at=(0, None)),
        op(1, "read", None, 1, at=(1, 2)),
    ]
    assert check_history(history, CasRegister()).holds


def test_the_specification_sees_no_response_of_a_pending_operation(toolbox: Any) -> None:
    seen: list[Any] = []

    class Watched(Register):
        def step(self, state: Any, operation: Operation) -> Any:
            seen.append((operation.name, operation.response, operation.returned_at))
            return super().step(state, operation)

    op = toolbox.operation
    check_history([op(0, "write", 1, "done", at=(0, None)), op(1, "read", None, 1, at=(1, 2))], Watched())
    assert ("write", None, None) in seen
    assert ("write", "done", None) not in seen


def test_operations_that_touch_are_concurrent(toolbox: Any) -> None:
    op = toolbox.operation
    read = op(1, "read", None, None, at=(5, 6))
    assert check_history([op(0, "write", 1, at=(0, 5)), read], Register()).holds
    assert check_history([op(0, "write", 1, at=(0, 4)), read], Register()).violated


def test_one_process_may_do_several_things_at_one_instant(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "write", 1, at=(5, 5)),
        op(0, "read", None, 1, at=(5, 5)),
        op(0, "read", None, 1, at=(5, 9)),
        op(0, "write", 2, at=(9, None)),
    ]
    assert check_history(history, Register()).holds


def test_a_compare_and_set_succeeds_only_on_its_expected_value(toolbox: Any) -> None:
    op = toolbox.operation
    race = [op(0, "cas", [None, 1], True, at=(0, 5)), op(1, "cas", [None, 2], True, at=(0, 5))]
    assert check_history(race, CasRegister()).violated
    assert check_history([race[0], op(1, "cas", [None, 2], False, at=(0, 5))], CasRegister()).holds


def test_a_map_is_judged_key_by_key_and_merged_in_real_time(toolbox: Any) -> None:
    op = toolbox.operation
    history = [
        op(0, "put", ["a", 1], at=(0, 10)),
        op(1, "put", ["b", 1], at=(1, 2)),
        op(1, "get", "a", 1, at=(3, 4)),
        op(2, "append", ["c", "x"], at=(5, 6)),
        op(1, "append", ["c", "y"], at=(7, 8)),
        op(2, "get", "c", "xy", at=(9, 12)),
        op(1, "delete", "b", at=(11, 12)),
        op(0, "get", "b", None, at=(13, 14)),
    ]
    verdict = check_history(history, KeyValue())
    assert verdict.linearization is not None
    assert toolbox.explains(verdict.linearization, history, KeyValue(partitioned=False))
    assert verdict.counts["partitions"] == 3
    wrong = check_history([*history, op(3, "get", "b", 1, at=(15, 16))], KeyValue())
    assert wrong.violated
    assert wrong.partition == "b"


def test_json_values_are_not_confused(toolbox: Any) -> None:
    op = toolbox.operation
    for written, read in ((1, True), (0, False), ([1], [True]), ({"a": 1}, {"a": True}), ([], {})):
        write = op(0, "write", written, at=(0, 1))
        assert check_history([write, op(1, "read", None, read, at=(2, 3))], Register()).violated
        assert check_history([write, op(1, "read", None, written, at=(2, 3))], Register()).holds
    assert hashable({"b": 1, "a": [2]}) == hashable({"a": (2,), "b": 1})


@pytest.mark.parametrize("spec", [Register(), CasRegister(), KeyValue(), Lock(), Queue()])
def test_an_unknown_operation_is_refused_by_name(toolbox: Any, spec: Any) -> None:
    with pytest.raises(UnknownOperation, match="has no operation 'jump'; expected one of"):
        check_history([toolbox.operation(0, "jump", at=(0, 1))], spec)


def test_arguments_of_the_wrong_kind_are_refused(toolbox: Any) -> None:
    op = toolbox.operation
    with pytest.raises(ValueError, match="takes a pair as its argument, not 3"):
        check_history([op(0, "cas", 3, True, at=(0, 1))], CasRegister())
    with pytest.raises(TypeError, match="append joins text to text, not 3"):
        check_history([op(0, "append", ["k", 3], at=(0, 1))], KeyValue())


def test_an_operation_that_returned_before_it_was_invoked_is_refused(toolbox: Any) -> None:
    history: list[Operation] = [
        toolbox.operation(0, "read", at=(5, 4)),
        toolbox.operation(0, "read", at=(9, 10)),
    ]
    for order in (history, history[::-1]):
        with pytest.raises(ValueError, match="returned at 4, before it was invoked at 5"):
            check_history(order, Register())


@pytest.mark.parametrize(
    ("write", "read"),
    [
        ((0, 5), (4, 10)),
        ((0, 5), (0, 5)),
        ((5, 5), (5, 5)),
        ((0, 5), (4, None)),
        ((0, None), (4, 5)),
        ((0, None), (0, None)),
    ],
)
@pytest.mark.parametrize("value", [None, "x"])
def test_operations_of_one_process_that_overlap_are_concurrent(
    toolbox: Any, write: tuple[int, int | None], read: tuple[int, int | None], value: str | None
) -> None:
    """Whether the read sees the write or not: both orders are linearizations, as with two processes."""
    history: list[Operation] = [
        toolbox.operation(0, "write", "x", at=write),
        toolbox.operation(0, "read", None, value, at=read),
    ]
    for order in (history, history[::-1]):
        assert check_history(order, Register()).holds


def test_operations_of_one_process_that_follow_each_other_are_ordered(toolbox: Any) -> None:
    history: list[Operation] = [
        toolbox.operation(0, "write", "x", at=(0, 1)),
        toolbox.operation(0, "read", None, None, at=(2, 3)),
    ]
    assert check_history(history, Register()).violated


def test_an_operation_that_is_listed_twice_happened_twice(toolbox: Any) -> None:
    taken = toolbox.operation(0, "acquire", None, True, at=(0, 1))
    assert check_history([taken], Lock()).holds
    assert check_history([taken, taken], Lock()).violated
