"""Pages with parts that are generated, so that no figure, table or picture on them is typed.

A part stands between two comments, which no reader sees::

    <!-- generated: NAME by SCRIPT -->
    what SCRIPT makes
    <!-- end of NAME -->

or within a line: ``<!-- generated: NAME by SCRIPT -->12<!-- end of NAME -->``. Several scripts may share a page, each with
parts of its own. A script is a test file: as a test it compares the page with what it makes, and run as a script it writes
the page. See ``tests/checker/test_spec_page.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"<!-- (?:generated: (?P<name>[\w-]+) by (?P<by>\S+)|end of (?P<end>[\w-]+)) -->")


class PageError(ValueError):
    """The marks on a page do not fit each other, or not the parts that its script makes: mend the page or the script."""


@dataclass(frozen=True)
class Page:
    """The page at ``path``, of which the script ``by`` makes ``parts``, each by its name.

    ``by`` is what the marks say: the script's path from the root of the repository. A part whose mark ends its line is whole
    lines, and what makes it ends with a newline.
    """

    path: Path
    by: str
    parts: Mapping[str, Callable[[], str]]

    def read(self) -> str:
        """The page as it is."""
        return self.path.read_text(encoding="utf-8")

    def filled(self, text: str) -> str:
        """``text`` with the parts of this script made anew and nothing else changed.

        Raises PageError where marks do not fit each other, or where not each part of this script has exactly one place.
        """
        done = 0
        pieces: list[str] = []
        found: list[str] = []
        for place in places(text):
            if place.by == self.by:
                if place.name not in self.parts:
                    raise PageError(f"{self.by} does not make {place.name}")
                found.append(place.name)
                pieces += text[done : place.begin], self.parts[place.name]()
                done = place.end
        if sorted(found) != sorted(self.parts):
            raise PageError(f"the page has places for {sorted(found)}, {self.by} makes {sorted(self.parts)}")
        return "".join([*pieces, text[done:]])

    def write(self) -> None:
        """Makes the parts of this script anew in the file. Raises PageError as ``filled`` does; then the file is as it was."""
        self.path.write_text(self.filled(self.read()), encoding="utf-8")


@dataclass(frozen=True)
class Place:
    """The part ``name`` of a text, made by the script ``by``: what lies in ``text[begin:end]``, the marks aside."""

    name: str
    by: str
    begin: int
    end: int


def places(text: str) -> Iterator[Place]:
    """The generated parts of ``text``, in order. Raises PageError where marks do not fit each other."""
    marks = _MARK.finditer(text)
    seen: set[str] = set()
    for mark in marks:
        name, by = mark["name"], mark["by"]
        if name is None:
            raise PageError(f"{mark['end']} ends and has not begun")
        if name in seen:
            raise PageError(f"{name} has two places")
        seen.add(name)
        begin = mark.end() + text.startswith("\n", mark.end())
        closing = next(marks, None)
        if closing is None or closing["end"] != name:
            raise PageError(f"{name} has no end")
        yield Place(name, by, begin, closing.start())


def by_hand(text: str) -> str:
    """What of ``text`` nobody generates. Raises PageError where marks do not fit each other."""
    done = 0
    pieces: list[str] = []
    for place in places(text):
        pieces.append(text[done : place.begin])
        done = place.end
    return _MARK.sub("", "".join([*pieces, text[done:]]))
