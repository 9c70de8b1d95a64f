"""A file that is one JSON object: read member by member with a sentence for whatever does not fit, written whole or not at all.

Reading one never runs code. What is refused is named with its line, what was found there, and what was expected.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from acpool_spec.json_places import line_of, lines_of
from acpool_spec.strict_json import Malformed, describe, parse_object
from acpool_spec.targets import BadInput

MAX_BYTES = 16 * 2**20

Step = str | int
"""The name of a member, or the number of an element from 0."""

_KINDS: dict[type[object], str] = {
    str: "a text",
    list: "a list",
    dict: "a JSON object",
    int: "a whole number",
    bool: "true or false",
}


def object_text(members: dict[str, Any]) -> str:
    """``members`` as the text of a file, in the order in which they are given."""
    return json.dumps(members, indent=1, ensure_ascii=False) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write ``text``; folders are made, and an older file of that name is replaced whole or not at all.

    What is no file, or a link to one, stays what it is and is written to: /dev/stdout, a pipe.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A lone surrogate, as in an exception's message, has no UTF-8: JSON's own escape stands for it.
    data = text.encode("utf-8", "backslashreplace")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_text(path: Path, expected: str) -> str:
    """The text of the file at ``path``, of ``MAX_BYTES`` at most. Raises :class:`BadInput`; ``expected``: what it should be."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path}: larger than {MAX_BYTES} bytes; expected {expected}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}, line {line}: found bytes that are not UTF-8; expected {expected}") from error


class JsonObject:
    """The members of one JSON object, each looked at before it is used. ``place``: the file, or what stands for it."""

    def __init__(self, text: str, place: str, expected: str) -> None:
        """Raises :class:`BadInput` when ``text`` is no JSON object; ``expected``: what it should be."""
        self.place = place
        self._text = text
        try:
            self.members = parse_object(text)
        except Malformed as error:
            cause = error.__cause__
            line = f", line {cause.lineno}" if isinstance(cause, json.JSONDecodeError) else ""
            raise BadInput(
                f"{place}{line}: found {error.found}; expected {expected}, which is one JSON object"
            ) from error

    def require_format(self, name: str, version: int) -> None:
        """Raises :class:`BadInput` unless it says that it is of this format and version."""
        if self.members.get("format") != name:
            raise self.refusal(repr(name), "format")
        if self.member(int, "version") != version:
            raise self.refusal(f"{version}, the one version that this program reads", "version")

    def member(self, kind: type[object], *path: Step) -> Any:
        """The value at ``path``, which is a ``kind``. Raises :class:`BadInput`."""
        value: Any = self._at(path)
        if type(value) is not kind:
            raise self.refusal(_KINDS[kind], *path)
        return value

    def some_texts(self, *path: Step) -> tuple[str, ...]:
        """The texts in the list at ``path``, one at least. Raises :class:`BadInput`."""
        value = self._at(path)
        listed = cast("list[object]", value) if isinstance(value, list) else []
        texts = tuple(member for member in listed if isinstance(member, str))
        if not texts or len(texts) < len(listed):
            raise self.refusal("a list of at least one text", *path)
        return texts

    def _at(self, path: tuple[Step, ...]) -> object:
        value: object = self.members
        for step in path:
            value = _inside(value, step)
        return value

    def texts(self, *path: Step, expected: str) -> tuple[str, ...]:
        """The texts in the list at ``path``; the first that is none is refused by its number."""
        listed: list[object] = self.member(list, *path)
        for number, value in enumerate(listed):
            if not isinstance(value, str):
                raise self.refusal(expected, *path, number)
        return tuple(cast("list[str]", listed))

    def lines(self, *path: Step) -> tuple[int, ...]:
        """The line, from 1, of each element of the list at ``path``."""
        return lines_of(self._text, *path)

    def refusal(self, expected: str, *path: Step) -> BadInput:
        """The error about the value at ``path``, which is not what was ``expected``."""
        value = self._at(path)
        found = "missing" if value is _MISSING else describe(value)
        line = line_of(self._text, *path)
        where = f"{self.place}, line {line}" if line is not None else self.place
        return BadInput(f"{where}: {_named(path)} is {found}; expected {expected}")


_MISSING = object()


def _inside(value: object, step: Step) -> object:
    if isinstance(value, dict):
        return cast("dict[Step, object]", value).get(step, _MISSING)
    return cast("list[object]", value)[cast("int", step)] if isinstance(value, list) else _MISSING


def _named(path: tuple[Step, ...]) -> str:
    """The value at ``path`` in words: an element of ``decisions`` is ``decision 1``."""
    *above, last = path
    if isinstance(last, int):
        return f"{str(above[-1]).removesuffix('s')} {last + 1}"
    if not above:
        return f"member {last!r}"
    of = _named(tuple(above)) if isinstance(above[-1], int) else repr(above[-1])
    return f"member {last!r} of {of}"
