"""What is finished, kept in a file: one line of JSON for each unit, on the disk before anything is built on it.

The first line says what the results are about. A file may end in the middle of a line, where whoever wrote it was killed: that
line is dropped, and its unit is explored again. Reading one runs nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acpool_spec.campaign.results import Result, Unit, prefix_of, result_of
from acpool_spec.making import clip
from acpool_spec.strict_json import Malformed, describe, parse_object
from acpool_spec.targets import BadInput

FORMAT = "acpool-campaign"
VERSION = 1


class Journal:
    """The results of a campaign in the file at ``path``, which nobody else may write meanwhile.

    ``about``: what they are about, by name. ``finished``: what is in the file already. ``fresh``: forget what is in it.
    Raises :class:`BadInput` for a file that is no journal, that is in use, or that is about something else.
    """

    def __init__(self, path: Path, about: Mapping[str, str], *, fresh: bool = False) -> None:
        self.path = path
        self.finished: dict[Unit, Result] = {}
        self._about = dict(about)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise BadInput(f"{path}: cannot be opened: {error.strerror or error}") from error
        try:
            self._read(fresh)
        except BaseException:
            self.close()
            raise

    def keep(self, unit: Unit, result: Result) -> None:
        """Write one result down; it is on the disk when this returns."""
        self._append({"scope": unit.scope, "prefix": list(unit.prefix), **result.record()})
        self.finished[unit] = result

    def close(self) -> None:
        """Let others write the file."""
        os.close(self._file)

    def _read(self, fresh: bool) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(f"{self.path}: another exploration is writing this journal") from error
        with os.fdopen(os.dup(self._file), "rb") as stream:
            stream.seek(0)
            *lines, torn = stream.read().split(b"\n")
        if lines:
            self._require_mine(lines[0], fresh)
        if fresh or not lines:
            if not lines and torn and not _header(self._about).startswith(torn):
                raise BadInput(
                    f"{self.path}, line 1: found no line of a journal; expected a journal or no file"
                )
            os.ftruncate(self._file, 0)
            self._append({"format": FORMAT, "version": VERSION, **self._about})
            _sync_folder(self.path.parent)
            return
        for number, line in enumerate(lines[1:], start=2):
            self._take(number, line)
        if torn:
            os.ftruncate(self._file, sum(len(line) + 1 for line in lines))

    def _require_mine(self, line: bytes, fresh: bool) -> None:
        try:
            members = parse_object(line.decode("utf-8"))
        except (Malformed, UnicodeDecodeError):
            members = {}
        if members.get("format") != FORMAT or type(members.get("version")) is not int:
            raise BadInput(f"{self.path}, line 1: found no line of a journal; expected a journal or no file")
        if fresh:
            return
        for name, expected in {"version": VERSION, **self._about}.items():
            if members.get(name) != expected:
                raise BadInput(
                    f"{self.path}: the journal was written for another {name}: {describe(members.get(name))}, where this "
                    f"exploration has {clip(str(expected), 200)}; --fresh begins it anew"
                )

    def _take(self, number: int, line: bytes) -> None:
        try:
            record = parse_object(line.decode("utf-8"))
            scope: object = record.pop("scope", None)
            if not isinstance(scope, str):
                raise Malformed(f"the member 'scope' {describe(scope)}", "the name of a scope")
            unit = Unit(scope, prefix_of(record.pop("prefix", None)))
            result = result_of(record)
        except (Malformed, UnicodeDecodeError) as error:
            raise BadInput(f"{self.path}, line {number}: {error}; --fresh begins the journal anew") from error
        if unit in self.finished:
            raise BadInput(
                f"{self.path}, line {number}: {unit} for the second time; --fresh begins the journal anew"
            )
        self.finished[unit] = result

    def _append(self, record: Mapping[str, Any]) -> None:
        data = (json.dumps(record) + "\n").encode()
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)


def _header(about: Mapping[str, str]) -> bytes:
    return json.dumps({"format": FORMAT, "version": VERSION, **about}).encode()


def _sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
