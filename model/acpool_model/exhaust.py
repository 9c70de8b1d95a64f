"""The pool's model explored to the end in one scope: every invariant, every step, and that it comes to rest by itself.

*At rest* nobody waits or holds anything, nothing is starting and nothing is dying. From every state the pool must get there
by what the outside world answers and by what holders do sooner or later, whatever they answer and in whichever order: no
stranded waiter, no livelock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from acpool_model.actions import Action, Kind
from acpool_model.canonical import canonical
from acpool_model.explore import Exploration, Watch, explore
from acpool_model.interned import interning
from acpool_model.invariants import INVARIANTS, well_typed
from acpool_model.machine import enabled, initial, step
from acpool_model.progress import Progress
from acpool_model.state import Dying, Phase, Scope, Stage, State
from acpool_model.step_invariants import STEP_INVARIANTS

HELPING: Final = (
    Kind.BEGIN,
    Kind.RELEASE,
    Kind.ANSWERED,
    Kind.UNANSWERED,
    Kind.OPENED,
    Kind.INITIALIZED,
    Kind.REFUSED,
    Kind.COMMIT,
    Kind.FAIL,
    Kind.STOPPED,
    Kind.CLOSED,
    Kind.GIVE_UP,
)
"""The answers of the world, and the steps that a holder takes sooner or later: nobody has to intervene for them."""


def is_restless(state: State) -> bool:
    """Whether somebody waits or holds, or something is starting or dying."""
    return any(client.phase != Phase.OUT for client in state.clients) or any(
        key.stage not in (Stage.ABSENT, Stage.IDLE) or key.dying != Dying.NOTHING for key in state.keys
    )


def comes_to_rest() -> Progress[State, Action]:
    """From every state, answers of the world and steps that holders take sooner or later lead to where nobody waits or holds
    anything and nothing is starting or dying; and they cannot go on for ever without coming there."""
    return Progress("L3", is_restless, _helps, livelock="L3 livelock")


def _helps(action: Action) -> bool:
    return action.kind in HELPING


def exhaust(
    scope: Scope,
    *,
    possible: Callable[[State], Iterable[Action]] = enabled,
    properties: Iterable[str] = (),
    max_states: int | None = None,
    watch: Watch | None = None,
    every: int = 1000,
) -> Exploration[State, Action]:
    """Explore ``scope`` under the invariants of ``properties`` (none named: all); with L3 it must come to rest.

    ``possible``: what can happen, of what is enabled. ``max_states``, ``watch`` and ``every`` are those of ``explore``. L3 is
    violated where no steps of others lead to rest, "L3 livelock" where they can go on for ever. Raises ``ValueError`` for
    a scope that has nothing in it.
    """
    names = set(properties) or {*INVARIANTS, *STEP_INVARIANTS}
    return explore(
        initial(scope),
        possible,
        step,
        invariants={"type": well_typed}
        | {name: holds for name, holds in INVARIANTS.items() if name in names},
        step_invariants={name: holds for name, holds in STEP_INVARIANTS.items() if name in names},
        progress=comes_to_rest() if "L3" in names else None,
        canonical=canonical,
        packing=interning(scope.keys, scope.clients),
        label=lambda action: action.kind,
        max_states=max_states,
        watch=watch,
        every=every,
    )
