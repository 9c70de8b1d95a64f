"""What the pool tells of its atomic steps while it takes them: for whoever holds it to its specification, not for operators.

A listener (``SessionPool.trace``) is called once at the end of every atomic step, inside it: the decision is whole, nothing of
what it asks for has been performed, and no other task has run. It must neither raise nor call the pool. ``on_event`` is the
hook for everybody else: it hears the parts of a step, after it.

Cost: with no listener one ``is None`` test a step; with one, a :class:`Step` and the call. Stability: the actions are those of
the model in ``acpool_model`` by name, and change with it; a new one is no breaking change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from acpool.records import Want

Action: TypeAlias = Literal[
    "ask",  # a call begins: ``want``; the answer, the lease, a place in a queue or a refusal
    "leave",  # a caller stops waiting, or gives back what it was handed before it began
    "begin",  # a caller runs after it was handed the lease
    "release",  # the end of a caller's block, also where the lease was taken back before
    "prompt",  # a holder sends a prompt: ``prompts`` run now
    "answered",  # a prompt was answered: ``prompts`` still run
    "unanswered",  # a prompt ended without an answer: likewise
    "opened",  # the process of a start runs, also where the start was defeated meanwhile
    "initialized",  # the agent shook hands; ``can_load``
    "refused",  # the agent will not load the session
    "commit",  # the session is established
    "fail",  # the start failed
    "stopped",  # a defeated start ended without a process
    "closed",  # a dying process is confirmed dead
    "give_up",  # a dying process was not confirmed dead in time
    "exhaust",  # capacity_timeout passed for a creation in line
    "cancel",  # the agent is about to be told to end its prompt
    "expire",  # the cleanup takes out one idle session
    "reclaim",  # the cleanup takes back one lease
    "reset",
    "shut",
    "revoke",  # the deadline of the shutdown passed
]


@dataclass(frozen=True, slots=True)
class Step:
    """One atomic step of the pool.

    ``key`` is empty where the action has none. ``caller``: who acts, compared by identity: the lease that a caller asks for or
    holds, or the :class:`~acpool.records.Waiter` in which it is (its ``token``; None in that of one that asks for an answer);
    None for one that was answered at once. ``entry``: number of the slot's record, 0 where no slot is concerned.
    """

    action: Action
    key: str = ""
    caller: object = None
    entry: int = 0
    want: Want | None = None
    can_load: bool = False
    prompts: int = 0


Listener: TypeAlias = Callable[[Step], object]
