"""The profiles, and the table of ``pr``: what every scope's exploration on our pool counts.

``pr.txt`` is what ``python -m acpool_spec.scopes.table pr`` prints. Here the cheap lines are explored again; the whole of it is
what ``acpool explore`` does in CI.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.refinement.planted import Plant, does_not_count_a_look_as_use, evicts_the_most_recently_used

from acpool_spec import reference
from acpool_spec.scopes import PoolScope, explore_scope
from acpool_spec.scopes.catalogue import profile
from acpool_spec.scopes.grammar import OPERATIONS
from acpool_spec.scopes.table import Line, explored, main, python_of

TITLE, *LINES = (Path(__file__).parent / "pr.txt").read_text(encoding="utf-8").splitlines()
TABLE = [Line.parse(text) for text in LINES]
VICTIM = "get_or_create:a,get_or_create:a+get_or_create:b+get_or_create:c@2.fifo.f0.c0"
CHEAP = [line for line in TABLE if 40 <= line.executions <= 60]
#: asyncio's own steps differ from one minor version of Python to another, and with them what can happen between two.
SAME_PYTHON = python_of(TITLE) == sys.version_info[:2]


def test_the_table_is_that_of_the_profile() -> None:
    assert [line.scope for line in TABLE] == list(profile("pr"))
    assert {line.verdict for line in TABLE} == {"holds"}
    assert [str(line) for line in TABLE] == LINES


@pytest.mark.parametrize("line", CHEAP, ids=lambda line: line.scope.name)
def test_a_line_of_the_table(line: Line) -> None:
    found = explored(line.scope)
    assert found.verdict == "holds"
    if SAME_PYTHON:
        assert found == line


def test_the_command_prints_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(_: str) -> list[PoolScope]:
        return [CHEAP[0].scope]

    monkeypatch.setattr("acpool_spec.scopes.table.profile", one)
    main(["pr"])
    title, *lines = capsys.readouterr().out.splitlines()
    assert python_of(title) == sys.version_info[:2]
    assert [Line.parse(line).scope for line in lines] == [CHEAP[0].scope]


def test_what_a_pull_request_covers() -> None:
    scopes = profile("pr")
    assert {call.f for scope in scopes for program in scope.programs for call in program} == set(OPERATIONS)
    assert {scope.max_sessions for scope in scopes} == {1, 2}
    assert {len(scope.keys) for scope in scopes} == {1, 2, 3}
    assert {len(scope.programs) for scope in scopes} == {2, 3}
    assert {len(program) for scope in scopes for program in scope.programs} == {1, 2, 3}
    assert {(scope.faults, scope.cancellations) for scope in scopes} == {(0, 0), (1, 0), (0, 1), (1, 1)}
    assert not any(scope.slow for scope in scopes)  # these are for the night
    assert any(scope.slow for scope in profile("nightly"))
    assert {scope.mode for scope in scopes} == {"fifo", "reordered"}
    # Two idle sessions, and a third key that needs one of their slots.
    assert [scope.name for scope in scopes if len(scope.keys) > scope.max_sessions > 1] == [VICTIM]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "plant", [evicts_the_most_recently_used, does_not_count_a_look_as_use], ids=lambda plant: plant.__name__
)
@pytest.mark.parametrize("known", ["S9", "R1"])
def test_a_wrong_victim_is_found_there(known: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, lambda: None)
    report = explore_scope(PoolScope.parse(VICTIM), reference.explored, only={known})
    assert report.verdict == "violated"
    assert report.failure is not None and report.failure.kind == f"violated {known}"


def test_a_night_begins_with_what_a_pull_request_does() -> None:
    night = profile("nightly")
    assert night[: len(TABLE)] == profile("pr")
    assert len(set(night)) == len(night) > 50 * len(TABLE)
    with pytest.raises(ValueError, match="expected pr or nightly"):
        profile("weekly")


@pytest.mark.parametrize("name", ["get_or_create:a,reset:a@1.fifo.f0.c0", "session:a,session:a@1.fifo.f0.c0"])
def test_without_cutting_it_is_the_same_verdict(name: str) -> None:
    """The smallest scopes, every run to its end. The counts are those of one tree; more runs where fewer are cut."""
    scope = PoolScope.parse(name)
    whole, cut = (explore_scope(scope, reference.explored, prune=prune) for prune in (False, True))
    assert whole.verdict == cut.verdict == "holds"
    assert (whole.states, whole.certificate.pruned) == (0, 0)
    assert whole.executions >= cut.executions - cut.certificate.pruned
    if SAME_PYTHON:
        assert whole.executions == {"get_or_create": 41, "session": 48}[scope.programs[0][0].f]


@pytest.mark.parametrize("name", ["session:a,session:b@1.fifo.f0.c0", "get_or_create:a,reset:a@1.fifo.f0.c0"])
def test_the_pool_as_it_comes_holds_too(name: str) -> None:
    """Without a queue for capacity, so that who finds every slot leased is refused at once."""
    assert explore_scope(PoolScope.parse(name), reference.default).verdict == "holds"
