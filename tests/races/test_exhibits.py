"""The museum is whole: every race of the list has an exhibit, and its kept schedule still breaks the exhibit's own property."""

from __future__ import annotations

import pkgutil

import pytest

from acpool_spec import pools
from acpool_spec.cli import main
from acpool_spec.races import pools as museum
from acpool_spec.races.catalogue import EXHIBITS, exhibit_of
from acpool_spec.races.exhibit import SCHEDULES, STORY_LINES, Exhibit, Explored
from acpool_spec.races.finding import replay_kept
from acpool_spec.targets import BadInput, load_target

LAST_RACE = 25
NO_DESIGNS = {"staging"}
PARTS = {"base", "turns"}
NAMES = [exhibit.id for exhibit in EXHIBITS]
KEPT = [exhibit for exhibit in EXHIBITS if exhibit.schedule is not None]
of_each = pytest.mark.parametrize("exhibit", EXHIBITS, ids=NAMES)


def test_no_two_have_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_race_has_one() -> None:
    rows = {exhibit.row for exhibit in EXHIBITS}
    designs = {found.name for found in pkgutil.iter_modules(pools.__path__)} - NO_DESIGNS
    assert rows == {*range(1, LAST_RACE + 1), *(name for name in designs if not name.startswith("_"))}


def test_every_pool_of_the_museum_is_shown() -> None:
    shown = {exhibit.pool.partition(":")[0].rpartition(".")[2] for exhibit in EXHIBITS}
    assert {found.name for found in pkgutil.iter_modules(museum.__path__)} - PARTS <= shown


def test_every_kept_schedule_is_of_an_exhibit() -> None:
    assert sorted(SCHEDULES.glob("*.json")) == sorted(filter(None, (each.schedule for each in KEPT)))


@pytest.mark.parametrize("exhibit", KEPT, ids=lambda exhibit: exhibit.id)
def test_its_schedule_breaks_its_property(exhibit: Exhibit) -> None:
    said = replay_kept(exhibit)
    assert said is not None
    assert said.startswith(exhibit.property_id)


@of_each
def test_its_pool_lies_in_a_file_of_its_own(exhibit: Exhibit) -> None:
    if exhibit in KEPT:
        assert load_target(exhibit.pool).name == exhibit.pool
    assert sum(other.pool == exhibit.pool for other in EXHIBITS) == 1


@of_each
def test_its_story_is_shown(exhibit: Exhibit, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["races", "show", exhibit.id]) == 0
    shown = capsys.readouterr().out
    assert len(exhibit.lines) <= STORY_LINES
    for line in exhibit.lines:
        assert f"  {line}\n" in shown
    assert f"breaks {exhibit.property_id} " in shown
    assert f"acpool races run {exhibit.id}\n" in shown
    assert " ".join(exhibit.avoided_by.split()) in " ".join(shown.split())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("busy_victim", "busy-victim"),
        ("Lost-Hand-Over", "lost-handover"),
        ("no_reclaim", "no-reclaim"),
        ("3", "stale-sample"),
        ("D1", "unwritten-ids"),
        ("10", "late-start or endless-shutdown"),
    ],
)
def test_who_mistypes_is_told_what_was_meant(typed: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"no exhibit is called '{typed}'; expected .*{meant}"):
        exhibit_of(typed)


def test_an_unknown_exhibit_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="no exhibit is called 'nope'"):
        exhibit_of("nope")
    assert main(["races", "show", "nope"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "Busy Victim"}, "expected an id such as busy-victim"),
        ({"property_id": "S99"}, "no property is called 'S99'"),
        ({"story": "\n".join("x" * 11)}, "a story of 11 lines, at most 10"),
        ({"story": "  "}, "a story of 0 lines"),
        ({"story": "x" * 101}, "more than 100 columns"),
    ],
)
def test_what_cannot_be_shown_is_refused(change: dict[str, str], said: str) -> None:
    members = {
        "id": "some-race",
        "title": "a race",
        "pool": "a:b",
        "property_id": "S1",
        "story": "It happens.",
        "avoided_by": "not doing it",
    }
    with pytest.raises(ValueError, match=said):
        Exhibit(row=1, way=Explored("get_or_create:a@1.fifo.f0.c0"), **{**members, **change})
