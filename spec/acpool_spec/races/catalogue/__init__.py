"""Every exhibit, in the order of the list: the historical pools first, then the single races by their numbers."""

from __future__ import annotations

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
    """The exhibit called ``name``. Raises :class:`BadInput` where there is none."""
    if name not in BY_NAME:
        raise BadInput(f"no exhibit is called {name!r}; expected one that acpool races lists")
    return BY_NAME[name]
