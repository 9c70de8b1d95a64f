"""The pool as a pure state machine: every atomic step, no I/O, no clock, no asyncio.

``initial(scope)`` gives the states to begin with, ``enabled(state)`` what can happen next, ``step(state, action)`` the state
after it. ``INVARIANTS`` and ``STEP_INVARIANTS`` are what must hold, by property id; ``explore`` looks at everything there is.

>>> from acpool_model import Scope, describe, enabled, initial
>>> [start, *_] = initial(Scope(keys=1, clients=1, capacity=1))
>>> for action in enabled(start):
...     print(describe(action))
client 1 asks for the session of a
client 1 asks for the lease of a
client 1 asks for the session and the lease of a
a is reset
the pool is shut
"""

from acpool_model.actions import Action, Kind
from acpool_model.canonical import canonical
from acpool_model.explore import Account, Counterexample, Exploration, Packing, explore
from acpool_model.invariants import INVARIANTS, well_typed
from acpool_model.machine import enabled, initial, step
from acpool_model.progress import Progress
from acpool_model.state import Answer, Client, Dying, Key, Phase, Prompt, Scope, Stage, State, Want
from acpool_model.step_invariants import STEP_INVARIANTS
from acpool_model.words import describe

__all__ = [
    "INVARIANTS",
    "STEP_INVARIANTS",
    "Account",
    "Action",
    "Answer",
    "Client",
    "Counterexample",
    "Dying",
    "Exploration",
    "Key",
    "Kind",
    "Packing",
    "Phase",
    "Progress",
    "Prompt",
    "Scope",
    "Stage",
    "State",
    "Want",
    "canonical",
    "describe",
    "enabled",
    "explore",
    "initial",
    "step",
    "well_typed",
]
