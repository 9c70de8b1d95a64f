"""``acpool model``: what it prints and how it ends."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from acpool_model import Account, Action, Kind, transitions
from acpool_model.exhaust import exhaust
from acpool_model.picture import VIEWS, picture, to_dot, to_mermaid
from acpool_model.state import Scope, State
from acpool_spec.cli import main
from acpool_spec.model_command import Watcher, memory_mb, shown


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_a_scope_that_was_seen_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == "exploring the model: 1 key, 1 client, 1 slot; creations may wait for capacity"
    found = exhaust(Scope(1, 1, 1))
    seen = f"{found.states} states, {found.transitions} transitions, depth {found.depth}"
    assert re.fullmatch(rf"holds: every state was seen: {seen}, \d+ s, \d+ MB", last)


def test_a_bound_makes_it_undecided_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "--keys", "2", "--clients", "2", "--states", "100", "--no-queue"]) == 3
    first, last = capsys.readouterr().out.splitlines()
    assert first == "exploring the model: 2 keys, 2 clients, 1 slot; no creation may wait for capacity"
    assert last.startswith("undecided: max_states=100 ran out after 101 states, ")


def test_a_violation_is_told_step_by_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spared(state: State) -> State:
        return state._replace(open=0)

    monkeypatch.setattr(transitions, "shut", spared)
    assert main(["model"]) == 1
    _, verdict, *lines = capsys.readouterr().out.splitlines()
    assert verdict.startswith("violated: S11")
    # The shortest way: somebody waits for a creation, and is not told.
    assert lines[:2] == ["  1. client 1 asks for the session of a", "  2. the pool is shut"]
    assert lines[2].startswith("pool: shut")


@pytest.mark.parametrize(("form", "write"), [("dot", to_dot), ("mermaid", to_mermaid)])
def test_a_picture_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], form: str, write: object) -> None:
    assert main(["model", "--picture", "states", "--format", form]) == 0
    drawn = picture(Scope(1, 1, 1), VIEWS["states"])
    assert capsys.readouterr().out == (to_dot(drawn) if write is to_dot else to_mermaid(drawn))


@pytest.mark.parametrize("wrong", ["0", "-1", "many"])
def test_a_number_that_is_none(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["model", "--keys", wrong])
    assert stopped.value.code == 2
    assert "expected a whole number above 0" in capsys.readouterr().err


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_shown_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    clock = _Clock()
    console = Console(highlight=False, width=200)
    with Watcher(console, seconds=30, megabytes=500, clock=clock, memory=lambda: 120) as watch:
        clock.now = 5
        assert watch(Account(2_000, 500, 30_000, 7)) is None
        assert capsys.readouterr().out == ""
        clock.now = 20
        assert watch(Account(44_000, 4_000, 3_000_000, 9)) is None
        assert capsys.readouterr().out == (
            "44.0k states (4,000 open), 3.0M transitions, depth 9, 2,000/s, 120 MB, 20 s\n"
        )
        clock.now = 30
        assert watch(Account(44_000, 4_000, 3_000_000, 9)) == "the budget of 30 s"
    with Watcher(console, megabytes=100, clock=clock, memory=lambda: 120) as watch:
        assert watch(Account(1, 1, 0, 0)) == "the memory of 100 MB"


def test_on_a_terminal_it_is_one_line_that_goes_away() -> None:
    console = Console(force_terminal=True, width=100, record=True)
    with Watcher(console, memory=lambda: 1) as watch:
        assert watch(Account(10, 5, 20, 3)) is None
    assert "10 states (5 open)" in console.export_text()


def test_the_line_fits_a_narrow_terminal() -> None:
    clock = _Clock()
    with Watcher(Console(width=80), clock=clock, memory=lambda: 9_999) as watch:
        clock.now = 7_000
        assert len(watch.line(Account(9_900_000, 990_000, 99_000_000, 50))) <= 80


def test_memory_is_measured() -> None:
    assert memory_mb() > 5


def test_the_steps_are_numbered() -> None:
    def only_asked(state: State) -> list[Action]:
        return [Action(Kind.ASK, 1, 1, 1)] if state.clients[0].phase == 0 else []

    found = exhaust(Scope(1, 1, 1), possible=only_asked)
    assert found.counterexample is not None
    assert found.counterexample.violated == ("L3",)
    assert shown(found.counterexample)[:2] == [
        "  1. client 1 asks for the session of a",
        "pool: open, 1 of 1 slots taken",
    ]
