"""Happens-before, races and cells, on steps written down by hand."""

from __future__ import annotations

import sys

import pytest

from acpool_spec.exploration.footprints.cells import (
    ADD,
    ITEM,
    READ,
    WHOLE,
    WRITE,
    Footprint,
    Name,
    Names,
    Statics,
)
from acpool_spec.exploration.footprints.happens_before import HappensBefore, Race, Step

THING, OTHER = Name(0, 0), Name(0, 1)


def touching(*touched: tuple[Name, object, int]) -> Footprint:
    footprint = Footprint()
    for name, key, how in touched:
        footprint.touch(name, ITEM, key, how)
    return footprint


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ((THING, 1, READ), (THING, 1, READ), False),
        ((THING, 1, READ), (THING, 1, WRITE), True),
        ((THING, 1, WRITE), (THING, 1, WRITE), True),
        ((THING, 1, WRITE), (THING, 2, WRITE), False),
        ((THING, 1, WRITE), (OTHER, 1, WRITE), False),
        ((THING, WHOLE, READ), (THING, 2, WRITE), True),
        ((THING, WHOLE, READ), (THING, 2, READ), False),
        ((THING, WHOLE, WRITE), (THING, WHOLE, READ), True),
        ((THING, 1, ADD), (THING, 1, ADD), False),
        ((THING, 1, ADD), (THING, 1, READ), True),
        ((THING, 1, ADD), (THING, WHOLE, WRITE), True),
    ],
)
def test_which_accesses_conflict(
    one: tuple[Name, object, int], other: tuple[Name, object, int], conflict: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        assert touching(first).conflicts(touching(second)) is conflict
        # All these names are of before the runs part.
        assert touching(first).may_conflict(1, touching(second)) is conflict


def test_a_step_that_may_touch_everything_conflicts_with_each() -> None:
    footprint = Footprint()
    footprint.everything = True
    assert footprint.conflicts(Footprint()) and Footprint().conflicts(footprint)
    assert footprint.may_conflict(0, Footprint()) and Footprint().may_conflict(0, footprint)


def named(step: int, *, born: bool) -> Name:
    name = Name(step, 0)
    name.born = born
    return name


@pytest.mark.parametrize(
    ("mine", "theirs", "conflict"),
    [
        # Seen before the runs part at step 3: the same name is the same object.
        (named(2, born=False), named(2, born=False), True),
        (named(2, born=False), named(1, born=False), False),
        # Made since: nobody else can have it, whatever the names say.
        (named(3, born=True), named(3, born=True), False),
        (named(3, born=True), named(3, born=False), False),
        (named(3, born=False), named(4, born=True), False),
        # Seen first since, made who knows when: they may be one.
        (named(3, born=False), named(5, born=False), True),
        # Known in one run, not in the other: the known name would have been found.
        (named(2, born=False), named(3, born=False), False),
    ],
)
def test_objects_of_two_runs(mine: Name, theirs: Name, conflict: bool) -> None:
    assert touching((mine, 1, WRITE)).may_conflict(3, touching((theirs, 1, READ))) is conflict
    assert not touching((mine, 1, READ)).may_conflict(3, touching((theirs, 1, READ)))


def test_names_are_given_in_the_order_in_which_things_are_seen() -> None:
    names = Names(Statics())
    first, second, third = [1], [2], {3: 3}
    names.begin_step(0)
    zero = names.of(first)
    names.end_step({id(first)})
    names.begin_step(1)
    assert names.of(first) is zero
    one, two = names.of(second), names.of(third)
    names.end_step({id(second), id(third)})
    assert [(name.step, name.ordinal, name.born) for name in (zero, one, two)] == [
        (0, 0, True),
        (1, 0, True),
        (1, 1, False),  # of a dictionary the collector learns when it likes
    ]
    assert names.seen() == ("list", "dict")


def test_the_variables_of_a_module_have_one_name_in_all_runs() -> None:
    statics = Statics()
    one, other = Names(statics), Names(statics)
    assert one.of(vars(sys)) is other.of(vars(sys))
    assert one.of(vars(sys)).step == -1


def steps(*told: tuple[int, int | None, Footprint]) -> list[Step]:
    return [Step(*each) for each in told]


NOTHING = Footprint()


def test_two_writers_race_and_the_second_may_come_first() -> None:
    """Main makes two tasks ready, 1 and 2; both write one thing."""
    made = steps((0, None, NOTHING), (1, 0, touching((THING, 1, WRITE))), (2, 0, touching((THING, 1, WRITE))))
    order = HappensBefore(made)
    assert order.before == [0b000, 0b001, 0b011]
    assert list(order.races(0)) == [Race(1, 2, frozenset({2}))]
    assert list(order.races(3)) == []


def test_no_race_with_what_made_it_ready_nor_within_a_lane() -> None:
    writes = touching((THING, 1, WRITE))
    assert list(HappensBefore(steps((0, None, writes), (1, 0, writes), (1, 1, writes))).races(0)) == []


def test_what_comes_between_is_ordered_through_it() -> None:
    """1 writes, 2 reads that and writes another, 3 reads both: 1 and 3 conflict, but 2 is between; so only neighbours race."""
    made = steps(
        (0, None, NOTHING),
        (1, 0, touching((THING, 1, WRITE))),
        (2, 0, touching((THING, 1, READ), (OTHER, 1, WRITE))),
        (3, 0, touching((THING, 1, READ), (OTHER, 1, READ))),
    )
    assert [(race.first, race.second) for race in HappensBefore(made).races(0)] == [(1, 2), (2, 3)]


def test_the_initials_of_a_reversal() -> None:
    """Lane 3 has a step that nothing orders behind the first writer: it may begin the reversal as well as the second writer."""
    made = steps(
        (0, None, NOTHING),
        (1, 0, touching((THING, 1, WRITE))),
        (3, 0, touching((OTHER, 1, WRITE))),
        (2, 0, touching((THING, 1, WRITE))),
    )
    assert [race.initials for race in HappensBefore(made).races(0)] == [frozenset({2, 3})]


def test_who_completes_a_count_wakes_for_all() -> None:
    """Two callbacks add to one count, in lanes 1 and 2, and the second wakes lane 0, which reads it: no order among the two, both
    before the reader, and no race with either, since nothing wakes it before both have come."""
    adds = touching((THING, 1, ADD))
    made = steps((0, None, NOTHING), (1, 0, adds), (2, 0, adds), (0, 2, touching((THING, 1, READ))))
    order = HappensBefore(made)
    assert order.before[2] == 0b001
    assert order.before[3] == 0b111
    assert list(order.races(0)) == []
