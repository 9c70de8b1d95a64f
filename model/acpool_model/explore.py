"""Exhaustive breadth-first exploration of any machine given by its three functions, with shortest counterexamples.

Invariants are judged on each state when it is first met, as it is, before ``canonical`` makes it stand for others; step
invariants on every step. The result says which of three verdicts it is: nothing was violated and everything was seen,
something was violated, or a bound was hit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
A = TypeVar("A", bound=Hashable)


@dataclass(frozen=True)
class Counterexample(Generic[S, A]):
    """The names of all ``violated`` properties at the end of a shortest path, which can be replayed step by step.

    ``states`` is one longer than ``actions``: action n leads from state n to state n + 1.
    """

    violated: tuple[str, ...]
    states: tuple[S, ...]
    actions: tuple[A, ...]


@dataclass(frozen=True)
class Progress(Generic[S, A]):
    """No deadlock, under this ``name``: from each state that is ``waiting``, ``helping`` actions lead to one that is not."""

    name: str
    waiting: Callable[[S], bool]
    helping: Callable[[A], bool]


@dataclass(frozen=True)
class Exploration(Generic[S, A]):
    """What was seen: ``verdict`` is ``"holds"``, ``"violated"`` or ``"undecided"`` (``max_states`` was reached).

    ``states``: distinct canonical states; ``transitions``: enabled actions tried in them; ``depth``: actions on the longest
    of the shortest paths; ``taken``: how often each label of an action was tried.
    """

    verdict: str
    states: int
    transitions: int
    depth: int
    taken: Mapping[Hashable, int]
    counterexample: Counterexample[S, A] | None = None


@dataclass
class _Search(Generic[S, A]):
    """What was found so far; states are numbered in the order in which they were."""

    numbers: dict[S, int] = field(default_factory=dict["S", int])
    found: list[S] = field(default_factory=list["S"])
    came: list[int | None] = field(default_factory=list["int | None"])
    depths: list[int] = field(default_factory=list[int])
    helped_by: list[list[int]] = field(default_factory=list[list[int]])
    taken: Counter[Hashable] = field(default_factory=Counter[Hashable])

    def add(self, state: S, came: int | None) -> tuple[int, bool]:
        """The number of ``state``, and whether it is new."""
        number = self.numbers.get(state)
        if number is not None:
            return number, False
        number = self.numbers[state] = len(self.found)
        self.found.append(state)
        self.came.append(came)
        self.depths.append(0 if came is None else self.depths[came] + 1)
        self.helped_by.append([])
        return number, True

    def path(self, number: int) -> list[S]:
        """The canonical states on a shortest path to ``number``."""
        states = [self.found[number]]
        came = self.came[number]
        while came is not None:
            states.append(self.found[came])
            came = self.came[came]
        return states[::-1]

    def stuck(self, progress: Progress[S, A]) -> int | None:
        """The nearest state from which helping actions lead to none that is not waiting; None: there is none."""
        free = [number for number, state in enumerate(self.found) if not progress.waiting(state)]
        reached = set(free)
        while free:
            for earlier in self.helped_by[free.pop()]:
                if earlier not in reached:
                    reached.add(earlier)
                    free.append(earlier)
        return next((number for number in range(len(self.found)) if number not in reached), None)

    def result(self, verdict: str, counterexample: Counterexample[S, A] | None = None) -> Exploration[S, A]:
        transitions = sum(self.taken.values())
        return Exploration(
            verdict, len(self.found), transitions, max(self.depths, default=0), self.taken, counterexample
        )


@dataclass(frozen=True)
class _Machine(Generic[S, A]):
    initial: tuple[S, ...]
    enabled: Callable[[S], Iterable[A]]
    step: Callable[[S, A], S]
    invariants: Mapping[str, Callable[[S], bool]]
    step_invariants: Mapping[str, Callable[[S, A, S], bool]]
    canonical: Callable[[S], S]

    def broken_by(self, before: S, action: A, after: S, *, new: bool = True) -> list[str]:
        names = [name for name, holds in self.invariants.items() if new and not holds(after)]
        steps = self.step_invariants.items()
        return names + [
            name for name, holds in steps if name not in names and not holds(before, action, after)
        ]

    def replay(self, targets: list[S], broken: list[str]) -> Counterexample[S, A]:
        """A path past all ``targets`` in states as they are, so that names stay what they were from end to end."""
        states = [next(state for state in self.initial if self.canonical(state) == targets[0])]
        actions = list[A]()
        for number, target in enumerate(targets[1:], 2):
            here = states[-1]
            for action in self.enabled(here):
                there = self.step(here, action)
                last = number == len(targets)
                shown = not last or set(broken) <= set(self.broken_by(here, action, there))
                if shown and self.canonical(there) == target:
                    actions.append(action)
                    states.append(there)
                    break
            else:
                raise ValueError(
                    f"canonical() identified states that do not behave alike: {here} leads elsewhere"
                )
        return Counterexample(tuple(broken), tuple(states), tuple(actions))


def explore(
    initial: Iterable[S],
    enabled: Callable[[S], Iterable[A]],
    step: Callable[[S, A], S],
    *,
    invariants: Mapping[str, Callable[[S], bool]],
    step_invariants: Mapping[str, Callable[[S, A, S], bool]] | None = None,
    progress: Progress[S, A] | None = None,
    canonical: Callable[[S], S] | None = None,
    label: Callable[[A], Hashable] = hash,
    max_states: int | None = None,
) -> Exploration[S, A]:
    """Visit every state that can be reached, nearest first, and stop at the first violation.

    ``canonical`` gives states that behave alike one representative. ``label`` says what ``taken`` counts. ``max_states``
    bounds the search in distinct states; None: until there are no more. ``progress`` is judged at the end. Raises
    ``ValueError`` where a counterexample shows that ``canonical`` identified states that do not behave alike.
    """
    same = _itself if canonical is None else canonical
    steps: Mapping[str, Callable[[S, A, S], bool]] = {} if step_invariants is None else step_invariants
    machine = _Machine(tuple(initial), enabled, step, invariants, steps, same)
    search = _Search[S, A]()
    for state in machine.initial:
        search.add(same(state), None)
        violated = tuple(name for name, holds in invariants.items() if not holds(state))
        if violated:
            return search.result("violated", Counterexample(violated, (state,), ()))
    at = 0
    while at < len(search.found):
        before = search.found[at]
        for action in enabled(before):
            after = step(before, action)
            search.taken[label(action)] += 1
            number, new = search.add(same(after), at)
            broken = machine.broken_by(before, action, after, new=new)
            if broken:
                path = [*search.path(at), search.found[number]]
                return search.result("violated", machine.replay(path, broken))
            if progress is not None and progress.helping(action):
                search.helped_by[number].append(at)
            if max_states is not None and len(search.found) > max_states:
                return search.result("undecided")
        at += 1
    stuck = None if progress is None else search.stuck(progress)
    if progress is None or stuck is None:
        return search.result("holds")
    to_stuck = machine.replay(search.path(stuck), [])
    return search.result("violated", replace(to_stuck, violated=(progress.name,)))


def _itself(state: S) -> S:
    return state
