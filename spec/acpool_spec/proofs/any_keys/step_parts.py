"""The parts that several steps are made of, as in ``acpool_model/transitions.py``, over views."""

from __future__ import annotations

from typing import Any, Final

from acpool_model.state import (
    Answer,
    Dying,
    Key,
    Phase,
    Stage,
    Want,
    has_process,
    is_live,
    is_starting,
)
from acpool_spec.proofs.any_keys.changes import either, seat, tell, tell_all, with_key
from acpool_spec.proofs.any_keys.queues import first_waiter, waits
from acpool_spec.proofs.any_keys.terms import choose
from acpool_spec.proofs.any_keys.view import View

IN_USE: Final = (
    "stage",
    "arrival",
    "source",
    "alive",
    "session",
    "resumed",
    "flag",
    "holder",
    "used",
    "born",
)
"""The fields of a key that say what is in use."""


def begin(view: View, at: Any, *, source: Any = None) -> View:
    """Begin a creation: in line, or promised the slot of ``source``."""
    if source is None:
        return with_key(view, at, stage=Stage.QUEUED, arrival=view.now, source=0)
    return with_key(view, at, stage=Stage.PROMISED, arrival=view.now, source=source)


def abandon(view: View, at: Any) -> View:
    """Defeat a creation."""
    return either(view, is_starting(view.key(at)), lambda: doom(view, at), lambda: vacate(view, at))


def take_out(view: View, at: Any, *, keep: bool = True) -> View:
    """Take a live session out of use."""
    key = view.key(at)
    kept = with_key(view, at, kept=key.session, kept_flag=key.flag) if keep else view
    doomed = doom(kept, at)
    holder = view.client(key.holder)
    granted = holder.phase == Phase.GRANTED
    taken = holder._replace(phase=choose(granted, Phase.WAITING, Phase.REVOKED))

    def revoked() -> View:
        back = seat(doomed, key.holder, taken)
        return either(
            view, granted & (view.open == 0), lambda: tell(back, key.holder, Answer.CLOSED), lambda: back
        )

    out = either(view, key.holder != 0, revoked, lambda: doomed)
    told = tell_all(
        out,
        lambda number: waits(out, number, at) & (out.client(number).want != Want.BOTH),
        Answer.NO_SESSION,
    )
    return either(view, first_waiter(told, at) != 0, lambda: begin(told, at, source=at), lambda: told)


def taken_out(key: Key, began: Any) -> Key:
    """A key after what ``take_out``, of a live session, or ``abandon`` does to it from the tick ``began``."""
    live = is_live(key)
    doomed = live | is_starting(key)
    dying = choose(has_process(key), Dying.CLOSING, Dying.STOPPING)
    return key._replace(
        kept=choose(live, key.session, key.kept),
        kept_flag=choose(live, key.flag, key.kept_flag),
        dying=choose(doomed, dying, key.dying),
        dying_session=choose(doomed, key.session, key.dying_session),
        dying_since=choose(doomed, began + choose(live, 1, 0), key.dying_since),
        **dict.fromkeys(IN_USE, 0),
    )


def doom(view: View, at: Any) -> View:
    """Turn the start or the live process of a key into its dying one."""
    key = view.key(at)
    dying = choose(has_process(key), Dying.CLOSING, Dying.STOPPING)
    return vacate(with_key(view, at, dying=dying, dying_session=key.session, dying_since=view.now), at)


def vacate(view: View, at: Any) -> View:
    """Leave nothing in use for a key."""
    return with_key(view, at, **dict.fromkeys(IN_USE, 0))


def rest(view: View, at: Any) -> View:
    """Hand a free session to the first who waits for its lease; with nobody waiting it is idle."""
    first = first_waiter(view, at)

    def handed() -> View:
        leased = with_key(view, at, stage=Stage.LEASED, holder=first)
        return seat(leased, first, leased.client(first)._replace(phase=Phase.GRANTED))

    return either(view, first != 0, handed, lambda: with_key(view, at, stage=Stage.IDLE))
