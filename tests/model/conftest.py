"""What the tests of the model share: a pool played step by step, and an exploration under everything that must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from acpool_model import (
    INVARIANTS,
    STEP_INVARIANTS,
    Action,
    Exploration,
    Kind,
    Progress,
    Scope,
    State,
    canonical,
    describe,
    enabled,
    explore,
    initial,
    step,
    well_typed,
)
from acpool_model.state import Phase

# The world's steps and those that a holder takes sooner or later; nobody has to intervene for them.
HELPING = (
    Kind.BEGIN,
    Kind.RELEASE,
    Kind.OPENED,
    Kind.INITIALIZED,
    Kind.COMMIT,
    Kind.FAIL,
    Kind.STOPPED,
    Kind.CLOSED,
    Kind.GIVE_UP,
)


class Play:
    """One pool, played by hand: each action must be enabled, and nothing may be violated after it."""

    def __init__(self, keys: int, clients: int, capacity: int, queueing: int, suspended: bool) -> None:
        states = initial(Scope(keys, clients, capacity, queueing))
        self.state: State = states[-1 if suspended else 0]

    def __call__(self, *actions: Action) -> State:
        for action in actions:
            assert action in enabled(self.state), f"{describe(action)} in\n{describe(self.state)}"
            before, self.state = self.state, step(self.state, action)
            broken = [name for name, holds in INVARIANTS.items() if not holds(self.state)]
            broken += [
                name for name, holds in STEP_INVARIANTS.items() if not holds(before, action, self.state)
            ]
            assert not broken and well_typed(self.state), f"{broken} after {describe(action)}"
        return self.state

    def live(self, key: int, client: int, want: int, *, can_load: int = 1) -> State:
        """Have a client ask for a key that has a free slot, and start its session."""
        return self(
            Action(Kind.ASK, key, client, want),
            Action(Kind.OPENED, key),
            Action(Kind.INITIALIZED, key, arg=can_load),
            Action(Kind.COMMIT, key),
        )


@pytest.fixture
def play() -> Callable[..., Play]:
    """Make a :class:`Play`: ``play(keys, clients, capacity, queueing=1, suspended=False)``."""

    def make(keys: int, clients: int, capacity: int, queueing: int = 1, suspended: bool = False) -> Play:
        return Play(keys, clients, capacity, queueing, suspended)

    return make


def look_at(
    scope: Scope,
    *,
    properties: Iterable[str] = (),
    kinds: Iterable[int] = (),
    wants: Iterable[int] = (),
    seen: Callable[[State, Action, State], bool] = lambda before, action, after: True,
) -> Exploration[State, Action]:
    """Explore ``scope`` with the actions of ``kinds`` and calls of ``wants`` (none named: all) under ``properties`` (same)."""
    names, allowed, asked = set(properties), set(kinds), set(wants)

    def possible(state: State) -> list[Action]:
        return [
            action
            for action in enabled(state)
            if (not allowed or action.kind in allowed)
            and (not asked or action.kind != Kind.ASK or action.arg in asked)
        ]

    return explore(
        initial(scope),
        possible,
        step,
        invariants={"type": well_typed}
        | {name: holds for name, holds in INVARIANTS.items() if not names or name in names},
        step_invariants={"seen": seen}
        | {name: holds for name, holds in STEP_INVARIANTS.items() if not names or name in names},
        progress=Progress("L3", _somebody_waits, lambda action: action.kind in HELPING)
        if not names or "L3" in names
        else None,
        canonical=canonical,
        label=lambda action: action.kind,
    )


def _somebody_waits(state: State) -> bool:
    return any(client.phase == Phase.WAITING for client in state.clients)


@pytest.fixture
def look() -> Callable[..., Exploration[State, Action]]:
    """:func:`look_at`, for tests."""
    return look_at
