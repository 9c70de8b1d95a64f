"""Which modules a pool is made of: its factory's, and every other one of the pool's own that importing this one brings in.

What a module imports is read from its source, wherever the import stands, and from its globals, where modules, classes and
functions of others lie that it came by in another way. Where a module lies is asked of the import system without importing
it. So the answer does not depend on what else this process has imported.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType

_CHECKER = "acpool_spec"
_POOLS = ("acpool_spec.pools", "acpool_spec.races.pools")
_ALWAYS = ("acpool",)  # also where it is installed as a distribution
_INSTALLED = {"site-packages", "dist-packages"}


def digest_of_modules(roots: list[str]) -> str:
    """Digest of the names and the sources of what ``roots`` are made of, by name: 16 hexadecimal digits."""
    sums = hashlib.blake2b(digest_size=8)
    for name, source in sorted(sources_of(roots).items()):
        sums.update(hashlib.blake2b(name.encode()).digest() + hashlib.blake2b(source).digest())
    return sums.hexdigest()


def sources_of(roots: list[str]) -> dict[str, bytes]:
    """The source of every module that ``roots`` are made of, by its name; empty for one that has no file.

    The standard library, what is installed beside the pool, and the checker are no part of it; ``roots`` are, whatever they
    are, with their packages, and so is ``acpool``.
    """
    owned = {*_ALWAYS, *(root.partition(".")[0] for root in roots)} - {_CHECKER}
    return {name: _source(spec) for name, spec in _modules(roots, owned).items()}


def files_of(roots: list[str]) -> dict[str, str]:
    """The files of the modules that ``roots`` are made of, by the modules' names, as code objects name them."""
    owned = {*_ALWAYS, *(root.partition(".")[0] for root in roots)} - {_CHECKER}
    modules = _modules(roots, owned)
    return {
        name: spec.origin for name, spec in modules.items() if spec is not None and spec.origin is not None
    }


def _modules(roots: list[str], owned: set[str]) -> dict[str, ModuleSpec | None]:
    specs: dict[str, ModuleSpec | None] = {}
    found: dict[str, ModuleSpec | None] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        spec = _spec(name, specs)
        if name in found or not (name in roots or _belongs(name, spec, owned)):
            continue
        found[name] = spec
        source = _source(spec)
        package = spec is not None and spec.submodule_search_locations is not None
        for other in (*_imports(source, name, package), *_globals(name)):
            waiting += _with_parents(other)
        waiting += _with_parents(name)
    return found


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _spec(name: str, known: dict[str, ModuleSpec | None]) -> ModuleSpec | None:
    """Where the module called ``name`` is, None where there is no such module. Nothing is imported."""
    if name not in known:
        parent = name.rpartition(".")[0]
        above = _spec(parent, known) if parent else None
        inside = above.submodule_search_locations if above is not None else None
        path = list(inside) if inside is not None else None
        nowhere = bool(parent) and path is None
        finders = [] if nowhere else sys.meta_path
        found = (finder.find_spec(name, path) for finder in finders)
        known[name] = next((spec for spec in found if spec is not None), None)
    return known[name]


def _belongs(name: str, spec: ModuleSpec | None, owned: set[str]) -> bool:
    if spec is None or spec.origin is None or not spec.has_location:
        return False
    if name.partition(".")[0] == _CHECKER:
        return any(name == package or name.startswith(f"{package}.") for package in _POOLS)
    if name.partition(".")[0] in owned:
        return True
    path = Path(spec.origin)
    return not (_INSTALLED & set(path.parts)) and not any(map(path.is_relative_to, _standard_library()))


def _standard_library() -> list[str]:
    return [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]


def _source(spec: ModuleSpec | None) -> bytes:
    if spec is None or spec.origin is None or not spec.has_location:
        return b""
    try:
        return Path(spec.origin).read_bytes()
    except OSError:
        return b""


@lru_cache(maxsize=1024)
def _imports(source: bytes, name: str, package: bool) -> tuple[str, ...]:
    """The names that ``source`` imports, and what they may be submodules of."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # not Python: an extension module, say
        return ()
    here = name if package else name.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                try:
                    base = importlib.util.resolve_name("." * node.level + base, here)
                except ImportError:  # beyond the top of the package: it was not imported so
                    continue
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(found)


def _globals(name: str) -> Iterator[str]:
    """The modules of what lies in the globals of the module called ``name``, apart from its own submodules."""
    module = sys.modules.get(name)
    values: list[object] = list(vars(module).values()) if module is not None else []
    for value in values:
        # By its type alone: isinstance() would ask the object, and proxies answer with errors.
        kind = type(value)
        if issubclass(kind, (ModuleType, FunctionType, type)):
            where = "__name__" if issubclass(kind, ModuleType) else "__module__"
            other: object = getattr(value, where, None)
        else:
            continue
        # A package has its submodules among its globals, those too that somebody else imported.
        if isinstance(other, str) and other and not other.startswith(f"{name}."):
            yield other
