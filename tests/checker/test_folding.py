"""Columns of a terminal: texts of wide characters are folded and clipped by what they take there."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from acpool_spec.folding import fit, fold


@pytest.mark.parametrize("word", ["plain", "会話", "😀", "e\u0301", "会a話"])
@pytest.mark.parametrize("width", [20, 21, 60])
def test_no_line_is_wider_and_nothing_is_lost(word: str, width: int) -> None:
    text = " ".join([word] * 12 + [word * 9])
    lines = fold(text, width, "1  ", "     ", 99)
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("1  ") and all(line.startswith("     ") for line in lines[1:])
    assert "".join(lines)[1:].replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("word", ["plain", "会話"])
def test_what_does_not_fit_ends_with_an_ellipsis(word: str) -> None:
    lines = fold(" ".join([word] * 40), 21, "", "  ", 3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert max(map(cell_len, lines)) <= 21


def test_to_fit_is_to_take_exactly_so_many_columns() -> None:
    assert fit("abc", 5) == "abc  "
    assert fit("会話会話", 6) == "会話 …"  # half of a wide one cannot stand there
    assert fit("会話会", 6) == "会話会"
    assert {cell_len(fit(text, 7)) for text in ("", "a", "会話会話会話", "a会話会話", "x" * 50)} == {7}
