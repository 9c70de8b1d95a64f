"""Whether whoever waits is helped: from each state, the steps that nobody has to be asked for lead to where nothing waits.

Two statements over the helping steps of an explored graph. *Possible*: from every state some of them lead to one that is not
waiting (AG EF, Clarke and Emerson 1981, by backward reachability). *Inevitable*: besides, no cycle of them goes through
states that wait, so that however they happen, they come to an end where nothing waits (by Kahn's topological sort, 1962).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
A = TypeVar("A")


@dataclass(frozen=True)
class Progress(Generic[S, A]):
    """No deadlock, under this ``name``: from each state that is ``waiting``, ``helping`` actions lead to one that is not.

    ``livelock``: the name of the property that a cycle of helping actions violates which never leaves the waiting states;
    None: there may be cycles.
    """

    name: str
    waiting: Callable[[S], bool]
    helping: Callable[[A], bool]
    livelock: str | None = None


class Steps:
    """The helping steps, as pairs of numbers of states."""

    def __init__(self) -> None:
        self.origins = array("I")
        self.targets = array("I")

    def add(self, origin: int, target: int) -> None:
        """A step leads from ``origin`` to ``target``."""
        self.origins.append(origin)
        self.targets.append(target)

    def backwards(self, states: int) -> tuple[array[int], array[int]]:
        """Where the steps into each state begin in the second array, which has the states that they come from."""
        begins = array("I", bytes(4 * (states + 1)))
        for target in self.targets:
            begins[target + 1] += 1
        for number in range(states):
            begins[number + 1] += begins[number]
        filled = begins[:-1]
        origins = array("I", bytes(4 * len(self.origins)))
        for origin, target in zip(self.origins, self.targets, strict=True):
            origins[filled[target]] = origin
            filled[target] += 1
        return begins, origins


def judge(progress: Progress[S, A], waiting: bytearray, steps: Steps) -> tuple[int, str] | None:
    """The first state from which there is no help, or which waits on a cycle of help, with the name of what it violates.

    ``waiting`` has 1 for each state that waits. None: there is no such state.
    """
    begins, origins = steps.backwards(len(waiting))
    helped = bytearray(1 - state for state in waiting)
    free = [number for number, is_free in enumerate(helped) if is_free]
    while free:
        number = free.pop()
        for origin in origins[begins[number] : begins[number + 1]]:
            if not helped[origin]:
                helped[origin] = 1
                free.append(origin)
    stuck = helped.find(0)
    if stuck >= 0:
        return stuck, progress.name
    if progress.livelock is None:
        return None
    return _cycle(progress.livelock, waiting, steps, begins, origins)


def _cycle(
    name: str, waiting: bytearray, steps: Steps, begins: array[int], origins: array[int]
) -> tuple[int, str] | None:
    """The first waiting state from which helping steps can go on for ever without leaving the waiting states."""
    ahead = array(
        "I", bytes(4 * len(waiting))
    )  # steps of a state that lead to one that waits and is not over yet
    for origin, target in zip(steps.origins, steps.targets, strict=True):
        ahead[origin] += waiting[target]
    over = [number for number in range(len(waiting)) if waiting[number] and not ahead[number]]
    left = bytearray(waiting)
    while over:
        number = over.pop()
        left[number] = 0
        for origin in origins[begins[number] : begins[number + 1]]:
            ahead[origin] -= 1
            if waiting[origin] and not ahead[origin]:
                over.append(origin)
    going_on = left.find(1)
    return None if going_on < 0 else (going_on, name)
