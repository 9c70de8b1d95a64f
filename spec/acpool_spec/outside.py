"""What simulated code may ask of the outside world: a choice, or something that may happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from acpool_spec.driven import Offer
from acpool_spec.loop import running_loop
from acpool_spec.refusals import LoopRefusal

_T = TypeVar("_T")


def choose(values: Iterable[_T]) -> _T:
    """One of ``values``, the outside world decides which; the first is the least strange.

    Raises ``ValueError`` for none, ``TypeError`` for a set (its order differs from run to run), and
    :class:`LoopRefusal` outside a simulation. Does not wait.
    """
    if isinstance(values, AbstractSet):
        raise TypeError("choose() from a set: its order differs from run to run; sort it first")
    alternatives = values if isinstance(values, Sequence) else tuple(values)
    if not alternatives:
        raise ValueError("choose() from no values")
    chooser = running_loop().chooser
    if chooser is None:
        raise LoopRefusal(
            "choose() on a loop whose scheduler makes no choices: set its chooser, or use simulate()"
        )
    return alternatives[0] if len(alternatives) == 1 else alternatives[chooser(len(alternatives), "value")]


def offer(callback: Callable[..., object], *args: Any, name: str | None = None) -> Offer:
    """Something that may happen outside at any time from now, or never: then ``callback(*args)`` is called.

    Raises :class:`LoopRefusal` outside a simulation. ``cancel()`` of what it returns withdraws it.
    """
    return running_loop().offer(callback, *args, name=name)


async def happens(name: str) -> None:
    """Wait until the outside world lets ``name`` happen: without bound, and for ever if it does not.

    Raises :class:`LoopRefusal` outside a simulation. A cancelled wait withdraws the offer.
    """
    loop = running_loop()
    future = loop.create_future()
    offered = loop.offer(_resolve, future, name=name)
    try:
        await future
    finally:
        offered.cancel()


def _resolve(future: asyncio.Future[None]) -> None:
    # The wait may have been cancelled after the offer was accepted, while this callback was ready.
    if not future.done():
        future.set_result(None)
