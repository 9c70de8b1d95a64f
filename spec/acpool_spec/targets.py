"""Names of pools under test, ``module:factory``, and what they stand for."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import acpool_spec
from acpool_spec.events import PoolFacts
from acpool_spec.fakes import FakeConnector, Outside
from acpool_spec.loop import DeterministicLoop
from acpool_spec.making import FactoryFailed, clip, make_pool, said
from acpool_spec.recorder import Recorder
from acpool_spec.sources import digest_of_modules
from acpool_spec.world import PoolFactory

OURS = ("acpool_spec.reference:default", "acpool_spec.reference:patient")
_CHECKER = (
    *("clients", "driven", "fakes", "lanes", "loop", "recorder", "tasks", "timers", "world"),
    *("refinement/direction", "refinement/puppet"),
)


class BadInput(Exception):
    """The input cannot be used; the message is one sentence that says what, where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Target:
    """One pool under test.

    ``name``: ``module:factory``. ``reclaims``: its ``cleanup_idle`` may take old leases back (the factory says so with an
    attribute ``reclaims_leases``; :func:`~acpool_spec.making.stated` says what else it may say).
    """

    name: str
    factory: PoolFactory
    reclaims: bool

    @property
    def digest(self) -> str:
        """Digest of the source of the pool: of its factory's module, and of all that this one is made of."""
        return digest_of_modules([self.name.partition(":")[0]])


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


def load_target(name: str, source: str = "--pool") -> Target:
    """Import the pool called ``module:factory``, which ``source`` asks for.

    Raises :class:`BadInput` when there is none that can be judged, whatever its code does.
    """
    place = f"{source} {clip(repr(name), 200)}"
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise BadInput(f"{place}: expected module:factory, such as acpool_spec.pools.merged:factory")
    with _blaming(f"{place}: module {clip(repr(module_name), 200)} cannot be imported"):
        if "" not in sys.path:
            sys.path.insert(0, "")  # a pool in the working directory is found, as by ``python -m``
        module = importlib.import_module(module_name)
    found: Any = module
    with _blaming(
        f"{place}: module {clip(repr(module_name), 200)} cannot be asked for {clip(repr(attribute))}"
    ):
        for part in attribute.split("."):
            found = getattr(found, part, None)
        usable, reclaims = callable(found), bool(getattr(found, "reclaims_leases", False))
    if not usable:
        raise BadInput(
            f"{place}: module {clip(repr(module_name), 200)} has no callable {clip(repr(attribute))}"
        )
    _require_pool(place, found)
    return Target(name, cast(PoolFactory, found), reclaims)


@contextmanager
def _blaming(place: str) -> Generator[None, None, None]:
    """Say in one sentence what a stranger's code raises inside; Ctrl-C goes through."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadInput(f"{place}: {said(error)}") from error


def _require_pool(place: str, factory: Any) -> None:
    """Make one pool, with a loop running as in every run, and see whether it has the operations."""
    loop = DeterministicLoop()
    connector = FakeConnector(Outside(Recorder(loop.time, PoolFacts(max_sessions=1)), agents_load=True))
    with loop.running():
        try:
            make_pool(factory, connector, 1)
        except FactoryFailed as error:
            raise BadInput(f"{place}: {error}") from error
        finally:
            loop.dispose()
