"""The tables of properties in spec/SPEC.md are made from the code, and the page has no id that the code has not.

Run this file as a script to write the tables anew.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import acpool_spec
from acpool_model import INVARIANTS, STEP_INVARIANTS
from acpool_model.exhaust import comes_to_rest
from acpool_spec.pages import Page
from acpool_spec.proofs.command import expected
from acpool_spec.properties import EVERY
from acpool_spec.races.catalogue import EXHIBITS

ROOT = Path(__file__).parents[2]
ID = re.compile(r"\b[SLDR]\d{1,2}\b")
NOT_SHOWN = "## What is not shown\n"
IDS = [known.id for known in EVERY]
#: The obligations of ``acpool prove`` that were proved.
PROVED = set(expected())
#: Those on which every property of states rests, and of steps as well.
INDUCTION = {"initial", "serve"}
COMPOSITION = INDUCTION | {"rounds", "step"}
#: Judged on the history of every run that was made, where the others are judged on every path.
OF_HISTORIES = {"S12"}


def statements() -> str:
    rows = [f"| {known.id} | {known.name} | {known.statement} |" for known in EVERY]
    return "\n".join(["| id | name | statement |", "|---|---|---|", *rows]) + "\n"


def in_the_model() -> str:
    """What the model is held to: the docstring of each function, and its name."""
    rows = [
        f"| {name} | {kind} | {said(holds)} | `{place(holds)}` |"
        for name in IDS
        for kind, table in (("state", INVARIANTS), ("step", STEP_INVARIANTS))
        if (holds := table.get(name)) is not None
    ]
    rows.insert(
        next(at for at, row in enumerate(rows) if row.startswith("| L4")),
        f"| L3 | graph | {said(comes_to_rest)} | `{place(comes_to_rest)}` |",
    )
    return "\n".join(["| id | of every | statement | as code |", "|---|---|---|---|", *rows]) + "\n"


def decided() -> str:
    """Where each property is decided: what proves it, explores it, judges it, and is caught breaking it."""
    head = "| id | proved of the model | explored in the model | judged on the implementation by | caught breaking it |"
    rows = [
        f"| {name} | {proved(name)} | {explored(name)} | {', '.join(judges(name))} | "
        f"{', '.join(culprits(name)) or 'made-up histories'} |"
        for name in IDS
    ]
    return "\n".join([head, "|---|---|---|---|---|", *rows]) + "\n"


def proved(name: str) -> str:
    """What of a property follows from proved obligations; its own say that it is a conjunct of the invariant."""
    states = name in INVARIANTS and {name, *INDUCTION} <= PROVED
    steps = name in STEP_INVARIANTS and COMPOSITION <= PROVED
    return ", ".join(["states"] * states + ["steps"] * steps) or "no: it is about histories"


def said(function: Callable[..., object]) -> str:
    """A docstring in one line."""
    text = inspect.getdoc(function)
    assert text is not None
    return " ".join(text.split()).replace("|", "\\|")


def place(function: Callable[..., object]) -> str:
    return f"{function.__module__.removeprefix('acpool_model.')}.{function.__name__}"


def explored(name: str) -> str:
    kinds = [kind for kind, table in (("states", INVARIANTS), ("steps", STEP_INVARIANTS)) if name in table]
    if name == "L3":
        kinds.append("graph")
    if name == "R1":
        return "every transition, taken by the code"
    return ", ".join(kinds) or "it is about histories"


def judges(name: str) -> list[str]:
    """The functions below ``acpool_spec.properties`` that speak of ``name``."""
    found = [
        f"`{path.stem}.{function}`"
        for path in sorted((Path(inspect.getfile(acpool_spec)).parent / "properties").glob("*.py"))
        for function in speaking(path.read_text(encoding="utf-8"), name)
    ]
    return [*found, "`pool_spec.judge_history`"] if name in OF_HISTORIES else found


def speaking(source: str, name: str) -> Iterator[str]:
    """The functions of ``source`` with ``name`` as a string in them, in order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(part, ast.Constant) and part.value == name for part in ast.walk(node)
        ):
            yield node.name


def culprits(name: str) -> list[str]:
    """The exhibits of the museum that break ``name``, and how many defects planted in the model do."""
    pools = [f"`{exhibit.id}`" for exhibit in EXHIBITS if exhibit.property_id == name]
    planted = (ROOT / "tests" / "model" / "test_planted.py").read_text(encoding="utf-8")
    defects = re.findall(r'Planted\(\s*"\w+", (\w+), "(\w+)"', planted)
    count = sum(broken == name for _, broken in defects)
    if name == "R1":
        of_pool = (ROOT / "tests" / "refinement" / "planted.py").read_text(encoding="utf-8")
        return [f"{len(re.findall(r'^def [a-z]', of_pool, re.MULTILINE))} defects of the pool"]
    return pools + (
        [f"{count} defects of the model" if count > 1 else "1 defect of the model"] if count else []
    )


PAGE = Page(
    ROOT / "spec" / "SPEC.md",
    "tests/checker/test_spec_page.py",
    {"properties": statements, "model": in_the_model, "decided": decided},
)


def test_the_tables_are_those_of_the_code() -> None:
    text = PAGE.read()
    assert PAGE.filled(text) == text


def test_every_id_of_the_code_has_its_place() -> None:
    assert set(INVARIANTS) | set(STEP_INVARIANTS) <= set(IDS)
    text = PAGE.read()
    for name in IDS:
        assert judges(name), f"nothing judges {name}"
        assert sum(line.startswith(f"| {name} |") for line in text.splitlines()) >= 2


def test_every_id_of_the_page_is_in_the_code_or_not_shown() -> None:
    head, mark, tail = PAGE.read().partition(NOT_SHOWN)
    assert mark
    not_shown, mark, rest = tail.partition("\n## ")
    assert mark
    assert set(ID.findall(head + rest)) <= set(IDS)
    # What the contract promises and nothing here decides is named where a reader looks for it.
    assert set(ID.findall(not_shown)) - set(IDS) == {"D1", "D2"}


def test_every_function_that_the_page_names_is_there() -> None:
    rows = [line for line in in_the_model().splitlines() if line.startswith(("| S", "| L"))]
    assert len(rows) == len(INVARIANTS) + len(STEP_INVARIANTS) + 1
    assert len({row.rpartition("`")[0].rpartition("`")[2] for row in rows}) == len(rows)


def test_an_id_that_nobody_judges_is_noticed() -> None:
    assert list(speaking('def f():\n    yield "S1"\n\ndef g():\n    return "S12"\n', "S1")) == ["f"]
    assert not judges("S99")


if __name__ == "__main__":
    PAGE.write()
