"""Mutants are looked for in processes of their own: some of the list, and made-up ones that survive, hang, die or are none."""

from __future__ import annotations

from pathlib import Path

import pytest

import acpool
from acpool_spec.cli import main
from acpool_spec.mutants import command, sensitivity
from acpool_spec.mutants.mutant import ACP, Mutant, declared, source_of
from acpool_spec.mutants.sensitivity import look_for, run_mutants, write_mutant
from acpool_spec.mutants.strategies import Look
from acpool_spec.verdict import Outcome

# Each starts processes, whose code the tests of the strategies reach as well.
pytestmark = pytest.mark.no_cover

SOME = ("release-to-who-waits", "serve-within-capacity", "exit-raises-what-it-means", "close-is-watched")
"""Of four modules, each caught by the directed runs: what is run on every change; the whole list is for the night."""


def made_up(before: str, after: str, module: str = "core") -> Mutant:
    return Mutant(name="made-up", module=module, keeps="nothing", breaks=("S1",), before=before, after=after)


AT_THE_RELEASE = "        entry.lease = None  # LP release\n"
HARMLESS = made_up(AT_THE_RELEASE, AT_THE_RELEASE + "        _ = 0\n")


def test_some_of_the_list_are_caught() -> None:
    known = declared()
    report = run_mutants([known[name] for name in SOME], workers=2, first=True)
    assert [row.mutant.name for row in report.rows] == list(SOME)
    assert [row.mutant.name for row in report.rows if not (row.caught and row.expected)] == []
    assert report.outcome is Outcome.HOLDS


def test_a_mutant_that_changes_nothing_survives() -> None:
    report = run_mutants([HARMLESS], strategies=["directed"])
    row = report.rows[0]
    assert not row.caught and row.looks["directed"].executions > 100
    assert row.looks["tested"].executions > 100, "the tests are asked where nothing else sees anything"
    assert report.survivors == [row] and report.outcome is Outcome.VIOLATED


def test_a_run_that_does_not_end_is_seen() -> None:
    mutant = made_up(AT_THE_RELEASE, "        while True:\n            pass\n")
    row = look_for(mutant, ["directed", "sampled"], run_s=1.0)
    assert row is not None
    assert [row.looks[name].broken for name in ("directed", "sampled")] == ["endless", "endless"]
    assert row.looks["sampled"].executions > 0


def test_a_process_that_dies_is_seen() -> None:
    mutant = made_up(AT_THE_RELEASE, "        import os\n\n        os._exit(7)\n")
    row = look_for(mutant, ["directed"])
    assert row is not None and row.looks["directed"].broken == "process lost"
    assert "status 7" in row.looks["directed"].message


def test_a_pool_that_cannot_be_imported_is_no_mutant() -> None:
    report = run_mutants([made_up("class Core(Slots):\n", "class Core(Nothing):\n")], strategies=["directed"])
    assert report.unusable[0].unusable == "it cannot be imported: NameError: name 'Nothing' is not defined"
    assert not report.survivors


def test_what_the_budget_leaves_out_is_missing() -> None:
    report = run_mutants([HARMLESS], seconds=0.05)
    assert report.missing == [HARMLESS] and report.outcome is Outcome.UNDECIDED


def test_the_pool_itself_is_not_touched(tmp_path: Path) -> None:
    before = source_of("core")
    file = write_mutant(HARMLESS, tmp_path)
    assert file.read_text(encoding="utf-8") != before == source_of("core")
    assert Path(str(acpool.__file__)).parent != file.parent
    assert sorted(path.name for path in file.parent.glob("*.py")) == sorted(
        path.name for path in Path(str(acpool.__file__)).parent.glob("*.py")
    )


# -- the command ----------------------------------------------------------------------------------------------------------


def test_a_number_takes_mutants_from_all_over_the_list() -> None:
    known = declared()
    some = command.chosen(known, ["7"])
    assert len(some) == 7 and some[0].module == "core" and len({mutant.module for mutant in some}) > 3
    assert command.chosen(known, []) == list(known.values()) == command.chosen(known, ["9999"])


def test_a_module_takes_its_mutants_and_a_package_those_of_its_modules() -> None:
    known = declared()
    asked = {
        asked: command.chosen(known, [asked]) for asked in ("core", "acp.process", "acp", "cwd-is-absolute")
    }
    assert {mutant.module for mutant in asked["core"]} == {"core"}
    assert {mutant.module for mutant in asked["acp.process"]} == {"acp.process"}
    assert {mutant.module for mutant in asked["acp"]} == set(ACP)
    assert [mutant.name for mutant in asked["cwd-is-absolute"]] == ["cwd-is-absolute"]
    both = command.chosen(known, ["acp.process", "acp.exits", "cwd-is-absolute"])
    assert len(both) == len(asked["acp.process"]) + len(command.chosen(known, ["acp.exits"])) + 1


@pytest.mark.parametrize(
    "other", [["--pool", "x:y"], ["--junit", "j.xml"], ["--report", "r"], ["--github"], ["--schedules", "3"]]
)
def test_an_option_that_would_be_left_out_is_refused(
    other: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--sensitivity", "1", *other]) == 2
    assert capsys.readouterr().err.startswith(
        f"acpool check: --sensitivity: {other[0]} says nothing of mutants"
    )


def test_a_name_of_no_mutant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for typed, meant in (("no-such-guard", ""), ("serve-in-capacity", "serve-within-capacity")):
        assert main(["check", "--sensitivity", typed]) == 2
        said = capsys.readouterr().err
        assert (
            f"{typed!r}: no mutant and no module has that name; expected a number, or names such as {meant}"
            in said
        )
        assert said.count("\n") == 1


def test_where_the_tests_are_not_installed_a_number_takes_what_can_be_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And who asks for one of the others by its name is told which were not looked for."""
    monkeypatch.setattr(command, "repository", lambda: None)
    monkeypatch.setattr(sensitivity, "repository", lambda: None)
    known = declared()
    unseen = [name for name, mutant in known.items() if sensitivity.for_tests_alone(mutant)]
    assert not {mutant.name for mutant in command.chosen(known, ["9999"])} & set(unseen)
    assert main(["check", "--sensitivity", *unseen[:7]]) == 3
    said = capsys.readouterr().out
    assert (
        f"7 mutants for the pool's tests alone, which are in the repository and not here: {unseen[0]}, "
        in said
    )
    assert f"{unseen[4]}, and 2 more\n" in said


@pytest.mark.parametrize(
    ("looks", "status", "said"),
    [
        (
            {"directed": Look("S5", 3, 0.1), "sampled": Look("", 9, 0.2)},
            0,
            "S5 3 0.1s  – 9 0.2s",
        ),
        (
            {"directed": Look("S5", 3, 0.1), "sampled": Look("", 9, 0.2)},
            0,
            "a cell: what broke, after how many executions, in how many seconds of CPU",
        ),
        (
            {"directed": Look("S5", 3, 0.1), "sampled": Look("", 9, 0.2)},
            0,
            "1 of 1 mutant caught (directed 1,",
        ),
        ({"directed": Look("S1", 3, 0.1)}, 0, "was caught by S1; expected"),
        (
            {"directed": Look("", 3, 0.1)},
            1,
            "survived release-to-who-waits: core.py, Core.release: test entry.queue",
        ),
        (None, 3, "the budget ran out before 1 mutant: release-to-who-waits\n"),
    ],
)
def test_what_is_printed_and_the_exit_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    looks: dict[str, Look] | None,
    status: int,
    said: str,
) -> None:
    def pretend(mutant: Mutant, *_: object, **__: object) -> sensitivity.Row | None:
        return None if looks is None else sensitivity.Row(mutant, looks)

    monkeypatch.setattr(sensitivity, "look_for", pretend)
    assert main(["check", "--sensitivity", "release-to-who-waits", "--workers", "1"]) == status
    assert said in capsys.readouterr().out
