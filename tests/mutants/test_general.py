"""The general mutation testing: which rooms, what is kept of a run, and that a run that was ended goes on where it was."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import acpool
import acpool_model
from acpool_spec.mutants import general, kept
from acpool_spec.mutants.general import ROOMS, Result, results_of
from acpool_spec.mutants.generated import generated, parts_of
from acpool_spec.mutants.kept import CAUGHT, SURVIVED, Kept
from acpool_spec.mutants.mutant import Mutant, source_of
from acpool_spec.mutants.sensitivity import Report, Row
from acpool_spec.mutants.strategies import Look


def test_no_module_is_forgotten() -> None:
    modules = {
        (package.__name__, module.name.removeprefix(f"{package.__name__}."))
        for package in (acpool, acpool_model)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.ispkg
    }
    assert set(ROOMS.values()) == modules and len(ROOMS) == len(modules)
    assert list(ROOMS)[:2] == ["core", "slots"]


@pytest.mark.parametrize(
    "place", [("acpool", "__init__"), ("acpool", "acp.__init__"), ("acpool_model", "__init__")]
)
def test_what_is_no_room_only_imports(place: tuple[str, str]) -> None:
    assert [part.name for part in parts_of(source_of(place[1], place[0]))] == ["<module>"]
    assert list(generated(*place)) == []


# -- what is kept ---------------------------------------------------------------------------------------------------------


SOME = Kept("core:Core.get:AddNot:1", "0123456789ab", CAUGHT, "directed", "raised KeyError")


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "some.kept"
    assert kept.read(file) == {}
    kept.write(file, [SOME])
    kept.add(file, lost := Kept("core:Core.get:AddNot:2", "ba9876543210", SURVIVED, "feed"))
    assert list(kept.read(file).values()) == [SOME, lost]


def test_the_last_line_of_a_mutant_counts(tmp_path: Path) -> None:
    file = tmp_path / "some.kept"
    kept.add(file, SOME)
    kept.add(file, later := SOME._replace(outcome=SURVIVED, by="feed", broken=""))
    assert list(kept.read(file).values()) == [later]


def test_a_line_that_was_not_written_to_its_end_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "some.kept"
    file.write_text(f"{SOME}\ncore:Core.get:AddNot:2 ba98765", encoding="utf-8")
    assert list(kept.read(file).values()) == [SOME]


def test_a_line_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.kept"
    file.write_text("core:Core.get:AddNot:1 0123456789ab lost\n", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a mutant, a digest"):
        kept.read(file)


def test_a_survivor_is_looked_for_again_when_something_that_looks_has_changed() -> None:
    survived = SOME._replace(outcome=SURVIVED, by="feed")
    assert kept.is_fresh(survived, "feed") and not kept.is_fresh(survived, "f00d")
    assert kept.is_fresh(SOME, "f00d") and not kept.is_fresh(None, "feed")


def test_what_looks_for_a_mutant_is_the_packages_and_its_tests() -> None:
    looking = {kept.looking_for("acpool", "core"), kept.looking_for("acpool", "acp.turns")}
    assert len(looking) == 2 and kept.looking_for("acpool", "slots") in looking


# -- a run ----------------------------------------------------------------------------------------------------------------

Pretend = Callable[..., Report]


def pretending(asked: list[str], ended_after: int | None = None) -> Pretend:
    """A look that sees every mutant but each fifth of a room, and is ended after so many."""

    def run_mutants(mutants: Sequence[Mutant], *, show: Callable[[Row], object], **_: object) -> Report:
        rows: list[Row] = []
        for mutant in mutants:
            if ended_after is not None and len(asked) == ended_after:
                raise KeyboardInterrupt
            asked.append(mutant.name)
            seen = "" if int.from_bytes(mutant.after.encode()) % 5 == 0 else "R1"
            rows.append(Row(mutant, {"directed": Look(seen, 1, 0.1)}))
            show(rows[-1])
        return Report(rows, [], [], 1.0)

    return run_mutants


def test_a_run_that_was_ended_goes_on_and_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    once, twice = tmp_path / "once.txt", tmp_path / "twice.txt"
    whole: list[str] = []
    monkeypatch.setattr(general, "run_mutants", pretending(whole))
    status = general.main([str(once), "closing", "bounds"])

    parts: list[str] = []
    monkeypatch.setattr(general, "run_mutants", pretending(parts, ended_after=80))
    with pytest.raises(KeyboardInterrupt):
        general.main([str(twice), "closing", "bounds"])
    monkeypatch.setattr(general, "run_mutants", pretending(parts))
    assert general.main([str(twice), "--workers", "1", "closing", "bounds"]) == status == 1
    assert parts == whole, "none is looked for twice"
    assert twice.read_text(encoding="utf-8") == once.read_text(encoding="utf-8")
    assert all(one.is_whole for one in results_of(once.read_text(encoding="utf-8")))


def test_a_part_of_a_room_is_drawn_and_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(general, "run_mutants", pretending(asked))
    explained = tmp_path / "explained.toml"
    explained.write_text("", encoding="utf-8")
    file = tmp_path / "results.txt"
    general.main([str(file), "closing", "--sample", "12", "--explained", str(explained)])
    (result,) = results_of(file.read_text(encoding="utf-8"))
    assert (result.room, result.run, result.is_whole) == ("closing", 12, False)
    assert len({name.split(":")[1] for name in asked}) > 2, "of all functions, not of the first"
    said = capsys.readouterr().out
    assert (
        f"undecided: closing, 12 of {result.places} mutants run" in said
        and f"{result.caught} of 12 mutants" in said
    )
    survivors = [f"not explained: {name}" in said for name, _ in result.survivors]
    assert survivors and all(survivors)


@pytest.mark.parametrize(
    ("survivors", "whole", "explained", "status"),
    [
        ((), True, {}, 0),
        ((), False, {}, 3),
        ((("core:get:AddNot:1", "a => b"),), True, {}, 1),
        ((("core:get:AddNot:1", "a => b"),), True, {"core:get: a => b": "nobody asks"}, 0),
    ],
)
def test_the_exit_status(
    survivors: tuple[tuple[str, str], ...], whole: bool, explained: dict[str, str], status: int
) -> None:
    result = Result("core", 10, 9, 9 - len(survivors), 1 if whole else 0, survivors)
    assert general.sums([result], explained, lambda _: None) == status


def test_lines_of_other_rooms_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(general, "run_mutants", pretending([]))
    file = tmp_path / "results.txt"
    file.write_text("core: 10 places, 3 run, 2 caught, 1 unusable, 0 open (directed 2)\n", encoding="utf-8")
    general.main([str(file), "errors"])
    assert [one.room for one in results_of(file.read_text(encoding="utf-8"))] == ["core", "errors"]


def test_a_room_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        general.main([str(tmp_path / "results.txt"), "kitchen"])
    assert "kitchen: expected one of core, slots," in capsys.readouterr().err


@pytest.mark.parametrize("text", ["core: many places", "  core:AddNot:1: a => b"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        results_of(text)


def test_a_result_is_told_from_its_lines() -> None:
    survivor, undecided = ("core:get:AddNot:1", "if a: => if not a:"), ("core:get:AddNot:2", "b => c")
    head = "core: 10 places, 3 run, 2 caught, 1 unusable, 1 open (directed 2)"
    (result,) = results_of(f"{head}\n  {': '.join(survivor)}\n  ? {': '.join(undecided)}\n")
    assert result == Result("core", 10, 3, 2, 1, (survivor,), (undecided,))
    assert not result.is_whole and result.score == 0.5
