"""The machine: initial states, enabled actions, next state. Three functions, and the guard of every kind of action.

What an action does is in ``transitions.py``.
"""

from __future__ import annotations

from itertools import product

from acpool_model.actions import SHAPES, Action, Kind, universe
from acpool_model.state import (
    Client,
    Dying,
    Key,
    Phase,
    Prompt,
    Scope,
    Stage,
    State,
    is_live,
    is_starting,
)
from acpool_model.transitions import perform


def initial(scope: Scope) -> tuple[State, ...]:
    """The open pools without a process, one for each choice of keys that come with a suspended session id.

    Raises ``ValueError`` for a scope with fewer than 1 key, client or slot.
    """
    if min(scope.keys, scope.clients, scope.capacity) < 1:
        raise ValueError(f"{scope}: expected at least 1 key, 1 client and a capacity of 1")
    choices = [(Key(), Key(kept=number, established=number)) for number in range(1, scope.keys + 1)]
    clients = (Client(),) * scope.clients
    return tuple(
        State(scope.capacity, scope.queueing, 1, 1, scope.keys + 1, 0, keys, clients)
        for keys in product(*choices)
    )


def enabled(state: State) -> tuple[Action, ...]:
    """What can happen next, in one fixed order."""
    possible = universe(len(state.keys), len(state.clients))
    return tuple(action for action in possible if guard(state, action))


def step(state: State, action: Action) -> State:
    """The state after ``action``; ``state`` itself where it is not enabled, or names a key or client there is not."""
    if not is_well_formed(state, action) or not guard(state, action):
        return state
    return perform(state, action)


def is_well_formed(state: State, action: Action) -> bool:
    """Whether ``action`` has a known kind and exactly the arguments that this kind takes, within ``state``."""
    shape = SHAPES.get(action.kind)
    return (
        shape is not None
        and shape.key <= action.key <= shape.key * len(state.keys)
        and shape.client <= action.client <= shape.client * len(state.clients)
        and action.arg in shape.args
    )


def guard(state: State, action: Action) -> bool:
    """Whether a well-formed ``action`` is enabled."""
    if action.client:
        return _client_can(state, state.clients[action.client - 1], action.kind)
    if action.key:
        return _key_can(state, state.keys[action.key - 1], action.kind)
    if action.kind == Kind.SHUT:
        return state.open != 0
    return not state.open and any(is_live(key) for key in state.keys)


def _client_can(state: State, client: Client, kind: int) -> bool:
    match kind:
        case Kind.ASK:
            return client.phase == Phase.OUT
        case Kind.LEAVE:
            return client.phase in (Phase.WAITING, Phase.GRANTED)
        case Kind.BEGIN:
            return client.phase == Phase.GRANTED
        case Kind.RELEASE:
            return client.phase in (Phase.HOLDING, Phase.REVOKED)
        case Kind.PROMPT:
            return client.phase == Phase.HOLDING and client.prompt == Prompt.NONE
        case _:
            # ANSWERED and UNANSWERED. A process may die between its answer and the moment at which its client hears of it.
            return client.prompt != Prompt.NONE


def _key_can(state: State, key: Key, kind: int) -> bool:
    match kind:
        case Kind.OPENED:
            return key.stage == Stage.OPENING or key.dying == Dying.STOPPING
        case Kind.INITIALIZED:
            # What a process said before it died is heard of after it; only the commit looks whether it lives.
            return key.stage == Stage.INITIALIZING
        case Kind.REFUSED:
            return key.stage == Stage.LOADING
        case Kind.COMMIT:
            return key.stage in (Stage.LOADING, Stage.NEW) and key.alive != 0
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
            return state.open != 0 and _operator_can(state, key, kind)


def _operator_can(state: State, key: Key, kind: int) -> bool:
    match kind:
        case Kind.CANCEL:
            return key.holder != 0 and state.clients[key.holder - 1].prompt == Prompt.RUNNING
        case Kind.EXPIRE:
            # What has been idle for longer is past the same ttl, and goes first; of the dead the one that rested longest.
            younger = [(other.stage != Stage.IDLE) | (other.used >= key.used) for other in state.keys]
            living = [(other.alive != 0) | late for other, late in zip(state.keys, younger, strict=True)]
            return key.stage == Stage.IDLE and (all(younger) or (not key.alive and all(living)))
        case Kind.RECLAIM:
            # A cleanup takes what is dead and idle before it looks at leases.
            buried = [(other.stage != Stage.IDLE) | (other.alive != 0) for other in state.keys]
            return key.stage == Stage.LEASED and all(buried)
        case _:
            return True  # RESET
