"""Judging recorded files: what is said about a history depends on what its recorder wrote down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acpool_spec.events import Event, History, PoolFacts
from acpool_spec.history import write_history
from acpool_spec.history_report import HistoryReport, judge, judge_file
from acpool_spec.properties import PROPERTIES
from acpool_spec.properties.judgement import Judgement
from acpool_spec.recorder import Recorder
from acpool_spec.targets import BadInput
from acpool_spec.verdict import Outcome


class Named:
    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.key = key


def recorded(*, slots: int | None = 1, connections: bool = True, crowded: bool = False) -> History:
    recorder = Recorder(lambda: 0.0, PoolFacts(max_sessions=slots))
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


def outcomes(report: HistoryReport) -> dict[str, Outcome | None]:
    return {line.id: line.outcome for line in report.lines}


AT_REST = {"S10", "L1", "L2", "L3", "L4", "L5"}


def test_a_full_recording_is_judged_for_all_that_a_file_can_tell() -> None:
    report = judge(recorded())
    assert [line.id for line in report.lines] == [known.id for known in PROPERTIES]
    assert {known for known, outcome in outcomes(report).items() if outcome is None} == AT_REST
    assert report.outcome is Outcome.HOLDS
    assert report.events == 6
    why = next(line.why for line in report.lines if line.id == "L2")
    assert why == "a file does not say when nothing moved any more"


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
