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
from acpool_model.state import Client, Dying, Key, Phase, Prompt, Stage, State, Want

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
    fits: list[bool] = []
    keys = _placed(state, case)
    _check_promises(keys)
    clients: list[Client] = []
    for _ in state.clients:
        clients.append(_client(state, keys, clients, case, fits))
    keys = [_with_holder(key, at, clients) for at, key in zip(places, keys, strict=True)]
    capacity = _capacity(state, keys)
    keys = [_filled(state, at, key, fits) for at, key in zip(places, keys, strict=True)]
    _need(every(fits))
    return state._replace(
        capacity=capacity,
        now=1 + max(len(keys), len(clients)),
        processes=sum([(key.stage >= Stage.INITIALIZING) + (key.dying == Dying.CLOSING) for key in keys]),
        keys=tuple(_with_ranks(keys, state)),
        clients=tuple(_in_order(clients)),
    )


def _need(holds: bool) -> None:
    if not holds:
        raise _Broken


def _pick(value: int, choices: Iterable[int]) -> int:
    """The one of ``choices`` that ``value`` is."""
    for choice in choices:
        if value == choice:
            return choice
    raise _Broken


def _placed(state: State, case: Case) -> list[Key]:
    """The stage, the dying process and the promise of each key; somebody must be left for each that needs somebody."""
    callers = len(state.clients) - (case.phases in ((Phase.OUT,), (Phase.REVOKED,)))
    keys: list[Key] = []
    for at, key in enumerate(state.keys, 1):
        stages = case.stages if at == 1 else ALL_STAGES
        if not state.open:
            stages = tuple([stage for stage in stages if stage in (Stage.ABSENT, Stage.LEASED)])  # S11
        if callers <= 0:
            stages = tuple([stage for stage in stages if stage in _NEEDS_NOBODY])
        stage = _pick(key.stage, stages)
        callers -= stage not in _NEEDS_NOBODY
        free = stage < Stage.OPENING
        dying = _pick(key.dying, case.dying if at == 1 else ALL_DYING) if free else Dying.NOTHING  # S2
        _need(free or at > 1 or Dying.NOTHING in case.dying)
        source = _pick(key.source, range(1, len(state.keys) + 1)) if stage == Stage.PROMISED else 0
        keys.append(Key(stage=stage, dying=dying, source=source))
    return keys


def _filled(state: State, at: int, placed: Key, fits: list[bool]) -> Key:
    """The key with everything but its ranks; ``fits`` gets what has to hold of that which stays symbolic."""
    key, stage = state.keys[at - 1], placed.stage
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
    lost = key.dying_session if placed.dying == Dying.CLOSING and key.dying_session != 0 else 0
    return key._replace(
        stage=stage,
        source=placed.source,
        alive=key.alive if stage >= Stage.INITIALIZING else 0,
        session=session,
        resumed=key.resumed if live else 0,
        flag=key.flag if live else 0,
        holder=placed.holder,
        kept=kept,
        kept_flag=kept_flag,
        dying=placed.dying,
        dying_session=lost,
    )


def _client(state: State, keys: list[Key], others: list[Client], case: Case, fits: list[bool]) -> Client:
    """The next client after ``others``; where keys need as many as are left, it is at one of those."""
    number = len(others) + 1
    client = state.clients[number - 1]
    needy = [at for at in range(1, len(keys) + 1) if _needs_somebody(keys[at - 1], at, others)]
    left = len(state.clients) - len(others)
    places = [1] if number == 1 and case.at_key else list(range(1, len(keys) + 1))
    if len(needy) >= left:
        places = [at for at in places if at in needy]
    choices = {
        phase: [at for at in places if _may_be_at(phase, at, keys, others, must=len(needy) >= left)]
        for phase in (case.phases if number == 1 else ALL_PHASES)
        if state.open or phase != Phase.WAITING  # S11
    }
    if len(needy) < left and Phase.OUT in choices:
        choices[Phase.OUT] = [0]
    phase = _pick(client.phase, [phase for phase, fit in choices.items() if fit])
    if phase == Phase.OUT:
        return Client()
    at = _pick(client.key, choices[phase])
    want = prompt = 0
    if phase in (Phase.WAITING, Phase.GRANTED):
        leased = keys[at - 1].stage == Stage.LEASED
        want = _pick(client.want, (Want.LEASE, Want.BOTH) if leased else (Want.ANSWER, Want.LEASE, Want.BOTH))
    else:
        prompt = client.prompt
        fits.append((prompt >= Prompt.NONE) & (prompt <= Prompt.CANCELLING))
    _need(number > 1 or not case.prompting or prompt != 0)
    return Client(phase, at, want, client.arrival, prompt)


def _needs_somebody(key: Key, at: int, clients: list[Client]) -> bool:
    """Whether nobody of ``clients`` is yet who has the lease of ``key``, or waits for its creation (S5, S10)."""
    if key.stage in _NEEDS_NOBODY:
        return False
    phases = _WITH_LEASE if key.stage == Stage.LEASED else (Phase.WAITING,)
    return not any(client.key == at and client.phase in phases for client in clients)


def _may_be_at(phase: int, at: int, keys: list[Key], others: list[Client], *, must: bool) -> bool:
    """Whether a client may be in ``phase`` at a key; ``must``: it is the one that the key needs (S4, S5, L5)."""
    stage = keys[at - 1].stage
    if phase == Phase.WAITING:
        return stage not in (Stage.ABSENT, Stage.IDLE) and not (must and stage == Stage.LEASED)
    if phase in _WITH_LEASE:
        return stage == Stage.LEASED and _needs_somebody(keys[at - 1], at, others)
    return phase == Phase.REVOKED and not must


def _is_flag(value: int) -> bool:
    return (value >= 0) & (value <= 1)


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


def _capacity(state: State, keys: list[Key]) -> int:
    """The capacity: no more slots are taken, and who is in line is so only where there is nothing left to give (S1, L3)."""
    taken = sum([(key.stage >= Stage.OPENING) + (key.dying != Dying.NOTHING) for key in keys])
    queued = any(key.stage == Stage.QUEUED for key in keys)
    if queued:
        promised = [key.source for key in keys]
        _need(not any(key.stage == Stage.IDLE for key in keys))
        _need(all(at in promised for at, key in enumerate(keys, 1) if key.dying))
        _need(taken >= 1)
        _need(state.queueing != 0)
    if queued or any(key.source not in (0, at) for at, key in enumerate(keys, 1)):
        _need(state.capacity == taken)
        return taken
    _need(state.capacity >= max(taken, 1))
    return state.capacity
