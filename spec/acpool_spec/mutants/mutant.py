"""A mutant of our pool: one guard taken out of one module, or one thing done in another order; as data, applied to the source.

The lists are the TOML files beside this module, one for each module of the pool, and ``exempt.toml``. A table is one mutant:

``keeps``: what the guard is for. ``breaks``: ids of the properties of which one or another goes red without it. And either
``guard``, its name (:mod:`~acpool_spec.mutants.guards`), with ``becomes``, what stands in its place; or ``before`` and ``after``,
lines of the module, the former of which occur once, with ``guard`` where one is gone afterwards.
"""

from __future__ import annotations

import ast
import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import acpool
import acpool_model
from acpool_spec.mutants.guards import guards_of

PACKAGES: Final = {"acpool": acpool, "acpool_model": acpool_model}
ACP: Final = tuple(
    f"acp.{name}"
    for name in (
        *("connection", "connector", "environment", "exits", "lines", "messages", "outstanding"),
        *("permissions", "pipes", "process", "settings", "stderr", "transport", "turns"),
    )
)
"""The modules that talk to real agents."""
ROOMS: Final = ("core", "slots", "pool", "shell", "lease", "closing", "bounds", "observe", "errors", *ACP)
"""The modules of the pool of which every guard has its mutant, or its exemption; no other one has a guard."""


class DoesNotApply(Exception):
    """The mutant says something about the source that is not so; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutant of ``<package>.<module>``; the other members are those of its table."""

    name: str
    module: str
    keeps: str
    breaks: tuple[str, ...]
    guard: str = ""
    becomes: str = ""
    before: str = ""
    after: str = ""
    package: str = "acpool"

    def apply(self, source: str) -> str:
        """The source of the module, mutated. Raises :class:`DoesNotApply`."""
        if not self.before:
            return self._without_guard(source)
        times = source.count(self.before)
        if times != 1:
            raise DoesNotApply(
                f"{self.name}: 'before' occurs {times} times in {self.module}.py; expected once"
            )
        return source.replace(self.before, self.after)

    def digest(self, source: str) -> str:
        """Of the functions that differ, as Python writes them: 12 hexadecimal digits that change with what is mutated."""
        before, after = functions_of(source), functions_of(self.apply(source))
        changed = [f"{name}\n{text}" for name, text in after.items() if before.get(name) != text]
        return hashlib.blake2b("\n".join(changed).encode(), digest_size=6).hexdigest()

    def _without_guard(self, source: str) -> str:
        guard = next((guard for guard in guards_of(source) if guard.name == self.guard), None)
        if guard is None:
            raise DoesNotApply(f"{self.name}: {self.module}.py has no guard {self.guard!r}")
        text = source.encode()
        return (text[: guard.start] + self.becomes.encode() + text[guard.end :]).decode()


def source_of(module: str, package: str = "acpool") -> str:
    """The source of ``<package>.<module>``, such as ``core`` or ``acp.process``, as it is installed."""
    return (folder_of(package) / file_of(module)).read_text(encoding="utf-8")


def file_of(module: str) -> Path:
    """Where a module lies in the folder of its package: ``acp/process.py`` for ``acp.process``."""
    return Path(*module.split(".")).with_suffix(".py")


def folder_of(package: str) -> Path:
    """Where the package is: the pool, or its model."""
    return Path(str(PACKAGES[package].__file__)).parent


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


@lru_cache(maxsize=64)
def functions_of(source: str) -> dict[str, str]:
    """Every function of the module ``source`` that is in no other one, as Python writes it, by its name."""
    return dict(_functions(ast.parse(source), ""))


def _functions(tree: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{place}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield place + node.name, ast.unparse(node)


def _mutant(module: str, name: str, table: Mapping[str, Any]) -> Mutant:
    known = {field.name for field in fields(Mutant)} - {"name", "module", "package"}
    strange = set(table) - known
    if strange:
        raise ValueError(
            f"{module}.toml: {name}: {', '.join(sorted(strange))}: expected {', '.join(sorted(known))}"
        )
    if ("becomes" in table) == ("before" in table) or not table.get("keeps") or not table.get("breaks"):
        raise ValueError(f"{module}.toml: {name}: expected keeps, breaks, and becomes or before")
    text: dict[str, str] = {member: said for member, said in table.items() if member != "breaks"}
    return Mutant(name=name, module=module, breaks=tuple(table["breaks"]), **text)


def _toml(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("acpool_spec.mutants").joinpath(file).read_text(encoding="utf-8"))
