"""Every structure that a state of the pool can have: frames, each with the choices that it leaves, independent of each other.

A *frame* says where each key and each client is; then for each key what is remembered of it and whether its process lives,
the orders of the line, of the idle, of the dying and of each queue, and whether there is room, may be chosen one by one. What
the invariant excludes is left out as early as it shows. That nothing else is left out need not be believed: ``coverage``
proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from typing import Any, Final, NamedTuple

from acpool_model.state import Client, Dying, Key, Phase, Prompt, Stage, State, Want
from acpool_spec.proofs.decisions.structure import (
    ALL_DYING,
    ALL_PHASES,
    ALL_STAGES,
    FRESH,
    flag,
    lost,
    resumed,
    room,
    session,
)
from acpool_spec.proofs.shapes import Size

IN_LINE: Final = (Stage.QUEUED, Stage.PROMISED)
WITH_LEASE: Final = (Phase.GRANTED, Phase.HOLDING)
ASKING: Final = (Phase.WAITING, Phase.GRANTED)
_NEEDS_NOBODY: Final = (Stage.ABSENT, Stage.IDLE)
_PROMPTS: Final = (Prompt.NONE, Prompt.RUNNING, Prompt.CANCELLING)

Order = tuple[int, ...]
"""Numbers of keys or clients, who comes first in front."""


class Frame(NamedTuple):
    """``keys`` with stage, dying, source and holder; ``clients`` with phase, key, prompt, and want where they ask."""

    open: int
    queueing: int
    keys: tuple[Key, ...]
    clients: tuple[Client, ...]

    @property
    def taken(self) -> int:
        """Slots."""
        return sum([(key.stage >= Stage.OPENING) + (key.dying != Dying.NOTHING) for key in self.keys])

    @property
    def processes(self) -> int:
        """Those that were seen and are on record."""
        return sum([(key.stage >= Stage.INITIALIZING) + (key.dying == Dying.CLOSING) for key in self.keys])


# -- frames ------------------------------------------------------------------------------------------------------------


def frames(size: Size) -> Iterator[Frame]:
    """All of them."""
    for open_, queueing in product((1, 0), (0, 1)):
        for keys in _placed(size, open_):
            for clients in _seated(size, open_, keys, ()):
                held = tuple([key._replace(holder=_holder(at, clients)) for at, key in enumerate(keys, 1)])
                frame = Frame(open_, queueing, held, clients)
                if rooms(frame):
                    yield frame


def _placed(size: Size, open_: int) -> Iterator[tuple[Key, ...]]:
    """Where the keys are, no more of which need somebody than there are clients (S5, S10), with sound promises (L3)."""
    places = range(1, size.keys + 1)
    one = [
        Key(stage=stage, dying=dying, source=source)
        for stage in ALL_STAGES
        if open_ or stage in (Stage.ABSENT, Stage.LEASED)  # S11
        for dying in (ALL_DYING if stage < Stage.OPENING else (Dying.NOTHING,))  # S2
        for source in (places if stage == Stage.PROMISED else (0,))
    ]
    for keys in product(one, repeat=size.keys):
        needy = [key for key in keys if key.stage not in _NEEDS_NOBODY]
        sources = [key.source for key in keys if key.source]
        once = len(set(sources)) == len(sources)
        if len(needy) <= size.clients and once and all(keys[source - 1].dying for source in sources):
            yield keys


def _seated(
    size: Size, open_: int, keys: tuple[Key, ...], before: tuple[Client, ...]
) -> Iterator[tuple[Client, ...]]:
    """Where the clients are, of whom those ``before`` have their place already; each key has whom it needs (S4, S5, S10, L5)."""
    needy = [at for at, key in enumerate(keys, 1) if _needs_somebody(at, key, before)]
    if len(before) == size.clients:
        if not needy:
            yield before
        return
    if len(needy) > size.clients - len(before):
        return
    for client in _clients(open_, keys, needy):
        yield from _seated(size, open_, keys, (*before, client))


def _clients(open_: int, keys: tuple[Key, ...], needy: Sequence[int]) -> Iterator[Client]:
    """All that one client may do."""
    yield Client()
    for phase, (at, key) in product(ALL_PHASES[1:], enumerate(keys, 1)):
        leased = key.stage == Stage.LEASED
        if phase == Phase.WAITING and (not open_ or key.stage in _NEEDS_NOBODY):
            continue
        if phase in WITH_LEASE and not (leased and at in needy):
            continue
        if phase in ASKING:
            wants = (Want.LEASE, Want.BOTH) if leased else (Want.ANSWER, Want.LEASE, Want.BOTH)
            yield from [Client(phase, at, want) for want in wants]
        else:
            yield from [Client(phase, at, Want.BOTH, 0, prompt) for prompt in _PROMPTS]


def _needs_somebody(at: int, key: Key, clients: Sequence[Client]) -> bool:
    """Whether nobody of ``clients`` is who has the lease of key ``at``, or waits for its creation."""
    if key.stage in _NEEDS_NOBODY:
        return False
    phases = WITH_LEASE if key.stage == Stage.LEASED else (Phase.WAITING,)
    return not any(client.key == at and client.phase in phases for client in clients)


def _holder(at: int, clients: Sequence[Client]) -> int:
    held = [n for n, client in enumerate(clients, 1) if client.key == at and client.phase in WITH_LEASE]
    return held[0] if held else 0


# -- choices that a frame leaves ---------------------------------------------------------------------------------------


def rooms(frame: Frame) -> list[int]:
    """The capacities: just what is taken, or more; who is in line is so only where there is nothing left to give (L3)."""
    keys, promised = frame.keys, [key.source for key in frame.keys]
    full: list[int] = [frame.taken] * (frame.taken > 0)
    roomy: list[int] = [room(frame.taken)]
    if any(key.stage == Stage.QUEUED for key in keys):
        spare = any(
            key.stage == Stage.IDLE or (key.dying and at not in promised) for at, key in enumerate(keys, 1)
        )
        return full if frame.queueing and not spare else []
    return full if any(source not in (0, at) for at, source in enumerate(promised, 1)) else full + roomy


def memories(at: int, key: Key) -> list[dict[str, int]]:
    """What may be remembered of key ``at``, whether its process lives, and what its dying one may own (S6, S7, S10)."""
    found: list[dict[str, int]] = []
    kept: dict[str, int] = {"kept": session(at), "kept_flag": flag(at)}
    if key.stage >= Stage.IDLE:
        kinds: list[dict[str, int]] = [{"session": session(at), "resumed": resumed(at), "flag": flag(at)}]
    elif key.stage == Stage.LOADING:
        kinds = [{**kept, "session": session(at)}]
    else:
        kinds = [kept, {"kept_flag": 0}, {"kept_flag": 1}]
    for kind in kinds:
        owned = (0, kind.get("kept", 0) or lost(at)) if key.dying == Dying.CLOSING else (0,)
        lives = (0, 1) if key.stage >= Stage.INITIALIZING else (0,)
        found += [{**kind, "alive": alive, "dying_session": of} for alive in lives for of in owned]
    return found


def orders(frame: Frame) -> tuple[list[Order], list[Order], list[Order]]:
    """Those of the line, of the idle and of the dying."""
    numbered = list(enumerate(frame.keys, 1))
    line = [at for at, key in numbered if key.stage in IN_LINE]
    idle = [at for at, key in numbered if key.stage == Stage.IDLE]
    dying = [at for at, key in numbered if key.dying]
    lines = [order for order in permutations(line) if _promised_first(frame, order)]
    return lines, list(permutations(idle)), list(permutations(dying))


def _promised_first(frame: Frame, line: Order) -> bool:
    """Whether nobody in line is promised another key's slot while who came earlier is promised none (L3, L4)."""
    sources = [frame.keys[at - 1].source for at in line]
    blocked = sources.index(0) if 0 in sources else len(line)
    return all(source in (0, at) for at, source in zip(line[blocked:], sources[blocked:], strict=True))


def queues(frame: Frame) -> list[list[Order]]:
    """Those of the clients that wait, for each key."""
    waiting = [(n, client.key) for n, client in enumerate(frame.clients, 1) if client.phase == Phase.WAITING]
    places = range(1, len(frame.keys) + 1)
    return [list(permutations([n for n, there in waiting if there == at])) for at in places]


# -- structures --------------------------------------------------------------------------------------------------------


def structures(frame: Frame) -> Iterator[State]:
    """Every template of ``frame``: one for each way to choose."""
    keys = [
        [_remembering(key, memory) for memory in memories(at, key)] for at, key in enumerate(frame.keys, 1)
    ]
    lines = [_in_their_order(frame, *order) for order in product(*orders(frame))]
    queued = [_in_their_queues(frame.clients, order) for order in product(*queues(frame))]
    state = State(
        0,
        frame.queueing,
        frame.open,
        1 + max(len(frame.keys), len(frame.clients)),
        FRESH,
        frame.processes,
        (),
        (),
    )
    for capacity, clients, line in product(rooms(frame), queued, lines):
        for made in product(*keys):
            ranked = tuple(
                [
                    key._replace(arrival=arrival, used=used, dying_since=since)
                    for key, (arrival, used, since) in zip(made, line, strict=True)
                ]
            )
            yield state._replace(capacity=capacity, keys=ranked, clients=clients)


def _remembering(key: Key, memory: dict[str, int]) -> Key:
    """The key with its memory, and the ghosts that go with it (S6, S7)."""
    key = key._replace(**memory)
    live = key.stage >= Stage.IDLE
    return key._replace(
        established=key.session if live else key.kept, owed=key.flag if live else key.kept_flag
    )


def _in_their_order(frame: Frame, line: Order, idle: Order, dying: Order) -> list[tuple[int, int, int]]:
    """The ranks of each key."""
    return [(_rank(line, at), _rank(idle, at), _rank(dying, at)) for at in range(1, len(frame.keys) + 1)]


def _in_their_queues(clients: tuple[Client, ...], queued: Sequence[Order]) -> tuple[Client, ...]:
    ranks: dict[int, Any] = {number: rank for order in queued for rank, number in enumerate(order, 1)}
    return tuple([client._replace(arrival=ranks.get(n, 0)) for n, client in enumerate(clients, 1)])


def _rank(order: Order, number: int) -> int:
    return order.index(number) + 1 if number in order else 0
