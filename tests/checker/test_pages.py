"""Generated parts of pages: filled where their marks are and nowhere else; marks that do not fit are refused.

That the pages of the project are what their scripts make is a test of each script.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from acpool_spec.pages import Page, PageError, by_hand, places

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("spec/**/*.md")]
TEXT = """A page.
<!-- generated: rows by a.py -->
old
<!-- end of rows -->
There are <!-- generated: count by a.py -->9<!-- end of count --> of them.
<!-- generated: other by b.py -->
<!-- end of other -->
"""


def page(tmp_path: Path, *names: str, by: str = "a.py") -> Page:
    return Page(tmp_path / "page.md", by, {name: partial("{} is new\n".format, name) for name in names})


def test_only_what_is_between_the_marks_of_a_script_changes(tmp_path: Path) -> None:
    filled = page(tmp_path, "rows", "count").filled(TEXT)
    assert filled == TEXT.replace("old", "rows is new").replace("9", "count is new\n")
    assert page(tmp_path, "rows", "count").filled(filled) == filled
    assert page(tmp_path, "other", by="b.py").filled(TEXT) == TEXT.replace(
        "b.py -->\n", "b.py -->\nother is new\n"
    )


def test_writing_is_filling_the_file(tmp_path: Path) -> None:
    wanted = page(tmp_path, "rows", "count")
    wanted.path.write_text(TEXT, encoding="utf-8")
    wanted.write()
    assert wanted.read() == wanted.filled(TEXT) != TEXT


def test_a_page_that_does_not_fit_its_script_stays_as_it_was(tmp_path: Path) -> None:
    wanted = page(tmp_path, "rows")
    wanted.path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(PageError, match=r"a\.py does not make count"):
        wanted.write()
    assert wanted.read() == TEXT
    with pytest.raises(PageError, match=r"a\.py makes \['count', 'more', 'rows'\]"):
        page(tmp_path, "rows", "count", "more").filled(TEXT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!-- generated: x by a.py -->1", "x has no end"),
        ("<!-- generated: x by a.py -->1<!-- end of y -->", "x has no end"),
        (
            "<!-- generated: x by a.py --><!-- generated: y by a.py --><!-- end of y --><!-- end of x -->",
            "x has no end",
        ),
        ("1<!-- end of x -->", "x ends and has not begun"),
        ("<!-- generated: x by a.py -->1<!-- end of x -->" * 2, "x has two places"),
    ],
)
def test_marks_that_do_not_fit_are_refused(text: str, why: str) -> None:
    with pytest.raises(PageError, match=why):
        list(places(text))


def test_what_is_made_by_hand_has_no_part_and_no_mark_in_it() -> None:
    assert by_hand(TEXT) == "A page.\n\n\nThere are  of them.\n\n\n"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_part_of_the_pages_has_a_script_that_makes_it(path: Path) -> None:
    """The script fills it, or the script's own test fails: it knows its places by its name."""
    for place in places(path.read_text(encoding="utf-8")):
        script = ROOT / place.by
        assert script.is_file(), place
        assert f'"{place.by}"' in script.read_text(encoding="utf-8"), place
