"""docs/mutation.md, and what the README says of it, from the lists of mutants and the tables of what came of them.

Run as a script it writes both.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

from acpool_spec.mutants.general import ROOMS as EVERY
from acpool_spec.mutants.general import Result, explanation_key, results_of
from acpool_spec.mutants.mutant import ROOMS, declared, exempt
from acpool_spec.mutants.strategies import LAST, that_can_see
from acpool_spec.mutants.table import COLUMNS, Line, read
from acpool_spec.pages import Page

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BY = "tests/mutants/test_mutation_page.py"
MUTANTS = declared()
LINES = {
    name: line
    for name, line in read((HERE / "caught.txt").read_text(encoding="utf-8")).items()
    if name in MUTANTS
}
RESULTS: list[Result] = results_of((HERE / "general.txt").read_text(encoding="utf-8"))
EXPLAINED: dict[str, str] = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))


def by(line: Line) -> str:
    """The strategy that saw it, the first that was asked and saw anything."""
    return next(column for column in COLUMNS if line.seen.get(column, ("", 0))[0])


def row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def score() -> str:
    lines = [(name, line) for name, line in LINES.items() if line.caught]
    reached = {
        name for name, mutant in MUTANTS.items() if LAST not in that_can_see(f"acpool.{mutant.module}")
    }
    seen = Counter(by(line) for name, line in lines if name in reached)
    directed, sampled, explored, tested = (seen[column] for column in COLUMNS)
    return (
        f"Of {len(MUTANTS)} mutants of this pool, one for each of its guards and some that change an order,"
        f" {len(lines)} are caught:\n{directed} by directed runs, {sampled} more by random runs, {explored} more by exploring"
        f" small scopes, and {tested} by\nthe pool's tests alone; and {len(lines) - seen.total()}, of what talks to real agents"
        " and of what operators read, by the tests of that.\n"
    )


def rooms() -> str:
    text = row("module", "guards without a mutant", "mutants", "caught", *COLUMNS) + row(
        *["---", *["--:"] * 7]
    )
    for module in ROOMS:
        names = [name for name, mutant in MUTANTS.items() if mutant.module == module]
        seen = Counter(by(LINES[name]) for name in names if name in LINES and LINES[name].caught)
        asked = {*that_can_see(f"acpool.{module}"), LAST}
        text += row(
            f"`{module}`",
            len(exempt().get(module, {})),
            len(names),
            seen.total(),
            *(seen[column] if column in asked else "·" for column in COLUMNS),
        )
    return text


def broken() -> str:
    times = Counter(broken for line in LINES.values() for broken, _ in line.seen.values() if broken)
    return ", ".join(f"{what} {number}" for what, number in times.most_common()) + ".\n"


def exemptions() -> str:
    return (
        row("guard", "why it has no mutant")
        + row("---", "---")
        + "".join(
            row(f"`{name.replace('|', chr(92) + '|')}`", why)
            for table in exempt().values()
            for name, why in table.items()
        )
    )


def general() -> str:
    text = row("module", "places", "run", "caught", "open", "score", "") + row(*["---", *["--:"] * 5, "---"])
    for one in [*RESULTS, total()]:
        text += row(
            f"`{one.room}`" if one.room in EVERY else one.room,
            one.places - one.unusable,
            one.run,
            one.caught,
            len(one.open),
            f"{one.score:.1%}",
            "all of it" if one.is_whole else "a part of it, drawn",
        )
    left = [f"`{room}`" for room in EVERY if room not in {one.room for one in RESULTS}]
    return text + (f"\nNot run at all: {', '.join(left)}.\n" if left else "")


def total() -> Result:
    """The sums of the rooms that were run."""
    return Result(
        "all of these",
        sum(one.places for one in RESULTS),
        sum(one.run for one in RESULTS),
        sum(one.caught for one in RESULTS),
        sum(one.unusable for one in RESULTS),
        (),
        tuple(undecided for one in RESULTS for undecided in one.open),
    )


def undecided() -> str:
    lines = total().open
    return (
        row("open", "what is changed")
        + row("---", "---")
        + "".join(row(f"`{name}`", f"`{what.replace('|', chr(92) + '|')}`") for name, what in lines)
        if lines
        else "None.\n"
    )


def survivors() -> str:
    lines = [survivor for one in RESULTS for survivor in one.survivors]
    return (
        row("survivor", "what is changed", "why nobody sees it")
        + row("---", "---", "---")
        + "".join(
            row(f"`{name}`", f"`{what.replace('|', chr(92) + '|')}`", EXPLAINED[explanation_key(name, what)])
            for name, what in lines
        )
    )


PAGE = Page(
    ROOT / "docs" / "mutation.md",
    BY,
    {
        "score": score,
        "rooms": rooms,
        "broken": broken,
        "exemptions": exemptions,
        "general": general,
        "survivors": survivors,
        "open": undecided,
    },
)
README = Page(ROOT / "README.md", BY, {"mutants": score})


def test_the_page_is_what_came_of_it() -> None:
    assert PAGE.filled(PAGE.read()) == PAGE.read()


def test_the_readme_has_the_score() -> None:
    assert README.filled(README.read()) == README.read()


def test_every_survivor_is_explained_and_nothing_else() -> None:
    survived = {explanation_key(name, what) for one in RESULTS for name, what in one.survivors}
    assert survived == set(EXPLAINED)
    assert all(len(why.split()) > 3 for why in EXPLAINED.values())


def test_results_say_what_was_run() -> None:
    assert [one.room for one in RESULTS], "nothing was run"
    for one in RESULTS:
        assert one.run - one.caught == len(one.survivors), one.room
        assert 0 < one.run + one.unusable <= one.places, one.room


def test_the_page_types_no_figure() -> None:
    text = re.sub(r"<!-- generated.*?<!-- end of [\w-]+ -->", "", PAGE.read(), flags=re.DOTALL)
    assert re.findall(r"[^\n]*\b\d+\b[^\n]*", re.sub(r"`[^`]*`", "", text)) == []


if __name__ == "__main__":
    PAGE.write()
    README.write()
