"""From a symbolic state of the model to one whose structure is concrete: what the core keeps in dictionaries and links.

Each case is one path of CrossHair: which stage each key is at, what is dying, who waits where, in which order. What the core
only passes on stays symbolic: session ids, flags, the capacity, whether a process lives, how many prompts run. Ticks become
ranks, since they are compared with each other and never computed with (``acpool_model.state``). What the invariant says must
be derived from something else is derived. A state that breaks the invariant in its structure is left out as soon as that is seen;
the obligation ``core-embodied`` proves that no other one is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from acpool_model.invariants import every
from acpool_model.state import Client, Dying, Key, Phase, Prompt, Stage, State, Want, slots

ALL_STAGES: Final = tuple(range(Stage.LEASED + 1))
ALL_DYING: Final = (Dying.NOTHING, Dying.STOPPING, Dying.CLOSING)
ALL_PHASES: Final = tuple(range(Phase.REVOKED + 1))
_IN_LINE: Final = (Stage.QUEUED, Stage.PROMISED)
_NEEDS_NOBODY: Final = (Stage.ABSENT, Stage.IDLE)
_WITH_LEASE: Final = (Phase.GRANTED, Phase.HOLDING)


class Case(NamedTuple):
    """What a decision is about: the stages and dying processes of key 1, the phases of client 1, whether the pool is open."""

    stages: tuple[int, ...] = ALL_STAGES
    dying: tuple[int, ...] = ALL_DYING
    phases: tuple[int, ...] = ALL_PHASES
    open: tuple[int, ...] = (1, 0)
    at_key: bool = False  # whether client 1 is at key 1
    prompting: bool = False  # whether a prompt of client 1 runs


class _Broken(Exception):
    """The state breaks the invariant, or is none of the case."""


def structured(state: State, case: Case) -> State | None:
    """``state`` with concrete structure; None where it is no state of ``case``, or breaks the invariant."""
    try:
        return _structured(state, case)
    except _Broken:
        return None


def _structured(state: State, case: Case) -> State:
    places = range(1, len(state.keys) + 1)
    state = state._replace(open=_pick(state.open, case.open))
    callers = len(state.clients) - (case.phases == (Phase.OUT,))
    keys: list[Key] = []
    fits: list[bool] = []
    for at in places:
        needs_one = sum([key.stage not in _NEEDS_NOBODY for key in keys])
        keys.append(_key(state, at, case, fits, spare_callers=callers - needs_one))
    clients = [_client(state, number, keys, case, fits) for number in range(1, len(state.clients) + 1)]
    keys = [_with_holder(key, at, clients) for at, key in zip(places, keys, strict=True)]
    _check_promises(keys)
    state = state._replace(
        now=1 + max(len(keys), len(clients)),
        processes=sum([(key.stage >= Stage.INITIALIZING) + (key.dying == Dying.CLOSING) for key in keys]),
        keys=tuple(_with_ranks(keys, state)),
        clients=tuple(_in_order(clients)),
    )
    _need(every(fits))
    return _with_capacity(state)


def _need(holds: bool) -> None:
    if not holds:
        raise _Broken


def _pick(value: int, choices: Iterable[int]) -> int:
    """The one of ``choices`` that ``value`` is."""
    for choice in choices:
        if value == choice:
            return choice
    raise _Broken


def _key(state: State, at: int, case: Case, fits: list[bool], *, spare_callers: int) -> Key:
    """The key without its holder and ranks; it is at a stage that needs somebody only if there is somebody to spare.

    ``fits`` gets what has to hold of that which stays symbolic.
    """
    key = state.keys[at - 1]
    stages = case.stages if at == 1 else ALL_STAGES
    if not state.open:
        stages = tuple([stage for stage in stages if stage in (Stage.ABSENT, Stage.LEASED)])  # S11
    if spare_callers <= 0:
        stages = tuple([stage for stage in stages if stage in _NEEDS_NOBODY])
    stage = _pick(key.stage, stages)
    free = stage < Stage.OPENING
    dying = _pick(key.dying, case.dying if at == 1 else ALL_DYING) if free else Dying.NOTHING  # S2
    _need(free or at > 1 or Dying.NOTHING in case.dying)
    source = _pick(key.source, range(1, len(state.keys) + 1)) if stage == Stage.PROMISED else 0
    live = stage >= Stage.IDLE
    kept = kept_flag = session = 0
    if live:
        session = key.session
        fits += [_is_flag(key.resumed), _is_flag(key.flag)]
    elif key.kept != 0:
        kept, kept_flag = key.kept, key.kept_flag
        fits += [kept < state.fresh, _is_flag(kept_flag)]
    else:
        kept_flag = _pick(key.kept_flag, (0, 1))
    if stage == Stage.LOADING:
        _need(key.kept != 0)  # S10
        session = kept
    if stage >= Stage.INITIALIZING:
        fits.append(_is_flag(key.alive))
    lost = key.dying_session if dying == Dying.CLOSING and key.dying_session != 0 else 0
    return key._replace(
        stage=stage,
        arrival=0,
        source=source,
        alive=key.alive if stage >= Stage.INITIALIZING else 0,
        session=session,
        resumed=key.resumed if live else 0,
        flag=key.flag if live else 0,
        holder=0,
        used=0,
        kept=kept,
        kept_flag=kept_flag,
        dying=dying,
        dying_session=lost,
        dying_since=0,
    )


def _client(state: State, number: int, keys: list[Key], case: Case, fits: list[bool]) -> Client:
    client = state.clients[number - 1]
    phases = case.phases if number == 1 else ALL_PHASES
    if not state.open:
        phases = tuple([phase for phase in phases if phase != Phase.WAITING])  # S11
    phase = _pick(client.phase, phases)
    if phase == Phase.OUT:
        return Client()
    places = (1,) if number == 1 and case.at_key else range(1, len(keys) + 1)
    fit = [at for at in places if phase == Phase.REVOKED or _fits(phase, keys[at - 1].stage)]
    at = _pick(client.key, fit)
    want = 0
    if phase in (Phase.WAITING, Phase.GRANTED):
        some = phase == Phase.GRANTED or keys[at - 1].stage == Stage.LEASED
        want = _pick(client.want, (Want.LEASE, Want.BOTH) if some else (Want.ANSWER, Want.LEASE, Want.BOTH))
    prompt = 0
    if phase >= Phase.HOLDING:
        prompt = client.prompt
        fits.append((prompt >= Prompt.NONE) & (prompt <= Prompt.CANCELLING))
    _need(number > 1 or not case.prompting or prompt != 0)
    return Client(phase, at, want, client.arrival, prompt)


def _is_flag(value: int) -> bool:
    return (value >= 0) & (value <= 1)


def _fits(phase: int, stage: int) -> bool:
    """Whether a client may wait for, or have the lease of, a key at ``stage`` (S4, S5, L5)."""
    if phase == Phase.WAITING:
        return stage not in (Stage.ABSENT, Stage.IDLE)
    return stage == Stage.LEASED


def _with_holder(key: Key, at: int, clients: list[Client]) -> Key:
    """The key with whoever has its lease; somebody waits for a creation, and one has a lease (S5, S10)."""
    here = [number for number, client in enumerate(clients, 1) if client.key == at]
    holders = [number for number in here if clients[number - 1].phase in _WITH_LEASE]
    waiting = [number for number in here if clients[number - 1].phase == Phase.WAITING]
    _need(len(holders) == (key.stage == Stage.LEASED))
    _need(bool(waiting) or not Stage.QUEUED <= key.stage <= Stage.NEW)
    return key._replace(holder=holders[0]) if holders else key


def _check_promises(keys: list[Key]) -> None:
    """Each dying process is promised to one at most, and what is promised is one (L3)."""
    sources = [key.source for key in keys if key.source]
    _need(len(set(sources)) == len(sources))
    _need(all(keys[source - 1].dying for source in sources))


def _with_ranks(keys: list[Key], state: State) -> list[Key]:
    """The keys with ranks for ticks: the line, the idle by their use, the dying by their age."""
    places = range(len(keys))
    line = _ranks([n for n in places if keys[n].stage in _IN_LINE], lambda n: state.keys[n].arrival)
    idle = _ranks([n for n in places if keys[n].stage == Stage.IDLE], lambda n: state.keys[n].used)
    dying = _ranks([n for n in places if keys[n].dying], lambda n: state.keys[n].dying_since)
    return [
        keys[n]._replace(arrival=line.get(n, 0), used=idle.get(n, 0), dying_since=dying.get(n, 0))
        for n in places
    ]


def _in_order(clients: list[Client]) -> list[Client]:
    """The clients with ranks for arrivals, each in the queue of its key: whoever has the lease came first (L4)."""
    ranked: list[Client] = []
    for n, client in enumerate(clients):
        rank = 0
        if client.phase == Phase.WAITING:
            rank = 1 + sum([_before(other, client) for m, other in enumerate(clients) if m != n])
        ranked.append(client._replace(arrival=rank))
    return ranked


def _before(other: Client, client: Client) -> bool:
    if other.phase != Phase.WAITING or other.key != client.key:
        return False
    return bool(other.arrival < client.arrival)


def _ranks(numbers: list[int], tick: Callable[[int], int]) -> dict[int, int]:
    return {number: rank for rank, number in enumerate(sorted(numbers, key=tick), 1)}


def _with_capacity(state: State) -> State:
    """No more slots are taken than there are; somebody is in line only where there is nothing left to give (S1, L3)."""
    taken = slots(state)
    keys = state.keys
    queued = any(key.stage == Stage.QUEUED for key in keys)
    if queued:
        promised = {key.source for key in keys}
        _need(not any(key.stage == Stage.IDLE for key in keys))
        _need(all(at in promised for at, key in enumerate(keys, 1) if key.dying))
        _need(state.queueing != 0)
    if queued or any(key.source not in (0, at) for at, key in enumerate(keys, 1)):
        _need(taken >= 1 and state.capacity == taken)
        return state._replace(capacity=taken)
    _need(state.capacity >= max(taken, 1))
    return state
