"""The search for the nearest passing schedule, on schedules that nobody has to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from acpool_spec.picture.nearest import DECISIONS, RUNS, Search, nearest_passing, parting, side_by_side

A = ["start 0 a", "turn", "start 1 b", "answer c1.open ok", "turn"]


def search(
    decisions: Sequence[str], passes: Callable[[list[str]], bool], impossible: Sequence[str] = ()
) -> tuple[Search, list[list[str]]]:
    tried: list[list[str]] = []

    def attempt(candidate: Sequence[str]) -> tuple[Sequence[int], bool]:
        places = [place for place, decision in enumerate(candidate) if decision not in impossible]
        made = [candidate[place] for place in places]
        tried.append(list(candidate))
        return places, passes(made)

    return nearest_passing(decisions, attempt), tried


def test_a_swap_of_neighbours_near_the_end_comes_before_everything_else() -> None:
    found, tried = search(A, lambda made: made.index("start 1 b") > made.index("answer c1.open ok"))
    assert found.passing is not None
    assert found.passing.made == ("start 0 a", "turn", "answer c1.open ok", "start 1 b", "turn")
    assert found.passing.in_words == (
        "decision 4, 'answer c1.open ok', is made before decision 3, 'start 1 b'",
    )
    assert found.tried == len(tried) == 2


def test_an_answer_is_changed_before_anything_is_dropped() -> None:
    found, _ = search(A, lambda made: "answer c1.open ok" not in made)
    assert found.passing is not None
    assert found.passing.in_words == ("decision 4 is 'answer c1.open fail' instead of 'answer c1.open ok'",)


def test_a_call_is_dropped_last() -> None:
    found, tried = search(A, lambda made: len(made) < 5)
    assert found.passing is not None
    assert found.passing.in_words == ("decision 5, 'turn', is left out",)
    assert all(len(candidate) == 5 for candidate in tried[:-1])


def test_two_edits_are_tried_when_no_single_one_helps() -> None:
    found, tried = search(A, lambda made: made[0] == "turn" and "answer c1.open fail" in made)
    assert found.passing is not None and found.complete
    assert len(found.passing.in_words) == 2
    assert found.passing.made.count("answer c1.open fail") == 1
    assert len({tuple(candidate) for candidate in tried}) == len(tried)


def test_what_becomes_impossible_is_left_out_and_said() -> None:
    found, _ = search(A, lambda made: "start 1 b" not in made, impossible=["start 1 b"])
    assert found.passing is not None
    assert found.passing.in_words[1] == "one decision is impossible then"
    assert "start 1 b" not in found.passing.made


def test_a_move_whose_own_decision_cannot_be_made_is_no_move() -> None:
    decisions = ["turn", "x"]
    found, _ = search(decisions, lambda made: "x" not in made, impossible=["x"])
    assert found.passing is None or "is made" not in found.passing.in_words[0]


def test_the_bound_is_kept_and_said() -> None:
    found, tried = search([f"d{n}" for n in range(100)], lambda _: False)
    assert found.passing is None and not found.complete
    assert found.tried == len(tried) == min(RUNS, DECISIONS // 100)
    assert found.bound.startswith("the first schedules of one edit")
    short, tried = search(["a", "b"], lambda _: False)
    assert short.complete and short.bound.startswith("every schedule of one edit")
    assert f"{len(tried)} runs" in short.bound


@pytest.mark.parametrize(
    ("one", "other", "both"), [("abc", "abd", 2), ("abc", "ab", 2), ("", "a", 0), ("a", "a", 1)]
)
def test_where_two_schedules_part(one: str, other: str, both: int) -> None:
    assert parting(one, other) == both


def test_equal_decisions_stand_beside_each_other() -> None:
    pairs = side_by_side(["a", "b", "c"], ["a", "x", "b", "c"])
    assert [(pair.failing, pair.passing) for pair in pairs] == [
        ((1, "a"), (1, "a")),
        ((0, ""), (2, "x")),
        ((2, "b"), (3, "b")),
        ((3, "c"), (4, "c")),
    ]
