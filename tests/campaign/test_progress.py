"""What is told while a campaign lasts, also of units that are being explored, which may take long."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.campaign.conftest import Crew, Here

from acpool_spec.campaign import work
from acpool_spec.campaign.campaign import Campaign, Plan
from acpool_spec.campaign.executors import Processes
from acpool_spec.campaign.progress import Display, Standing, duration, percent, short, standing_of
from acpool_spec.campaign.results import Counts
from acpool_spec.campaign.work import Order, Post, run_unit
from acpool_spec.verdict import Outcome

Plans = Callable[..., Plan]
SO_FAR = Counts(123, 45, 0.25)


class Slow(Here):
    """Does not come to the end of ``scope`` before it is told to."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope
        self.orders: list[Order] = []
        self.waiting: list[tuple[Future[Any], Order]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.orders.append(args[0])
        if args[0].scope != self.scope:
            return super().submit(fn, *args, **kwargs)
        self.waiting.append((Future(), args[0]))
        return self.waiting[-1][0]

    def finish(self) -> None:
        for future, order in self.waiting:
            future.set_result(run_unit(order))
        self.waiting.clear()


class Telling(Crew):
    """Says of every unit that it is as far as ``SO_FAR``."""

    def told(self, post: Post) -> Counts | None:
        return SO_FAR


def test_counts_of_what_is_being_explored_are_in_the_display(plan: Plans) -> None:
    slow, seen = Slow("deep 6"), list[Standing]()
    clock = iter(float(n) for n in range(1000))

    def show(campaign: Campaign) -> None:
        seen.append(standing_of(campaign, 0, 0.0))
        if campaign.running:
            slow.finish()

    wanted = plan("deep 6", "orders 2", seconds=900.0, clock=lambda: next(clock))
    (_, orders) = Campaign(wanted, Telling(slow, workers=2), show=show).run()
    assert [order.post.place for order in slow.orders if order.post] == [
        0,
        1,
    ]  # who is being explored at the same time tells it in different places
    before, during, *_, after = seen
    assert (before.executions, before.explored, before.left_s, before.underway) == (0, 0.0, 899.0, {})
    assert (during.done, during.scopes) == (1, 2)
    assert during.executions == orders.executions + SO_FAR.executions
    assert during.states == orders.states + SO_FAR.states
    assert during.explored == pytest.approx(1.25 / 2)
    assert during.underway == {"deep 6": SO_FAR}
    # What is ahead in "deep 6" is three times the 123 executions behind, at the rate so far.
    assert during.left_s == pytest.approx(3 * 123 / during.rate)
    assert (after.done, after.explored, after.underway) == (2, 1.0, {})
    assert after.executions == orders.executions + 64


def test_what_was_interrupted_counts_for_the_reader(plan: Plans) -> None:
    slow = Slow("deep 6")

    def show(campaign: Campaign) -> None:
        if campaign.running:
            raise KeyboardInterrupt

    line, _ = Campaign(plan("deep 6", "orders 2"), Telling(slow, workers=2), show=show).run()
    assert (line.outcome, line.why) == (Outcome.UNDECIDED, "interrupted")
    assert (line.executions, line.states, line.behind) == SO_FAR


def test_of_a_part_its_share_counts(plan: Plans) -> None:
    shares = list[float]()

    def show(campaign: Campaign) -> None:
        shares.append(standing_of(campaign, 0, 0.0).explored)

    Campaign(plan("deep 6", whole=5), Crew(workers=1), show=show).run()
    assert shares == sorted(shares)
    assert shares[:2] == [0.0, pytest.approx(5 / 64)]
    assert shares[-1] == pytest.approx(1.0)


def test_a_unit_tells_how_far_it_is(plan: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[tuple[Post, Counts]]()

    def tell(post: Post, counts: Counts) -> None:
        told.append((post, counts))

    monkeypatch.setattr(work, "_TELL_S", 0.0)
    monkeypatch.setattr(work, "_tell", tell)
    wanted, post = plan("deep 3"), Post(1, 7)
    run_unit(Order(wanted.family, wanted.pool, wanted.digest, wanted.python, "deep 3", post=post))
    assert {place for place, _ in told} == {post}
    assert sorted({counts for _, counts in told}) == [Counts(n, 0, n / 8) for n in range(8)]


def test_processes_tell_it_through_shared_memory(plan: Plans, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wanted, crew = plan(f"blocks {gate}"), Processes(2)
    order = Order(wanted.family, wanted.pool, wanted.digest, wanted.python, wanted.scopes[0], post=Post(1, 7))
    try:
        future = crew.executor.submit(run_unit, order)
        while not Path(f"{gate}.pid").exists():
            threading.Event().wait(0.01)
            assert not future.done()
        assert crew.told(Post(1, 7)) == Counts(0, 0, 0.0)
        assert crew.told(Post(1, 6)) is None  # of the unit before
        assert crew.told(Post(0, 7)) is None
        gate.touch()
        future.result()
    finally:
        gate.touch()
        crew.close()


STANDING = Standing(
    1_234,
    5_312,
    1_234_567,
    2_345_678,
    1_234.0,
    0.32,
    754.0,
    {f"{'session:a+' * 9}reset:a": SO_FAR, "b": None},
)


def drawn(standing: Standing, monkeypatch: pytest.MonkeyPatch, **options: Any) -> str:
    def stands(*_: object) -> Standing:
        return standing

    monkeypatch.setattr("acpool_spec.campaign.progress.standing_of", stands)
    out, clock = io.StringIO(), iter((0.0, 20.0, 20.0, 21.0))
    campaign: Any = None
    with Display(Console(file=out, width=80, **options), lambda: next(clock)) as display:
        display.show(campaign)
        return out.getvalue()


def test_on_a_terminal_no_line_is_wider_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(STANDING, monkeypatch, force_terminal=True, color_system=None)
    counts, estimate, slow, unknown = shown.splitlines()[-4:]
    assert "1,234/5,312 scopes, 1.2M executions, 2.3M states, 1,234/s" in counts
    assert "32.0% explored, about 13 min left" in estimate
    assert slow.strip().startswith("session:a+session:a") and slow.rstrip().endswith("…")
    assert unknown.strip() == "b: counts unknown so far"
    assert all(len(line) <= 81 for line in (counts, estimate, slow))  # and a carriage return


def test_elsewhere_it_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(STANDING, monkeypatch)
    assert shown == (
        "1,234/5,312 scopes, 1.2M executions, 2.3M states, 1,234/s, 32.0% explored, about 13 min left\n"
    )


def test_of_many_scopes_a_few_are_shown() -> None:
    many = replace(STANDING, underway={str(n): SO_FAR for n in range(6)})
    *_, last = many.scopes_underway()
    assert (len([*many.scopes_underway()]), last) == (5, "and 2 scopes more")


def test_numbers_are_short() -> None:
    assert [short(n) for n in (7, 9_999, 10_000, 99_999, 123_456, 1_234_567, 2 * 10**9)] == [
        "7",
        "9,999",
        "10.0k",
        "100k",
        "123k",
        "1.2M",
        "2.0G",
    ]
    assert [percent(x) for x in (0.0, 1e-6, 0.314, 0.9999, 1.0)] == ["0%", "<0.1%", "31.4%", "99.9%", "100%"]
    assert [duration(x) for x in (0.4, 119, 120, 7199, 7200)] == ["0 s", "119 s", "2 min", "120 min", "2 h"]
    assert [duration(x) for x in (172_799, 172_800, 1e12)] == ["48 h", "2 days", "over a year"]
