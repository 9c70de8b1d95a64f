"""Which names somebody may have meant who typed one that there is not."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 3


def near(name: str, known: Iterable[str]) -> list[str]:
    """The ``known`` names that are most like ``name``, three at most, the most alike first; none where nothing is near."""
    return get_close_matches(name, list(known), n=_MOST)
