"""The agent's error output: always drained, so that the agent cannot stall on it, and logged line by line."""

from __future__ import annotations

import asyncio
import logging
from typing import IO

from acpool.acp.lines import LineTruncator
from acpool.acp.pipes import PipeReader

logger = logging.getLogger("acpool.acp")

LINE_BYTES = 4096
LINES_PER_S = 500
SHOWN_LINE_CHARACTERS = 200


class StderrLog:
    """Logs the agent's stderr under ``label`` at ``level``.

    At most ``LINE_BYTES`` of a line and ``LINES_PER_S`` lines in a second; how many were left out is logged
    too.
    """

    def __init__(self, stderr: IO[bytes], label: str, level: int) -> None:
        self._label = label
        self._level = level
        self._loop = asyncio.get_running_loop()
        self._lines = LineTruncator(LINE_BYTES)
        self._last_line = ""
        self._second = self._loop.time()
        self._logged = 0
        self._left_out = 0
        self._reader = PipeReader(stderr, self._on_data, self._on_eof)

    @property
    def last_words(self) -> str:
        """The last line so far, cut, as the end of a sentence; empty when there was none."""
        return f"; its last words: {self._last_line[:SHOWN_LINE_CHARACTERS]!r}" if self._last_line else ""

    def read_rest(self) -> None:
        """Read what an agent that has exited left in the pipe."""
        self._reader.read_available()

    def release(self) -> None:
        """Give the pipe back."""
        self._reader.close()

    def _on_data(self, data: bytes) -> None:
        now = self._loop.time()
        if now - self._second >= 1.0:
            self._second = now
            self._logged = 0
            self._report_left_out()
        for line in self._lines.feed(data):
            self._log(line)

    def _on_eof(self) -> None:
        for line in self._lines.flush():
            self._log(line)
        self._report_left_out()

    def _log(self, line: str) -> None:
        self._last_line = line
        if self._logged < LINES_PER_S:
            self._logged += 1
            logger.log(self._level, "%s: %s", self._label, line)
        else:
            self._left_out += 1

    def _report_left_out(self) -> None:
        if self._left_out:
            logger.log(self._level, "%s: %d lines more of its stderr", self._label, self._left_out)
            self._left_out = 0
