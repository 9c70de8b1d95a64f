"""Steps of the model, each taken once: runs are many, and their transitions few."""

from __future__ import annotations

from typing import Final, NamedTuple

from acpool_model import Action, State, step
from acpool_model.machine import guard, is_well_formed
from acpool_spec.refinement.abstraction import View, comparable
from acpool_spec.refinement.coverage import goals_of
from acpool_spec.refinement.normal import normal

_MOST: Final = 20_000


class Transition(NamedTuple):
    """One step of the model. ``after`` is the state to go on from, ``shown`` what of it is compared with the pool.

    ``goals``: what a run that takes it has seen (:mod:`~acpool_spec.refinement.coverage`).
    """

    before: State
    action: Action
    after: State
    shown: View
    goals: frozenset[str]


_known: dict[tuple[State, Action], Transition] = {}


def take(before: State, action: Action) -> Transition | None:
    """The transition that ``action`` makes from ``before``, which is :func:`normal`; None: it is not enabled."""
    known = _known.get((before, action))
    if known is None:
        if len(_known) >= _MOST:
            _known.clear()
        known = _take(before, action)
        if known is not None:
            _known[before, action] = known
    return known


def _take(before: State, action: Action) -> Transition | None:
    if not is_well_formed(before, action) or not guard(before, action):
        return None
    after = step(before, action)
    ranked = normal(after)
    return Transition(before, action, ranked, comparable(after, ranked), goals_of(before, action, after))
