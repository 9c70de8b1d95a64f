"""The exploration itself, on machines small enough to count by hand."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from acpool_model import Counterexample, Progress, explore


def _moves(state: int) -> tuple[int, ...]:
    return (1, 2)


def _ring(state: int, move: int) -> int:
    return (state + move) % 10


def test_everything_is_seen_once() -> None:
    found = explore([0], _moves, _ring, invariants={"small": lambda s: s < 10}, label=lambda move: move)
    # Ten places, two moves from each; place 9 is furthest, four moves of 2 and one of 1 away.
    assert (found.verdict, found.states, found.transitions, found.depth) == ("holds", 10, 20, 5)
    assert found.taken == {1: 10, 2: 10}
    assert found.counterexample is None


def test_the_counterexample_is_shortest_and_names_all_that_is_violated() -> None:
    found = explore(
        [0],
        _moves,
        _ring,
        invariants={"not 5": lambda s: s != 5, "not odd from 4 on": lambda s: s < 4 or s % 2 == 0},
        step_invariants={"no step to 5": lambda before, move, after: after != 5},
    )
    assert found.verdict == "violated"
    assert found.counterexample == Counterexample(
        ("not 5", "not odd from 4 on", "no step to 5"), (0, 1, 3, 5), (1, 2, 2)
    )


def test_an_initial_state_may_be_wrong() -> None:
    found = explore([0, 7], _moves, _ring, invariants={"not 7": lambda s: s != 7})
    assert found.counterexample == Counterexample(("not 7",), (7,), ())


def test_a_step_may_be_wrong_between_good_states() -> None:
    found = explore(
        [0],
        _moves,
        _ring,
        invariants={},
        step_invariants={"forward": lambda before, move, after: after > before},
    )
    assert found.counterexample is not None
    assert found.counterexample.violated == ("forward",)
    assert found.counterexample.states[-2:] == (8, 0)


def test_a_bound_that_was_hit_is_no_pass() -> None:
    found = explore([0], _moves, _ring, invariants={}, max_states=4)
    assert (found.verdict, found.states) == ("undecided", 5)
    assert explore([0], _moves, _ring, invariants={}, max_states=10).verdict == "holds"


def test_a_deadlock_is_a_state_that_help_does_not_lead_out_of() -> None:
    def down(state: int) -> Iterable[int]:
        return (-1, 1) if 0 < state < 5 else ()

    # From 5 nothing leads back, so whoever waits to reach 0 waits for ever there; from 4 and below there is a way.
    progress = Progress[int, int]("L3", lambda s: s > 0, lambda move: move == -1)
    found = explore([2], down, lambda s, move: s + move, invariants={}, progress=progress)
    assert found.counterexample == Counterexample(("L3",), (2, 3, 4, 5), (1, 1, 1))
    never = Progress[int, int]("L3", lambda s: s > 5, lambda move: move == -1)
    assert explore([2], down, lambda s, move: s + move, invariants={}, progress=never).verdict == "holds"


def test_a_path_is_in_states_as_they_are() -> None:
    found = explore(
        [0],
        _moves,
        lambda s, move: s + move,
        invariants={"below 5": lambda s: s < 5},
        canonical=lambda s: s % 3,
    )
    # Canonically there are only 0, 1 and 2, and 5 is never met: what stands for it is looked at in its place.
    assert (found.verdict, found.states) == ("holds", 3)
    stepwise = explore(
        [0],
        _moves,
        lambda s, move: s + move,
        invariants={},
        step_invariants={"not by 2 from what 1 stands for": lambda b, move, a: (b % 3, move) != (1, 2)},
        canonical=lambda s: s % 3,
    )
    assert stepwise.counterexample is not None
    assert stepwise.counterexample.states == (0, 1, 3)


def test_states_identified_wrongly_are_reported() -> None:
    # 3 is made to stand for 1, from which nothing above 2 can be reached in one step as it is from 3.
    def same(state: int) -> int:
        return 3 if state == 1 else state

    with pytest.raises(ValueError, match="do not behave alike"):
        explore(
            [0],
            lambda s: (1,),
            lambda s, move: s + move,
            invariants={"not 5": lambda s: s < 5},
            canonical=same,
        )
