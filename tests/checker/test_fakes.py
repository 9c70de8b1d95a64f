"""Fake connections: slow, stuck, failing, refusing and dying at every stage, with callers that are cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from acpool.contract import Connection, Connector
from acpool.errors import ConnectionLost, SessionRefused
from acpool_spec.fakes import STAGES, Call, FakeConnection, FakeConnector, FakeFailure, Outside
from acpool_spec.loop import DeterministicLoop

Seen = Callable[[], list[str]]


def run(loop: DeterministicLoop) -> None:
    while loop.has_ready:
        loop.run_iteration()


def answered(loop: DeterministicLoop, outside: Outside, name: str, how: str = "ok") -> None:
    """Let the pending call ``name`` be answered, and everybody hear of it."""
    run(loop)
    outside.answer(outside.calls[name], how)
    run(loop)


def opened(loop: DeterministicLoop, outside: Outside, connector: FakeConnector) -> FakeConnection:
    task = loop.create_task(connector.open("a"))
    run(loop)
    answered(loop, outside, f"{outside.connections[-1].name}.open")
    return task.result()


def established(loop: DeterministicLoop, outside: Outside, connector: FakeConnector) -> FakeConnection:
    connection = opened(loop, outside, connector)
    for stage, call in (("initialize", connection.initialize), ("new", connection.new_session)):
        task: asyncio.Task[object] = loop.create_task(call())
        answered(loop, outside, f"{connection.name}.{stage}")
        task.result()
    return connection


def begin(connection: FakeConnection, stage: str) -> Awaitable[object]:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "initialize": connection.initialize,
        "new": connection.new_session,
        "load": lambda: connection.load_session("s9"),
        "prompt": lambda: connection.prompt("hello"),
        "cancel": connection.cancel,
        "close": connection.close,
    }
    return calls[stage]()


@pytest.fixture
def pending(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector
) -> Callable[[str], tuple[FakeConnection, asyncio.Task[object], Call]]:
    """A connection with a call of the given stage on it that is pending, and the task that waits for it."""

    async def wait(awaitable: Awaitable[object]) -> object:
        return await awaitable

    def make(stage: str) -> tuple[FakeConnection, asyncio.Task[object], Call]:
        if stage == "open":
            task = loop.create_task(wait(connector.open("a")))
            run(loop)
            connection = outside.connections[-1]
        else:
            connection = established(loop, outside, connector)
            task = loop.create_task(wait(begin(connection, stage)))
            run(loop)
        return connection, task, outside.calls[f"{connection.name}.{stage}"]

    return make


Pending = Callable[[str], tuple[FakeConnection, asyncio.Task[object], Call]]
every_stage = pytest.mark.parametrize("stage", STAGES)
every_stage_of_a_process = pytest.mark.parametrize("stage", STAGES[1:])


def test_they_are_what_the_pool_needs(
    connector: FakeConnector, loop: DeterministicLoop, outside: Outside
) -> None:
    asked: Connector = connector
    assert asked is connector
    assert isinstance(opened(loop, outside, connector), Connection)


def test_a_whole_life_is_in_the_history_at_its_place(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector, seen: Seen
) -> None:
    connection = established(loop, outside, connector)
    assert (connection.session_id, connection.supports_load, connection.alive) == ("s1", True, True)
    prompting = loop.create_task(connection.prompt("hello"))
    answered(loop, outside, "c1.prompt")
    assert prompting.result() == "s1: hello"
    closing = loop.create_task(connection.close())
    answered(loop, outside, "c1.close")
    assert closing.result() is None
    assert not connection.alive
    begun = ["opening", "opened", "initialized", "created"]
    assert seen() == [*begun, "prompt_begin", "prompt_end", "closing", "closed"]


@every_stage
def test_a_slow_call_stays_pending_and_keeps_its_place_in_the_queue(
    pending: Pending, loop: DeterministicLoop, outside: Outside, stage: str
) -> None:
    _, task, call = pending(stage)
    run(loop)
    assert not task.done()
    assert list(outside.pending()) == [call]
    outside.answer(call, "ok")
    run(loop)
    assert task.done()
    assert outside.calls == {}


@every_stage
def test_a_call_that_fails_raises_and_nothing_is_left_pending(
    pending: Pending, loop: DeterministicLoop, outside: Outside, stage: str, seen: Seen
) -> None:
    connection, task, call = pending(stage)
    outside.answer(call, "fail")
    run(loop)
    with pytest.raises(FakeFailure, match=f"c1.{stage} failed"):
        task.result()
    assert outside.calls == {}
    assert connection.alive is (stage != "open")
    assert seen()[-1] == {"open": "open_failed", "prompt": "prompt_end", "load": "loading"}.get(
        stage, "closing" if stage == "close" else "created"
    )


@every_stage
def test_a_stuck_call_cannot_be_answered_any_more_but_its_caller_can_be_cancelled(
    pending: Pending, loop: DeterministicLoop, outside: Outside, stage: str
) -> None:
    _, task, call = pending(stage)
    outside.answer(call, "hang")
    run(loop)
    assert (call.hung, call.answers, task.done()) == (True, (), False)
    assert list(outside.pending()) == []
    task.cancel()
    run(loop)
    assert task.cancelled()
    assert outside.calls == {}


def test_only_a_load_can_be_refused(
    pending: Pending, loop: DeterministicLoop, outside: Outside, seen: Seen
) -> None:
    connection, task, call = pending("load")
    assert call.answers == ("ok", "refuse", "fail", "hang")
    outside.answer(call, "refuse")
    run(loop)
    with pytest.raises(SessionRefused, match=r"c1\.load"):
        task.result()
    assert seen()[-2:] == ["loading", "refused"]
    assert outside.recorder.events[-1].session_id == "s9"
    assert connection.session_id == "s1"


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "load"])
def test_nothing_else_can_be_refused(pending: Pending, stage: str) -> None:
    assert pending(stage)[2].answers == ("ok", "fail", "hang")


def test_a_load_gives_the_connection_its_session(
    pending: Pending, loop: DeterministicLoop, outside: Outside
) -> None:
    connection, task, call = pending("load")
    outside.answer(call, "ok")
    run(loop)
    assert task.result() is None
    assert connection.session_id == "s9"


def test_agents_that_cannot_load_say_so(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector
) -> None:
    outside.agents_load = False
    assert established(loop, outside, connector).supports_load is False


@every_stage_of_a_process
def test_a_death_ends_every_call_and_only_a_close_is_content(
    pending: Pending, loop: DeterministicLoop, outside: Outside, stage: str, seen: Seen
) -> None:
    connection, task, _ = pending(stage)
    outside.end(connection, "died")
    run(loop)
    if stage == "close":
        assert task.result() is None
    else:
        with pytest.raises(ConnectionLost, match="c1 is gone"):
            task.result()
    assert outside.calls == {}
    assert not connection.alive
    assert seen()[-2 if stage == "prompt" else -1] == "died"
    assert connection.prompting == 0


@pytest.mark.parametrize("stage", ["initialize", "new", "load", "prompt", "cancel"])
def test_a_dead_process_takes_no_calls(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector, stage: str
) -> None:
    connection = established(loop, outside, connector)
    outside.end(connection, "died")
    count = len(outside.recorder.events)

    async def call() -> None:
        with pytest.raises(ConnectionLost):
            await begin(connection, stage)

    task = loop.create_task(call())
    run(loop)
    assert task.result() is None
    assert len(outside.recorder.events) == count


def test_closing_and_killing_what_is_dead_is_nothing(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector, seen: Seen
) -> None:
    connection = established(loop, outside, connector)
    outside.end(connection, "died")
    connection.kill()
    task = loop.create_task(connection.close())
    run(loop)
    assert task.result() is None
    assert seen()[-1] == "died"
    assert not connection.killed


@every_stage
def test_a_cancelled_caller_leaves_no_call_behind(
    pending: Pending, loop: DeterministicLoop, outside: Outside, stage: str, seen: Seen
) -> None:
    connection, task, _ = pending(stage)
    task.cancel()
    run(loop)
    assert task.cancelled()
    assert outside.calls == {}
    assert connection.prompting == 0
    assert connection.alive is (stage != "open")
    ends = {"open": "open_failed", "prompt": "prompt_end", "load": "loading", "close": "closing"}
    assert seen()[-1] == ends.get(stage, "created")


def test_a_cancellation_after_the_answer_finds_the_process_running_and_takes_it_down(
    pending: Pending, loop: DeterministicLoop, outside: Outside, seen: Seen
) -> None:
    """The answer is queued already: nobody but ``open`` knows the process yet, so ``open`` ends it."""
    connection, task, call = pending("open")
    outside.answer(call, "ok")
    task.cancel()
    run(loop)
    assert task.cancelled()
    assert seen() == ["opening", "opened", "closed"]
    assert not connection.alive


def test_a_prompt_answered_before_the_cancellation_was_answered(
    pending: Pending, loop: DeterministicLoop, outside: Outside
) -> None:
    connection, task, call = pending("prompt")
    outside.answer(call, "ok")
    task.cancel()
    run(loop)
    assert task.cancelled()
    assert outside.recorder.events[-1].value == {"answered": True}
    assert connection.prompting == 0


def test_a_cancel_ends_the_prompts_of_its_connection_only(
    pending: Pending, loop: DeterministicLoop, outside: Outside, connector: FakeConnector
) -> None:
    first, prompting, _ = pending("prompt")
    other = established(loop, outside, connector)
    others = loop.create_task(other.prompt("stay"))
    cancelling = loop.create_task(first.cancel())
    answered(loop, outside, "c1.cancel")
    assert (prompting.done(), cancelling.done(), others.done()) == (True, True, False)
    assert prompting.result() == "s1: hello"


def test_a_killed_process_is_dead_when_the_world_says_so(
    pending: Pending, loop: DeterministicLoop, outside: Outside, seen: Seen
) -> None:
    connection, task, call = pending("close")
    connection.kill()
    connection.kill()
    assert call.answers == (), "a pending close is confirmed by the death alone"
    assert connection.alive
    outside.end(connection, "closed")
    run(loop)
    assert task.result() is None
    assert seen()[-2:] == ["closing", "closed"]


def test_a_killed_process_that_is_never_confirmed_dead_hangs_all_its_calls(
    pending: Pending, loop: DeterministicLoop, outside: Outside, connector: FakeConnector, seen: Seen
) -> None:
    connection, task, call = pending("prompt")
    other = loop.create_task(connector.open("b"))
    run(loop)
    connection.kill()
    outside.outlive(connection)
    later = loop.create_task(connection.close())
    run(loop)
    assert call.hung
    assert outside.calls["c1.close"].hung
    assert [call.name for call in outside.pending()] == ["c2.open"]
    assert not task.done() and not later.done() and not other.done()
    assert seen()[-1] == "given_up"
    assert connection.alive


def test_calls_of_one_stage_at_once_have_names_of_their_own(
    loop: DeterministicLoop, outside: Outside, connector: FakeConnector
) -> None:
    connection = established(loop, outside, connector)
    tasks = [loop.create_task(connection.prompt(word)) for word in ("one", "two", "three")]
    run(loop)
    assert len(outside.calls) == 3
    assert len({call.name for call in outside.calls.values()}) == 3
    for call in list(outside.pending()):
        outside.answer(call, "ok")
    run(loop)
    assert [task.result() for task in tasks] == ["s1: one", "s1: two", "s1: three"]
