"""Mutants made by cosmic-ray: of which module, what they change, and what is kept of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_spec.mutants import general
from acpool_spec.mutants.general import Result, difference, generated, places, results_of
from acpool_spec.mutants.mutant import Mutant, functions_of, source_of
from acpool_spec.mutants.sensitivity import Report, Row
from acpool_spec.mutants.strategies import Look


def test_every_mutant_of_a_module_differs_in_one_place() -> None:
    source = source_of("bounds")
    made = list(generated("acpool", "bounds", places(source)))
    assert len({mutant.after for mutant in made}) > 10
    assert len({mutant.name for mutant in made}) == len(made)
    for mutant in made:
        assert mutant.apply(source) == mutant.after
        assert functions_of(mutant.after) != functions_of(source)
    assert "if not value >= 0: => if not value > 0:" in map(difference, made)


def test_identity_is_compared_by_identity_alone() -> None:
    changes = {difference(mutant) for mutant in generated("acpool", "closing", places(source_of("closing")))}
    assert any("is None: => if error is not None:" in change for change in changes)
    assert not any("error == None" in change for change in changes)


def test_mutants_of_the_model_are_of_the_model() -> None:
    (one,) = generated("acpool_model", "progress", places(source_of("progress", "acpool_model"))[:1])
    assert (one.package, one.module) == ("acpool_model", "progress")


def test_what_is_written_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def pretend(mutants: list[Mutant], **_: object) -> Report:
        looks = [
            {"directed": Look("R1", 1, 0.1)},
            {"directed": Look("", 9, 0.1), "tested": Look("tests", 2, 0.1)},
            {},
        ]
        rows = [Row(mutant, seen) for mutant, seen in zip(mutants, looks, strict=False)]
        return Report(rows, [], [], 1.0)

    monkeypatch.setattr(general, "run_mutants", pretend)
    file = tmp_path / "results.txt"
    assert general.main([str(file), "closing", "--sample", "12"]) == 1
    (result,) = results_of(file.read_text(encoding="utf-8"))
    assert (result.room, result.run, result.caught, len(result.survivors)) == ("closing", 3, 2, 1)
    name, change = result.survivors[0]
    assert name.startswith("closing:") and " => " in change


@pytest.mark.parametrize("text", ["core: many places", "  core:AddNot:1: a => b"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        results_of(text)


def test_a_result_is_told_from_its_line() -> None:
    text = "core: 10 places, 3 run, 2 caught (directed 2)\n  core:AddNot:1: if a: => if not a:\n"
    assert results_of(text) == [Result("core", 10, 3, 2, (("core:AddNot:1", "if a: => if not a:"),))]
