"""What of the specification a step exercises: its action, the branch of it, and what must happen sometimes."""

from __future__ import annotations

from acpool_model import Action, State


def goals_of(before: State, action: Action, after: State) -> frozenset[str]:
    """The names of what the step from ``before`` to ``after`` exercises."""
    return frozenset()
