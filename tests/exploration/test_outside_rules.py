"""What a scenario may say of its outside: rare events, when time passes, what is beside the run, what a failure is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import CellType
from typing import Any

import pytest

from acpool_spec import choose, explore, happens
from acpool_spec.exploration.canonical import state_key
from acpool_spec.loop import DeterministicLoop, running_loop

COUNT = 0


def test_rare_offers_come_after_all_others() -> None:
    loop = DeterministicLoop()
    for name, rare in (("dies", True), ("first", False), ("second", False), ("burns", True)):
        loop.offer(print, name=name, rare=rare)
    assert [offer.name for offer in loop.offers()] == ["first", "second", "dies", "burns"]


def times_seen(*, held: bool) -> set[float]:
    """The virtual times at which a call ends that the outside may answer, in all runs."""
    seen: set[float] = set()

    async def scenario() -> None:
        loop = running_loop()
        if held:
            loop.on_rest = lambda: not loop.offers()
        waiting = asyncio.create_task(asyncio.sleep(5))
        await happens("answer")
        seen.add(loop.time())
        await waiting

    assert explore(scenario, prune=False).verdict == "holds"
    return seen


def test_time_passes_when_the_scenario_lets_it() -> None:
    assert times_seen(held=False) == {0.0, 5.0}
    assert times_seen(held=True) == {0.0}


def test_a_violation_found_at_rest_ends_the_run() -> None:
    async def scenario() -> None:
        loop = running_loop()
        over = loop.create_future()

        def look() -> bool:
            if not over.done():
                over.set_exception(AssertionError("seen at rest"))
            return True

        loop.on_rest = look
        await over

    report = explore(scenario)
    assert report.failure is not None and "seen at rest" in report.failure.message


class Odd(AssertionError):
    failure_kind = "violated X1"


def test_an_exception_may_say_what_kind_of_failure_it_is() -> None:
    async def scenario() -> None:
        raise Odd("why")

    report = explore(scenario)
    assert report.failure is not None
    assert (report.failure.kind, report.failure.message) == ("violated X1", "why")
    assert (str(report.failure), report.why) == ("X1: why", "why")


def test_what_is_closed_after_a_run_was_cut_chooses_nothing() -> None:
    """Choices of a ``finally`` block in an abandoned run used to be taken for choices of the next one."""

    async def hesitant() -> None:
        try:
            await happens("x")
        finally:
            choose((1, 2, 3))

    async def other() -> None:
        await happens("y")
        await happens("z")

    async def scenario() -> None:
        await asyncio.gather(hesitant(), other(), other())

    report = explore(scenario)
    assert report.verdict == "holds", report.why
    assert report.certificate.pruned > 0


class Notes:
    """An observer that the run does not read."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def canonical_state(self) -> object:
        return None


def test_paths_that_come_to_rest_alike_are_cut_there() -> None:
    """Two answers in either order, then a long tail without a choice point: the tail is walked once more."""
    tails = Notes()

    async def scenario() -> None:
        await asyncio.gather(happens("one"), happens("two"))
        running_loop().on_rest = lambda: True
        await asyncio.sleep(1)
        tails.seen.append(1)

    whole, cut = (explore(scenario, prune=prune) for prune in (False, True))
    assert whole.verdict == cut.verdict == "holds"
    # Whichever answer comes first, and whether or not an iteration lies between them: the state at rest is one.
    # Twice: by the first run, which is one of those that are made again and so not cut where it rests, and by the first after it.
    assert cut.executions - cut.certificate.pruned == 2
    assert whole.executions > 1
    assert len(tails.seen) == whole.executions + whole.certificate.repeated + 2 + cut.certificate.repeated


def key_of(make: Callable[[], Coroutine[Any, Any, object]]) -> bytes:
    """The state of a loop on which one task of ``make()`` has run as far as it can."""
    loop = DeterministicLoop()
    with loop.running():
        loop.create_task(make())
        loop.run_iteration()
        found = state_key(loop)
        loop.dispose()
    return found


def test_what_is_beside_the_run_is_no_part_of_its_state() -> None:
    async def waits(notes: object) -> None:
        await happens("never")
        del notes

    def with_notes(*seen: int) -> bytes:
        notes = Notes()
        notes.seen += seen
        return key_of(lambda: waits(notes))

    assert with_notes() == with_notes(1, 2) != key_of(lambda: waits([1, 2]))


def test_a_number_of_the_module_is_part_of_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """It used to be left out, so that two states were one which differ in a counter."""

    async def waits() -> None:
        await happens("never")
        assert COUNT >= 0

    before = key_of(waits)
    assert key_of(waits) == before
    monkeypatch.setitem(globals(), "COUNT", 1)
    assert key_of(waits) != before


def test_a_text_does_not_pass_for_a_word_about_something_else() -> None:
    """An empty cell, and a cell with the text that says so."""

    async def waits(cell: CellType) -> None:
        await happens("never")
        del cell

    assert key_of(lambda: waits(CellType("empty"))) != key_of(lambda: waits(CellType()))
