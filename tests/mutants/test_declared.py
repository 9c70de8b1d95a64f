"""The lists are in step with the pool: every guard has a mutant or an exemption, and every mutant is one of today's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from acpool_spec.mutants.guards import guards_of, removed
from acpool_spec.mutants.mutant import (
    ACP,
    ROOMS,
    declared,
    exempt,
    file_of,
    folder_of,
    functions_of,
    source_of,
)
from acpool_spec.mutants.room_tests import TESTS, files_for, repository
from acpool_spec.mutants.table import digest_of, read
from acpool_spec.properties import EVERY

TABLE = Path(__file__).with_name("caught.txt")
MUTANTS = declared()


@pytest.mark.parametrize("module", ROOMS)
def test_every_guard_has_a_mutant_or_an_exemption(module: str) -> None:
    """A new guard needs a table in the list of its module, ``spec/acpool_spec/mutants/<module>.toml``."""
    guards = {guard.name for guard in guards_of(source_of(module))}
    mutated = {mutant.guard for mutant in MUTANTS.values() if mutant.module == module and mutant.guard}
    excused = set(exempt().get(module, {}))
    assert guards - mutated - excused == set(), "they have no mutant"
    assert (mutated | excused) - guards == set(), "there are no such guards"
    assert mutated & excused == set(), "they have a mutant, and need no exemption"


def test_no_other_module_has_a_guard() -> None:
    folder = folder_of("acpool")
    files = {file.relative_to(folder): file for file in folder.rglob("*.py")}
    guarded = {name for name, file in files.items() if guards_of(file.read_text(encoding="utf-8"))}
    assert guarded <= {file_of(module) for module in ROOMS} <= set(files)


def test_the_tests_that_see_a_module_first_are_there() -> None:
    root = repository()
    assert root is not None
    for module in ROOMS:
        files = files_for(f"acpool.{module}", root)
        assert len(files) > 5 and all(file.is_file() for file in files), module
    first = {module: files_for(f"acpool.{module}", root)[0].name for module in ACP}
    assert first["acp.pipes"] == "test_pipes.py" and first["acp.settings"] == "test_connector.py"
    # By the order of the alphabet it would be the same one everywhere.
    assert len(set(first.values())) > 5


def test_exemptions_are_few_and_say_why() -> None:
    reasons = [why for table in exempt().values() for why in table.values()]
    assert all(len(why.split()) > 3 for why in reasons)
    assert len(reasons) < len(MUTANTS) / 10


@pytest.mark.parametrize("module", ROOMS)
def test_a_mutant_is_one_of_todays_code(module: str) -> None:
    source = source_of(module)
    known = {*(known.id for known in EVERY), TESTS, *CRASHES}
    for mutant in [mutant for mutant in MUTANTS.values() if mutant.module == module]:
        after = mutant.apply(source)
        compile(after, f"{mutant.name} of {module}.py", "exec")
        assert functions_of(after) != functions_of(source), mutant.name
        if mutant.before and mutant.guard:
            assert mutant.guard in removed(source, after), mutant.name
        assert set(mutant.breaks) <= known, mutant.name


CRASHES = ("endless", "raised", "deadlock", "leftover", "reported", "unretrieved", "process")
"""The first word of what goes red where a mutant does not get as far as to break a property."""


@pytest.mark.no_cover
def test_every_mutant_was_looked_for_as_it_is_and_caught() -> None:
    """``python -m acpool_spec.mutants.table tests/mutants/caught.txt`` looks for those that are new or changed."""
    lines = read(TABLE.read_text(encoding="utf-8"))
    assert list(lines) == list(MUTANTS)
    changed = [name for name, mutant in MUTANTS.items() if lines[name].digest != digest_of(mutant)]
    assert changed == []
    assert [name for name, line in lines.items() if not line.caught] == []
