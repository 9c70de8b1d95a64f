"""States that satisfy the invariant, made so rather than sifted: what Hypothesis runs the obligations on.

Of states drawn number by number hardly any is valid, so filtering finds no defect. Here every choice is made among what the
earlier ones leave: what each key is at, who waits for it, whose slot it is promised; then ids and ticks, all distinct. What
is drawn is wider than what can be reached, as the invariant is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from hypothesis import strategies as st

from acpool_model.state import Client, Dying, Key, Phase, Prompt, Stage, State, Want, slots
from acpool_spec.proofs.shapes import Size

_WITHOUT_SLOT: Final = (Stage.QUEUED, Stage.PROMISED)
_FREE: Final = (Stage.ABSENT, Stage.IDLE)  # stages in which nobody has to be at the key


@dataclass
class _Making:
    """A state being made."""

    draw: st.DrawFn
    size: Size
    open: int = 1
    queueing: int = 1
    stages: list[int] = field(default_factory=list[int])
    dying: list[int] = field(default_factory=list[int])
    sources: list[int] = field(default_factory=list[int])
    clients: list[Client] = field(default_factory=list[Client])

    def one_of(self, *choices: int) -> int:
        return self.draw(st.sampled_from(choices))


@st.composite
def valid_states(draw: st.DrawFn, size: Size) -> State:
    """A state that is ``inductive``."""
    making = _Making(draw, size)
    making.open, making.queueing = making.one_of(1, 1, 1, 0), making.one_of(1, 0)
    _choose_stages(making)
    _choose_promises(making)
    _choose_clients(making)
    return _number(making)


def _choose_stages(making: _Making) -> None:
    """What each key is at; no more keys that somebody has to be at than there are clients."""
    callers = making.size.clients
    for _ in range(making.size.keys):
        stages = list(range(Stage.LEASED + 1)) if making.open else [Stage.ABSENT, Stage.LEASED]
        stage = making.one_of(*[s for s in stages if callers or s in _FREE])
        callers -= stage not in _FREE
        making.stages.append(stage)
        some = (Dying.NOTHING, Dying.STOPPING, Dying.CLOSING)
        making.dying.append(Dying.NOTHING if stage >= Stage.OPENING else making.one_of(*some))


def _choose_promises(making: _Making) -> None:
    """Who in line is promised which dying process; nobody is left in line without a promise while there is anything spare."""
    spare = [at for at, dying in enumerate(making.dying, 1) if dying]
    making.sources = [0] * making.size.keys
    in_line = [n for n, stage in enumerate(making.stages) if stage in _WITHOUT_SLOT]
    for n in making.draw(st.permutations(in_line)):
        if spare:
            making.stages[n], making.sources[n] = Stage.PROMISED, making.one_of(*spare)
            spare.remove(making.sources[n])
        else:
            taken = any(making.dying) or any(stage >= Stage.OPENING for stage in making.stages)
            waits = making.queueing and taken and Stage.IDLE not in making.stages
            making.stages[n] = Stage.QUEUED if waits else Stage.ABSENT


def _choose_clients(making: _Making) -> None:
    """Everybody whom a key needs, and others who wait for one, are on their way out, or are elsewhere."""
    wanted = [at for at, stage in enumerate(making.stages, 1) if stage not in _FREE]
    for at in wanted:
        making.clients.append(_needed(making, at))
    while len(making.clients) < making.size.clients:
        making.clients.append(_other(making, wanted))
    making.clients = list(making.draw(st.permutations(making.clients)))


def _needed(making: _Making, at: int) -> Client:
    """Who has the lease of a key, or waits for its creation."""
    if making.stages[at - 1] != Stage.LEASED:
        return Client(Phase.WAITING, at, making.one_of(Want.ANSWER, Want.LEASE, Want.BOTH))
    phase = making.one_of(Phase.GRANTED, Phase.HOLDING)
    prompts = (Prompt.NONE, Prompt.RUNNING, Prompt.CANCELLING) if phase == Phase.HOLDING else (Prompt.NONE,)
    return Client(phase, at, making.one_of(Want.LEASE, Want.BOTH), 0, making.one_of(*prompts))


def _other(making: _Making, wanted: list[int]) -> Client:
    waits = (Phase.WAITING,) if making.open and wanted else ()
    phase = making.one_of(Phase.OUT, Phase.REVOKED, *waits)
    if phase == Phase.OUT:
        return Client(answer=making.one_of(0, 1, 2, 3, 4, 5))
    if phase == Phase.REVOKED:
        at = making.one_of(*range(1, making.size.keys + 1))
        return Client(phase, at, making.one_of(Want.LEASE, Want.BOTH), 0, making.one_of(0, 1, 2))
    at = making.one_of(*wanted)
    leased = making.stages[at - 1] == Stage.LEASED
    wants = (Want.LEASE, Want.BOTH) if leased else (Want.ANSWER, Want.LEASE, Want.BOTH)
    return Client(phase, at, making.one_of(*wants))


def _number(making: _Making) -> State:
    """Give it ids and ticks: each another, in any order, but whoever has a lease came before those who wait for it."""
    places = making.size.keys
    ticks = list(making.draw(st.permutations(range(1, 3 * places + making.size.clients + 1))))
    _put_in_line(making, ticks)
    arrivals = iter(sorted(ticks[3 * places :]))
    has_lease = [client.phase in (Phase.GRANTED, Phase.HOLDING) for client in making.clients]
    order = sorted(range(len(making.clients)), key=lambda n: not has_lease[n])
    clients = list(making.clients)
    for n in order:
        clients[n] = clients[n]._replace(arrival=next(arrivals))
    fresh = count(1)
    keys = [_key(making, n, ticks[n], ticks[places + n], ticks[2 * places + n], fresh) for n in range(places)]
    state = State(
        1, making.queueing, making.open, 1 + len(ticks), next(fresh), 0, tuple(keys), tuple(clients)
    )
    processes = [(key.stage >= Stage.INITIALIZING) + (key.dying == Dying.CLOSING) for key in keys]
    in_need = any(key.stage in _WITHOUT_SLOT and key.source != at for at, key in enumerate(keys, 1))
    free = 0 if in_need else making.one_of(0, 1, 2)
    return state._replace(capacity=max(1, slots(state) + free), processes=sum(processes))


def _put_in_line(making: _Making, arrivals: list[int]) -> None:
    """Whoever is promised another key's slot came before those without a promise: change arrivals so."""
    late = [n for n, stage in enumerate(making.stages) if stage == Stage.QUEUED]
    early = [n for n, source in enumerate(making.sources) if source not in (0, n + 1)]
    line = sorted(early, key=arrivals.__getitem__) + sorted(late, key=arrivals.__getitem__)
    for n, arrival in zip(line, sorted(arrivals[n] for n in line), strict=True):
        arrivals[n] = arrival


def _key(making: _Making, n: int, arrival: int, used: int, since: int, fresh: Iterator[int]) -> Key:
    stage, dying = making.stages[n], making.dying[n]
    live = stage >= Stage.IDLE
    established = next(fresh) if live or stage == Stage.LOADING or making.one_of(0, 1) else 0
    resets = making.one_of(0, 1, 2)
    owed = making.one_of(0, 1)
    dying_session = 0
    if dying == Dying.CLOSING and making.one_of(0, 1):
        dying_session = established or next(fresh)
    return Key(
        stage=stage,
        arrival=arrival,
        source=making.sources[n],
        alive=making.one_of(1, 1, 0) if stage >= Stage.INITIALIZING else 0,
        session=established if live or stage == Stage.LOADING else 0,
        resumed=making.one_of(0, 1) if live else 0,
        flag=owed if live else 0,
        holder=_holder(making, n + 1),
        used=used,
        kept=0 if live else established,
        kept_flag=0 if live else owed,
        dying=dying,
        dying_session=dying_session,
        dying_since=since,
        established=established,
        owed=owed,
        relic=next(fresh) if making.one_of(0, 0, 1) else 0,
        resets=resets,
        born=resets if stage >= Stage.OPENING else making.one_of(0, 1),
    )


def _holder(making: _Making, at: int) -> int:
    """The client that has the lease of a key; 0: nobody."""
    return next(
        (
            number
            for number, client in enumerate(making.clients, 1)
            if client.key == at and client.phase in (Phase.GRANTED, Phase.HOLDING)
        ),
        0,
    )


def any_states(size: Size) -> st.SearchStrategy[State]:
    """States of which nothing is known, number by number: for the ``crosshair`` backend, which makes them symbolic."""
    numbers = {name: st.integers() for name in State._fields if name not in ("keys", "clients")}
    key = st.builds(Key, **dict.fromkeys(Key._fields, st.integers()))
    client = st.builds(Client, **dict.fromkeys(Client._fields, st.integers()))
    return st.builds(
        State,
        **numbers,
        keys=st.tuples(*[key] * size.keys),
        clients=st.tuples(*[client] * size.clients),
    )
