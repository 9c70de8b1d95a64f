"""Scopes that are too big: sampled where the user says so, walked and sampled by turns where the time does not suffice."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.campaign.conftest import FAMILY, Crew

from acpool_spec import cli
from acpool_spec.campaign import work
from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.journal import Journal
from acpool_spec.campaign.results import Result, result_of
from acpool_spec.campaign.work import Order, run_unit
from acpool_spec.exploration.strategies import strategy_names
from acpool_spec.verdict import Outcome

Plans = Callable[..., Plan]
BIG = "deep 40"


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes when it is looked at, a millisecond each time."""
    ticks = itertools.count()
    monkeypatch.setattr(work, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 1000))


def explored(wanted: Plan, **options: Any) -> Result:
    order = Order(wanted.family, wanted.pool, wanted.digest, wanted.python, wanted.scopes[0], **options)
    return result_of(run_unit(order))


@pytest.mark.usefixtures("ticking")
def test_what_is_too_big_is_sampled_and_estimated(plan: Plans) -> None:
    result = explored(plan(BIG), whole=100, seconds=10.0)
    certificate = result.certificate
    assert certificate.outcome() is Outcome.UNDECIDED
    assert (result.stopped, result.settled, result.parts) == (False, False, None)
    assert set(certificate.made_by) == {"exhaustive", "pct", "surw", "coverage", "random"}
    # As long for both again as the walk has taken alone; half of these runs are the walk's.
    sampled = certificate.executions - certificate.made_by["exhaustive"]
    assert sampled > 30 and abs(certificate.made_by["exhaustive"] - 100 - sampled) <= 1
    assert "too big for the time that was left" in certificate.why()
    assert result.estimate is not None
    low, high = result.estimate.interval
    assert result.estimate.executions_in_all == pytest.approx(
        2.0**40, rel=1e-6
    )  # every probe weighs the same here
    assert low <= result.estimate.fraction <= high < 1e-6
    assert 0 < result.behind < 1e-6


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize(
    ("options", "is_divided"),
    [
        ({"seconds": 10.0, "workers": 10**12}, True),  # enough of them
        ({}, True),  # as much time as it takes
        ({"seconds": 10.0, "prefix": (0,)}, True),  # what is a part already was not too big
        ({"seconds": 10.0}, False),
    ],
)
def test_what_can_be_done_in_time_is_not_too_big(
    plan: Plans, options: dict[str, Any], is_divided: bool
) -> None:
    result = explored(plan(BIG), whole=20, **options)
    assert (result.parts is not None) is is_divided


@pytest.mark.parametrize("strategy", [name for name in strategy_names() if name != "exhaustive"])
def test_every_strategy_is_offered(plan: Plans, strategy: str) -> None:
    result = explored(plan(BIG), strategy=strategy, executions=30)
    assert result.certificate.executions == 30
    assert result.certificate.outcome() is Outcome.UNDECIDED
    assert result.settled  # another try would make the same runs


def test_the_command_offers_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[argparse.Namespace] = []

    def note(options: argparse.Namespace) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("acpool_spec.campaign.command.explore", note)
    for name in strategy_names():
        assert cli.main(["explore", "--strategy", name]) == 0
    assert [options.strategy for options in seen] == list(strategy_names())
    with pytest.raises(SystemExit):
        cli.main(["explore", "--strategy", "luck"])


def test_a_portfolio_can_come_to_the_end(plan: Plans) -> None:
    (line,) = Campaign(plan("deep 6", strategy="portfolio"), Crew()).run()
    assert (line.outcome, line.behind) == (Outcome.HOLDS, 1.0)


def test_what_time_cut_short_says_how_far_it_was(plan: Plans, tmp_path: Path) -> None:
    """Real time: however much of it there is, a tree of 2^40 ends is not done in it."""
    journal = Journal(tmp_path / "journal", {})
    # On the clock of the plan no time passes: it ends since each of its units has had its time.
    wanted = plan("orders 2", BIG, seconds=0.5, whole=10**9, clock=lambda: 0.0)
    lines = Campaign(wanted, Crew(workers=1), journal).run()
    journal.close()
    assert [unit.scope for unit in journal.finished] == ["orders 2"]
    assert lines[1].outcome is Outcome.UNDECIDED
    assert lines[1].why == "the budget seconds=0.5 ran out"
    assert lines[1].executions > 0 and lines[1].seconds > 0
    assert 0 < lines[1].behind < 1e-3


def test_the_table_says_the_estimate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    toys = ["--scopes", FAMILY, "--workers", "1"]
    assert cli.main(["explore", BIG, "--strategy", "portfolio", "--executions", "100", *toys]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "1.1e+12 executions" in shown and "of them behind" in shown and "32 probes" in shown
    assert f"{BIG}: undecided: the budget executions=100 ran out" in shown
    assert cli.main(["explore", BIG, "--executions", "100", *toys]) == 2
    assert "expected another --strategy beside it" in capsys.readouterr().err
