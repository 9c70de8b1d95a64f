"""Bounded lines: whatever the chunks, the same lines; never more than the limit in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acpool.acp.lines import LineSplitter, LineTooLong, LineTruncator


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 7))
def test_lines_do_not_depend_on_the_chunks(lines: list[bytes], chunk: int) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter(20)
    found = [line for at in range(0, len(stream), chunk) for line in splitter.feed(stream[at : at + chunk])]
    assert found == lines


def test_a_line_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    splitter = LineSplitter(4)
    assert list(splitter.feed(b"abcd\nabc")) == [b"abcd"]
    assert list(splitter.feed(b"d")) == []
    with pytest.raises(LineTooLong, match="longer than 4 bytes"):
        list(splitter.feed(b"e"))
    assert list(splitter.feed(b"\nfg\n")) == [b"", b"fg"], "nothing of it was kept"


def test_the_lines_before_a_long_one_are_delivered() -> None:
    lines = LineSplitter(4).feed(b"one\ntwo\nthree\n")
    assert [next(lines), next(lines)] == [b"one", b"two"]
    with pytest.raises(LineTooLong):
        next(lines)


def test_text_is_cut_and_says_so() -> None:
    lines = LineTruncator(4)
    assert list(lines.feed(b"abc\nabcdef\n")) == ["abc", "abcd … (2 bytes more)"]
    assert list(lines.feed(b"gh")) + list(lines.feed(b"ijkl\n")) == ["ghij … (2 bytes more)"]


def test_text_survives_bad_utf8_empty_lines_and_a_missing_newline() -> None:
    lines = LineTruncator(40)
    assert list(lines.feed(b"\n  \n\xff!\r\nrest")) == [r"\xff!"]
    assert list(lines.flush()) == ["rest"]
    assert list(lines.flush()) == []
