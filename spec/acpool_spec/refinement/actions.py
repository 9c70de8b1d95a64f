"""From an event of the pool to the actions of the model: one, none where the model has nothing to say, or two.

The pool's events have the model's names, and its arguments in the pool's terms. Where the model leaves something out (see
``acpool_model.state``), an event is no action of it, or two:

* a second prompt beside the first of the same lease: its beginning is no action, nor is its end while others run, unless it
  was answered: then the first is answered in the model, and another one sent;
* how a prompt ends whose holder has left its block;
* asking an agent again that was told already to end its prompt.
"""

from __future__ import annotations

from typing import Final

from acpool import Step
from acpool.records import Want as Wish
from acpool_model import Action, Kind, Prompt, State
from acpool_spec.refinement.abstraction import WANTS
from acpool_spec.refinement.names import AtOnce, Names

KINDS: Final[dict[str, int]] = {
    "ask": Kind.ASK,
    "leave": Kind.LEAVE,
    "begin": Kind.BEGIN,
    "release": Kind.RELEASE,
    "prompt": Kind.PROMPT,
    "answered": Kind.ANSWERED,
    "unanswered": Kind.UNANSWERED,
    "opened": Kind.OPENED,
    "initialized": Kind.INITIALIZED,
    "refused": Kind.REFUSED,
    "commit": Kind.COMMIT,
    "fail": Kind.FAIL,
    "stopped": Kind.STOPPED,
    "closed": Kind.CLOSED,
    "give_up": Kind.GIVE_UP,
    "exhaust": Kind.EXHAUST,
    "cancel": Kind.CANCEL,
    "expire": Kind.EXPIRE,
    "reclaim": Kind.RECLAIM,
    "reset": Kind.RESET,
    "shut": Kind.SHUT,
    "revoke": Kind.REVOKE,
}
"""The pool's name of an action → the model's kind. ``Kind.DIE`` is the world's alone: the pool finds out when it looks."""
_OF_A_CALLER: Final = frozenset({"leave", "begin", "release"})
_NOBODY: Final = -1
_ENDS: Final = frozenset({"answered", "unanswered"})


class Translator:
    """Remembers on which slot each client's prompt was sent; everything else is in the event and in the model's state."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._sent: dict[int, int] = {}

    def actions(self, step: Step, state: State) -> list[Action]:
        """The model's actions for ``step`` of the pool, ``state`` being the model's before it."""
        names, kind = self._names, KINDS[step.action]
        if step.action == "ask":
            return [Action(kind, names.key(step.key), self._asking(step), WANTS[step.want or Wish.BOTH])]
        if step.action in _OF_A_CALLER:
            # One that the model does not know cannot act: the action is not enabled, and says so.
            return [Action(kind, client=names.seated(step.caller) or _NOBODY)]
        if step.action == "prompt":
            client = names.seated(step.caller) or _NOBODY
            self._sent[client] = step.entry
            return [Action(kind, client=client)] if step.prompts == 1 else []
        if step.action in _ENDS:
            return self._end_of_prompt(step, state, kind)
        if step.action == "cancel":
            return self._cancel(step, state)
        at = names.key(step.key) if step.key or step.action not in ("shut", "revoke") else 0
        return [Action(kind, at, arg=int(step.can_load))]

    def _asking(self, step: Step) -> int:
        return self._names.seat(step.caller if step.caller is not None else AtOnce())

    def _end_of_prompt(self, step: Step, state: State, kind: int) -> list[Action]:
        client = self._names.seated(step.caller)
        known = client and self._sent.get(client) == step.entry and state.clients[client - 1].prompt
        if not known:
            return []
        if not step.prompts:
            return [Action(kind, client=client)]
        return (
            [Action(kind, client=client), Action(Kind.PROMPT, client=client)] if kind == Kind.ANSWERED else []
        )

    def _cancel(self, step: Step, state: State) -> list[Action]:
        at = self._names.key(step.key)
        holder = state.keys[at - 1].holder if at <= len(state.keys) else 0
        told = holder and state.clients[holder - 1].prompt == Prompt.CANCELLING
        return [] if told else [Action(Kind.CANCEL, at)]
