"""Every exhibit, in the order of the list: the historical pools first, then the single races by their numbers."""

from __future__ import annotations

from acpool_spec.making import clip
from acpool_spec.naming import near
from acpool_spec.races.catalogue import cancellations, capacity, historical, lives, real
from acpool_spec.races.exhibit import Exhibit
from acpool_spec.targets import BadInput


def _order(exhibit: Exhibit) -> int:
    return exhibit.row if isinstance(exhibit.row, int) else 0


_FAMILIES = (historical, capacity, lives, real, cancellations)
EXHIBITS: tuple[Exhibit, ...] = tuple(
    sorted((exhibit for family in _FAMILIES for exhibit in family.EXHIBITS), key=_order)
)
BY_NAME = {exhibit.id: exhibit for exhibit in EXHIBITS}


def exhibit_of(name: str) -> Exhibit:
    """The exhibit called ``name``. Raises :class:`BadInput` where there is none, with what may have been meant."""
    if name not in BY_NAME:
        meant = " or ".join(_meant(name)) or "one that acpool races lists"
        raise BadInput(f"no exhibit is called {clip(repr(name))}; expected {meant}")
    return BY_NAME[name]


def _meant(name: str) -> list[str]:
    """The exhibits of a row or of a property, or those whose ids are nearest to ``name``; none where nothing is near."""
    word = name.strip().lower()
    same = [exhibit.id for exhibit in EXHIBITS if word in (str(exhibit.row), exhibit.property_id.lower())]
    return same or near(word.replace("_", "-").replace(" ", "-"), BY_NAME)
