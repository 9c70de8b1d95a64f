"""What our pool tells of its steps, offered to whoever collects what runs have covered."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from acpool import PoolEvent

COLLECTOR = ("acpool_spec.exploration.coverage", "covered")


class Steps:
    """The atomic steps of one pool, each offered together with the one before it. Beside the run: no part of its state."""

    def __init__(self, covered: Callable[[Hashable], object]) -> None:
        self._covered = covered
        self._before = ""

    def __call__(self, event: PoolEvent) -> None:
        """The pool took a step."""
        step = f"{event.action} ({event.cause})" if event.cause else event.action
        self._covered(("pool", self._before, step))
        self._before = step

    def canonical_state(self) -> object:
        """Nothing: the pool does not read it."""
        return None


def listen(factory: Any) -> Any:
    """``factory``, with a listener on its pools where they tell of their steps (it says so with ``tells_steps``) and somebody
    collects them."""
    covered = collector()
    if covered is None or not getattr(factory, "tells_steps", False):
        return factory
    return partial(factory, on_event=Steps(covered))


def collector() -> Callable[[Hashable], object] | None:
    """The function that takes a feature of the run in progress, None where there is none."""
    module, name = COLLECTOR
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return None
