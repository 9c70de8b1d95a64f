"""What a campaign is about: the scopes of a family, found by the name of its module, and the pool that they are made for."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import acpool_spec
from acpool_spec.exploration import Report
from acpool_spec.making import clip, said
from acpool_spec.simulation import Cancellable, Mode, Scenario
from acpool_spec.sources import digest_of_modules
from acpool_spec.targets import BadInput, Target, digest_of, load_target
from acpool_spec.world import PoolFactory

FAMILY = "acpool_spec.scopes"
"""The module whose scopes are explored where no other is named."""
PROFILES = ("pr", "nightly")
_NEEDED = ("PoolScope", "scenario_of", "cancellable", "profile")
_REPLAYED = ("driven", "lanes", "loop", "outside", "simulation", "tasks", "timers")


class Scope(Protocol):
    """What a campaign needs to know of a scope; ``name`` is unique, and ``PoolScope.parse(name)`` is the scope again."""

    @property
    def name(self) -> str:
        """Unique and readable."""
        ...

    @property
    def mode(self) -> Mode:
        """``fifo`` or ``reordered``."""
        ...

    @property
    def cancellations(self) -> int:
        """How many cancellations of a caller there may be in a run."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """A family of scopes: the four names that its module has to have.

    ``conclude``, where it has that as well, is given the scenario, the report of its exploration, and how to explore it again;
    what it returns is the report: for what shows in all runs together only.
    """

    module: str
    parse: Callable[[str], Scope]
    scenario_of: Callable[[Scope, PoolFactory], Scenario]
    cancellable: Cancellable
    profile: Callable[[str], Sequence[Scope]]
    conclude: Callable[[Any, Report, Callable[[], Report]], Report] | None = None

    def scope(self, name: str, source: str = "scope") -> Scope:
        """The scope called ``name``. Raises :class:`BadInput` where there is none; ``source`` says who asked for it."""
        try:
            return self.parse(name)
        except BadInput as error:
            raise BadInput(f"{source} {clip(repr(name), 200)}: {error}") from error
        except (ValueError, LookupError) as error:
            raise BadInput(f"{source} {clip(repr(name), 200)}: {said(error)}") from error


@dataclass(frozen=True, slots=True)
class Subject:
    """A pool, and the scopes to explore it in."""

    family: Family
    target: Target

    @property
    def digest(self) -> str:
        """Digest of all the code that a result depends on: the pool's, that of the scopes, the checker's."""
        return _digest(self.target, self.family.module)

    def scenario(self, scope: Scope) -> Scenario:
        """The scenario of ``scope``, with this pool."""
        return self.family.scenario_of(scope, self.target.factory)

    def about(self, scope: Scope) -> dict[str, str]:
        """Where a schedule of ``scope`` comes from, so that its scenario can be made again."""
        return {
            "scopes": self.family.module,
            "scope": scope.name,
            "pool": self.target.name,
            "digest": self.target.digest,
            "checker": checker_digest(),
        }


def load_family(module: str, source: str = "--scopes") -> Family:
    """Import the family of scopes that lies in ``module``. Raises :class:`BadInput` where there is none."""
    place = f"{source} {clip(repr(module), 200)}"
    try:
        found: Any = importlib.import_module(module)
        parts = {name: getattr(found, name, None) for name in _NEEDED}
        parse = getattr(parts["PoolScope"], "parse", None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadInput(f"{place}: cannot be imported: {said(error)}") from error
    missing = [name for name, value in parts.items() if not callable(value)]
    if missing or not callable(parse):
        raise BadInput(
            f"{place}: has no {', '.join(missing) or 'PoolScope.parse'}; expected a family of scopes"
        )
    return Family(
        module,
        cast("Callable[[str], Scope]", parse),
        cast("Callable[[Scope, PoolFactory], Scenario]", parts["scenario_of"]),
        cast("Cancellable", parts["cancellable"]),
        cast("Callable[[str], Sequence[Scope]]", parts["profile"]),
        getattr(found, "conclude", None),
    )


@lru_cache(maxsize=16)
def subject_of(family: str, pool: str) -> Subject:
    """The subject of these names, loaded once in a process. Raises :class:`BadInput`."""
    return Subject(load_family(family), load_target(pool))


def python_version() -> str:
    """Major and minor version: between others, asyncio may take other steps."""
    return ".".join(platform.python_version_tuple()[:2])


def checker_digest() -> str:
    """Digest of the source that gives a decision of a scenario its meaning."""
    root = Path(inspect.getfile(acpool_spec)).parent
    return digest_of([root / f"{name}.py" for name in _REPLAYED])


@lru_cache(maxsize=16)  # asked for before every unit, and it reads a hundred files
def _digest(target: Target, family: str) -> str:
    sums = hashlib.blake2b(digest_size=8)
    for part in (target.digest, digest_of_modules([family]), _machinery()):
        sums.update(part.encode())
    return sums.hexdigest()


def _machinery() -> str:
    """Digest of the whole checker, the known-bad pools aside: what is counted depends on most of it."""
    root = Path(inspect.getfile(acpool_spec)).parent
    return digest_of(sorted(file for file in root.rglob("*.py") if "pools" not in file.parts))
