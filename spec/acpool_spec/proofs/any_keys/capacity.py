"""Who gets a free slot, or the promise of one, as in ``acpool_model/transitions.py``, over views."""

from __future__ import annotations

from typing import Any

from acpool_model.state import (
    Dying,
    Stage,
    is_live,
)
from acpool_spec.proofs.any_keys.changes import either, pick, with_key
from acpool_spec.proofs.any_keys.queues import heir_of, is_spare
from acpool_spec.proofs.any_keys.step_parts import take_out
from acpool_spec.proofs.any_keys.terms import no
from acpool_spec.proofs.any_keys.view import View


def serve_one(view: View) -> View:
    """One round of serving."""

    def queued(number: Any) -> Any:
        return view.key(number).stage == Stage.QUEUED

    def for_any_slot(number: Any) -> Any:
        key = view.key(number)
        return (queued(number) | (key.stage == Stage.PROMISED)) & (key.source != number)

    def came_before(one: Any, other: Any) -> Any:
        return view.key(one).arrival < view.key(other).arrival

    def promised() -> View:
        at = view.domain.first_key(queued, came_before)
        source = pick(view, at != 0, lambda: source_for(view, at), lambda: 0)
        return either(view, source != 0, lambda: promise(view, at, source), lambda: view)

    first = pick(view, has_slot(view), lambda: view.domain.first_key(for_any_slot, came_before), lambda: 0)
    return either(view, first != 0, lambda: give(view, first), promised)


def has_slot(view: View) -> Any:
    """Whether a slot is free."""
    return view.taken < view.capacity


def give(view: View, at: Any) -> View:
    """Use a free slot for a creation."""

    def its_own() -> View:
        displaced = heir_of(view, at)
        return promise(
            either(
                view,
                displaced != 0,
                lambda: with_key(view, displaced, stage=Stage.QUEUED, source=0),
                lambda: view,
            ),
            at,
            at,
        )

    return either(view, view.key(at).dying == Dying.NOTHING, lambda: grant(view, at), its_own)


def source_for(view: View, at: Any) -> Any:
    """Whose slot a creation is promised; 0: nobody's."""

    def another() -> Any:
        evicted = victim(view)
        return pick(view, evicted != 0, lambda: evicted, lambda: longest_dying(view))

    return pick(view, is_spare(view, at), lambda: at, another)


def longest_dying(view: View) -> Any:
    """The key of the dying process for longest, of those whose slot nobody was promised; 0: none."""
    return view.domain.first_key(
        lambda number: is_spare(view, number),
        lambda one, other: view.key(one).dying_since < view.key(other).dying_since,
    )


def promise(view: View, at: Any, source: Any) -> View:
    """Promise the slot of ``source``, which is taken out for it if it lives."""
    out = either(view, is_live(view.key(source)), lambda: take_out(view, source), lambda: view)
    return with_key(out, at, stage=Stage.PROMISED, source=source)


def has_room(view: View) -> Any:
    """Whether a creation that comes last in line would get a slot at once."""
    return has_slot(view) | no(
        view.domain.all_keys(
            lambda number: no((view.key(number).stage == Stage.IDLE) | is_spare(view, number))
        )
    )


def victim(view: View) -> Any:
    """The idle session to take out: a dead one, else the least recently used; 0: none."""

    def before(one: Any, other: Any) -> Any:
        mine, theirs = view.key(one), view.key(other)
        return (mine.alive < theirs.alive) | ((mine.alive == theirs.alive) & (mine.used < theirs.used))

    return view.domain.first_key(lambda number: view.key(number).stage == Stage.IDLE, before)


def grant(view: View, at: Any) -> View:
    """Reserve a free slot for the creation of a key."""
    return with_key(view, at, stage=Stage.OPENING, arrival=0, source=0, born=view.key(at).resets)
