"""Every transition of the pool. The rules, which every one of them keeps:

* A slot is taken from the reservation until the process is confirmed dead or given up on; never more than ``capacity`` are.
* A key has one creation or one live session, never both, and at most one dying process. A start begins only with a slot and
  only when the key's dying process is gone.
* Creations without a slot are in line, first come first served; within the step that makes it possible they get a free slot,
  else the promise of the key's own closing one, else that of a session taken out for it, else that of the longest closing one.
  A promise is no more than that: a slot that comes free goes to the first in line who is not waiting for its own key's.
* What is taken out for a creation is idle: a dead session first, else the least recently used.
* A lease goes to the first who waits for it in the very step that frees it; only who holds it can give it back. Whoever was
  handed one that is taken out before its turn has come is still the first of those who wait.
* A session taken out of use is suspended with its reset flag, unless it was reset. Those who asked for a session whatever
  its state start over in its slot; those who asked for that session alone are told that there is none.
* What a defeated start does afterwards is not looked at; only its slot comes back.
* After the shut nothing begins, leases end in closing.

``machine.py`` says when an action is enabled, ``EFFECTS`` what it then does. Every function returns a new state. Each line
that takes effect for the callers is marked ``# LP``. ``at`` is the number of a key, ``number`` that of a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acpool_model.actions import Action, Kind
from acpool_model.places import heir_of, in_line, seat, tell, vacate, waiters, with_key
from acpool_model.state import (
    Answer,
    Client,
    Dying,
    Key,
    Phase,
    Prompt,
    Stage,
    State,
    Want,
    has_process,
    is_creating,
    is_live,
    is_starting,
    slots,
)

EFFECTS: Final[dict[int, Callable[[State, Action], State]]] = {
    Kind.ASK: lambda s, a: ask(s, a.client, a.key, a.arg),
    Kind.LEAVE: lambda s, a: leave(s, a.client),
    Kind.BEGIN: lambda s, a: resume_caller(s, a.client),
    Kind.RELEASE: lambda s, a: release(s, a.client),
    Kind.PROMPT: lambda s, a: begin_prompt(s, a.client),
    Kind.ANSWERED: lambda s, a: end_prompt(s, a.client, answered=True),
    Kind.UNANSWERED: lambda s, a: end_prompt(s, a.client, answered=False),
    Kind.OPENED: lambda s, a: opened(s, a.key),
    Kind.INITIALIZED: lambda s, a: initialized(s, a.key, a.arg),
    Kind.REFUSED: lambda s, a: with_key(s, a.key, stage=Stage.NEW, session=0),
    Kind.COMMIT: lambda s, a: commit(s, a.key),
    Kind.FAIL: lambda s, a: fail(s, a.key),
    Kind.DIE: lambda s, a: with_key(s, a.key, alive=0),
    Kind.STOPPED: lambda s, a: closed(s, a.key, confirmed=True),
    Kind.CLOSED: lambda s, a: closed(s, a.key, confirmed=True),
    Kind.GIVE_UP: lambda s, a: closed(s, a.key, confirmed=False),
    Kind.EXHAUST: lambda s, a: exhaust(s, a.key),
    Kind.CANCEL: lambda s, a: cancel(s, a.key),
    Kind.EXPIRE: lambda s, a: take_out(s, a.key),
    Kind.RECLAIM: lambda s, a: take_out(s, a.key),
    Kind.RESET: lambda s, a: reset(s, a.key),
    Kind.SHUT: lambda s, a: shut(s),
    Kind.REVOKE: lambda s, a: revoke(s),
}
"""What each kind of action does to a state in which it is enabled, before slots are given to creations in line."""


def perform(state: State, action: Action) -> State:
    """The whole step: what the action does, and then, in this one place, what it lets creations in line have."""
    return serve(EFFECTS[action.kind](state, action))


# -- callers -----------------------------------------------------------------------------------------------------------


def ask(state: State, number: int, at: int, want: int) -> State:
    """A client asks for the session of a key: an answer now, a place in a queue, or a refusal."""
    if not state.open:
        return tell(state, number, Answer.CLOSED)
    if is_live(state.keys[at - 1]) and not state.keys[at - 1].alive:
        state = take_out(state, at)
    key = state.keys[at - 1]
    if is_live(key) and want == Want.ANSWER:
        return tell(with_key(state, at, used=state.now), number, Answer.ANSWERED)  # LP get
    if key.stage == Stage.IDLE:
        state = with_key(state, at, stage=Stage.LEASED, holder=number)  # LP acquire
        return seat(state, number, Client(Phase.HOLDING, at, want, state.now))
    if not is_live(key) and not is_creating(key):
        if want == Want.LEASE:
            return tell(state, number, Answer.NO_SESSION)
        if not state.queueing and not has_room(state):
            return tell(state, number, Answer.EXHAUSTED)  # LP exhausted
        state = begin(state, at, source=0)
    return seat(state, number, Client(Phase.WAITING, at, want, state.now))


def leave(state: State, number: int) -> State:
    """A client stops waiting: it gives back what it was granted; a creation that nobody waits for is abandoned."""
    client = state.clients[number - 1]
    if client.phase != Phase.WAITING:
        return release(state, number)
    state = seat(state, number, Client())
    if is_creating(state.keys[client.key - 1]) and not waiters(state, client.key):
        state = abandon(state, client.key)
    return state


def resume_caller(state: State, number: int) -> State:
    """A client runs after the hand-over: it has the lease."""
    return seat(state, number, state.clients[number - 1]._replace(phase=Phase.HOLDING))


def release(state: State, number: int) -> State:
    """A client ends its lease: it goes to the next who waits, or the session rests as the most recently used."""
    client = state.clients[number - 1]
    key = state.keys[client.key - 1]
    state = seat(state, number, Client())
    if not holds(key, number):
        return state  # taken back before
    state = with_key(state, client.key, holder=0, used=state.now)  # LP release
    if not key.alive or not state.open or client.prompt:
        return take_out(state, client.key)
    return rest(state, client.key)


def begin_prompt(state: State, number: int) -> State:
    """The holder sends a prompt."""
    return seat(state, number, state.clients[number - 1]._replace(prompt=Prompt.RUNNING))


def end_prompt(state: State, number: int, *, answered: bool) -> State:
    """The prompt of a client ended; once one was answered to its holder, the reset flag has been delivered."""
    client = state.clients[number - 1]
    if answered and holds(state.keys[client.key - 1], number):
        state = with_key(state, client.key, flag=0)
    if answered and client.phase == Phase.HOLDING:
        state = with_key(
            state, client.key, owed=0
        )  # a ghost, so told by what the client is, not by what the pool believes
    return seat(state, number, client._replace(prompt=Prompt.NONE))


# -- the world ---------------------------------------------------------------------------------------------------------


def opened(state: State, at: int) -> State:
    """The process runs; that of a defeated start is closed at once."""
    state = state._replace(processes=state.processes + 1)
    if state.keys[at - 1].stage == Stage.OPENING:
        return with_key(state, at, stage=Stage.INITIALIZING, alive=1)
    return with_key(state, at, dying=Dying.CLOSING)


def initialized(state: State, at: int, can_load: int) -> State:
    """The agent shook hands: the suspended session is loaded where there is one and the agent can, else a new one made."""
    kept = state.keys[at - 1].kept
    if kept and can_load:
        return with_key(state, at, stage=Stage.LOADING, session=kept)
    return with_key(state, at, stage=Stage.NEW)


def commit(state: State, at: int) -> State:
    """The session is established: everybody who waits for it is answered, or queues for its lease."""
    key = state.keys[at - 1]
    resumed = key.stage == Stage.LOADING
    session = key.session if resumed else state.fresh
    state = state if resumed else state._replace(fresh=state.fresh + 1)
    state = with_key(
        state,
        at,
        stage=Stage.LEASED,  # LP commit
        session=session,
        resumed=int(resumed),
        flag=int((key.kept_flag != 0) | ((key.kept != 0) & (session != key.kept))),
        used=state.now,
        kept=0,
        kept_flag=0,
        owed=int((key.owed != 0) | ((key.established != 0) & (key.established != session))),
        established=session,
    )
    for number in waiters(state, at):
        if state.clients[number - 1].want == Want.ANSWER:
            state = tell(state, number, Answer.ANSWERED)
    return rest(state, at)


def fail(state: State, at: int) -> State:
    """The start failed: everybody who waits for it is told; a suspended session id stays."""
    for number in waiters(state, at):
        state = tell(state, number, Answer.FAILED)
    return vacate(state, at) if state.keys[at - 1].stage == Stage.OPENING else doom(state, at)  # LP fail


def exhaust(state: State, at: int) -> State:
    """``capacity_timeout`` passed for a creation in line."""
    for number in waiters(state, at):
        state = tell(state, number, Answer.EXHAUSTED)
    return vacate(state, at)  # LP exhausted


def closed(state: State, at: int, *, confirmed: bool) -> State:
    """What was dying is gone, or given up on together with its session id: its slot is free."""
    key = state.keys[at - 1]
    if not confirmed:
        state = lose(state, at)
    state = state._replace(processes=state.processes - (key.dying == Dying.CLOSING))
    state = with_key(state, at, dying=Dying.NOTHING, dying_session=0, dying_since=0)
    heir = heir_of(state, at)
    if heir == at:
        return grant(state, at)  # the session's own slot; any other goes to whoever waited first
    return with_key(state, heir, stage=Stage.QUEUED, source=0) if heir else state


def lose(state: State, at: int) -> State:
    """The process given up on may still own its id, which is therefore never resumed; the next caller is told."""
    key = state.keys[at - 1]
    lost = key.dying_session
    if lost and key.established:
        state = with_key(state, at, established=0, owed=1)
    if lost and key.kept:
        state = with_key(state, at, kept=0, kept_flag=1)  # no other id than the lost one (S6)
    return with_key(state, at, relic=lost or key.relic)


# -- the operator ------------------------------------------------------------------------------------------------------


def cancel(state: State, at: int) -> State:
    """The agent is told to end the prompt of the lease."""
    number = state.keys[at - 1].holder
    return seat(state, number, state.clients[number - 1]._replace(prompt=Prompt.CANCELLING))


def reset(state: State, at: int) -> State:
    """Everything about a key is forgotten; a start that runs is defeated and begins again, without the old id."""
    key = state.keys[at - 1]
    state = with_key(state, at, kept=0, kept_flag=0, established=0, owed=0, resets=key.resets + 1)  # LP reset
    if is_live(key):
        return take_out(state, at, keep=False)
    if is_starting(key):
        return begin(abandon(state, at), at, source=at)
    return state


def shut(state: State) -> State:
    """Nothing begins from now on, who waits is told, what is idle is suspended; leases may go on."""
    state = state._replace(open=0)  # LP shut
    for number, client in enumerate(state.clients, 1):
        if client.phase == Phase.WAITING:
            state = tell(state, number, Answer.CLOSED)
    for at, key in enumerate(state.keys, 1):
        if is_creating(key):
            state = abandon(state, at)
        elif key.stage == Stage.IDLE:
            state = take_out(state, at)
    return state


def revoke(state: State) -> State:
    """The deadline of the shutdown passed: every lease that is left is taken back."""
    for at, key in enumerate(state.keys, 1):
        if is_live(key):
            state = take_out(state, at)
    return state


# -- capacity ----------------------------------------------------------------------------------------------------------


def serve(state: State) -> State:
    """Give creations in line, first come first served, a free slot or the promise of one, as long as there is any."""
    while (served := serve_one(state)) is not state:
        state = served
    return state


def serve_one(state: State) -> State:
    """One round: a free slot for the first in line, else a promise for the first without; ``state`` itself: nothing to give."""
    line = in_line(state)
    free = slots(state) < state.capacity
    # Who waits for the dying process of its own key has no use for another slot.
    first = next((n for n in line if state.keys[n - 1].source != n), 0) if free else 0
    if first:
        return give(state, first)
    at = next((n for n in line if state.keys[n - 1].stage == Stage.QUEUED), 0)
    source = source_for(state, at) if at else 0
    return promise(state, at, source) if source else state


def give(state: State, at: int) -> State:
    """Use a free slot for a creation; one whose key has a dying process takes that one's slot, whoever was promised it."""
    if not state.keys[at - 1].dying:
        return grant(state, at)
    displaced = heir_of(state, at)
    if displaced:
        state = with_key(state, displaced, stage=Stage.QUEUED, source=0)
    return promise(state, at, at)


def source_for(state: State, at: int) -> int:
    """Whose slot a creation is promised: its own key's dying process, the victim, the longest dying process; 0: nobody's."""
    spare = unpromised(state)
    if at in spare:
        return at
    return victim(state) or min(spare, key=lambda n: state.keys[n - 1].dying_since, default=0)


def promise(state: State, at: int, source: int) -> State:
    """Promise the slot of ``source``, which is taken out for it if it lives."""
    if is_live(state.keys[source - 1]):
        state = take_out(state, source)  # LP evict
    return with_key(state, at, stage=Stage.PROMISED, source=source)


def has_room(state: State) -> bool:
    """Whether a creation that comes last in line would get a slot, or the promise of one, at once."""
    promised = [key.source for key in state.keys]
    spare = [
        (key.stage == Stage.IDLE)
        | ((key.dying != Dying.NOTHING) & (sum([source == n for source in promised]) == 0))
        for n, key in enumerate(state.keys, 1)
    ]
    return (slots(state) < state.capacity) | any(spare)


def unpromised(state: State) -> list[int]:
    """The keys whose dying process leaves a slot that nobody was promised."""
    promised = [key.source for key in state.keys]
    return [
        n
        for n, key in enumerate(state.keys, 1)
        if (key.dying != Dying.NOTHING) & (sum([source == n for source in promised]) == 0)
    ]


def victim(state: State) -> int:
    """The idle session to take out for a creation: a dead one, else the least recently used; 0: none."""
    idle = [at for at, key in enumerate(state.keys, 1) if key.stage == Stage.IDLE]
    return min(idle, key=lambda at: (state.keys[at - 1].alive, state.keys[at - 1].used), default=0)


def grant(state: State, at: int) -> State:
    """Reserve a free slot for the creation of a key, and begin its start."""
    born = state.keys[at - 1].resets
    return with_key(state, at, stage=Stage.OPENING, arrival=0, source=0, born=born)  # LP reserve


# -- parts of steps ----------------------------------------------------------------------------------------------------


def begin(state: State, at: int, *, source: int) -> State:
    """Begin a creation: in line, or promised the slot of ``source``."""
    stage = Stage.PROMISED if source else Stage.QUEUED
    return with_key(state, at, stage=stage, arrival=state.now, source=source)


def abandon(state: State, at: int) -> State:
    """Defeat a creation, whatever stage it is at."""
    return doom(state, at) if is_starting(state.keys[at - 1]) else vacate(state, at)


def take_out(state: State, at: int, *, keep: bool = True) -> State:
    """Take a live session out of use; ``keep``: suspend it. Its slot stays taken until its process is gone."""
    key = state.keys[at - 1]
    if keep:
        state = with_key(state, at, kept=key.session, kept_flag=key.flag)
    state = doom(state, at)
    if key.holder:
        holder = state.clients[key.holder - 1]
        granted = holder.phase == Phase.GRANTED
        state = seat(state, key.holder, holder._replace(phase=Phase.WAITING if granted else Phase.REVOKED))
        if granted and not state.open:
            state = tell(state, key.holder, Answer.CLOSED)
    for number in waiters(state, at):
        if state.clients[number - 1].want != Want.BOTH:
            state = tell(state, number, Answer.NO_SESSION)
    return begin(state, at, source=at) if waiters(state, at) else state


def doom(state: State, at: int) -> State:
    """Turn the start or the live process of a key into its dying one."""
    key = state.keys[at - 1]
    dying = Dying.CLOSING if has_process(key) else Dying.STOPPING
    state = with_key(state, at, dying=dying, dying_session=key.session, dying_since=state.now)
    return vacate(state, at)


def rest(state: State, at: int) -> State:
    """Hand a free session to the first who waits for its lease, in this step; with nobody waiting it is idle."""
    queue = waiters(state, at)
    if not queue:
        return with_key(state, at, stage=Stage.IDLE)
    state = with_key(state, at, stage=Stage.LEASED, holder=queue[0])  # LP acquire
    return seat(state, queue[0], state.clients[queue[0] - 1]._replace(phase=Phase.GRANTED))


def holds(key: Key, number: int) -> bool:
    """Whether the lease of ``key`` is that of client ``number``."""
    return key.holder == number
