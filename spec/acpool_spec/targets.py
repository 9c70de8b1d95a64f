"""Names of pools under test, ``module:factory``, and what they stand for."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import acpool_spec
from acpool_spec.fakes import FakeConnector, Outside
from acpool_spec.recorder import Recorder
from acpool_spec.world import PoolFactory

OURS = ("acpool_spec.reference:default", "acpool_spec.reference:patient")
_REQUIRED = ("get_or_create", "with_connection", "cleanup_idle", "shutdown")
_CHECKER = ("clients", "fakes", "lanes", "loop", "recorder", "tasks", "timers", "world")


class BadInput(Exception):
    """The input cannot be used; the message is one sentence that says what, where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Target:
    """One pool under test.

    ``name``: ``module:factory``. ``reclaims``: its ``cleanup_idle`` may take old leases back (the factory says so with an
    attribute ``reclaims_leases``).
    """

    name: str
    factory: PoolFactory
    reclaims: bool

    @property
    def digest(self) -> str:
        """Digest of the source of the pool: of its module, and of the modules beside it in the same package."""
        module = sys.modules[self.name.partition(":")[0]]
        path = Path(inspect.getfile(module))
        files = (
            sorted(path.parent.glob("*.py")) if module.__package__ and path.name != "__init__.py" else [path]
        )
        if self.name in OURS:
            files = [
                path,
                *sorted(Path(inspect.getfile(importlib.import_module("acpool"))).parent.glob("*.py")),
            ]
        return digest_of(files)


def checker_digest() -> str:
    """Digest of the source that gives a decision its meaning: the loop, the clients and the outside world."""
    root = Path(inspect.getfile(acpool_spec)).parent
    return digest_of([root / f"{name}.py" for name in _CHECKER])


def digest_of(files: list[Path]) -> str:
    """Digest of the contents of ``files``, in their order: 16 hexadecimal digits."""
    sums = hashlib.blake2b(digest_size=8)
    for file in files:
        sums.update(hashlib.blake2b(file.read_bytes()).digest())
    return sums.hexdigest()


def load_target(name: str) -> Target:
    """Import the pool called ``module:factory``. Raises :class:`BadInput` when there is none that can be judged."""
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise BadInput(f"--pool {name!r}: expected module:factory, such as acpool_spec.pools.merged:factory")
    try:
        if "" not in sys.path:
            sys.path.insert(0, "")  # a pool in the working directory is found, as by ``python -m``
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the module does, it is not this program's failure
        raise BadInput(
            f"--pool {name!r}: module {module_name!r} cannot be imported: {_said(error)}"
        ) from error
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise BadInput(f"--pool {name!r}: module {module_name!r} has no callable {attribute!r}")
    _require_pool(name, found)
    return Target(name, cast(PoolFactory, found), bool(getattr(found, "reclaims_leases", False)))


def _require_pool(name: str, factory: Any) -> None:
    """Make one pool, outside any loop if it lets us, and see whether it has the operations."""
    from acpool_spec.events import PoolFacts
    from acpool_spec.loop import DeterministicLoop

    loop = DeterministicLoop()
    connector = FakeConnector(Outside(Recorder(loop.time, PoolFacts(max_sessions=1)), agents_load=True))
    with loop.running():
        try:
            pool: Any = factory(connector, max_sessions=1)
        except (Exception, SystemExit) as error:
            raise BadInput(
                f"--pool {name!r}: factory(connector, max_sessions=1) failed: {_said(error)}"
            ) from error
        finally:
            loop.dispose()
    missing = [operation for operation in _REQUIRED if not callable(getattr(pool, operation, None))]
    if missing:
        raise BadInput(
            f"--pool {name!r}: the pool it makes lacks {', '.join(missing)}; expected {', '.join(_REQUIRED)}"
        )


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
