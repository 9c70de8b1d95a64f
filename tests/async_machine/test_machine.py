"""State machines that own the loop: the page's example finds its race, what they decide is decided by Hypothesis alone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test

from acpool_spec import AsyncRuleBasedStateMachine, happens
from acpool_spec.async_machine import WrongAtRest
from acpool_spec.refusals import LoopRefusal

PAGE = (Path(__file__).parents[2] / "docs" / "hypothesis.md").read_text(encoding="utf-8")
Machine = type[AsyncRuleBasedStateMachine]


def block(name: str) -> str:
    """The fenced block below the mark ``name`` on the page."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def run(machine: Machine, examples: int = 100, **more: Any) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=examples,
            stateful_step_count=50,
            print_blob=False,
            suppress_health_check=(
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ),
            **more,
        ),
    )


def machine_of(*examples: str) -> Machine:
    given: dict[str, Any] = {}
    exec("\n".join(block(f"example: {name}") for name in examples), given)  # noqa: S102 - the page is ours
    found: Machine = given["LimiterMachine"]
    return found


@pytest.mark.no_cover
def test_the_example_of_the_page_finds_its_race(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongAtRest) as caught:
        run(machine_of("limiter", "machine"), examples=1000, phases=(Phase.generate,))
    said = re.sub(r"visitor-\d", "visitor-2", str(caught.value))
    assert said == block("output: limiter").strip()
    story = "\n".join(getattr(caught.value, "__notes__", ())) + capsys.readouterr().out
    assert "state.come()" in story
    assert re.search(r"Draw \d+ \(next\): 'cancel visitor-\d'", story)


@pytest.mark.no_cover
def test_the_mended_example_of_the_page_holds() -> None:
    machine = machine_of("limiter", "mended", "machine")
    given = machine.__init__.__globals__
    given["Limiter"] = given["MendedLimiter"]
    run(machine, examples=100, phases=(Phase.generate,))
    assert isinstance(machine().limiter, given["MendedLimiter"])  # type: ignore[attr-defined]  # of the page
    AsyncRuleBasedStateMachine().teardown()  # the one made above is left, and this one's own


def first_steps(machine: Machine) -> list[str]:
    """What happens in a run of ``machine`` that Hypothesis has no say in: everything that can, by :meth:`settle`."""
    made = machine()
    try:
        made.settle()
        return list(getattr(made, "log", ()))
    finally:
        made.teardown()


class Logged(AsyncRuleBasedStateMachine):
    """Two sleepers, a future that is outside's, and what became of them."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.start(self.sleep(2))
        self.start(self.sleep(1))
        self.start(self.wait())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.log.append(f"slept {seconds} until {self.loop.time()}")

    async def wait(self) -> None:
        await happens("news")
        self.log.append("news")


def test_settling_is_calm_and_in_virtual_time() -> None:
    assert first_steps(Logged) == ["news", "slept 1 until 1.0", "slept 2 until 2.0"]


def test_a_machine_that_failed_to_begin_leaves_no_loop_behind() -> None:
    class Broken(Logged):
        def __init__(self) -> None:
            super().__init__()
            raise KeyError("no")

    with pytest.raises(KeyError):
        Broken()
    assert len(first_steps(Logged)) == 3
    asyncio.run(asyncio.sleep(0))  # no loop is left running


class Orders(AsyncRuleBasedStateMachine):
    """Whether any of three tasks may come first."""

    orders: ClassVar[set[str]]

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""
        for who in "abc":
            self.start(self.see(who), name=who)

    async def see(self, who: str) -> None:
        self.seen += who
        await asyncio.sleep(0)

    def at_rest(self) -> None:
        self.orders.add(self.seen)


@pytest.mark.no_cover
@pytest.mark.parametrize(("mode", "orders"), [("reordered", 6), ("fifo", 1)])
def test_hypothesis_orders_the_tasks_in_one_mode_and_asyncio_in_the_other(mode: str, orders: int) -> None:
    seen: set[str] = set()
    run(type("Ordered", (Orders,), {"mode": mode, "cancellations": 0, "orders": seen}))
    assert len(seen) == orders
    assert all(sorted(order) == ["a", "b", "c"] for order in seen)


class Waiting(AsyncRuleBasedStateMachine):
    """Nobody will ever set this."""

    @initialize()
    def begin(self) -> None:
        self.event = asyncio.Event()
        self.start(self.event.wait(), name="waiter")  # a coroutine, which answers True


class Raising(Waiting):
    @initialize()
    def begin(self) -> None:
        self.start(self.fail(), name="raiser")

    async def fail(self) -> None:
        raise KeyError("lost")


class Threading(Waiting):
    @initialize()
    def begin(self) -> None:
        self.start(self.go(), name="threader")

    async def go(self) -> None:
        try:
            await asyncio.to_thread(print)
        except LoopRefusal:
            pass


class Restless(Waiting):
    CALM = 50

    @initialize()
    def begin(self) -> None:
        self.start(self.go())

    async def go(self) -> None:
        while True:
            await asyncio.sleep(1)


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("machine", "error", "said"),
    [
        (Waiting, WrongAtRest, "^waiter waits for ever"),
        (Raising, WrongAtRest, "^unretrieved exception: raiser: KeyError: 'lost'"),
        (Threading, LoopRefusal, "thread"),
        (Restless, WrongAtRest, "something still moves after 50 calm steps"),
    ],
)
def test_what_is_wrong_at_the_end_fails_the_example(
    machine: Machine, error: type[Exception], said: str
) -> None:
    quiet = type("Uncancelled", (machine,), {"cancellations": 0})
    with pytest.raises(error, match=said):
        run(quiet, examples=5, phases=(Phase.generate,))


def test_tasks_may_wait_where_the_machine_says_so() -> None:
    run(type("Patient", (Waiting,), {"cancellations": 0, "may_wait": True}), examples=5)


def test_an_error_of_an_invariant_is_not_hidden_by_what_the_end_would_find() -> None:
    class Broken(Waiting):
        @invariant()
        def no(self) -> None:
            assert not self.started, "an operation began"

    with pytest.raises(AssertionError, match="an operation began"):
        run(Broken, examples=5, phases=(Phase.generate,))


@pytest.mark.no_cover
def test_so_many_tasks_are_cancelled_and_no_more() -> None:
    counts: set[int] = set()

    class Counting(Orders):
        cancellations = 2
        orders: ClassVar[set[str]] = set()

        def at_rest(self) -> None:
            counts.add(sum(task.cancelled() for task in self.started))
            assert self.cancelled <= 2

    run(Counting)
    assert counts == {0, 1, 2}
