"""A mutant of our pool: one guard taken out of one module, or one thing done in another order; as data, applied to the source.

The lists are the TOML files beside this module, one for each module of the pool, and ``exempt.toml``. A table is one mutant:

``keeps``: what the guard is for. ``breaks``: ids of the properties of which one or another goes red without it. And either
``guard``, its name (:mod:`~acpool_spec.mutants.guards`), with ``becomes``, what stands in its place; or ``before`` and ``after``,
lines of the module, the former of which occur once, with ``guard`` where one is gone afterwards.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final

import acpool
from acpool_spec.mutants.guards import guards_of

ROOMS: Final = ("core", "slots", "pool", "shell", "lease", "closing", "bounds")
"""The modules of the pool of which every guard has its mutant, or its exemption."""


class DoesNotApply(Exception):
    """The mutant says something about the source that is not so; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutant of ``acpool.<module>``; the other members are those of its table."""

    name: str
    module: str
    keeps: str
    breaks: tuple[str, ...]
    guard: str = ""
    becomes: str = ""
    before: str = ""
    after: str = ""

    def apply(self, source: str) -> str:
        """The source of the module, mutated. Raises :class:`DoesNotApply`."""
        if not self.before:
            return self._without_guard(source)
        times = source.count(self.before)
        if times != 1:
            raise DoesNotApply(f"{self.name}: 'before' occurs {times} times in {self.module}.py; expected once")
        return source.replace(self.before, self.after)

    def _without_guard(self, source: str) -> str:
        guard = next((guard for guard in guards_of(source) if guard.name == self.guard), None)
        if guard is None:
            raise DoesNotApply(f"{self.name}: {self.module}.py has no guard {self.guard!r}")
        text = source.encode()
        return (text[: guard.start] + self.becomes.encode() + text[guard.end :]).decode()


def source_of(module: str) -> str:
    """The source of ``acpool.<module>`` as it is installed."""
    return (pool_folder() / f"{module}.py").read_text(encoding="utf-8")


def pool_folder() -> Path:
    """Where the pool is."""
    assert acpool.__file__ is not None
    return Path(acpool.__file__).parent


def declared(rooms: Sequence[str] = ROOMS) -> dict[str, Mutant]:
    """Every declared mutant by its name, in the order of the lists. Raises ``ValueError`` for a list that is none."""
    found: dict[str, Mutant] = {}
    for module in rooms:
        for name, table in _toml(f"{module}.toml").items():
            if name in found:
                raise ValueError(f"{module}.toml: {name}: a mutant of that name is declared already")
            found[name] = _mutant(module, name, table)
    return found


def exempt() -> dict[str, dict[str, str]]:
    """By module, why a guard has no mutant, by its name."""
    return _toml("exempt.toml")


def _mutant(module: str, name: str, table: Mapping[str, Any]) -> Mutant:
    known = {field.name for field in fields(Mutant)} - {"name", "module"}
    strange = set(table) - known
    if strange:
        raise ValueError(f"{module}.toml: {name}: {', '.join(sorted(strange))}: expected {', '.join(sorted(known))}")
    if ("becomes" in table) == ("before" in table) or not table.get("keeps") or not table.get("breaks"):
        raise ValueError(f"{module}.toml: {name}: expected keeps, breaks, and becomes or before")
    return Mutant(name=name, module=module, **{**table, "breaks": tuple(table["breaks"])})


def _toml(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
