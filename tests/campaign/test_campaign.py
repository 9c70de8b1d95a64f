"""Units put together: what a campaign says depends on its scopes, not on who explored them, when, or in how many attempts."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.campaign import toy_family
from tests.campaign.conftest import Crew, Here

from acpool_spec.campaign.account import Account, Line
from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.journal import Journal
from acpool_spec.campaign.results import Result, Unit
from acpool_spec.exploration import Certificate, ScenarioSchedule, explore
from acpool_spec.exploration.handover import Part
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome

Plans = Callable[..., Plan]
ABOUT = {"code": "this"}
DIVIDED: dict[str, Any] = {"whole": 5}


def told(lines: list[Line]) -> list[tuple[Any, ...]]:
    """The lines, less the time that they took."""
    return [(x.scope, x.outcome, x.executions, x.states, x.why, x.schedule) for x in lines]


def test_a_scope_is_explored_as_explore_does_it(plan: Plans) -> None:
    (line,) = Campaign(plan("orders 3"), Crew()).run()
    scope = toy_family.PoolScope("orders 3")
    report = explore(toy_family.scenario_of(scope, print), mode="reordered", footprints=False)
    assert (line.outcome, line.executions, line.states) == (
        Outcome.HOLDS,
        report.executions,
        report.states,
    )


def test_a_large_scope_is_explored_in_parts_that_lose_nothing(plan: Plans) -> None:
    campaign = Campaign(plan("deep 6", **DIVIDED), Crew())
    (line,) = campaign.run()
    assert campaign.accounts["deep 6"].divided
    # 64 ways through six choices of two, by five at most at once; nothing is made twice, nothing thrown away.
    assert (line.outcome, line.executions, line.behind) == (Outcome.HOLDS, 64, 1.0)
    assert all(result.certificate.executions <= 5 for result in campaign.accounts["deep 6"].results)


@pytest.mark.no_cover
def test_parts_know_what_was_known_above_them(plan: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same parts, explored by whoever knows nothing, or only what the first unit knew."""
    whole, *_ = Campaign(plan("orders 3"), Crew()).run()
    counts: list[int] = []
    everything = Account.known

    def of_the_first(account: Account, unit: Unit) -> bytes:
        return everything(account, Unit(unit.scope, unit.prefix[:1]))

    def nothing(_account: Account, _unit: Unit) -> bytes:
        return b""

    for known in (everything, of_the_first, nothing):
        monkeypatch.setattr(Account, "known", known)
        campaign = Campaign(plan("orders 3", whole=9), Crew())
        (line,) = campaign.run()
        assert line.outcome is Outcome.HOLDS
        assert max(len(unit.prefix) for unit in campaign.accounts["orders 3"].units()) > 3
        counts.append(line.executions)
    assert whole.executions <= counts[0] < counts[1] < counts[2]


def test_a_violation_comes_with_the_schedule_that_shows_it(plan: Plans) -> None:
    (line,) = Campaign(plan("loses"), Crew()).run()
    assert line.outcome is Outcome.VIOLATED
    assert line.why == "raised ArithmeticError: an update was [lost]"
    assert line.schedule is not None
    schedule = ScenarioSchedule.parse(line.schedule, "a line")
    assert schedule.about["scope"] == "loses"


def test_a_violated_part_decides_whatever_was_explored_beside_it(plan: Plans) -> None:
    alone = told(Campaign(plan("fails baaaaa", **DIVIDED), Crew(workers=1)).run())
    together = told(Campaign(plan("fails baaaaa", **DIVIDED), Crew(workers=4)).run())
    assert alone[0][1] is Outcome.VIOLATED
    assert alone == together


@pytest.mark.usefixtures("interruptible")
def test_what_lies_behind_a_violated_part_does_not_count() -> None:
    account = Account("any")
    parts = tuple(Part((n,), 0.25) for n in range(3))
    account.take(Unit("any"), Result(Certificate(exhaustive=True, executions=5), parts=parts))
    violated = Certificate(exhaustive=True, executions=7, violated=True)
    behind = Result(Certificate(exhaustive=True, executions=100), parts=(Part((2, 0), 0.5),))
    account.take(Unit("any", (2,)), behind)
    assert [unit.prefix for unit in account.left()] == [(0,), (1,), (2, 0)]
    account.take(Unit("any", (1,)), Result(violated))
    assert [unit.prefix for unit in account.left()] == [(0,)]
    account.take(Unit("any", (0,)), Result(Certificate(exhaustive=True, executions=3)))
    line = account.line("")
    assert (line.outcome, line.executions, account.left()) == (Outcome.VIOLATED, 5 + 7 + 3, [])
    with pytest.raises(ValueError, match="which nobody waits for"):
        account.take(Unit("any", (2, 0)), Result(Certificate(exhaustive=True)))


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("interrupted_at", range(1, 7))
def test_an_interrupted_campaign_goes_on_where_it_was(
    plan: Plans, tmp_path: Path, interrupted_at: int
) -> None:
    wanted = plan("orders 2", "deep 6", "loses", **DIVIDED)
    all_units = list[object]()
    whole = told(Campaign(wanted, Crew(Here(all_units.append), workers=1)).run())
    made = list[object]()

    def interrupt(order: object) -> None:
        made.append(order)
        if len(made) == interrupted_at:
            signal.raise_signal(signal.SIGINT)

    journal = Journal(tmp_path / "j", ABOUT)
    first = Campaign(wanted, Crew(Here(interrupt), workers=1), journal)
    lines = first.run()
    journal.close()
    assert first.ended == "interrupted"
    assert any(line.outcome is Outcome.UNDECIDED and "interrupted" in line.why for line in lines)

    again = list[object]()
    journal = Journal(tmp_path / "j", ABOUT)
    second = Campaign(wanted, Crew(Here(again.append), workers=1), journal)
    assert told(second.run()) == whole
    journal.close()
    # What was finished is not explored again, the unit included that was being explored then.
    assert second.taken_over == interrupted_at
    assert made + again == all_units


@pytest.mark.usefixtures("interruptible")
def test_a_second_interrupt_does_not_cost_the_table(plan: Plans) -> None:
    def interrupt_twice(campaign: Campaign) -> None:
        if campaign.accounts["orders 2"].results:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the second was noted as well")

    crew = Crew(workers=1)
    first, second = Campaign(plan("orders 2", "orders 3"), crew, show=interrupt_twice).run()
    assert (first.outcome, second.outcome, second.why) == (Outcome.HOLDS, Outcome.UNDECIDED, "interrupted")
    assert crew.stopped


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_wait_for_what_is_being_explored_when_the_time_is_over(
    plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(Here):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            return Future()

    looks = list[int]()

    def look(running: dict[Future[Any], Any], **_: object) -> tuple[set[Future[Any]], set[Future[Any]]]:
        looks.append(len(running))
        if len(looks) == 3:  # the first was before the time was over
            signal.raise_signal(signal.SIGINT)
        return set(), set(running)

    monkeypatch.setattr("acpool_spec.campaign.campaign.wait", look)
    (line,) = Campaign(plan("orders 2", seconds=0), Crew(Endless(), workers=1)).run()
    assert (line.outcome, line.why) == (Outcome.UNDECIDED, "the budget seconds=0 ran out")
    assert looks == [1, 1, 1]


def test_the_budget_is_named_where_it_ran_out(plan: Plans) -> None:
    ticks = iter(range(1000))
    wanted = plan("orders 2", "orders 3", seconds=2.5, clock=lambda: float(next(ticks)))
    lines = Campaign(wanted, Crew(workers=1)).run()
    assert lines[-1].outcome is Outcome.UNDECIDED
    assert "ran out" in lines[-1].why


def test_what_a_scenario_refuses_is_said_with_its_scope(plan: Plans) -> None:
    with pytest.raises(BadInput, match=r"scope 'threaded'.*thread"):
        Campaign(plan("threaded"), Crew()).run()


def test_a_worker_with_other_code_refuses(plan: Plans) -> None:
    wanted = plan("orders 2")
    other = Plan(wanted.family, wanted.pool, "0" * 16, wanted.python, wanted.scopes)
    with pytest.raises(BadInput, match="a worker has other code"):
        Campaign(other, Crew()).run()
