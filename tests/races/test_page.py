"""docs/races.md tells every story as ``acpool races show`` does. Run as a script it writes the page."""

from __future__ import annotations

from pathlib import Path

from acpool_spec.pages import Page
from acpool_spec.races.catalogue import EXHIBITS
from acpool_spec.races.exhibit import Exhibit, Explored, Real, Sampled

ROOT = Path(__file__).parents[2]


def exhibits() -> str:
    """All of them, one after the other."""
    return "\n".join(map(told, EXHIBITS))


def told(exhibit: Exhibit) -> str:
    """One exhibit as a section."""
    number = f"race {exhibit.row}" if isinstance(exhibit.row, int) else "a historical design"
    lines = [
        f"## {exhibit.id}: {exhibit.title}",
        "",
        f"{number.capitalize()}. Breaks **{exhibit.property_id}** ({exhibit.breaks.name}); found {way(exhibit)}.",
        f"Pool: `{exhibit.pool}`.",
        "",
        *exhibit.lines,
        "",
        f"*Avoided by*: {exhibit.avoided_by}.",
    ]
    return "\n".join(lines) + "\n"


def way(exhibit: Exhibit) -> str:
    """How it is found."""
    match exhibit.way:
        case Explored(scope):
            return f"by the explorer in `{scope}`"
        case Sampled(seed, runs):
            return f"by sampling, seed {seed}, within {runs} walks"
        case Real():
            return "on processes"


PAGE = Page(ROOT / "docs" / "races.md", "tests/races/test_page.py", {"exhibits": exhibits})


def test_the_page_tells_every_story() -> None:
    text = PAGE.read()
    assert PAGE.filled(text) == text
    for exhibit in EXHIBITS:
        assert f"## {exhibit.id}: " in text


if __name__ == "__main__":
    PAGE.write()
