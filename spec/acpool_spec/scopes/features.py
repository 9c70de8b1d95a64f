"""The transitions of the model that our pool takes in a run, offered to the strategy ``coverage``.

The pool is followed through the model anyway (:mod:`acpool_spec.refinement`). Two transitions are told apart by the action and by
what it does to the phases of keys and callers, not by the states that they lead from and to, of which there are too many.
"""

from __future__ import annotations

from acpool_model import Key
from acpool_spec.exploration.coverage import covered, somebody_listens
from acpool_spec.refinement.follower import Follower
from acpool_spec.refinement.transition import Transition


def feature_of(transition: Transition) -> tuple[object, ...]:
    """What the transition does: the action, then each key and each caller whose phase it changes, from what to what."""
    before, after = transition.before, transition.after
    keys = [
        (_phase(one), _phase(other))
        for one, other in zip(before.keys, after.keys, strict=True)
        if _phase(one) != _phase(other)
    ]
    callers = [
        (one.phase, other.phase)
        for one, other in zip(before.clients, after.clients, strict=True)
        if one.phase != other.phase
    ]
    return (transition.action.kind, tuple(sorted(keys)), tuple(sorted(callers)))


def listen(follower: Follower | None) -> None:
    """Tell of every transition that ``follower`` takes, where somebody wants to know of them."""
    if follower is not None and somebody_listens():
        follower.taken = _tell


def _tell(transition: Transition) -> None:
    covered(feature_of(transition))


def _phase(key: Key) -> tuple[int, int, int]:
    return (key.stage, key.dying, key.alive)
