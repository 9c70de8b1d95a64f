"""Frames that differ in the numbers of keys and clients alone: one of them is looked at.

Nothing depends on which number is whose, so what is proved of a decision in one of them is so in the others. The key and the
client that a decision is about keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

from acpool_spec.proofs.decisions.frames import Frame


def stands_for_its_like(frame: Frame, keys: int, clients: int) -> bool:
    """Whether ``frame`` is the least of those that it becomes when all but the first ``keys`` and ``clients`` are renumbered."""
    return all(frame <= image for image in images(frame, keys, clients))


def images(frame: Frame, keys: int, clients: int) -> Iterator[Frame]:
    """``frame`` renumbered in every way that keeps the first ``keys`` and ``clients``."""
    for key_order, client_order in product(
        _orders(len(frame.keys), keys), _orders(len(frame.clients), clients)
    ):
        new_key = {old: new for new, old in enumerate(key_order, 1)} | {0: 0}
        new_client = {old: new for new, old in enumerate(client_order, 1)} | {0: 0}
        yield frame._replace(
            keys=tuple(
                [
                    key._replace(source=new_key[key.source], holder=new_client[key.holder])
                    for key in [frame.keys[old - 1] for old in key_order]
                ]
            ),
            clients=tuple(
                [
                    client._replace(key=new_key[client.key])
                    for client in [frame.clients[old - 1] for old in client_order]
                ]
            ),
        )


def _orders(number: int, fixed: int) -> Iterator[tuple[int, ...]]:
    """The old number of each new one."""
    first = tuple(range(1, fixed + 1))
    for rest in permutations(range(fixed + 1, number + 1)):
        yield first + rest
