"""Where in the text of a JSON file a value stands."""

from __future__ import annotations

import pytest

from acpool_spec.json_places import line_of, lines_of

TEXT = """
{"a": 1, "b":
  [true, "]{\\n",
   {"c": [], "d" : 2.5e3}
  ,null],

 "e":{
 }, "f": ""
}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("a",), 2),
        (("b",), 3),
        (("b", 0), 3),
        (("b", 1), 3),
        (("b", 2), 4),
        (("b", 2, "d"), 4),
        (("b", 3), 5),
        (("e",), 7),
        (("f",), 8),
        (("g",), None),
        (("b", 4), None),
        (("a", "x"), None),
        (("e", "x"), None),
        (("f", 0), None),
    ],
)
def test_the_line_of_a_value(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, *path) == line


def test_the_lines_of_a_list() -> None:
    assert lines_of(TEXT, "b") == (3, 3, 4, 5)
    assert lines_of(TEXT, "e") == lines_of(TEXT, "g") == ()
