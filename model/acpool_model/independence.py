"""Which actions of the pool are independent in a state: what sleep sets need to know (``sleep.py``).

An action is *local* to a key that is starting or leased if it changes nothing of the pool but that key's own process and its
holder: the world answers a start, a process dies, a holder goes on. What another key does meanwhile neither looks at that nor
changes it: slots are the same, whoever is idle is the same, and who is in line. Ticks and session ids differ with the order,
but not in the representative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acpool_model.actions import Action, Kind
from acpool_model.canonical import represented
from acpool_model.state import Stage, State

_OF_HOLDER: Final = frozenset((Kind.BEGIN, Kind.PROMPT, Kind.ANSWERED, Kind.UNANSWERED))
_OF_START: Final = frozenset((Kind.OPENED, Kind.INITIALIZED, Kind.REFUSED))
_OF_ALL: Final = frozenset((Kind.SHUT, Kind.REVOKE))


def independent(state: State, one: Action, other: Action) -> bool:
    """Whether the order of two actions that are enabled in ``state`` is all one, as far as their kinds and keys tell."""
    if one.kind in _OF_ALL or other.kind in _OF_ALL:
        return False
    if _key(state, one) == _key(state, other) or (one.client and one.client == other.client):
        return False
    return _is_local(state, one) or _is_local(state, other)


def _key(state: State, action: Action) -> int:
    """The key that an action is about."""
    return action.key or state.clients[action.client - 1].key


def _is_local(state: State, action: Action) -> bool:
    """Whether ``action`` changes nothing but a key that is starting or leased and its holder."""
    key = state.keys[_key(state, action) - 1]
    if action.kind in _OF_HOLDER or action.kind == Kind.CANCEL:
        return key.stage == Stage.LEASED
    if action.kind in _OF_START:
        return Stage.OPENING <= key.stage <= Stage.NEW
    return action.kind == Kind.DIE and key.stage > Stage.OPENING and key.stage != Stage.IDLE


def represent(state: State) -> tuple[State, Callable[[Action], Action]]:
    """The representative of ``state``, and what an action is called there."""
    shown, keys, clients = represented(state)

    def renamed(action: Action) -> Action:
        return action._replace(key=keys[action.key], client=clients[action.client])

    return shown, renamed
