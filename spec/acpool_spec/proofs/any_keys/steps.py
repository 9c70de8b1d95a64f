"""What each action does, as in ``acpool_model/transitions.py``, over views.

Each function is named as there and takes what that one takes. The tests compare ``EFFECTS`` with the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from acpool_model.actions import Action, Kind
from acpool_model.state import (
    Answer,
    Client,
    Dying,
    Key,
    Phase,
    Prompt,
    Stage,
    Want,
    is_creating,
    is_live,
    is_starting,
)
from acpool_spec.proofs.any_keys.capacity import grant, has_room
from acpool_spec.proofs.any_keys.changes import (
    either,
    one_by_one,
    seat,
    tell,
    tell_all,
    with_clients,
    with_key,
)
from acpool_spec.proofs.any_keys.queues import first_waiter, heir_of, waits
from acpool_spec.proofs.any_keys.step_parts import abandon, begin, doom, rest, take_out, taken_out, vacate
from acpool_spec.proofs.any_keys.terms import choose
from acpool_spec.proofs.any_keys.view import View


def ask(view: View, number: Any, at: Any, want: int) -> View:
    """A client asks for the session of a key."""

    def asked(view: View) -> View:
        key = view.key(at)
        waiting = Client(Phase.WAITING, at, want, view.now)
        held = with_key(view, at, stage=Stage.LEASED, holder=number)
        return either(
            view,
            is_live(key) & (want == Want.ANSWER),
            lambda: tell(with_key(view, at, used=view.now), number, Answer.ANSWERED),
            lambda: either(
                view,
                key.stage == Stage.IDLE,
                lambda: seat(held, number, Client(Phase.HOLDING, at, want, held.now)),
                lambda: either(
                    view,
                    is_live(key) | is_creating(key),
                    lambda: seat(view, number, waiting),
                    lambda: begun(view),
                ),
            ),
        )

    def begun(view: View) -> View:
        if want == Want.LEASE:
            return tell(view, number, Answer.NO_SESSION)
        line = begin(view, at)
        return either(
            view,
            (view.queueing != 0) | has_room(view),
            lambda: seat(line, number, Client(Phase.WAITING, at, want, line.now)),
            lambda: tell(view, number, Answer.EXHAUSTED),
        )

    key = view.key(at)
    dead = is_live(key) & (key.alive == 0)
    return either(
        view,
        view.open == 0,
        lambda: tell(view, number, Answer.CLOSED),
        lambda: asked(either(view, dead, lambda: take_out(view, at), lambda: view)),
    )


def leave(view: View, number: Any) -> View:
    """A client stops waiting."""
    client = view.client(number)

    def left() -> View:
        gone = seat(view, number, Client())
        alone = first_waiter(gone, client.key) == 0
        return either(
            view, is_creating(gone.key(client.key)) & alone, lambda: abandon(gone, client.key), lambda: gone
        )

    return either(view, client.phase == Phase.WAITING, left, lambda: release(view, number))


def resume_caller(view: View, number: Any) -> View:
    """A client runs after the hand-over."""
    return seat(view, number, view.client(number)._replace(phase=Phase.HOLDING))


def release(view: View, number: Any) -> View:
    """A client ends its lease."""
    client = view.client(number)
    key = view.key(client.key)
    gone = seat(view, number, Client())

    def free() -> View:
        freed = with_key(gone, client.key, holder=0, used=gone.now)
        return either(
            view,
            (key.alive == 0) | (view.open == 0) | (client.prompt != 0),
            lambda: take_out(freed, client.key),
            lambda: rest(freed, client.key),
        )

    return either(view, key.holder == number, free, lambda: gone)


def begin_prompt(view: View, number: Any) -> View:
    """The holder sends a prompt."""
    return seat(view, number, view.client(number)._replace(prompt=Prompt.RUNNING))


def end_prompt(view: View, number: Any, *, answered: bool) -> View:
    """The prompt of a client ended."""
    client = view.client(number)
    holds = view.key(client.key).holder == number
    if answered:
        unflagged = either(view, holds, lambda: with_key(view, client.key, flag=0), lambda: view)
        view = either(
            view,
            client.phase == Phase.HOLDING,
            lambda: with_key(unflagged, client.key, owed=0),
            lambda: unflagged,
        )
    return seat(view, number, client._replace(prompt=Prompt.NONE))


def opened(view: View, at: Any) -> View:
    """The process runs."""
    seen = replace(view, processes=view.processes + 1)
    return either(
        view,
        view.key(at).stage == Stage.OPENING,
        lambda: with_key(seen, at, stage=Stage.INITIALIZING, alive=1),
        lambda: with_key(seen, at, dying=Dying.CLOSING),
    )


def initialized(view: View, at: Any, can_load: int) -> View:
    """The agent shook hands."""
    kept = view.key(at).kept
    return either(
        view,
        (kept != 0) & (can_load != 0),
        lambda: with_key(view, at, stage=Stage.LOADING, session=kept),
        lambda: with_key(view, at, stage=Stage.NEW),
    )


def commit(view: View, at: Any) -> View:
    """The session is established."""
    key = view.key(at)
    resumed = key.stage == Stage.LOADING
    session = choose(resumed, key.session, view.fresh)
    told = with_key(
        replace(view, fresh=choose(resumed, view.fresh, view.fresh + 1)),
        at,
        stage=Stage.LEASED,
        session=session,
        resumed=choose(resumed, 1, 0),
        flag=choose((key.kept_flag != 0) | ((key.kept != 0) & (session != key.kept)), 1, 0),
        used=view.now,
        kept=0,
        kept_flag=0,
        owed=choose((key.owed != 0) | ((key.established != 0) & (key.established != session)), 1, 0),
        established=session,
    )
    answered = tell_all(
        told,
        lambda number: waits(told, number, at) & (told.client(number).want == Want.ANSWER),
        Answer.ANSWERED,
    )
    return rest(answered, at)


def fail(view: View, at: Any) -> View:
    """The start failed."""
    told = tell_all(view, lambda number: waits(view, number, at), Answer.FAILED)
    return either(view, view.key(at).stage == Stage.OPENING, lambda: vacate(told, at), lambda: doom(told, at))


def exhaust(view: View, at: Any) -> View:
    """``capacity_timeout`` passed for a creation in line."""
    return vacate(tell_all(view, lambda number: waits(view, number, at), Answer.EXHAUSTED), at)


def closed(view: View, at: Any, *, confirmed: bool) -> View:
    """What was dying is gone, or given up on."""
    key = view.key(at)
    view = view if confirmed else lose(view, at)
    view = replace(view, processes=view.processes - choose(key.dying == Dying.CLOSING, 1, 0))
    gone = with_key(view, at, dying=Dying.NOTHING, dying_session=0, dying_since=0)
    heir = heir_of(gone, at)
    return either(
        view,
        heir == at,
        lambda: grant(gone, at),
        lambda: either(
            view, heir != 0, lambda: with_key(gone, heir, stage=Stage.QUEUED, source=0), lambda: gone
        ),
    )


def lose(view: View, at: Any) -> View:
    """The id of the process given up on is never resumed."""
    key = view.key(at)
    lost = key.dying_session
    told = either(
        view,
        (lost != 0) & (key.established != 0),
        lambda: with_key(view, at, established=0, owed=1),
        lambda: view,
    )
    dropped = either(
        view, (lost != 0) & (key.kept != 0), lambda: with_key(told, at, kept=0, kept_flag=1), lambda: told
    )
    return with_key(dropped, at, relic=choose(lost != 0, lost, key.relic))


def cancel(view: View, at: Any) -> View:
    """The agent is told to end the prompt of the lease."""
    number = view.key(at).holder
    return seat(view, number, view.client(number)._replace(prompt=Prompt.CANCELLING))


def reset(view: View, at: Any) -> View:
    """Everything about a key is forgotten."""
    key = view.key(at)
    bare = with_key(view, at, kept=0, kept_flag=0, established=0, owed=0, resets=key.resets + 1)
    return either(
        view,
        is_live(key),
        lambda: take_out(bare, at, keep=False),
        lambda: either(view, is_starting(key), lambda: begin(abandon(bare, at), at, source=at), lambda: bare),
    )


def shut(view: View) -> View:
    """Nothing begins from now on, who waits is told, what is idle is suspended; leases may go on."""
    told = tell_all(
        replace(view, open=choose(view.open != 0, 0, view.open)),
        lambda number: view.client(number).phase == Phase.WAITING,
        Answer.CLOSED,
    )
    # Nobody has the lease of what is idle, and nobody waits any more, so what is taken out tells nobody and begins nothing.
    return one_by_one(
        told,
        lambda key: choose(
            key.stage == Stage.IDLE, 3, choose(is_starting(key), 2, choose(is_creating(key), 1, 0))
        ),
        taken_out,
    )


def revoke(view: View) -> View:
    """Every lease that is left is taken back. Nobody waits after the shut, so nothing begins."""

    def granted(number: Any) -> Any:
        return (number != 0) & (view.client(number).phase == Phase.GRANTED)

    def lasts(key: Key) -> Any:
        of_holder = choose(key.holder != 0, 1, 0) + choose(granted(key.holder), 1, 0)
        return choose(is_live(key), 3 + of_holder, 0)

    def holds(number: Any) -> Any:
        key = view.key(view.client(number).key)
        return (view.client(number).key >= 1) & is_live(key) & (key.holder == number)

    out = with_clients(
        one_by_one(view, lasts, taken_out), holds, lambda client: client._replace(phase=Phase.REVOKED)
    )
    return with_clients(
        out, lambda number: holds(number) & granted(number), lambda _: Client(answer=Answer.CLOSED)
    )


EFFECTS: Final[dict[int, Callable[[View, Action], View]]] = {
    Kind.ASK: lambda v, a: ask(v, a.client, a.key, a.arg),
    Kind.LEAVE: lambda v, a: leave(v, a.client),
    Kind.BEGIN: lambda v, a: resume_caller(v, a.client),
    Kind.RELEASE: lambda v, a: release(v, a.client),
    Kind.PROMPT: lambda v, a: begin_prompt(v, a.client),
    Kind.ANSWERED: lambda v, a: end_prompt(v, a.client, answered=True),
    Kind.UNANSWERED: lambda v, a: end_prompt(v, a.client, answered=False),
    Kind.OPENED: lambda v, a: opened(v, a.key),
    Kind.INITIALIZED: lambda v, a: initialized(v, a.key, a.arg),
    Kind.REFUSED: lambda v, a: with_key(v, a.key, stage=Stage.NEW, session=0),
    Kind.COMMIT: lambda v, a: commit(v, a.key),
    Kind.FAIL: lambda v, a: fail(v, a.key),
    Kind.DIE: lambda v, a: with_key(v, a.key, alive=0),
    Kind.STOPPED: lambda v, a: closed(v, a.key, confirmed=True),
    Kind.CLOSED: lambda v, a: closed(v, a.key, confirmed=True),
    Kind.GIVE_UP: lambda v, a: closed(v, a.key, confirmed=False),
    Kind.EXHAUST: lambda v, a: exhaust(v, a.key),
    Kind.CANCEL: lambda v, a: cancel(v, a.key),
    Kind.EXPIRE: lambda v, a: take_out(v, a.key),
    Kind.RECLAIM: lambda v, a: take_out(v, a.key),
    Kind.RESET: lambda v, a: reset(v, a.key),
    Kind.SHUT: lambda v, a: shut(v),
    Kind.REVOKE: lambda v, a: revoke(v),
}
"""What each kind of action does to a view in which it is enabled, before slots are given to creations in line."""
