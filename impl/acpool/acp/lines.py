"""Lines out of a byte stream that somebody else controls: never more than a bounded part of one is kept."""

from __future__ import annotations

from collections.abc import Iterator


class LineTooLong(ValueError):
    """A line grew beyond the limit; what follows it in the stream cannot be trusted to be framed."""


class LineSplitter:
    """Whole lines of at most ``limit_bytes`` bytes, without their newline."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._partial = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that ``data`` completes; raises :class:`LineTooLong` at a long one."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._extend(piece)
            line = bytes(self._partial)
            self._partial.clear()
            yield line
        self._extend(rest)

    def _extend(self, piece: bytes) -> None:
        if len(self._partial) + len(piece) > self._limit_bytes:
            self._partial.clear()
            raise LineTooLong(f"a line longer than {self._limit_bytes} bytes")
        self._partial += piece


class LineTruncator:
    """Every line, each cut to ``limit_bytes`` bytes; for text that is only shown to people."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._partial = bytearray()
        self._dropped_bytes = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the lines that ``data`` completes."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._extend(piece)
            yield from self.flush()
        self._extend(rest)

    def flush(self) -> Iterator[str]:
        """Yield what is left, at the end of the stream."""
        line = self._partial.decode("utf-8", "backslashreplace").rstrip()
        if self._dropped_bytes:
            line += f" … ({self._dropped_bytes} bytes more)"
        self._partial.clear()
        self._dropped_bytes = 0
        if line:
            yield line

    def _extend(self, piece: bytes) -> None:
        kept = piece[: self._limit_bytes - len(self._partial)]
        self._partial += kept
        self._dropped_bytes += len(piece) - len(kept)
