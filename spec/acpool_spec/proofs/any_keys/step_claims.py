"""The properties of steps, quantified over any number of keys and clients, and what rounds of serving may change.

As in ``acpool_model/step_invariants.py`` and ``acpool_spec/proofs/serving.py``, by the same names. ``nothing_left_to_give`` is
the part of L3 that holds only between steps; ``nothing_to_give``, all of it that is proved here, is enough for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acpool_model.actions import Action, Kind
from acpool_model.state import Answer, Key, Phase, Stage
from acpool_spec.proofs.any_keys.claims import implies
from acpool_spec.proofs.any_keys.queues import is_spare
from acpool_spec.proofs.any_keys.terms import choose, no
from acpool_spec.proofs.any_keys.view import View
from acpool_spec.proofs.serving import in_line, same_client, same_use, waits_for_itself


def of_the_step(before: View, action: Action, after: View) -> dict[str, Any]:
    """What must hold of a step, by property id."""
    keys, clients = before.domain.all_keys, before.domain.all_clients
    full = (before.taken == before.capacity) & keys(
        lambda at: no((before.key(at).stage == Stage.IDLE) & (before.key(at).alive != 0))
    )
    return {
        "S4": keys(lambda at: _keeps_its_holder(before.key(at), action, after.key(at))),
        "S8": clients(lambda number: implies(_is_refused(before, action, after, number), full)),
        "S9": keys(
            lambda a: keys(
                lambda b: implies(
                    (a != b)
                    & _evicted(before.key(a), after.key(a))
                    & _stays_idle(before.key(b), after.key(b)),
                    (before.key(a).used < before.key(b).used) | _is_one_of(action.kind, _ASKED_FOR),
                )
            )
        ),
        "L4": clients(
            lambda a: clients(lambda b: implies(_before_in_queue(before, after, a, b), _not_served(after, b)))
        )
        & keys(
            lambda a: keys(
                lambda b: implies(_before_in_line(before, after, a, b), after.key(b).stage <= Stage.QUEUED)
            )
        ),
    }


def given(before: View, after: View) -> dict[str, Any]:
    """What holds of any number of rounds between the two states, by what it is about."""
    keys, clients = before.domain.all_keys, before.domain.all_clients

    def each(says: Callable[[Key, Key], Any]) -> Any:
        return keys(lambda at: says(before.key(at), after.key(at)))

    return {
        "callers stay": clients(lambda number: same_client(before.client(number), after.client(number))),
        "leases stay": each(lambda old, new: implies(old.stage == Stage.LEASED, same_use(old, new))),
        "idle means untouched": each(lambda old, new: implies(new.stage == Stage.IDLE, same_use(old, new))),
        "victims are fair": keys(
            lambda a: keys(
                lambda b: implies(
                    (a != b)
                    & (before.key(a).stage == Stage.IDLE)
                    & (before.key(a).alive != 0)
                    & (after.key(a).stage != Stage.IDLE)
                    & (after.key(b).stage == Stage.IDLE),
                    before.key(a).used < after.key(b).used,
                )
            )
        ),
        "absent stays": each(lambda old, new: implies(old.stage == Stage.ABSENT, new.stage == Stage.ABSENT)),
        "the line stays": each(
            lambda old, new: implies(in_line(new), in_line(old) & (old.arrival == new.arrival))
        ),
        "promises come last": (before.taken <= after.taken)
        & (before.capacity == after.capacity)
        & keys(lambda at: _promised_last(before, after, at)),
        "the line is served in order": keys(
            lambda a: keys(
                lambda b: implies(_before_in_line(before, after, a, b), after.key(b).stage == Stage.QUEUED)
            )
        ),
        "nothing to give changes nothing": implies(
            nothing_to_give(before),
            (before.capacity == after.capacity)
            & (before.queueing == after.queueing)
            & (before.taken == after.taken)
            & each(
                lambda old, new: (
                    (old.stage == new.stage) & (old.source == new.source) & (old.dying == new.dying)
                )
            ),
        ),
    }


def steady(before: View, after: View) -> dict[str, Any]:
    """What an action leaves as it was, for the rounds after it."""
    keys = before.domain.all_keys
    return {
        "touched means served": keys(
            lambda at: implies(
                _stays_idle(before.key(at), after.key(at)), same_use(before.key(at), after.key(at))
            )
        )
        | nothing_to_give(after),
        "the line is left to serving": keys(
            lambda at: implies(
                before.key(at).stage == Stage.QUEUED,
                (after.key(at).stage == Stage.ABSENT)
                | ((after.key(at).stage == Stage.QUEUED) & (before.key(at).arrival == after.key(at).arrival)),
            )
        ),
    }


def nothing_left_to_give(view: View) -> Any:
    """No creation in line could have a slot or the promise of one, and none is without where none may wait for one."""
    return nothing_to_give(view) & view.domain.all_keys(
        lambda at: implies(view.key(at).stage == Stage.QUEUED, view.queueing != 0)
    )


def nothing_to_give(view: View) -> Any:
    """No creation in line could have a slot or the promise of one: what no round of serving changes."""
    keys = view.domain.all_keys
    nothing_spare = keys(lambda at: no((view.key(at).stage == Stage.IDLE) | is_spare(view, at)))
    return keys(lambda at: implies(view.key(at).stage == Stage.QUEUED, nothing_spare)) & keys(
        lambda at: implies(in_line(view.key(at)) & (view.key(at).source != at), view.taken == view.capacity)
    )


def lowers_ungiven(before: View, after: View) -> Any:
    """Whether less is left to give to creations in line: no sum is needed.

    Some key has less left; if one has more, it is 1 more, of no other key, and some key has at least 2 less.
    """
    keys = before.domain.all_keys

    def more(at: Any) -> Any:
        return _ungiven(after.key(at), at) - _ungiven(before.key(at), at)

    def alone(at: Any) -> Any:
        return keys(lambda other: implies(other != at, more(other) <= 0))

    two_less = no(keys(lambda at: more(at) > -2))
    return no(keys(lambda at: more(at) >= 0)) & keys(
        lambda at: implies(more(at) > 0, (more(at) == 1) & alone(at) & two_less)
    )


def _ungiven(key: Key, at: Any) -> Any:
    """How much is still to be given to one key, at most, as in ``acpool_model/inductive.py``."""
    others = (key.stage == Stage.PROMISED) & (key.source != at)
    return choose(key.stage == Stage.QUEUED, 3, choose(others, 2, 0))


_ASKED_FOR = (Kind.EXPIRE, Kind.RESET, Kind.SHUT, Kind.REVOKE)
_TAKEN_BACK = (Kind.RESET, Kind.RECLAIM, Kind.REVOKE)


def _is_one_of(kind: Any, kinds: tuple[int, ...]) -> Any:
    """Not ``in``: the kind may be a term."""
    found = kind == kinds[0]
    for other in kinds[1:]:
        found = found | (kind == other)
    return found


def _keeps_its_holder(old: Key, action: Action, new: Key) -> Any:
    return implies(
        (old.stage == Stage.LEASED) & (old.alive != 0),
        ((new.stage == Stage.LEASED) & (new.holder == old.holder))
        | (old.holder == action.client)
        | _is_one_of(action.kind, _TAKEN_BACK),
    )


def _is_refused(before: View, action: Action, after: View, number: Any) -> Any:
    asked = (before.client(number).phase == Phase.WAITING) | (number == action.client)
    return (after.client(number).answer == Answer.EXHAUSTED) & asked


def _evicted(old: Key, new: Key) -> Any:
    return (old.stage == Stage.IDLE) & (old.alive != 0) & (new.stage < Stage.IDLE)


def _stays_idle(old: Key, new: Key) -> Any:
    return (old.stage == Stage.IDLE) & (new.stage == Stage.IDLE)


def _before_in_queue(before: View, after: View, one: Any, other: Any) -> Any:
    """Whether two wait for one lease, the ``one`` for longer, who still does."""
    first, second = before.client(one), before.client(other)
    return (
        (first.phase == Phase.WAITING)
        & (second.phase == Phase.WAITING)
        & (first.key == second.key)
        & (first.arrival < second.arrival)
        & (after.client(one).phase == Phase.WAITING)
    )


def _not_served(after: View, number: Any) -> Any:
    return after.client(number).phase != Phase.GRANTED


def _before_in_line(before: View, after: View, one: Any, other: Any) -> Any:
    """Whether two are in line without a promise, the ``one`` for longer, which still is."""
    first, second = before.key(one), before.key(other)
    return (
        (first.stage == Stage.QUEUED)
        & (second.stage == Stage.QUEUED)
        & (first.arrival < second.arrival)
        & (after.key(one).stage == Stage.QUEUED)
    )


def _promised_last(before: View, after: View, at: Any) -> Any:
    """Who was promised another key's slot may lose it, but only before all slots are taken, when promises are given."""
    old, new = before.key(at), after.key(at)
    return (
        implies(waits_for_itself(old, at), waits_for_itself(new, at))
        & implies((old.stage == Stage.PROMISED) & (new.stage == Stage.QUEUED), before.taken < before.capacity)
        & implies(
            (old.stage == Stage.QUEUED) & (new.stage == Stage.PROMISED) & no(waits_for_itself(new, at)),
            after.taken >= after.capacity,
        )
    )
