"""A tree divided and put together again is the tree: nothing is lost between the parts, nothing is in two of them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from tests.exploration.programs import program

from acpool_spec import Report, choose, explore, happens
from acpool_spec.exploration import Certificate, divide, merge
from acpool_spec.oracles import FirstOracle
from acpool_spec.simulation import Mode
from acpool_spec.verdict import Budget, Outcome

Scenario = Callable[[], Coroutine[Any, Any, object]]
SMALL = (0, 2, 5, 8)


def shares(scenario: Scenario, parts: int, **options: Any) -> tuple[Certificate, dict[str, Report]]:
    """The account of ``scenario`` explored in parts, and the part of each."""
    division = divide(scenario, parts, **options)
    assert division.failing is None
    reports = {str(prefix): explore(scenario, prefix=prefix, **options) for prefix in division.prefixes}
    return merge(
        division.certificate, {name: report.certificate for name, report in reports.items()}
    ), reports


@pytest.mark.parametrize("number", SMALL)
@pytest.mark.parametrize(("mode", "cancellations"), [("reordered", 0), ("fifo", 1)])
def test_the_parts_add_up_to_the_whole(number: int, mode: Mode, cancellations: int) -> None:
    scenario = program(number)
    options: dict[str, Any] = {"mode": mode, "cancellations": cancellations, "prune": False}
    whole = explore(scenario, **options).certificate
    for parts in (2, 7):
        divided, reports = shares(scenario, parts, **options)
        tops = divided.executions - sum(report.executions for report in reports.values())
        # Of the runs of the top, those count as runs of the tree that came to their end; the others were cut at a choice.
        leaves = whole.executions - sum(report.executions for report in reports.values())
        assert tops >= leaves >= 0
        assert divided.outcome() is whole.outcome() is Outcome.HOLDS
        assert (divided.choice_points, divided.alternatives, divided.taken) == (
            whole.choice_points,
            whole.alternatives,
            whole.taken,
        )


@pytest.mark.parametrize("number", SMALL)
def test_the_same_ends_in_parts_where_known_states_are_cut_off(number: int) -> None:
    ends: Counter[str] = Counter()
    scenario = program(number)

    async def noting() -> None:
        ends[str(await scenario())] += 1

    explore(noting)
    whole = set(ends)
    ends.clear()
    divided, _ = shares(noting, 6)
    assert set(ends) == whole
    assert divided.outcome() is Outcome.HOLDS


async def three_by_three() -> None:
    """Two choices of three: nine ends."""
    first, second = choose("abc"), choose("abc")
    assert first + second != "zz"


async def three_levels() -> None:
    """Two choices of two, and one of three below each of them."""
    for values in ("ab", "ab", "xyz"):
        choose(values)


@pytest.mark.parametrize(
    ("parts", "prefixes"),
    [
        (1, ((0,), (1,))),
        (2, ((0,), (1,))),
        (3, ((0, 0), (0, 1), (1,))),
        (4, ((0, 0), (0, 1), (1, 0), (1, 1))),
        (5, ()),  # below these there are only ends
    ],
)
def test_the_top_is_walked_breadth_first(parts: int, prefixes: tuple[tuple[int, ...], ...]) -> None:
    assert divide(three_levels, parts).prefixes == prefixes


def test_a_state_that_two_prefixes_lead_to_is_in_one_part() -> None:
    """Two tasks wait, each for one of two events of the outside: whichever comes first, then both have come."""

    async def outside() -> None:
        await asyncio.gather(happens("a"), happens("b"))

    options: dict[str, Any] = {"mode": "reordered"}
    pruned = divide(outside, 12, **options)
    assert pruned.certificate.pruned > 0
    assert len(pruned.prefixes) < len(divide(outside, 12, prune=False, **options).prefixes)


def test_what_lies_above_a_part_is_not_explored() -> None:
    report = explore(three_by_three, prefix=(1,))
    assert (report.verdict, report.executions) == (Outcome.HOLDS, 3)


@pytest.mark.parametrize("prefix", [(3,), (0, 0, 0)])
def test_a_prefix_that_cannot_be_followed_is_no_verdict(prefix: tuple[int, ...]) -> None:
    report = explore(three_by_three, prefix=prefix)
    assert report.verdict == "undecided"
    assert "the subtree begins" in report.why


def test_a_prefix_that_leads_elsewhere_the_second_time_is_no_verdict() -> None:
    runs = itertools.count(3)

    async def grows() -> None:
        choose(range(next(runs)))
        choose("ab")

    report = explore(grows, prefix=(1,))
    assert report.verdict == "undecided"
    assert "not deterministic" in report.why


def test_a_sample_can_be_taken_below_a_prefix() -> None:
    seen: set[str] = set()

    async def noting() -> None:
        seen.add(choose("abc") + choose("xyz"))

    explore(noting, prefix=(2,), strategy="random", budget=Budget(executions=50))
    assert seen == {"cx", "cy", "cz"}
    assert explore(noting, prefix=(0,), strategy=FirstOracle()).executions == 1_000


def test_a_failure_in_the_top_is_found_there() -> None:
    async def fails() -> None:
        if choose("ab") == "b":
            raise LookupError("b")
        choose("xyz")

    division = divide(fails, 10)
    assert division.failing == (1,)
    report = explore(fails, prefix=(1,))
    assert (report.verdict, report.executions) == (Outcome.VIOLATED, 1)


# -- the account -------------------------------------------------------------------------------------------------------


def whole_and_parts() -> tuple[Certificate, dict[str, Certificate | str]]:
    division = divide(three_by_three, 3)
    parts: dict[str, Certificate | str] = {
        str(prefix): explore(three_by_three, prefix=prefix).certificate for prefix in division.prefixes
    }
    return division.certificate, parts


def test_a_part_that_is_missing_is_named_and_stays_open() -> None:
    top, parts = whole_and_parts()
    assert merge(top, parts).outcome() is Outcome.HOLDS
    merged = merge(top, parts | {"(1,)": "nobody explored it"})
    assert merged.outcome() is Outcome.UNDECIDED
    assert merged.why() == "(1,): nobody explored it; 1 alternatives were seen and not followed"


def test_a_part_that_was_not_explored_to_its_end_stays_open() -> None:
    top, parts = whole_and_parts()
    half = explore(three_by_three, prefix=(1,), budget=Budget(executions=2)).certificate
    merged = merge(top, parts | {"(1,)": half})
    assert merged.outcome() is Outcome.UNDECIDED
    assert merged.open == 2


def test_too_few_or_too_many_parts_never_hold() -> None:
    top, parts = whole_and_parts()
    one = parts["(0,)"]
    _, *rest = parts
    assert merge(top, {name: parts[name] for name in rest}).outcome() is Outcome.UNDECIDED
    assert merge(top, parts | {"again": one}).outcome() is Outcome.UNDECIDED
    assert merge(top).outcome() is Outcome.UNDECIDED


def test_a_violated_part_is_a_violated_whole() -> None:
    top, parts = whole_and_parts()
    assert merge(top, parts | {"(1,)": Certificate(True, violated=True)}).outcome() is Outcome.VIOLATED


def test_a_copy_shares_nothing() -> None:
    top = divide(three_by_three, 100).certificate
    copy = merge(top)
    assert copy == top
    copy.skip("something")
    assert not top.skips


def test_a_member_that_nobody_knows_how_to_add_up_is_refused() -> None:
    @dataclass(slots=True)
    class Richer(Certificate):
        estimate: float = 0.5

    with pytest.raises(TypeError, match="cannot be added up: estimate"):
        merge(Richer(exhaustive=True))
