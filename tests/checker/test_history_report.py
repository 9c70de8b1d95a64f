"""Judging recorded files: what is said about a history depends on what its recorder wrote down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec.events import Event, EventType, History, PoolFacts
from acpool_spec.history import write_history
from acpool_spec.history_report import HistoryReport, Line, judge, judge_file
from acpool_spec.properties import PROPERTIES
from acpool_spec.properties.judgement import Judgement
from acpool_spec.recorder import Recorder
from acpool_spec.reference import default
from acpool_spec.sampling import Walk
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome
from acpool_spec.world import World

SIGNS: dict[str, EventType] = {">": "invoke", "<": "ok", "!": "fail", "?": "info"}


class Named:
    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.key = key


def recorded(
    *, slots: int | None = 1, connections: bool = True, crowded: bool = False, calls: bool = True
) -> History:
    recorder = Recorder(lambda: 0.0, PoolFacts(max_sessions=slots))
    if calls:
        recorder.invoke(0, "get_or_create", "a")
        if connections:
            for f in ("opening", "opened", "initialized"):
                recorder.event(f, Named("c1", "a"))
            recorder.event("created", Named("c1", "a"), session_id="s1")
        recorder.ok(0, "get_or_create", "a", {"session_id": "s1", "resumed": False, "session_reset": False})
    if crowded:
        recorder.invoke(0, "get_or_create", "b")
        for f in ("opening", "opened", "initialized"):
            recorder.event(f, Named("c2", "b"))
    return recorder.history()


def lines(text: str, *, slots: int | None = 2, **others: object) -> History:
    """A history in the vocabulary that every recorder has: ``0 > with_connection a``, ``0 < s1 reset``, ``c1 created a s1``.

    ``c1 prompt_begin a 0``: sent by client 0.
    """
    events: list[Event] = []
    calls: dict[int, tuple[str, str | None]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        who, sign, *words = line.split()
        if sign in SIGNS:
            event = _call(int(who), SIGNS[sign], words, calls)
        else:
            event = _seen(who, sign, *words)
        events.append(replace(event, index=len(events), time=len(events)))
    return History(tuple(events), PoolFacts(slots, others))


def _call(client: int, sign: EventType, words: list[str], calls: dict[int, tuple[str, str | None]]) -> Event:
    if sign == "invoke":
        calls[client] = f, key = words[0], words[1] if words[1:] else None
        return Event(index=0, time=0, type=sign, f=f, key=key, process=client)
    f, key = calls.pop(client)
    value = error = None
    if sign == "ok" and words:
        value = {"session_id": words[0], "resumed": "resumed" in words, "session_reset": "reset" in words}
    if sign != "ok":
        error = words[0] if words else "CancelledError"
    return Event(index=0, time=0, type=sign, f=f, key=key, process=client, value=value, error=error)


def _seen(name: str, f: str, key: str, word: str | None = None) -> Event:
    event = Event(index=0, time=0, type="event", f=f, key=key, connection=name)
    if f in ("acquire", "release", "prompt_begin", "prompt_end"):
        return replace(event, process=None if word is None else int(word))
    return replace(event, session_id=word)


def line_of(report: HistoryReport, known: str) -> Line:
    return next(line for line in report.lines if line.id == known)


def outcomes(report: HistoryReport) -> dict[str, Outcome | None]:
    return {line.id: line.outcome for line in report.lines}


CREATED = """
0 > get_or_create a
c1 opened a
c1 created a s1
0 < s1
0 > get_or_create b
c2 opened b
c2 created b s2
0 < s2
"""
# Two sessions in two slots; a lost one, a wait for a lease, a reset, evictions of the right ones, a refusal, a resume.
EVERYTHING = (
    CREATED
    + """
0 > cleanup_idle
c1 closed a
0 <
0 > get_or_create a
c3 opened a
c3 refused a s1
c3 created a s3
0 < s3 reset
0 > get_or_create b
0 < s2
0 > get_or_create a
0 < s3 reset
0 > get_or_create c
c2 closed b
c4 opened c
c4 created c s4
0 < s4
0 > with_connection a
1 > with_connection a
c3 prompt_begin a 0
2 > reset c
c4 closed c
2 <
2 > get_or_create c
c5 opened c
c5 created c s5
2 < s5
3 > with_connection c
c5 prompt_begin c 3
2 > get_or_create d
2 ! PoolExhausted
c5 prompt_end c 3
3 <
c3 prompt_end a 0
0 <
c3 prompt_begin a 1
c3 prompt_end a 1
1 <
0 > get_or_create b
c5 closed c
c6 opened b
c6 loaded b s2
0 < s2 resumed
"""
)
AT_REST = {"S10", "L1", "L2", "L3", "L4", "L5"}


def test_only_what_was_put_to_the_test_holds() -> None:
    report = judge(recorded())
    assert [line.id for line in report.lines] == [known.id for known in PROPERTIES]
    holding = {known for known, outcome in outcomes(report).items() if outcome is Outcome.HOLDS}
    assert holding == {"S1", "S12"}
    assert report.outcome is Outcome.HOLDS
    assert report.events == 6
    assert line_of(report, "L2").why == "a file does not say when nothing moved any more"
    untested = {line.id for line in report.lines if line.why == "nothing in this file puts it to the test"}
    assert untested == {known.id for known in PROPERTIES} - AT_REST - holding


def test_a_history_in_which_everything_happens_is_judged_for_all_that_a_file_can_tell() -> None:
    report = judge(lines(EVERYTHING))
    assert {known for known, outcome in outcomes(report).items() if outcome is None} == AT_REST
    assert report.outcome is Outcome.HOLDS


@pytest.mark.parametrize("slots", [None, 1])
def test_where_nothing_happened_nothing_holds(slots: int | None) -> None:
    report = judge(recorded(slots=slots, calls=False))
    assert set(outcomes(report).values()) == {None}
    assert report.outcome is Outcome.UNDECIDED
    assert {line.why for line in report.lines} == {"the file has no events: there is nothing to judge"}


def test_where_nothing_was_answered_nothing_holds() -> None:
    report = judge(lines("0 > get_or_create a"))
    assert set(outcomes(report).values()) == {None}
    assert report.outcome is Outcome.UNDECIDED


def test_a_violation_is_named_with_its_event() -> None:
    report = judge(recorded(crowded=True))
    line = next(line for line in report.lines if line.id == "S1")
    assert line.outcome is Outcome.VIOLATED
    assert line.why == "event 8: 2 processes alive with max_sessions=1: c1 of 'a', c2 of 'b'"
    assert report.outcome is Outcome.VIOLATED


@pytest.mark.parametrize(("given", "outcome"), [(None, None), (1, Outcome.VIOLATED), (2, Outcome.HOLDS)])
def test_the_number_of_slots_may_be_told_beside_the_file(given: int | None, outcome: Outcome | None) -> None:
    report = judge(recorded(slots=None, crowded=True), max_sessions=given)
    assert outcomes(report)["S1"] is outcome
    if given is None:
        assert next(line.why for line in report.lines if line.id == "S8") == "max_sessions is not known"


def test_what_the_file_says_counts_for_more() -> None:
    assert outcomes(judge(recorded(slots=2, crowded=True), max_sessions=1))["S1"] is Outcome.HOLDS


def test_of_calls_alone_only_the_linearization_is_judged() -> None:
    report = judge(recorded(connections=False))
    assert {known for known, outcome in outcomes(report).items() if outcome is not None} == {"S12"}
    assert (
        next(line.why for line in report.lines if line.id == "S2") == "the file has no events of connections"
    )


def test_a_search_that_met_its_bound_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acpool_spec.properties.judgement.LINEARIZATION_STATES", 1)
    report = judge(recorded(crowded=True, slots=2))
    assert outcomes(report)["S12"] is Outcome.UNDECIDED
    assert report.outcome is Outcome.UNDECIDED


def test_a_reclaimed_lease_is_no_violation_since_a_file_does_not_say_what_the_pool_may(
    judged: Callable[..., Judgement],
) -> None:
    script = "0 creates c1 a s1 \n 0 leases c1 a \n 1 > cleanup_idle \n c1 closing a"
    assert judged(script, reclaims=True, agents_load=None).violations == {}
    assert "S4" in judged(script, agents_load=None).violations


def test_a_file_is_judged_as_its_history_is(tmp_path: Path) -> None:
    for crowded in (False, True):
        history = recorded(crowded=crowded)
        write_history(history, tmp_path / "h")
        assert judge_file(tmp_path / "h") == judge(history)


def test_events_that_cannot_follow_each_other_are_bad_input(tmp_path: Path) -> None:
    event = Event(index=0, time=0, type="ok", f="reset", process=0, key="a", value=True)
    write_history(History((event,), PoolFacts(max_sessions=1)), tmp_path / "h")
    with pytest.raises(BadInput, match="line 2: found"):
        judge_file(tmp_path / "h")


# -- what a recorder left out ---------------------------------------------------------------------------------------

LEASED = (
    CREATED
    + """
0 > with_connection a
c1 prompt_begin a 0
"""
)
UNSIGNED = LEASED.replace("prompt_begin a 0", "prompt_begin a")
TWO = LEASED + "1 > with_connection a \n"


@pytest.mark.parametrize(
    ("known", "bad", "good"),
    [
        pytest.param("S5", TWO + "c1 prompt_begin a 1", TWO + "c1 prompt_begin a 0", id="two of one holder"),
        pytest.param(
            "S5",
            TWO + "c1 prompt_begin a 1",
            TWO + "c1 prompt_end a 0 \n c1 prompt_begin a 1",
            id="one after the other",
        ),
        pytest.param(
            "S5",
            TWO + "c1 prompt_begin a 0 \n c1 prompt_end a 0 \n c1 prompt_begin a 1",
            TWO + "c1 prompt_begin a 0 \n c1 prompt_end a \n c1 prompt_begin a 1",
            id="which of two ended is not known",
        ),
        pytest.param(
            "S5",
            TWO + "c1 prompt_begin a 1",
            TWO + "0 ? \n 2 > with_connection a \n c1 prompt_begin a 1",
            id="a cancelled holder whose agent goes on",
        ),
        pytest.param(
            "S5",
            TWO + "2 > reset b \n c1 prompt_begin a 1",
            TWO + "2 > reset a \n c1 prompt_begin a 1",
            id="the lease was taken back",
        ),
        pytest.param(
            "S5",
            TWO + "c1 prompt_begin a 1",
            UNSIGNED + "1 > with_connection a \n c1 prompt_begin a",
            id="who prompts is not known",
        ),
        pytest.param(
            "S5",
            TWO + "c1 prompt_begin a 1",
            TWO + "c2 prompt_begin b 1",
            id="another connection",
        ),
        pytest.param("S4", LEASED + "c1 closed a", LEASED + "c2 closed b", id="another is closed"),
        pytest.param("S4", LEASED + "c1 closed a", LEASED + "c1 died a", id="it died of itself"),
        pytest.param(
            "S4", LEASED + "c1 closed a", LEASED + "c1 died a \n c1 closed a", id="it had died of itself"
        ),
        pytest.param(
            "S4",
            LEASED + "c1 closing a",
            LEASED + "c1 prompt_end a 0 \n c1 closing a",
            id="the prompt is over",
        ),
        pytest.param(
            "S4", UNSIGNED + "c1 closed a", UNSIGNED + "0 ? \n c1 closed a", id="its caller is cancelled"
        ),
        pytest.param(
            "S4",
            UNSIGNED + "1 > reset b \n c1 closed a",
            UNSIGNED + "1 > reset a \n 1 < \n c1 closed a",
            id="a reset",
        ),
        pytest.param(
            "S4",
            UNSIGNED + "1 > cancel a \n 1 < \n c1 closed a",
            UNSIGNED + "1 > cleanup_idle \n 1 < \n c1 closed a",
            id="a cleanup that may reclaim",
        ),
        pytest.param(
            "S4",
            CREATED + "0 > cleanup_idle \n 0 < \n 0 > with_connection a \n c1 prompt_begin a \n c1 closed a",
            CREATED + "1 > cleanup_idle \n 0 > with_connection a \n c1 prompt_begin a \n 1 < \n c1 closed a",
            id="a cleanup that was over reclaims nothing",
        ),
        pytest.param(
            "S4",
            UNSIGNED + "1 > cancel a \n c1 closed a",
            UNSIGNED + "1 > shutdown \n c1 closed a",
            id="shut",
        ),
    ],
)
def test_a_prompt_tells_of_a_lease_that_was_not_recorded(known: str, bad: str, good: str) -> None:
    assert outcomes(judge(lines(bad)))[known] is Outcome.VIOLATED
    assert outcomes(judge(lines(good)))[known] is not Outcome.VIOLATED


def test_a_recorded_lease_counts_for_more_than_a_prompt() -> None:
    """What the agent still does after the lease has ended keeps nobody from closing it."""
    leased = LEASED.replace("c1 prompt_begin", "c1 acquire a 0 \n c1 prompt_begin")
    assert outcomes(judge(lines(leased + "c1 closed a")))["S4"] is Outcome.VIOLATED
    over = lines(leased + "c1 release a 0 \n c1 closed a")
    assert outcomes(judge(over))["S4"] is None


FULL = CREATED + "0 > get_or_create c \n"


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        pytest.param(FULL + "c2 closed b", FULL + "c1 closed a", id="the least recently used"),
        pytest.param(FULL + "c2 closed b", FULL + "c2 died b", id="it died of itself"),
        pytest.param(
            FULL + "c2 closed b",
            CREATED + "1 > get_or_create a \n 1 < s1 \n 0 > get_or_create c \n c2 closed b",
            id="a use of the other",
        ),
        pytest.param(
            FULL + "c2 closed b",
            CREATED + "1 > with_connection a \n 1 < \n 0 > get_or_create c \n c2 closed b",
            id="a lease of the other that was not recorded",
        ),
        pytest.param(
            FULL + "c2 closed b",
            FULL + "1 > get_or_create d \n c2 closed b",
            id="the other may be dying for somebody else",
        ),
        pytest.param(
            FULL + "c2 closed b",
            FULL + "0 ! PoolExhausted \n 0 > get_or_create d \n c2 closed b",
            id="also for one who has given up",
        ),
        pytest.param(
            FULL
            + "c1 closed a \n c3 opened c \n c3 created c s3 \n 0 < s3 \n 0 > get_or_create d \n c3 closed c",
            FULL
            + "c1 closed a \n c3 opened c \n c3 created c s3 \n 0 < s3 \n 0 > get_or_create d \n c2 closed b",
            id="whose victim is known wants no other",
        ),
    ],
)
def test_the_end_of_a_closing_shows_a_victim_where_its_beginning_was_not_recorded(
    bad: str, good: str
) -> None:
    assert outcomes(judge(lines(bad)))["S9"] is Outcome.VIOLATED
    assert outcomes(judge(lines(good)))["S9"] is not Outcome.VIOLATED


def test_what_is_idle_to_see_may_be_dying_for_one_who_has_given_up() -> None:
    refused = "1 > get_or_create c \n 1 ! PoolExhausted \n"
    assert outcomes(judge(lines(CREATED + refused)))["S8"] is Outcome.VIOLATED
    given_up = "0 > get_or_create c \n 0 ? \n 0 > get_or_create d \n 0 ? \n"
    assert outcomes(judge(lines(CREATED + given_up + refused)))["S8"] is Outcome.HOLDS


@pytest.mark.parametrize(("known", "text"), [("S9", FULL + "c2 closed b"), ("S4", LEASED + "c1 closed a")])
def test_a_pool_that_cleans_up_by_itself_may_have_done_so(known: str, text: str) -> None:
    line = line_of(judge(lines(text, idle_ttl=5)), known)
    assert line.outcome is None
    assert line.why == "the pool cleans up by itself, and a file does not say when"


def test_an_answer_that_a_lease_was_taken_from_is_seen_without_the_beginning_of_the_closing() -> None:
    leased = LEASED.replace("prompt_begin", "acquire")
    assert outcomes(judge(lines(leased + "1 > reset a \n c1 closed a \n 0 <")))["S12"] is Outcome.VIOLATED
    assert outcomes(judge(lines(leased + "1 > reset a \n c1 died a \n 0 <")))["S12"] is Outcome.HOLDS


def test_a_lost_session_may_have_been_told_by_a_prompt_that_was_not_recorded() -> None:
    lost = CREATED.replace("0 < s2", "0 < s2 \n 0 > cleanup_idle \n c1 closed a \n 0 <")
    again = (
        lost + "0 > get_or_create a \n c3 opened a \n c3 refused a s1 \n c3 created a s3 \n 0 < s3 reset \n"
    )
    assert outcomes(judge(lines(again + "0 > get_or_create a \n 0 < s3")))["S7"] is Outcome.VIOLATED
    told = again + "0 > with_connection a \n 0 < \n 0 > get_or_create a \n 0 < s3"
    assert outcomes(judge(lines(told)))["S7"] is Outcome.HOLDS


LEASES = {"acquire", "release", "answered"}
BEYOND = {"opening", "open_failed", "loading", "closing", "answered"}


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "left_out",
    [LEASES, {"closing"}, LEASES | BEYOND, BEYOND, LEASES | {"prompt_begin", "prompt_end"}],
    ids=lambda names: "+".join(sorted(names)),
)
def test_what_a_recorder_leaves_out_accuses_nobody(left_out: set[str]) -> None:
    """Random runs of our own pool; who prompts is told, where leases are not."""
    for number in range(40):
        walk = Walk(3, number)
        with World(default, walk.scope) as world:
            walk.run(world)
            world.finish(linearize=False)
            history = world.recorder.history()
        events = tuple(e for e in _signed(history.events) if e.type != "event" or e.f not in left_out)
        assert judge(History(events, history.pool)).outcome is not Outcome.VIOLATED


def _signed(events: Iterable[Event]) -> Iterator[Event]:
    holders: dict[str | None, int | None] = {}
    for event in events:
        if event.f == "acquire":
            holders[event.connection] = event.process
        prompted = event.f in ("prompt_begin", "prompt_end")
        yield replace(event, process=holders.get(event.connection)) if prompted else event
