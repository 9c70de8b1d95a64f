"""States of the pool kept small: every key and every client that occurs is numbered once, and a state is a few numbers."""

from __future__ import annotations

from collections.abc import Hashable
from struct import Struct
from typing import TypeVar

from acpool_model.explore import Packing
from acpool_model.state import Client, Key, State

P = TypeVar("P", bound=Hashable)


def interning(keys: int, clients: int) -> Packing[State]:
    """A packing for the states of one scope: 4 bytes for each number, key and client, and what is interned once.

    Few different keys and clients occur in many states. ``unpack`` takes what this ``pack`` gave.
    """
    plain = len(State._fields) - 2  # the two last fields are the keys and the clients
    layout = Struct(f"<{plain + keys + clients}I")
    key_numbers: dict[Key, int] = {}
    client_numbers: dict[Client, int] = {}
    key_parts: list[Key] = []
    client_parts: list[Client] = []

    def pack(state: State) -> bytes:
        of_keys = [_number(key, key_numbers, key_parts) for key in state.keys]
        of_clients = [_number(client, client_numbers, client_parts) for client in state.clients]
        return layout.pack(*state[:plain], *of_keys, *of_clients)

    def unpack(packed: bytes) -> State:
        found: tuple[int, ...] = layout.unpack(packed)
        of_keys = tuple([key_parts[at] for at in found[plain : plain + keys]])
        of_clients = tuple([client_parts[at] for at in found[plain + keys :]])
        return State._make((*found[:plain], of_keys, of_clients))

    return Packing(pack, unpack)


def _number(part: P, numbers: dict[P, int], parts: list[P]) -> int:
    found = numbers.setdefault(part, len(parts))
    if found == len(parts):
        parts.append(part)
    return found
