"""From the model to the code: every transition of the model's graph in a small scope, taken by the real pool.

The graph is walked by the pool itself (:mod:`~acpool_spec.refinement.puppet`): from where it is, on the shortest way to an action
that it has not taken yet; when nothing new is ahead, a new pool begins. States and actions count once up to the names of keys and
clients, as in the model's own exploration.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations
from typing import TypeAlias

from acpool import SessionPool
from acpool_model import Action, Key, Kind, Phase, Scope, State, enabled, initial, step
from acpool_spec.refinement.normal import normal
from acpool_spec.refinement.puppet import CannotTake, Parted, Puppet

Pair: TypeAlias = tuple[int, Action]
"""The number of a state of the graph, and an action in it."""
_ASKING = (Phase.WAITING, Phase.GRANTED)
_LONGEST = 300
"""Actions of one run; a longer one would be slow, since nothing of it is ever forgotten."""


@dataclass
class Walked:
    """``states``: the model's in the scope, as they are met; ``edges``: what can be taken in each, and to which that leads.

    ``taken``: the transitions that the pool took; ``missed``: those that it could not be brought to take, with the reason;
    ``open``: by state, those of which neither is known. ``runs`` and ``steps``: what it took to take them; ``goals``: how many
    of the runs reached each. ``parted``: those in which the pool left the model.
    """

    states: list[State] = field(default_factory=list[State])
    numbers: dict[State, int] = field(default_factory=dict[State, int])
    edges: list[dict[Action, int]] = field(default_factory=list[dict[Action, int]])
    taken: set[Pair] = field(default_factory=set[Pair])
    missed: dict[Pair, str] = field(default_factory=dict[Pair, str])
    open: dict[int, set[Action]] = field(default_factory=dict[int, set[Action]])
    runs: int = 0
    steps: int = 0
    goals: Counter[str] = field(default_factory=Counter[str])
    parted: list[Parted] = field(default_factory=list[Parted])

    @property
    def transitions(self) -> int:
        """How many there are in the scope."""
        return sum(map(len, self.edges))

    def number(self, state: State) -> int:
        """The number of a state, a new one where it was not met before."""
        representative = represent(state)[0]
        number = self.numbers.get(representative)
        if number is None:
            number = self.numbers[representative] = len(self.states)
            self.states.append(representative)
        return number

    def note(self, pairs: Iterable[Pair], missed: str = "") -> None:
        """These were taken, or ``missed``."""
        for state, action in pairs:
            if missed:
                self.missed[state, action] = missed
            else:
                self.taken.add((state, action))
            left = self.open.get(state)
            if left is not None:
                left.discard(action)
                if not left:
                    del self.open[state]


def walk(scope: Scope, kind: type[SessionPool] = SessionPool, *, to_the_end: bool = True) -> Walked:
    """Have real pools take every transition of the model in ``scope``. Bounded by the number of transitions.

    ``to_the_end``: also where one could not be taken.
    """
    walked = Walked()
    _explore(scope, walked)
    for start in initial(scope):
        while (to_the_end or not walked.missed) and _run(normal(start), walked, kind):
            pass
    return walked


def _explore(scope: Scope, walked: Walked) -> None:
    for start in initial(scope):
        walked.number(start)
    for at, state in enumerate(walked.states):  # it grows meanwhile
        walked.edges.append({action: walked.number(step(state, action)) for action in enabled(state)})
        walked.open[at] = set(walked.edges[at])


def _run(start: State, walked: Walked, kind: type[SessionPool]) -> bool:
    """One run from ``start``; False where nothing was left to be taken from there."""
    plan = _way(start, walked)
    if plan is None:
        return False
    walked.runs += 1
    with Puppet(start, kind) as puppet:
        for _ in range(_LONGEST):
            plan = plan or _way(puppet.state, walked)
            if plan is None:
                break
            action = _here(puppet.state, plan.popleft())
            here, before = puppet.state, len(puppet.taken)
            try:
                puppet.take(action)
            except CannotTake as error:
                walked.note(_pairs(here, action, walked), str(error))
                break
            for transition in puppet.taken[before:]:
                walked.note(_pairs(transition.before, transition.action, walked))
                walked.steps += 1
            if len(puppet.taken) > before + 1:
                plan.clear()  # it did more than was asked of it
        walked.goals.update(puppet.follower.goals)
        if puppet.parted is not None:
            walked.parted.append(puppet.parted)
    return True


def _way(state: State, walked: Walked) -> deque[Action] | None:
    """A shortest way to an action that is open, with that action, each named as in the graph; None: there is none ahead."""
    start = walked.number(state)
    came: dict[int, tuple[int, Action] | None] = {start: None}
    todo = deque([start])
    while todo:
        here = todo.popleft()
        left = walked.open.get(here)
        if left:
            way, before = deque([min(left)]), came[here]
            while before is not None:
                way.appendleft(before[1])
                before = came[before[0]]
            return way
        for action, after in walked.edges[here].items():
            if after not in came and (here, action) not in walked.missed:
                came[after] = here, action
                todo.append(after)
    return None


def _here(state: State, action: Action) -> Action:
    """``action`` as it is called in ``state``, of those who may ask the first: the others are like it."""
    keys, clients = represent(state)[1][0]
    key = keys[action.key - 1] + 1 if action.key else 0
    client = clients[action.client - 1] + 1 if action.client else 0
    if action.kind == Kind.ASK:
        client = next(number for number, known in enumerate(state.clients, 1) if known.phase == Phase.OUT)
    return action._replace(key=key, client=client)


def _pairs(state: State, action: Action, walked: Walked) -> set[Pair]:
    """The transition under every name that it has in the graph."""
    number, (_, renamings) = walked.number(state), represent(state)
    return {
        (
            number,
            action._replace(
                key=keys.index(action.key - 1) + 1 if action.key else 0,
                client=clients.index(action.client - 1) + 1 if action.client else 0,
            ),
        )
        for keys, clients in renamings
    }


# -- up to names -----------------------------------------------------------------------------------------------------------

Renaming: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Which key, and which client, of a state comes at each place of its representative, from 0."""


@lru_cache(maxsize=20_000)
def represent(state: State) -> tuple[State, tuple[Renaming, ...]]:
    """The least of the states that differ from ``state`` in names alone, and every renaming that leads to it."""
    state = normal(state)
    renamings = [
        (keys, clients)
        for keys in permutations(range(len(state.keys)))
        for clients in permutations(range(len(state.clients)))
    ]
    renamed = [(_renamed(state, *renaming), renaming) for renaming in renamings]
    least = min(candidate for candidate, _ in renamed)
    return least, tuple(renaming for candidate, renaming in renamed if candidate == least)


def _renamed(state: State, keys: tuple[int, ...], clients: tuple[int, ...]) -> State:
    """``state`` with its keys and clients in this order, and its session ids numbered as they are met."""
    key_places = {0: 0} | {old + 1: new for new, old in enumerate(keys, 1)}
    client_places = {0: 0} | {old + 1: new for new, old in enumerate(clients, 1)}
    numbers = {0: 0}

    def number(session: int) -> int:
        return numbers.setdefault(session, len(numbers))

    moved: list[Key] = []
    for old in keys:
        key = state.keys[old]
        session, kept = number(key.session), number(key.kept)
        dying, established = number(key.dying_session), number(key.established)
        moved.append(
            key._replace(
                resumed=0,  # nothing reads it
                source=key_places[key.source],
                holder=client_places[key.holder],
                session=session,
                kept=kept,
                dying_session=dying,
                established=established,
                # An id that is nowhere but with a process given up on can come back no more.
                relic=numbers.get(key.relic, 0),
            )
        )
    seated = tuple(
        state.clients[old]._replace(
            key=key_places[state.clients[old].key],
            want=state.clients[old].want if state.clients[old].phase in _ASKING else 0,
        )
        for old in clients
    )
    return state._replace(keys=tuple(moved), clients=seated, fresh=len(numbers))
