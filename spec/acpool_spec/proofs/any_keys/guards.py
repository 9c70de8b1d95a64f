"""Which actions are enabled, as in ``acpool_model/machine.py``, over views."""

from __future__ import annotations

from typing import Any

from acpool_model.actions import Action, Kind
from acpool_model.state import (
    Dying,
    Key,
    Phase,
    Prompt,
    Stage,
    is_live,
    is_starting,
)
from acpool_spec.proofs.any_keys.terms import no
from acpool_spec.proofs.any_keys.view import View


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
