"""Partial-order reduction of any machine of three verbs by sleep sets: every state is met, over fewer transitions.

Where two actions are independent, the second need not be tried after the first if the first is after the second: it *sleeps*
until something wakes it that depends on it. (Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, LNCS
1032, 1996, chapter 5; with independence that depends on the state, as in Godefroid and Pirottin, CAV 1993.) What slept when
a state was met first and wakes when it is met again is tried then, since matching states may lose some otherwise, though
breadth first no machine of the tests needs it.

All states are met, so no condition of visibility and no proviso against cycles is needed for what is said of states; of
steps some are left out, so nothing is said of steps, nor of paths.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
A = TypeVar("A", bound=Hashable)

Represent = Callable[[S], tuple[S, Callable[[A], A]]]
"""The representative of a state, and what an action of the state is called there."""


@dataclass(frozen=True)
class Slept(Generic[S]):
    """What was met: the states, each as its representative; how many transitions were taken; states in which nothing is
    enabled; and the names of all that does not hold somewhere."""

    states: frozenset[S]
    transitions: int
    stopped: frozenset[S]
    violated: frozenset[str]


def explore_sleeping(
    initial: Iterable[S],
    enabled: Callable[[S], Iterable[A]],
    step: Callable[[S, A], S],
    *,
    independent: Callable[[S, A, A], bool],
    represent: Represent[S, A],
    invariants: Mapping[str, Callable[[S], bool]],
) -> Slept[S]:
    """Visit every state that can be reached, whatever does not hold on the way.

    ``independent``, of two actions enabled in a state: each is still enabled after the other, and in either order they lead to
    the same representative. Where it is not so, states are missed.
    """
    asleep: dict[S, frozenset[A]] = {}
    queue: deque[tuple[S, frozenset[A], frozenset[A] | None]] = deque()
    violated: set[str] = set()
    stopped: set[S] = set()
    transitions = 0

    def meet(state: S, sleeping: frozenset[A]) -> None:
        known = asleep.get(state)
        if known is None:
            asleep[state] = sleeping
            queue.append((state, sleeping, None))
        elif known - sleeping:
            # What slept whenever this state was met before is awake now: it is all that is to be tried.
            asleep[state] = known & sleeping
            queue.append((state, sleeping, known - sleeping))

    for state in initial:
        violated.update(name for name, holds in invariants.items() if not holds(state))
        meet(represent(state)[0], frozenset())
    while queue:
        before, sleeping, woken = queue.popleft()
        actions = list(enabled(before))
        if not actions:
            stopped.add(before)
        behind = set(sleeping if woken is None else asleep[before])
        for action in actions:
            if action in sleeping or (woken is not None and action not in woken):
                continue
            after = step(before, action)
            transitions += 1
            shown, renamed = represent(after)
            if shown not in asleep:
                violated.update(name for name, holds in invariants.items() if not holds(after))
            meet(shown, frozenset(renamed(other) for other in behind if independent(before, action, other)))
            behind.add(action)
    return Slept(frozenset(asleep), transitions, frozenset(stopped), frozenset(violated))
