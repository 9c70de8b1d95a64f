"""Of a long history of a pool S12 is searched for the beginning, and that is said; the rest is judged to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_spec import history_report
from acpool_spec.events import Event, History, PoolFacts
from acpool_spec.history import write_history
from acpool_spec.history_report import judge_file
from acpool_spec.verdict import Outcome


def crowded_at_the_end() -> History:
    """A session of each of two keys, one after the other, in a pool with one slot."""
    events: list[Event] = []

    def add(**members: object) -> None:
        events.append(Event(index=len(events), time=len(events), **members))  # type: ignore[arg-type]

    for number, key in enumerate("ab"):
        add(type="invoke", f="get_or_create", key=key, process=number)
        for f in ("opening", "opened", "initialized", "created"):
            session = f"s{number}" if f == "created" else None
            add(type="event", f=f, key=key, connection=f"c{number}", session_id=session)
        value = {"session_id": f"s{number}", "resumed": False, "session_reset": False}
        add(type="ok", f="get_or_create", key=key, process=number, value=value)
    return History(tuple(events), PoolFacts(max_sessions=1))


def outcomes(path: Path) -> dict[str, tuple[Outcome | None, str]]:
    return {line.id: (line.outcome, line.why) for line in judge_file(path).lines}


def test_what_was_not_searched_is_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h"
    write_history(crowded_at_the_end(), path)
    whole = outcomes(path)
    assert whole["S1"][0] is whole["S12"][0] is Outcome.VIOLATED
    monkeypatch.setattr(history_report, "LINEARIZED", 6)
    part = outcomes(path)
    assert part["S1"] == whole["S1"]
    assert part["S12"] == (
        Outcome.UNDECIDED,
        "the first 6 of 12 events have a linearization; the others were not looked at",
    )
    monkeypatch.setattr(history_report, "LINEARIZED", 12)
    assert outcomes(path) == whole
