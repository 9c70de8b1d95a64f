"""The scheduler's side of the loop: lanes, single callbacks, iterations, time, the outside."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from acpool_spec.driven import DrivenLoop
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop


def names(loop: DrivenLoop) -> list[str]:
    """The names of the runnable lanes."""
    return [lane.name for lane in loop.lanes()]


def drain(loop: DrivenLoop) -> None:
    """Run all that is ready, as stock asyncio."""
    while loop.has_ready:
        loop.run_iteration()


async def note(log: list[str], *texts: str) -> None:
    """One text per step."""
    for text in texts:
        log.append(text)
        await asyncio.sleep(0)


def test_lanes_are_ordered_as_stock_asyncio_would_run_them(loop: DeterministicLoop) -> None:
    log: list[str] = []
    first = loop.create_task(note(log, "a1", "a2"))
    loop.create_task(note(log, "b1"), name="named")
    loop.call_soon(log.append, "c")
    loop.call_soon(log.append, "d")
    assert names(loop) == ["Task-1", "named", "outside"]
    assert loop.lanes()[0].task is first
    assert loop.lanes()[2].task is None
    loop.run_lane(loop.lanes()[2])
    assert names(loop) == ["Task-1", "named", "outside"]
    loop.run_lane(loop.lanes()[0])
    assert names(loop) == ["named", "outside", "Task-1"]
    loop.run_lane(loop.lanes()[1])
    assert (log, loop.steps) == (["c", "a1", "d"], 3)


def test_a_lane_moves_to_where_its_next_callback_stands(loop: DeterministicLoop) -> None:
    """Three plain callbacks of the outside with tasks between them: the lane goes back among the tasks."""
    log: list[str] = []
    loop.call_soon(log.append, "1")
    loop.create_task(note(log, "a"))
    loop.call_soon(log.append, "2")
    loop.create_task(note(log, "b"))
    assert names(loop) == ["outside", "Task-1", "Task-2"]
    loop.run_lane(loop.lanes()[0])
    assert names(loop) == ["Task-1", "outside", "Task-2"]
    drain(loop)
    assert log == ["1", "a", "2", "b"]


def test_wake_ups_belong_to_the_lane_of_their_task(loop: DeterministicLoop) -> None:
    future = loop.create_future()
    seen: list[object] = []

    async def wait() -> None:
        seen.append(await future)

    task = loop.create_task(wait())
    loop.run_iteration()
    assert not loop.has_ready
    future.add_done_callback(seen.append)
    future.set_result(1)
    assert names(loop) == ["Task-1", "outside"]
    assert loop.lanes()[0].task is task
    drain(loop)
    assert seen == [1, future]


def test_cancel_scheduled_by_call_soon_is_no_step_of_the_task(loop: DeterministicLoop) -> None:
    task = loop.create_task(note([], "never"))
    loop.call_soon(task.cancel)
    assert names(loop) == ["Task-1", "outside"]
    loop.run_lane(loop.lanes()[1])
    drain(loop)
    assert task.cancelled()


def test_an_iteration_runs_what_was_ready_at_its_start(loop: DeterministicLoop) -> None:
    log: list[str] = []

    def again(depth: int) -> None:
        log.append(str(depth))
        if depth < 3:
            loop.call_soon(again, depth + 1)

    loop.call_soon(again, 1)
    loop.call_soon(log.append, "x")
    assert loop.run_iteration() == 2
    assert log == ["1", "x"]
    assert [loop.run_iteration(), loop.run_iteration(), loop.run_iteration()] == [1, 1, 0]


def test_a_cancelled_callback_is_no_alternative(loop: DeterministicLoop) -> None:
    log: list[str] = []
    head, middle, last = (loop.call_soon(log.append, text) for text in "abc")
    loop.create_task(note(log, "t"))
    middle.cancel()
    head.cancel()
    head.cancel()
    assert head.cancelled()
    assert not last.cancelled()
    assert names(loop) == ["outside", "Task-1"]
    last.cancel()
    assert names(loop) == ["Task-1"]
    drain(loop)
    assert log == ["t"]
    last.cancel()
    with pytest.raises(LookupError):
        last.get_context()


def test_cancelling_a_callback_that_has_run_changes_nothing(loop: DeterministicLoop) -> None:
    log: list[str] = []
    ran = loop.call_soon(log.append, "a")
    loop.call_soon(log.append, "b")
    loop.run_lane(loop.lanes()[0])
    ran.cancel()
    drain(loop)
    assert log == ["a", "b"]


def test_timers_fire_by_deadline_then_by_order_of_setting(loop: DeterministicLoop) -> None:
    log: list[str] = []
    loop.call_at(2.0, log.append, "late")
    loop.call_later(1.0, log.append, "first")
    cancelled = loop.call_later(0.5, log.append, "never")
    loop.call_later(1.0, log.append, "second")
    due_but_cancelled = loop.call_later(1.0, log.append, "neither")
    cancelled.cancel()
    assert loop.next_deadline() == 1.0
    loop.advance()
    assert (loop.time(), len(loop.lanes())) == (1.0, 3)
    due_but_cancelled.cancel()
    assert (cancelled.cancelled(), cancelled.when(), len(loop.lanes())) == (True, 0.5, 2)
    drain(loop)
    assert log == ["first", "second"]
    loop.advance()
    drain(loop)
    assert (log[-1], loop.time(), loop.next_deadline()) == ("late", 2.0, None)
    with pytest.raises(LookupError):
        loop.advance()


def test_a_timer_cancelled_below_the_top_never_fires(loop: DeterministicLoop) -> None:
    log: list[str] = []
    loop.call_at(1.0, log.append, "a")
    loop.call_at(1.0, log.append, "b").cancel()
    loop.advance()
    drain(loop)
    assert log == ["a"]


def test_a_timer_that_is_due_waits_for_the_next_iteration(loop: DeterministicLoop) -> None:
    """As in stock asyncio: behind all that was ready before the iteration began."""
    log: list[str] = []
    loop.call_soon(loop.call_later, 0, log.append, "timer")
    loop.call_soon(loop.call_soon, log.append, "plain")
    loop.run_iteration()
    assert names(loop) == ["outside", "timer 1"]
    drain(loop)
    assert (log, loop.time()) == (["plain", "timer"], 0.0)


def test_timer_handles_differ_though_their_deadlines_are_equal(loop: DeterministicLoop) -> None:
    first, second = loop.call_at(1.0, print), loop.call_at(1.0, print)
    assert first != second
    assert hash(first) == hash(second)
    assert len({first, second}) == 2


def test_outside_happenings_have_a_lane_each(loop: DeterministicLoop) -> None:
    log: list[str] = []
    loop.call_outside(log.append, "a")
    loop.call_outside(log.append, "b", name="answer")
    assert names(loop) == ["outside 1", "answer"]
    loop.run_lane(loop.lanes()[1])
    drain(loop)
    assert log == ["b", "a"]


def test_an_offer_happens_once_and_only_when_accepted(loop: DeterministicLoop) -> None:
    log: list[str] = []
    taken = loop.offer(log.append, "a", name="taken")
    withdrawn = loop.offer(log.append, "b")
    assert [offer.name for offer in loop.offers()] == ["taken", "list.append"]
    withdrawn.cancel()
    withdrawn.cancel()
    assert not loop.has_ready
    loop.accept(taken)
    drain(loop)
    assert (log, list(loop.offers())) == (["a"], [])
    for gone in (taken, withdrawn):
        with pytest.raises(LookupError):
            loop.accept(gone)


def test_running_an_empty_lane_is_an_error(loop: DeterministicLoop) -> None:
    lane = Lane("empty")
    with pytest.raises(LookupError):
        loop.run_lane(lane)
    with pytest.raises(LookupError):
        lane.head_order  # noqa: B018 - the property raises


def test_on_step_sees_every_callback_before_it_runs(loop: DeterministicLoop) -> None:
    log: list[str] = []
    loop.on_step = lambda lane: log.append(f"before {lane.name}")
    loop.create_task(note(log, "step"))
    loop.run_iteration()
    assert log == ["before Task-1", "step"]


def test_callbacks_run_in_their_context(loop: DeterministicLoop) -> None:
    variable = contextvars.ContextVar("variable", default="outer")
    inner = contextvars.copy_context()
    inner.run(variable.set, "inner")
    seen: list[str] = []

    def see() -> None:
        seen.append(variable.get())

    async def body() -> None:
        see()

    handle = loop.call_soon(see, context=inner)
    assert handle.get_context() is inner
    loop.call_soon(see)
    timer = loop.call_later(1.0, see, context=inner)
    assert timer.get_context() is inner
    loop.create_task(body(), context=inner)
    loop.advance()
    drain(loop)
    assert seen == ["inner", "outer", "inner", "inner"]


def test_names_and_serials_start_anew_with_each_loop() -> None:
    for _ in range(2):
        loop = DeterministicLoop()
        with loop.running():
            tasks = [loop.create_task(note([], "x")) for _ in range(2)]
            futures = [loop.create_future() for _ in range(2)]
            assert [task.get_name() for task in tasks] == ["Task-1", "Task-2"]
            assert [getattr(task, "serial", 0) for task in tasks] == [1, 2]
            assert [getattr(future, "serial", 0) for future in futures] == [1, 2]
            # Sets of them are iterated over in the order of insertion, whatever there was before.
            assert list({tasks[1], futures[0], tasks[0]}) == [tasks[1], futures[0], tasks[0]]
            loop.dispose()


def test_representations_are_readable(loop: DeterministicLoop) -> None:
    """Shown when a test of something else fails: each says what it is without failing itself."""
    handle = loop.call_soon(print)
    shown = [repr(loop.lanes()[0]), repr(handle), repr(loop.call_later(1.0, print)), repr(loop.offer(print))]
    assert all(text.startswith("<") for text in shown)
