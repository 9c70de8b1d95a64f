"""What must hold of every state of the pool, by property id. Each says what is true; how the pool keeps it true is elsewhere.

Written without branches (``&``, ``|``, ``every``, sums of booleans): a solver then sees one formula instead of many
paths. ``implies(p, q)`` reads as it sounds. Properties of single steps are in ``step_invariants.py``; S12, L1 and L2 are
about whole histories, which the model has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, permutations
from typing import Final

from acpool_model.state import (
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
    slots,
)


def implies(premise: bool, conclusion: bool) -> bool:
    """Whether ``conclusion`` holds where ``premise`` does."""
    return no(premise) | conclusion


def no(term: bool) -> bool:
    """``not term``, which on CPython 3.13 is a branch for a solver."""
    return term ^ True


def every(terms: Iterable[bool]) -> bool:
    """Whether all ``terms`` hold. Not ``all``, which asks one after another whether it is true: a solver wants one formula."""
    found = True
    for term in terms:
        found = found & term
    return found


def well_typed(state: State) -> bool:
    """Whether every number is one that its field can have: not a property of the pool, the premise of all of them."""
    keys = [
        _within(key.stage, Stage.LEASED)
        & _within(key.dying, Dying.CLOSING)
        & _within(key.source, len(state.keys))
        & _within(key.holder, len(state.clients))
        & every([_within(flag, 1) for flag in (key.alive, key.resumed, key.flag, key.kept_flag, key.owed)])
        & every([session >= 0 for session in _sessions(key)])
        for key in state.keys
    ]
    clients = [
        _within(client.phase, Phase.REVOKED)
        & _within(client.key, len(state.keys))
        & _within(client.want, Want.BOTH)
        & _within(client.prompt, Prompt.CANCELLING)
        & ((client.phase == Phase.OUT) == (client.key == 0))
        for client in state.clients
    ]
    pool = (state.capacity >= 1) & _within(state.queueing, 1) & _within(state.open, 1) & (state.fresh >= 1)
    return pool & (state.now >= 1) & every(keys) & every(clients)


def s1_capacity(state: State) -> bool:
    """Neither the slots taken nor the processes alive exceed the capacity (those given up on aside)."""
    return (slots(state) <= state.capacity) & (state.processes <= state.capacity)


def s2_one_process_per_key(state: State) -> bool:
    """No start runs, and no session is in use, beside a dying process of the same key."""
    return every([implies(key.stage >= Stage.OPENING, key.dying == Dying.NOTHING) for key in state.keys])


def s3_one_owner_per_session(state: State) -> bool:
    """No process may own an id that another one may own, not even one given up on; nor is such an id kept for a load."""
    within = [
        _differ(key.session, key.dying_session)
        & _differ(key.session, key.relic)
        & _differ(key.kept, key.relic)
        & every([session < state.fresh for session in _sessions(key)])
        for key in state.keys
    ]
    between = [
        every([_differ(mine, theirs) for mine in _owned(one) for theirs in _owned(other)])
        for one, other in combinations(state.keys, 2)
    ]
    return every(within) & every(between)


def s4_busy_is_not_idle(state: State) -> bool:
    """A session is leased exactly when somebody has its lease, so what is idle disturbs nobody's prompt."""
    return every([(key.stage == Stage.LEASED) == (key.holder != 0) for key in state.keys]) & every(
        [
            implies(client.prompt != Prompt.NONE, _has_begun(client))
            & implies(client.phase == Phase.HOLDING, _holds_somewhere(state, number))
            for number, client in enumerate(state.clients, 1)
        ]
    )


def s5_exclusive_lease(state: State) -> bool:
    """A lease has one holder, and whoever believes to have it has it."""
    held = [
        sum([(client.key == at) & _has_lease(client) for client in state.clients]) == (key.holder != 0)
        for at, key in enumerate(state.keys, 1)
    ]
    believed = [
        implies(_has_lease(client) & (client.key == at), key.holder == number)
        for number, client in enumerate(state.clients, 1)
        for at, key in enumerate(state.keys, 1)
    ]
    return every(held) & every(believed)


def s6_no_session_lost(state: State) -> bool:
    """An established id that was neither dropped nor given up on is in use, or else suspended, under its key.

    No other id is: not even that of a process which is still dying.
    """
    return every(
        [
            implies(is_live(key), (key.session == key.established) & (key.session != 0) & (key.kept == 0))
            & implies(no(is_live(key)), key.kept == key.established)
            & ((key.dying_session == 0) | (key.kept == 0) | (key.dying_session == key.kept))
            for key in state.keys
        ]
    )


def s7_honest_reset_flag(state: State) -> bool:
    """The flag is up exactly while a lost session has not been told of: on the live session, else on what is suspended."""
    return every(
        [
            implies(is_live(key), (key.flag == key.owed) & (key.kept_flag == 0))
            & implies(no(is_live(key)), (key.kept_flag == key.owed) & (key.flag == 0))
            for key in state.keys
        ]
    )


def s9_fair_victim(state: State) -> bool:
    """The idle sessions have an order of last use: no two the same, none in the future."""
    idle = [key.stage == Stage.IDLE for key in state.keys]
    places = range(len(state.keys))
    return every([implies(idle[n], state.keys[n].used < state.now) for n in places]) & every(
        [
            implies(idle[n] & idle[m], state.keys[n].used != state.keys[m].used)
            for n, m in combinations(places, 2)
        ]
    )


def s10_no_leak(state: State) -> bool:
    """Every process is on record, every creation has somebody who waits for it, and nothing is left of what is over."""
    on_record = sum([has_process(key) + (key.dying == Dying.CLOSING) for key in state.keys])
    return (state.processes == on_record) & every(
        [
            implies(is_creating(key), _awaited(state, at))
            & implies((key.stage < Stage.LOADING) | (key.stage == Stage.NEW), key.session == 0)
            & implies(no(has_process(key)), key.alive == 0)
            & implies(key.dying == Dying.NOTHING, key.dying_session == 0)
            & implies(key.stage == Stage.LOADING, (key.session != 0) & (key.session == key.kept))
            for at, key in enumerate(state.keys, 1)
        ]
    )


def s11_no_resurrection(state: State) -> bool:
    """No start and no session is older than the last reset of its key; after the shut nothing is created, idle or awaited."""
    current = [implies(key.stage >= Stage.OPENING, key.born == key.resets) for key in state.keys]
    quiet = [(key.stage == Stage.ABSENT) | (key.stage == Stage.LEASED) for key in state.keys]
    gone = [client.phase != Phase.WAITING for client in state.clients]
    return every(current) & ((state.open != 0) | (every(quiet) & every(gone)))


def l3_no_deadlock(state: State) -> bool:
    """What a creation waits for ends by itself: capacity only while all is leased, starting or promised; a promised slot
    only of a dying process, promised once, and while a slot is free only of its own key's."""
    return nothing_left_to_give(state) & promises_are_sound(state)


def nothing_left_to_give(state: State) -> bool:
    """No creation in line could have a slot or the promise of one; this part of L3 holds only at the end of a step."""
    queued = sum([key.stage == Stage.QUEUED for key in state.keys]) != 0
    others = sum([_in_line(key) & (key.source != at) for at, key in enumerate(state.keys, 1)]) != 0
    return implies(queued, (spare_slots(state) == 0) & (state.queueing != 0)) & implies(
        others, slots(state) == state.capacity
    )


def promises_are_sound(state: State) -> bool:
    """A promised slot is that of a dying process, promised once."""
    promises = [(key.stage == Stage.PROMISED) == (key.source != 0) for key in state.keys]
    sources = [
        (_heirs(state, at) <= 1) & implies(_heirs(state, at) != 0, key.dying != Dying.NOTHING)
        for at, key in enumerate(state.keys, 1)
    ]
    return every(promises) & every(sources)


def spare_slots(state: State) -> int:
    """How many taken slots could be promised: those of idle sessions and of dying processes that nobody was promised."""
    return sum(
        [
            (key.stage == Stage.IDLE) | ((key.dying != Dying.NOTHING) & (_heirs(state, at) == 0))
            for at, key in enumerate(state.keys, 1)
        ]
    )


def l4_no_starvation(state: State) -> bool:
    """Whoever has a lease came before everybody who waits for it; no two of a queue came at once."""
    lease = [
        implies(
            (one.key == other.key) & (other.phase == Phase.WAITING),
            (implies(_has_lease(one), one.arrival < other.arrival))
            & (implies(one.phase == Phase.WAITING, one.arrival != other.arrival)),
        )
        for one, other in permutations(state.clients, 2)
    ]
    capacity = [
        implies(_in_line(one) & _in_line(other), one.arrival != other.arrival)
        for one, other in combinations(state.keys, 2)
    ]
    past = [client.arrival < state.now for client in state.clients] + [
        (key.arrival < state.now) & (key.dying_since < state.now) for key in state.keys
    ]
    return every(lease) & every(capacity) & every(past)


def l5_no_lost_wake_up(state: State) -> bool:
    """Whoever waits has something to wait for: a creation in flight, or a lease that another one has."""
    return every(
        [
            implies(
                (client.phase == Phase.WAITING) & (client.key == at),
                is_creating(key) | (key.stage == Stage.LEASED),
            )
            for client in state.clients
            for at, key in enumerate(state.keys, 1)
        ]
    )


INVARIANTS: Final[dict[str, Callable[[State], bool]]] = {
    "S1": s1_capacity,
    "S2": s2_one_process_per_key,
    "S3": s3_one_owner_per_session,
    "S4": s4_busy_is_not_idle,
    "S5": s5_exclusive_lease,
    "S6": s6_no_session_lost,
    "S7": s7_honest_reset_flag,
    "S9": s9_fair_victim,
    "S10": s10_no_leak,
    "S11": s11_no_resurrection,
    "L3": l3_no_deadlock,
    "L4": l4_no_starvation,
    "L5": l5_no_lost_wake_up,
}
"""Property id → what it says of one state."""


def _sessions(key: Key) -> tuple[int, ...]:
    return key.session, key.kept, key.dying_session, key.established, key.relic


def _owned(key: Key) -> tuple[int, ...]:
    """Those that a process of ``key`` may own or come to own; ``established`` is one of them (S6)."""
    return key.session, key.kept, key.dying_session, key.relic


def _within(value: int, last: int) -> bool:
    return (value >= 0) & (value <= last)


def _differ(one: int, other: int) -> bool:
    """Whether the two are not one id; 0 is none."""
    return (one == 0) | (one != other)


def _has_lease(client: Client) -> bool:
    return (client.phase == Phase.GRANTED) | (client.phase == Phase.HOLDING)


def _has_begun(client: Client) -> bool:
    return (client.phase == Phase.HOLDING) | (client.phase == Phase.REVOKED)


def _holds_somewhere(state: State, number: int) -> bool:
    return sum([key.holder == number for key in state.keys]) == 1


def _awaited(state: State, at: int) -> bool:
    return sum([(client.phase == Phase.WAITING) & (client.key == at) for client in state.clients]) != 0


def _heirs(state: State, at: int) -> int:
    return sum([key.source == at for key in state.keys])


def _in_line(key: Key) -> bool:
    return (key.stage == Stage.QUEUED) | (key.stage == Stage.PROMISED)
