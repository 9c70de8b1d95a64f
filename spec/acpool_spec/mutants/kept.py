"""What came of each generated mutant, kept as it is known, a line each, so that a run goes on where it was ended.

A line is the mutant's name, the digest of what it changes, and what came of it: ``caught`` with the strategy and what it saw
broken; ``survived`` with the digest of everything that looked for it; ``unusable`` where it cannot be imported; ``open``, with
the same digest, where only what is cheap has looked, and has not seen it. The last line of a mutant counts, and a line that was
not written to its end does not.

A mutant is found by its room and its digest. What was caught is not looked for again while the function that it changes is as it
was; what survived, while nothing that looks for it has changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import acpool_spec
from acpool_spec.mutants.mutant import PACKAGES, folder_of
from acpool_spec.mutants.room_tests import folders_of, repository

CAUGHT: Final = "caught"
SURVIVED: Final = "survived"
UNUSABLE: Final = "unusable"
OPEN: Final = "open"
FINAL: Final = (CAUGHT, SURVIVED, UNUSABLE)
"""What is decided; a mutant that is open was looked for by what is cheap alone."""
_HEAD: Final = "# mutant digest outcome: caught by a strategy, what was broken; survived what looked for it; open; unusable"


class Kept(NamedTuple):
    """What came of one mutant; ``by``: the strategy that caught it, or the digest of what did not; ``broken``: what it saw."""

    name: str
    digest: str
    outcome: str
    by: str = ""
    broken: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by: its room, and the digest of what it changes."""
        return self.name.partition(":")[0], self.digest

    def __str__(self) -> str:
        return " ".join(part.replace(" ", "_") for part in self if part)


Known = dict[tuple[str, str], Kept]


def read(file: Path) -> Known:
    """What is kept in ``file``, which need not be there. Raises ``ValueError`` for a line of another kind."""
    if not file.exists():
        return {}
    found: Known = {}
    lines = file.read_text(encoding="utf-8").split("\n")
    for line in lines[:-1]:  # the last ends in nothing, or was not written to its end
        if line and not line.startswith("#"):
            kept = _kept(line)
            found[kept.key] = kept
    return found


def _kept(line: str) -> Kept:
    parts = line.split(" ")
    if not 3 <= len(parts) <= len(Kept._fields) or parts[2] not in (*FINAL, OPEN):
        raise ValueError(f"{line!r}: expected a mutant, a digest and what came of it, such as {CAUGHT}")
    name, digest, outcome, by, broken = [*parts, *[""] * (len(Kept._fields) - len(parts))]
    return Kept(name, digest, outcome, by, broken.replace("_", " "))


def add(file: Path, kept: Kept) -> None:
    """Write one line at the end, below a line that was not written to its end."""
    with file.open("a+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        if end:
            stream.seek(end - 1)
            if stream.read(1) != b"\n":
                stream.write(b"\n#\n")
        stream.write(f"{kept}\n".encode())


def write(file: Path, known: Iterable[Kept]) -> None:
    """Write all of it anew, whole or not at all."""
    new = file.with_name(f".{file.name}.new")
    new.write_text("\n".join([_HEAD, *map(str, known), ""]), encoding="utf-8")
    new.replace(file)


def looking_for(package: str, module: str) -> str:
    """A digest of everything that takes part in looking for a mutant of ``<package>.<module>``: the packages and its tests."""
    root = repository()
    folders = [*map(folder_of, PACKAGES), Path(str(acpool_spec.__file__)).parent]
    if root is not None:
        folders += folders_of(f"{package}.{module}", root)
    digest = hashlib.blake2b(digest_size=6)
    for folder in folders:
        for file in sorted(
            path for path in folder.rglob("*") if path.suffix in (".py", ".json", ".toml", ".txt")
        ):
            digest.update(f"{folder.name}/{file.relative_to(folder)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def is_fresh(kept: Kept | None, looking: str) -> bool:
    """Whether what was kept of a mutant still says what would come of it."""
    return kept is not None and (kept.outcome in (CAUGHT, UNUSABLE) or kept.by == looking)


def of_room(known: Mapping[tuple[str, str], Kept], room: str) -> list[Kept]:
    """What is kept of the mutants of one room."""
    return [kept for (of, _), kept in known.items() if of == room]
