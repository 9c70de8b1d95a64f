"""Lines of a terminal: texts folded and clipped by the columns that they take, of which some characters take two, or none."""

from __future__ import annotations

from textwrap import wrap

from rich.cells import cell_len, set_cell_size

_MORE = "…"


def fold(text: str, width: int, first: str, rest: str, lines: int) -> list[str]:
    """``text`` in at most ``lines`` lines of ``width`` columns, the first after ``first``, the others after ``rest``."""
    if cell_len(text) == len(text):
        clipped = text[: lines * width]
        return wrap(
            clipped,
            width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
            max_lines=lines,
            placeholder=_MORE,
        )
    found: list[str] = []
    words = text.split(" ")[::-1]
    while words and len(found) < lines:
        line = lead = first if not found else rest
        while words:
            word = words.pop()
            gap = "" if line == lead else " "
            room = width - cell_len(line) - len(gap)
            if cell_len(word) <= room:
                line += gap + word
            elif gap:
                words.append(word)
                break
            else:
                part = set_cell_size(word, room).rstrip(" ")  # no half of a wide one: a space stands there
                line += part
                words.append(word[len(part) :])
                break
        found.append(line)
    if words and found:
        found[-1] = fit(found[-1] + _MORE, width).rstrip()
    return found


def fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` columns: filled up with spaces, or its beginning and an ellipsis."""
    return set_cell_size(text if cell_len(text) <= width else set_cell_size(text, width - 1) + _MORE, width)
