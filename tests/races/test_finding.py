"""Races are found anew from nothing, as often as the museum says, by the command and in the matrix; our pool has none of them."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from rich.console import Console

from acpool_spec.cli import main
from acpool_spec.quiet import quiet
from acpool_spec.races import command, finding
from acpool_spec.races.catalogue import EXHIBITS, exhibit_of
from acpool_spec.races.exhibit import Exhibit, Explored, Sampled
from acpool_spec.races.finding import find
from acpool_spec.races.matrix import Matrix, Row, make_matrix
from acpool_spec.races.scopes import PoolScope, profile
from acpool_spec.races.survey import Survey, survey
from acpool_spec.sampling import Walk
from acpool_spec.scopes import PoolScope as Whole
from acpool_spec.scopes import explore_scope
from acpool_spec.targets import load_target
from acpool_spec.verdict import Budget, Outcome
from acpool_spec.world import World

BASE = "acpool_spec.races.pools.base:factory"
# What it reaches cheaper tests reach too; tracing branches would triple the time it takes.
searching = pytest.mark.no_cover


@searching
@pytest.mark.parametrize("name", ["busy-victim", "gates-for-ever", "clock-jump", "old-handle"])
def test_a_race_is_found_anew(name: str) -> None:
    exhibit = exhibit_of(name)
    found = find(exhibit)
    assert found.outcome == Outcome.VIOLATED
    assert found.message.startswith(exhibit.property_id)
    assert found.schedule is not None
    assert found.schedule.feasible == "fifo"
    # The survey makes the same runs in the same order, so it sees the property break in the same one.
    assert survey(exhibit).broken[exhibit.property_id] == found.executions


PROBED = {"stampede"}
"""Shown by one caller, too, together with the probe of the checker; the race is that of two."""
EXPLORED = [exhibit for exhibit in EXHIBITS if isinstance(exhibit.way, Explored)]


def _smaller(scope: Whole) -> Iterator[Whole]:
    """``scope`` without one of its calls, its slot, its fault or its cancellation."""
    programs = scope.programs
    for client, program in enumerate(programs):
        for call in range(len(program)):
            left = (*programs[:client], program[:call] + program[call + 1 :], *programs[client + 1 :])
            with suppress(ValueError):  # its keys would have other names
                yield replace(scope, programs=tuple(filter(None, left)))
    for less in (replace(scope, max_sessions=1), replace(scope, faults=0), replace(scope, cancellations=0)):
        if less != scope:
            yield less


@searching
@pytest.mark.parametrize("exhibit", EXPLORED, ids=lambda exhibit: exhibit.id)
def test_nothing_can_be_left_out_of_its_scope(exhibit: Exhibit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows in fewer calls shows soon: 20 runs of each smaller scope."""
    monkeypatch.setattr(finding, "EXECUTIONS", 20)
    assert isinstance(exhibit.way, Explored)
    smaller = [scope.name for scope in _smaller(Whole.parse(exhibit.way.scope))]
    found = [
        name for name in smaller if find(replace(exhibit, way=Explored(name))).outcome == Outcome.VIOLATED
    ]
    assert bool(found) is (exhibit.id in PROBED), found


@searching
def test_where_there_is_no_race_none_is_found() -> None:
    exhibit = exhibit_of("stampede")
    right = Exhibit(
        id="no-race",
        row=0,
        title="the base has none",
        pool=BASE,
        property_id=exhibit.property_id,
        way=exhibit.way,
        story="Nothing happens.",
        avoided_by="this",
    )
    found = find(right)
    assert found.outcome == Outcome.HOLDS
    assert found.schedule is None
    made = survey(right)
    assert made.complete
    assert not made.broken
    assert Row(right, made, made).red is False


@searching
def test_the_command_finds_one_and_ends_as_a_check_of_its_pool(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["races", "run", "unlocked-start"]) == 1
    shown = capsys.readouterr().out
    assert re.search(r"violated after 197 executions, in [\d.]+ s: S3 \(one owner per session\)", shown)
    assert re.search(r"\d+ decisions, those of the kept schedule; feasible: fifo", shown)
    assert "step by step: acpool replay --anyway spec/" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "run: expected the ID of one exhibit, or --all"),
        (["run", "merged", "--all"], "run: expected the ID of one exhibit, or --all"),
        (["run", "nope"], "no exhibit is called 'nope'"),
        (["show"], "show: expected the ID of an exhibit"),
        (["list", "merged"], "list: found 'merged'; expected nothing behind it"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["races", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_list_has_every_exhibit_in_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["races"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 100
    for exhibit in EXHIBITS:
        assert any(f" {exhibit.id} " in line and f" {exhibit.property_id} " in line for line in shown)


@searching
def test_the_matrix_is_red_where_it_should_be_and_ours_is_green(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(exhibit_of(name) for name in ("global-lock", "stampede", "clock-jump"))
    monkeypatch.setattr(command, "EXHIBITS", some)
    assert main(["races", "run", "--all", "--workers", "1"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 100
    assert shown[1].split() == [
        "pool",
        "own",
        *(f"S{n}" for n in range(1, 13)),
        *(f"L{n}" for n in range(1, 6)),
    ]
    ours = next(line for line in shown if line.startswith("acpool "))
    assert set(ours.split()[1:]) == {"·"}
    assert shown[-1].startswith("3 of 3 exhibits red with their own property, our pool green beside 3, in ")
    assert shown[-1].endswith("verdict: holds")


@pytest.mark.parametrize("columns", [80, 100])
def test_a_terminal_that_is_narrow_gets_the_matrix_in_blocks(columns: int) -> None:
    survey = Survey(9, True, {"S4": 3}, Counter({"L5": 1}))
    matrix = Matrix(tuple(Row(exhibit, survey, survey) for exhibit in EXHIBITS))
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, color_system=None)
    command.print_matrix(console, matrix)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue().partition("\nown: ")[0].splitlines()
    assert max(map(len, shown)) <= columns
    heads = [line.split()[2:] for line in shown if line.startswith("pool ")]
    assert len(heads) == (2 if columns == 80 else 1)
    assert sum(heads, start=list[str]()) == list(matrix.columns)
    assert sum(line.split()[:2] == ["busy-victim", "S4"] for line in shown) == len(heads)


def test_a_matrix_judges_its_rows() -> None:
    exhibit = exhibit_of("stampede")
    red, blank = Survey(9, True, {"S1": 3}), Survey(9, True)
    green, late = Survey(9, True), Survey(9)
    for shown, ours, outcome in (
        (red, green, Outcome.HOLDS),
        (blank, green, Outcome.VIOLATED),
        (red, Survey(9, True, {"S2": 1}), Outcome.VIOLATED),
        (red, Survey(9, True, strange="deadlock"), Outcome.VIOLATED),
        (red, late, Outcome.UNDECIDED),
        (red, None, Outcome.UNDECIDED),
        (None, green, Outcome.UNDECIDED),
    ):
        assert Matrix((Row(exhibit, shown, ours),)).outcome == outcome


def test_a_cell_says_what_is_known() -> None:
    made = Survey(5_000, True, {"S1": 7, "S2": 4_321})
    made.tested.update({"S1": 9, "S2": 9, "S3": 9})
    assert [made.cell(known) for known in ("S1", "S2", "S3", "S4")] == ["7", "4k", "·", ""]
    made.complete = False
    assert made.cell("S3") == "?"


@searching
def test_the_base_is_right_in_a_sample() -> None:
    target = load_target(BASE)
    with quiet():
        for number in range(150):
            walk = Walk(1, number)
            with World(target.factory, walk.scope) as world:
                walk.run(world)
                world.finish(linearize=True)
            assert world.judgement.violations == {}


@searching
@pytest.mark.parametrize(
    "scope",
    [
        "session:a,get_or_create:b@1.fifo.f0.c0",
        "session:a,reset:a@1.fifo.f0.c1",
        "get_or_create:a,shutdown@1.fifo.f0.c1",
    ],
)
def test_the_base_is_right_in_every_schedule(scope: str) -> None:
    report = explore_scope(Whole.parse(scope), load_target(BASE).factory, budget=Budget(executions=3_000))
    assert report.verdict == Outcome.HOLDS


def test_scopes_of_one_property_are_a_family() -> None:
    scope = PoolScope.parse("session:a,reset:a@1.fifo.f0.c1/S4")
    assert (scope.name, scope.mode, scope.cancellations) == ("session:a,reset:a@1.fifo.f0.c1/S4", "fifo", 1)
    for wrong in ("session:a,reset:a@1.fifo.f0.c1", "session:a,reset:a@1.fifo.f0.c1/S99"):
        with pytest.raises(ValueError, match="expected a scope, a slash, and a property"):
            PoolScope.parse(wrong)
    ways = {(exhibit.way, exhibit.property_id) for exhibit in EXHIBITS if isinstance(exhibit.way, Explored)}
    assert len(profile("pr")) == len(ways)
    with pytest.raises(ValueError, match="profile 'other'"):
        profile("other")
    assert make_matrix([], 1).rows == ()
    assert any(isinstance(exhibit.way, Sampled) for exhibit in EXHIBITS)
