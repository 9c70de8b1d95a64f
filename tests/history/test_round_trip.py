"""Histories written and read again, as files and as streams."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acpool_spec.history import (
    ANY,
    Event,
    EventType,
    History,
    HistoryError,
    PoolFacts,
    iter_events,
    iter_history,
    read_history,
    write_history,
)

EXAMPLE = """\
{"type":"pool","max_sessions":4,"capacity_timeout":0.5}
{"index":0,"time":0,      "process":0,"type":"invoke","f":"get_or_create","key":"a"}
{"index":1,"time":15337552,             "type":"event", "f":"opened","key":"a","connection":"c1"}

{"index":2,"time":16060740,"process":0,"type":"ok","f":"get_or_create","key":"a","value":{"session_id":"s1"}}
{"index":5,"time":16100000,"process":1,"type":"invoke","f":"cleanup_idle","ttl":30,"colour":"green"}
{"index":6,"time":16100000,"process":1,"type":"fail","f":"cleanup_idle","error":"PoolClosed","key":null}
"""

EVENTS = (
    Event(index=0, time=0, type="invoke", f="get_or_create", process=0, key="a"),
    Event(index=1, time=15337552, type="event", f="opened", key="a", connection="c1"),
    Event(
        index=2,
        time=16060740,
        type="ok",
        f="get_or_create",
        process=0,
        key="a",
        value={"session_id": "s1"},
    ),
    Event(index=5, time=16100000, type="invoke", f="cleanup_idle", process=1, ttl=30.0),
    Event(index=6, time=16100000, type="fail", f="cleanup_idle", process=1, error="PoolClosed"),
)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example.jsonl"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def test_a_history_is_read_from_a_path_or_a_stream(example: Path) -> None:
    for source in (example, str(example), io.StringIO(EXAMPLE)):
        history = read_history(source)
        assert history.events == EVENTS
        assert history.max_sessions == 4
        assert history.pool == PoolFacts(4, {"capacity_timeout": 0.5})


def test_events_are_streamed(example: Path) -> None:
    assert tuple(iter_events(example)) == EVENTS
    # The broken line is not reached, so nobody hears of it.
    stream = iter_events(io.StringIO(EXAMPLE + "broken\n"))
    assert [next(stream) for _ in EVENTS] == list(EVENTS)
    with pytest.raises(HistoryError, match="line 8: found broken JSON"):
        next(stream)


def test_a_line_is_read_only_when_it_is_asked_for() -> None:
    stream = io.StringIO(EXAMPLE)
    records = iter_history(stream)
    assert isinstance(next(records), PoolFacts)
    assert stream.read() == EXAMPLE.split("\n", 1)[1]


def test_the_facts_about_the_pool_are_optional() -> None:
    history = read_history(io.StringIO('{"index":0,"time":0,"type":"event","f":"died"}'))
    assert history.pool is None
    assert history.max_sessions is None
    assert read_history(io.StringIO('{"type":"pool"}')) == History((), PoolFacts())


@pytest.mark.parametrize("f", ["created", "loaded", "refused"])
@pytest.mark.parametrize(
    "members",
    [
        {"session_id": "s1"},
        {"value": "s1"},
        {"value": {"session_id": "s1", "more": 1}},
        {"session_id": "s1", "value": "s1"},
        {"session_id": "s1", "value": 7},
    ],
)
def test_a_session_id_is_found_wherever_recorders_put_it(f: str, members: dict[str, Any]) -> None:
    line = json.dumps({"index": 0, "time": 0, "type": "event", "f": f, **members})
    (event,) = iter_events(io.StringIO(line))
    assert event.session_id == "s1"
    assert event.value == members.get("value")


def test_other_values_are_not_taken_for_a_session_id() -> None:
    for members in ({"f": "prompt_end", "value": "s1"}, {"f": "created", "value": ["s1"]}, {"f": "created"}):
        line = json.dumps({"index": 0, "time": 0, "type": "event", **members})
        (event,) = iter_events(io.StringIO(line))
        assert event.session_id is None


def test_a_history_survives_being_written(tmp_path: Path) -> None:
    history = History(EVENTS, PoolFacts(4, {"capacity_timeout": 0.5}))
    path = tmp_path / "written.jsonl"
    write_history(history, path)
    assert read_history(path) == history
    again = io.StringIO()
    write_history(read_history(path), again)
    assert again.getvalue() == path.read_text(encoding="utf-8")
    assert again.getvalue().splitlines()[1] == (
        '{"index":0,"time":0,"type":"invoke","f":"get_or_create","process":0,"key":"a"}'
    )


def test_what_json_cannot_say_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "never.jsonl"
    for value, error in ((float("nan"), ValueError), (object(), TypeError)):
        event = Event(index=0, time=0, type="event", f="died", value=value)
        with pytest.raises(error):
            write_history(History((event,)), path)
    assert not path.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


ANSWERS: tuple[EventType | None, ...] = ("ok", "fail", "info", None)


@st.composite
def any_histories(draw: st.DrawFn) -> History:
    """Histories of any object, with any text and any JSON in them, surrogates and line separators included."""
    text = st.text(st.characters(codec=None))

    def stamps() -> Iterator[dict[str, Any]]:
        index, time = draw(st.integers(-5, 5)), draw(st.integers())
        while True:
            yield {"index": index, "time": time}
            index, time = index + draw(st.integers(1, 3)), time + draw(st.integers(0, 10**12))

    stamp = stamps()
    events: list[Event] = []
    for process in range(draw(st.integers(0, 4))):
        name = draw(text)
        said: dict[str, Any] = {
            "f": name,
            "process": process,
            "key": draw(st.none() | text),
            "session_id": draw(st.none() | text),
        }
        events.append(Event(**next(stamp), type="invoke", ttl=draw(st.none() | st.floats(0, 9)), **said))
        kind = draw(st.sampled_from(ANSWERS))
        if kind is not None:
            events.append(
                Event(**next(stamp), type=kind, value=draw(JSON), error=draw(st.none() | text), **said)
            )
        seen: dict[str, Any] = {"connection": draw(st.none() | text), "value": draw(JSON)}
        events.append(Event(**next(stamp), type="event", f="seen", **seen))
    slots = st.none() | st.integers(1, 99)
    pool = draw(st.builds(PoolFacts, slots)) if draw(st.booleans()) or not events else None
    return History(tuple(events), pool)


@pytest.mark.no_cover
@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(any_histories())
def test_any_history_survives_being_written(history: History) -> None:
    stream = io.StringIO()
    write_history(history, stream)
    assert read_history(io.StringIO(stream.getvalue()), vocabulary=ANY) == history
