"""Actions and states in words, for whoever reads a counterexample.

Keys are a, b, c, …, clients 1, 2, 3, …, sessions s1, s2, s3, …
"""

from __future__ import annotations

from typing import Final

from acpool_model.actions import Action, Kind
from acpool_model.state import Answer, Client, Dying, Key, Phase, Prompt, Stage, State, Want, slots

_KEYS: Final = "abcdefghijklmnopqrstuvwxyz"

_ACTIONS: Final = {
    Kind.LEAVE: "client {client} stops waiting",
    Kind.BEGIN: "client {client} runs after the hand-over",
    Kind.RELEASE: "client {client} ends its lease",
    Kind.PROMPT: "client {client} sends a prompt",
    Kind.ANSWERED: "the prompt of client {client} is answered",
    Kind.UNANSWERED: "the prompt of client {client} fails",
    Kind.OPENED: "the process of {key} runs",
    Kind.REFUSED: "the agent of {key} refuses to load the session",
    Kind.COMMIT: "the session of {key} is established",
    Kind.FAIL: "the start of {key} fails",
    Kind.DIE: "the process of {key} dies",
    Kind.STOPPED: "the defeated start of {key} ends without a process",
    Kind.CLOSED: "the dying process of {key} is confirmed dead",
    Kind.GIVE_UP: "the dying process of {key} is given up on",
    Kind.EXHAUST: "the wait of {key} for capacity runs out",
    Kind.CANCEL: "the prompt on {key} is cancelled",
    Kind.EXPIRE: "the cleanup suspends {key}",
    Kind.RECLAIM: "the cleanup takes back the lease of {key}",
    Kind.RESET: "{key} is reset",
    Kind.SHUT: "the pool is shut",
    Kind.REVOKE: "the deadline of the shutdown passes",
}
_WANTS: Final = {
    Want.ANSWER: "client {client} asks for the session of {key}",
    Want.LEASE: "client {client} asks for the lease of {key}",
    Want.BOTH: "client {client} asks for the session and the lease of {key}",
}
_STAGES: Final = {
    Stage.ABSENT: "absent",
    Stage.QUEUED: "in line for capacity",
    Stage.PROMISED: "promised the slot of {source}",
    Stage.OPENING: "opening",
    Stage.INITIALIZING: "initializing",
    Stage.LOADING: "loading s{session}",
    Stage.NEW: "making a new session",
    Stage.IDLE: "idle with s{session}",
    Stage.LEASED: "leased to client {holder} with s{session}",
}
_PHASES: Final = {
    Phase.OUT: "out",
    Phase.WAITING: "waits for {key}",
    Phase.GRANTED: "was handed the lease of {key}",
    Phase.HOLDING: "holds {key}",
    Phase.REVOKED: "had its lease of {key} taken back",
}
_ANSWERS: Final = {
    Answer.NONE: "",
    Answer.ANSWERED: "answered",
    Answer.EXHAUSTED: "told PoolExhausted",
    Answer.FAILED: "told SessionStartError",
    Answer.NO_SESSION: "told NoSession",
    Answer.CLOSED: "told PoolClosed",
}
_DYING: Final = {
    Dying.NOTHING: "",
    Dying.STOPPING: "a defeated start is stopping",
    Dying.CLOSING: "a process is closing",
}
_PROMPTS: Final = {Prompt.NONE: "", Prompt.RUNNING: "prompt running", Prompt.CANCELLING: "prompt cancelled"}


def describe(what: Action | State) -> str:
    """One line for an action; for a state one line about the pool, one for each key and one for each client."""
    return _action(what) if isinstance(what, Action) else _state(what)


def _action(action: Action) -> str:
    if action.kind == Kind.INITIALIZED:
        text = "the agent of {key} is initialized and can" + ("" if action.arg else "not") + " load"
    elif action.kind == Kind.ASK:
        text = _WANTS[action.arg]
    else:
        text = _ACTIONS[action.kind]
    return text.format(key=_name(action.key), client=action.client)


def _state(state: State) -> str:
    pool = f"pool: {'open' if state.open else 'shut'}, {slots(state)} of {state.capacity} slots taken"
    keys = [f"{_name(at)}: {_key(key)}" for at, key in enumerate(state.keys, 1)]
    clients = [f"client {number}: {_client(client)}" for number, client in enumerate(state.clients, 1)]
    return "\n".join([pool, *keys, *clients])


def _key(key: Key) -> str:
    facts = [_STAGES[key.stage].format(source=_name(key.source), session=key.session, holder=key.holder)]
    if key.stage >= Stage.INITIALIZING and not key.alive:
        facts.append("its process is dead")
    if key.resumed:
        facts.append("resumed")
    if key.flag:
        facts.append("reset flag up")
    if key.kept:
        facts.append(f"s{key.kept} suspended")
    if key.kept_flag:
        facts.append("reset flag suspended")
    if key.dying:
        owns = f" which may own s{key.dying_session}" if key.dying_session else ""
        facts.append(_DYING[key.dying] + owns)
    return ", ".join(facts)


def _client(client: Client) -> str:
    facts = [
        _PHASES[client.phase].format(key=_name(client.key)),
        _PROMPTS[client.prompt],
        _ANSWERS[client.answer],
    ]
    return ", ".join(fact for fact in facts if fact)


def _name(at: int) -> str:
    """Of a key; after z comes k27."""
    return _KEYS[at - 1] if at <= len(_KEYS) else f"k{at}"
