"""Who waits, and for whom a slot is kept, as in ``acpool_model/places.py``, over views."""

from __future__ import annotations

from typing import Any

from acpool_model.state import (
    Dying,
    Phase,
)
from acpool_spec.proofs.any_keys.view import View


def waits(view: View, number: Any, at: Any) -> Any:
    """Whether a client waits for a key."""
    client = view.client(number)
    return (client.phase == Phase.WAITING) & (client.key == at)


def first_waiter(view: View, at: Any) -> Any:
    """The client who has waited for the longest; 0: nobody."""
    return view.domain.first_client(
        lambda number: waits(view, number, at),
        lambda one, other: view.client(one).arrival < view.client(other).arrival,
    )


def heir_of(view: View, at: Any) -> Any:
    """The key that was promised the slot of ``at``; 0: none."""
    return view.domain.first_key(lambda number: view.key(number).source == at, lambda one, other: one != one)


def is_spare(view: View, at: Any) -> Any:
    """Whether the dying process of ``at`` leaves a slot that nobody was promised."""
    unpromised = view.domain.all_keys(lambda number: view.key(number).source != at)
    return (view.key(at).dying != Dying.NOTHING) & unpromised
