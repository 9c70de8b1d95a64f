"""Histories judged section by section, against the search of the whole, and what is kept in memory meanwhile."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from acpool_spec.linearizability import Operation, check_history, checked
from acpool_spec.objects import CasRegister, KeyValue, Queue, Register
from acpool_spec.search import Search
from acpool_spec.sections import Sections
from acpool_spec.verdict import Bound, Budget


def distinct(operations: list[Operation]) -> list[Operation]:
    """The same with times that are all different, as the indices of events are: of equal ones, invocations come first."""
    ends = [(op.invoked_at, 0, n) for n, op in enumerate(operations)]
    ends += [(op.returned_at, 1, n) for n, op in enumerate(operations) if op.returned_at is not None]
    at = {(kind, n): place for place, (_, kind, n) in enumerate(sorted(ends))}
    return [
        replace(
            op,
            invoked_at=at[0, n],
            returned_at=None if op.pending else at[1, n],
            response=None if op.pending else op.response,
        )
        for n, op in enumerate(operations)
    ]


def feed(operations: list[Operation], sections: Sections[Any], *, lost_after: int = 3) -> int:
    """Tell ``sections`` of the events in their order; returns the most operations held. Pending ones are lost later."""
    events: list[tuple[float, str, Operation]] = [(op.invoked_at, "invoked", op) for op in operations]
    events += [(op.returned_at, "returned", op) for op in operations if op.returned_at is not None]
    events += [(op.invoked_at + lost_after + 0.5, "lost", op) for op in operations if op.returned_at is None]
    most = 0
    for _, what, op in sorted(events, key=lambda event: event[0]):
        if sections.decided:
            break
        if what == "lost":
            sections.lost(op.invoked_at)
        else:
            getattr(sections, what)(op)
        most = max(most, sections.held)
    if not sections.decided:
        sections.end()
    return most


@pytest.mark.parametrize("section", [1, 2, 5])
@pytest.mark.parametrize("kind", ["register", "lossy", "cas", "lock", "queue", "bag"])
def test_the_verdict_is_that_of_the_whole(kind: str, section: int, toolbox: Any) -> None:
    random = Random(f"sections {kind} {section}")
    spec = toolbox.specification(kind)
    outcomes = {True: 0, False: 0}
    for _ in range(200):
        operations = distinct(toolbox.small_history(random, kind, pending=0.25))
        sections: Sections[Any] = Sections(spec, section=section)
        feed(operations, sections)
        verdict = check_history(operations, spec)
        assert sections.outcome is verdict.holds
        outcomes[verdict.holds] += 1
        if verdict.violated:
            require_window(sections, operations, spec, toolbox)
    assert min(outcomes.values()) >= 10, outcomes


@pytest.mark.parametrize("section", [1, 2, 5])
@pytest.mark.parametrize("kind", ["register", "cas", "key_value", "lock", "queue"])
def test_what_a_section_forces_changes_no_verdict(kind: str, section: int, toolbox: Any) -> None:
    """Asked before anything is searched, and of sections that are as short as can be; what is in progress may still be read."""
    random = Random(f"forced sections {kind} {section}")
    spec = KeyValue(partitioned=False) if kind == "key_value" else toolbox.specification(kind)
    outcomes = {True: 0, False: 0}
    contradicted = 0
    for number in range(80):
        make = toolbox.plausible_history if number % 2 else toolbox.small_history
        operations = distinct(make(random, kind, pending=0.3))
        verdict = checked(operations, spec, Budget(states=20_000), None)
        if verdict.undecided:
            continue
        sections: Sections[Any] = Sections(spec, section=section, patience=0)
        feed(operations, sections, lost_after=random.choice([3, 30]))
        assert sections.outcome is verdict.holds, operations
        outcomes[verdict.holds] += 1
        if verdict.violated:
            require_window(sections, operations, spec, toolbox)
            contradicted += sections.window is not None and sections.window.contradiction is not None
    assert min(outcomes.values()) >= 10, outcomes
    assert contradicted >= 5


def crowded(count: int, *, wrong: int | None = None) -> list[Operation]:
    """A queue in which forty values of forty clients wait at a time, whose order only those who take them out will know."""
    random = Random(count)
    order: list[int] = []
    operations: list[Operation] = []
    for start in range(0, count, 40):
        values = [start + n for n in range(40)]
        begin = 1000 * start
        for n, value in enumerate(values):
            end = begin + 500 + n
            operations.append(
                Operation(
                    process=n,
                    name="enqueue",
                    argument=value,
                    response=None,
                    invoked_at=begin + n,
                    returned_at=end,
                )
            )
        random.shuffle(values)
        order += values
    for place, value in enumerate(order):
        # Each is taken out while the next forty are put in.
        begin = 1000 * (place // 40 * 40 + 40) + 600 + 3 * (place % 40)
        answer = order[place + 1] if place == wrong else order[place - 1] if place - 1 == wrong else value
        operations.append(
            Operation(
                process=99,
                name="dequeue",
                argument=None,
                response=answer,
                invoked_at=begin,
                returned_at=begin + 1,
            )
        )
    return distinct(operations)


def test_what_a_section_leaves_open_is_decided_by_what_follows() -> None:
    """Two values that were put in at once may change places; two of different forties may not."""
    for wrong, outcome in ((None, True), (100, True), (79, False)):
        sections: Sections[Any] = Sections(Queue(), section=16, states=4_000)
        # Less than the whole, though a section has more ways to end than can be listed until more has come.
        assert feed(crowded(240, wrong=wrong), sections) < 480
        assert (sections.outcome, sections.bound) == (outcome, None)
        contradicted = sections.window is not None and sections.window.contradiction is not None
        assert contradicted is not outcome


def require_window(sections: Sections[Any], operations: list[Operation], spec: Any, toolbox: Any) -> None:
    """The window alone has no linearization, but a beginning of it has, one return shorter; its longest partial one is one."""
    window = sections.window
    assert window is not None
    completed = [op for op in window.operations if op.returned_at is not None]
    search = Search(window.operations, range(len(window.operations)), spec, None, begin=window.begin)
    search.advance(10**6, None)
    assert search.outcome is False
    if search.furthest:
        shorter = Search(
            window.operations,
            range(len(window.operations)),
            spec,
            None,
            begin=window.begin,
            cut=search.furthest,
        )
        shorter.advance(10**6, None)
        assert shorter.outcome is True
    states = [window.start.state]
    for index in window.longest:
        states = toolbox.follow(states, window.operations[index], spec)
    assert window.stuck
    assert window.stuck[0].state in states
    assert window.start in window.begin
    assert window.before + len(completed) <= sum(op.returned_at is not None for op in operations)


def busy(count: int, wrong: int | None = None, clients: int = 3) -> list[Operation]:
    """Operations of a register, some of them always in progress; ``wrong``: the number of a read that answers nonsense."""
    random = Random(count)
    operations: list[Operation] = []
    value = None
    for n in range(count):
        point = 10 * n
        begin, end = (
            point - random.randrange(10 * clients - 5),
            point + 1 + random.randrange(10 * clients - 5),
        )
        if random.random() < 0.5:
            value = random.randrange(5)
            name, argument, response = "write", value, None
        else:
            name, argument, response = "read", None, -1 if n == wrong else value
        lost = name == "write" and random.random() < 0.02
        operations.append(
            Operation(
                process=n,
                name=name,
                argument=argument,
                response=response,
                invoked_at=begin,
                returned_at=None if lost else end,
            )
        )
    return distinct(operations)


@pytest.mark.no_cover
def test_what_is_decided_is_forgotten() -> None:
    """No quiescent point in 4000 operations, and never more than some hundred in memory, the 40 lost ones among them."""
    operations = busy(4000)
    sections = Sections(CasRegister(), section=64)
    most = feed(operations, sections)
    assert sections.outcome is True
    assert sections.placed == sum(op.returned_at is not None for op in operations)
    lost = sum(op.returned_at is None for op in operations)
    assert 20 < lost < 100
    assert most < 64 + lost + 64


def test_the_window_ends_where_it_goes_wrong() -> None:
    operations = busy(3000, wrong=2000)
    wrong = next(op for op in operations if op.response == -1)
    sections = Sections(Register(), section=64)
    feed(operations, sections)
    assert sections.outcome is False
    window = sections.window
    assert window is not None
    completed = [op for op in window.operations if op.returned_at is not None]
    assert wrong in completed
    assert len(completed) < 200
    # What was in progress when it returned is there; what was invoked later is not.
    assert max(op.invoked_at for op in window.operations) < (wrong.returned_at or 0)


def test_a_quiescent_point_begins_the_window(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "write", n, at=(10 * n, 10 * n + 2)) for n in range(50)]
    history += [op(1, "write", 50, at=(500, 505)), op(2, "read", None, 3, at=(501, 506))]
    sections = Sections(Register())
    feed(history, sections)
    window = sections.window
    assert window is not None
    assert window.before == 46
    assert [way.state for way in window.begin] == [45]
    assert [o.invoked_at for o in window.operations] == [460, 470, 480, 490, 500, 501]


def test_a_section_that_is_too_hard_is_undecided_and_names_the_bound(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(n, "enqueue", n, at=(n, 100 + n)) for n in range(12)]
    history += [op(20, "dequeue", None, 99, at=(200, 201))]
    sections = Sections(Queue(), states=500)
    feed(history, sections)
    assert (sections.outcome, sections.bound) == (None, Bound("states", 500))
    assert sections.states == 500


def test_an_operation_in_progress_for_long_is_waited_for(toolbox: Any) -> None:
    op = toolbox.operation
    history = [op(0, "put", ["a", -1], at=(0, 5000))]
    history += [op(1, "put", ["a", n], at=(2 * n + 1, 2 * n + 2)) for n in range(1000)]
    history += [op(1, "get", "a", -1, at=(6000, 6001))]
    sections = Sections(KeyValue(), section=16)
    assert feed(history, sections) > 900
    assert sections.outcome is True
