"""The mutants that cosmic-ray makes: which there are, each another program, and how one is put into a loaded module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from acpool_spec.mutants.fork_server import ForkServer
from acpool_spec.mutants.general import ORDER, ROOMS
from acpool_spec.mutants.generated import OUTSIDE, Generated, difference, generated, parts_of
from acpool_spec.mutants.mutant import Mutant, source_of
from acpool_spec.mutants.patching import Unfit, patch
from acpool_spec.mutants.sensitivity import environment


@pytest.mark.parametrize("room", ROOMS)
def test_a_module_is_put_together_of_its_parts(room: str) -> None:
    package, module = ROOMS[room]
    source = source_of(module, package)
    lines = source.splitlines(keepends=True)
    parts = parts_of(source)
    assert all(part.put(lines, list(part.lines)) == source for part in parts)
    assert parts[-1].name == OUTSIDE


def test_every_mutant_of_a_module_differs_in_one_place() -> None:
    source = source_of("bounds")
    made = list(generated("acpool", "bounds"))
    assert len({one.mutant.after for one in made}) == len({one.digest for one in made}) == len(made) > 10
    assert len({one.mutant.name for one in made}) == len(made)
    assert {one.mutant.apply(source) == one.mutant.after for one in made} == {True}
    assert "if not value >= 0: => if not value > 0:" in [difference(one.mutant) for one in made]


def changes(package: str, module: str) -> set[str]:
    return {difference(one.mutant) for one in generated(package, module)}


def test_identity_is_compared_by_identity_alone() -> None:
    found = changes("acpool", "closing")
    assert any("is None: => if error is not None:" in change for change in found)
    assert not any("error == None" in change for change in found)


def test_annotations_and_signs_between_arguments_are_no_places() -> None:
    found = changes("acpool", "core")
    assert not any(change.startswith("def ") for change in found)


def test_alternatives_of_the_model_are_places() -> None:
    both = "(key.stage == Stage.ABSENT) & (key.stage == Stage.LEASED)"
    assert any(both in change for change in changes("acpool_model", "invariants"))


def test_what_is_outside_of_functions_is_a_place() -> None:
    line = "leased_at: float = {}  # seconds of the monotonic clock"
    assert f"{line.format('0.0')} => {line.format('1.0')}" in changes("acpool", "records")


def test_mutants_of_the_model_are_of_the_model() -> None:
    one = next(generated("acpool_model", "progress"))
    assert (one.mutant.package, one.mutant.module) == ("acpool_model", "progress")


# -- in a loaded module ---------------------------------------------------------------------------------------------------

SOURCE = """\
from contextlib import contextmanager
from functools import lru_cache

LIMIT = 3


def plain(value, by=1):
    return value + by


def named(*, by=1, limit=LIMIT):
    return by + limit


@lru_cache
def kept(value):
    return value + 1


@contextmanager
def within():
    yield 1


def outer(value):
    def inner():
        return value + 1

    return inner()


class Base:
    def told(self):
        return 1


class Some(Base):
    def told(self):
        return super().told() + 1

    @property
    def one(self):
        return 1

    @staticmethod
    def two():
        return 2


TABLE = {"plain": plain}
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleType]:
    file = tmp_path / "made_up.py"
    file.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("made_up", file)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["made_up"] = made
    spec.loader.exec_module(made)
    yield made
    del sys.modules["made_up"]


def test_whoever_knows_a_function_has_the_mutant(module: ModuleType) -> None:
    patch(module, "plain", SOURCE, SOURCE.replace("value + by", "value - by"))
    assert (module.plain(3), module.TABLE["plain"](3)) == (2, 2)


def test_a_function_is_found_below_its_decorators(module: ModuleType) -> None:
    patch(
        module,
        "kept",
        SOURCE,
        SOURCE.replace("kept(value):\n    return value + 1", "kept(value):\n    return value + 9"),
    )
    patch(module, "within", SOURCE, SOURCE.replace("yield 1", "yield 9"))
    patch(
        module,
        "Some.one",
        SOURCE,
        SOURCE.replace("one(self):\n        return 1", "one(self):\n        return 9"),
    )
    patch(module, "Some.two", SOURCE, SOURCE.replace("return 2", "return 9"))
    with module.within() as given:
        assert (module.kept(0), given, module.Some().one, module.Some.two()) == (9, 9, 9, 9)


def test_a_default_that_is_a_literal_is_exchanged(module: ModuleType) -> None:
    patch(module, "plain", SOURCE, SOURCE.replace("value, by=1", "value, by=5"))
    patch(module, "named", SOURCE, SOURCE.replace("*, by=1", "*, by=5"))
    assert (module.plain(3), module.TABLE["plain"](3), module.named()) == (8, 8, 8)


def test_functions_in_functions_and_of_bases_are_known(module: ModuleType) -> None:
    patch(module, "outer", SOURCE, SOURCE.replace("        return value + 1", "        return value + 9"))
    patch(module, "Some.told", SOURCE, SOURCE.replace("super().told() + 1", "super().told() + 9"))
    assert (module.outer(0), module.Some().told(), module.Base().told()) == (9, 10, 1)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (OUTSIDE, "LIMIT = 3", "LIMIT = 4"),
        ("named", "limit=LIMIT", "limit=-LIMIT"),
        ("kept", "@lru_cache\n", ""),
        ("Some.three", "return 2", "return 9"),
    ],
)
def test_what_was_done_before_is_not_to_be_had_like_this(
    module: ModuleType, name: str, before: str, after: str
) -> None:
    with pytest.raises(Unfit):
        patch(module, name, SOURCE, SOURCE.replace(before, after))


# -- the server -----------------------------------------------------------------------------------------------------------


@contextmanager
def server() -> Generator[ForkServer]:
    with ForkServer("acpool", "bounds", environment(), 5.0) as one:
        yield one


def of_bounds(before: str, after: str, part: str) -> Generated:
    source = source_of("bounds")
    assert source.count(before) == 1
    mutant = Mutant(
        name="made-up",
        module="bounds",
        keeps="nothing",
        breaks=("S1",),
        before=source,
        after=source.replace(before, after),
    )
    return Generated(mutant, part, "")


@pytest.mark.no_cover
def test_a_fork_sees_what_a_process_sees_and_is_gone_afterwards() -> None:
    bad = of_bounds("if not value >= 0:", "if not value > 0:", "require_seconds")
    harmless = of_bounds("if not value >= 0:", "if not 0 <= value:", "require_seconds")
    outside = of_bounds("from __future__", "import sys\nfrom __future__", OUTSIDE)
    with server() as one:
        assert one.look(bad, ["tested"])["tested"].broken == "tests"
        look = one.look(harmless, ["directed"])["directed"]
        assert look.broken == "" and look.executions > 100
        assert one.look(outside, ORDER[:1]) == {}
