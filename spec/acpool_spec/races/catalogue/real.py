"""Races of real processes and files."""

from __future__ import annotations

from acpool_spec.races.exhibit import Exhibit

EXHIBITS: tuple[Exhibit, ...] = ()
