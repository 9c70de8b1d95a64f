"""The transitions of the model, as in ``acpool_model/transitions.py``, over views.

Each function is named as there and takes what that one takes. The tests compare ``EFFECTS`` and ``can`` with the model.
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
    has_process,
    is_creating,
    is_live,
    is_starting,
)
from acpool_spec.proofs.any_keys.view import (
    View,
    choose,
    either,
    one_by_one,
    pick,
    seat,
    tell_all,
    with_clients,
    with_key,
)

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


def no(condition: Any) -> Any:
    """``not``, of a condition of Python's or of z3's."""
    return condition ^ True


# -- enabled -----------------------------------------------------------------------------------------------------------


def can(view: View, action: Action) -> Any:
    """Whether an action with the key and the client that it takes is enabled."""
    key, client = view.key(action.key), view.client(action.client)
    match action.kind:
        case Kind.ASK:
            return client.phase == Phase.OUT
        case Kind.LEAVE:
            return (client.phase == Phase.WAITING) | (client.phase == Phase.GRANTED)
        case Kind.BEGIN:
            return client.phase == Phase.GRANTED
        case Kind.RELEASE:
            return (client.phase == Phase.HOLDING) | (client.phase == Phase.REVOKED)
        case Kind.PROMPT:
            return (client.phase == Phase.HOLDING) & (client.prompt == Prompt.NONE)
        case Kind.ANSWERED | Kind.UNANSWERED:
            return client.prompt != Prompt.NONE
        case Kind.SHUT:
            return view.open != 0
        case Kind.REVOKE:
            return (view.open == 0) & no(view.domain.all_keys(lambda at: no(is_live(view.key(at)))))
        case _:
            return _key_can(view, key, action.kind)


def _key_can(view: View, key: Key, kind: int) -> Any:
    match kind:
        case Kind.OPENED:
            return (key.stage == Stage.OPENING) | (key.dying == Dying.STOPPING)
        case Kind.INITIALIZED:
            return key.stage == Stage.INITIALIZING
        case Kind.REFUSED:
            return key.stage == Stage.LOADING
        case Kind.COMMIT:
            return ((key.stage == Stage.LOADING) | (key.stage == Stage.NEW)) & (key.alive != 0)
        case Kind.FAIL:
            return is_starting(key)
        case Kind.DIE:
            return key.alive != 0
        case Kind.STOPPED:
            return key.dying == Dying.STOPPING
        case Kind.CLOSED | Kind.GIVE_UP:
            return key.dying == Dying.CLOSING
        case Kind.EXHAUST:
            return key.stage == Stage.QUEUED
        case _:
            return (view.open != 0) & _operator_can(view, key, kind)


def _operator_can(view: View, key: Key, kind: int) -> Any:
    match kind:
        case Kind.CANCEL:
            return (key.holder != 0) & (view.client(key.holder).prompt == Prompt.RUNNING)
        case Kind.EXPIRE:
            rests_longest = view.domain.all_keys(lambda other: no(_is_older(view, other, key)))
            dead_longest = view.domain.all_keys(
                lambda other: (view.key(other).alive != 0) | no(_is_older(view, other, key))
            )
            return (key.stage == Stage.IDLE) & (rests_longest | ((key.alive == 0) & dead_longest))
        case Kind.RECLAIM:
            buried = view.domain.all_keys(
                lambda other: (view.key(other).stage != Stage.IDLE) | (view.key(other).alive != 0)
            )
            return (key.stage == Stage.LEASED) & buried
        case _:
            return key.stage >= Stage.ABSENT  # RESET


def _is_older(view: View, other: Any, key: Key) -> Any:
    """Whether ``other`` has been idle for longer than ``key``."""
    return (view.key(other).stage == Stage.IDLE) & (view.key(other).used < key.used)


# -- queues ------------------------------------------------------------------------------------------------------------


def waits(view: View, number: Any, at: Any) -> Any:
    """Whether a client waits for a key."""
    client = view.client(number)
    return (client.phase == Phase.WAITING) & (client.key == at)


def first_waiter(view: View, at: Any) -> Any:
    """The client who has waited for the longest; 0: nobody."""
    return view.domain.first_client(
        lambda number: waits(view, number, at),
        lambda one, other: view.client(one).arrival < view.client(other).arrival,
    )


def heir_of(view: View, at: Any) -> Any:
    """The key that was promised the slot of ``at``; 0: none."""
    return view.domain.first_key(lambda number: view.key(number).source == at, lambda one, other: one != one)


def is_spare(view: View, at: Any) -> Any:
    """Whether the dying process of ``at`` leaves a slot that nobody was promised."""
    unpromised = view.domain.all_keys(lambda number: view.key(number).source != at)
    return (view.key(at).dying != Dying.NOTHING) & unpromised


# -- effects -----------------------------------------------------------------------------------------------------------


def tell(view: View, number: Any, answer: int) -> View:
    """End a client's call."""
    return seat(view, number, Client(answer=answer))


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
