"""Exhaustive breadth-first exploration of any machine given by its three functions, with shortest counterexamples.

Invariants are judged on each state when it is first met, as it is, before ``canonical`` makes it stand for others; step
invariants on every step. The result says which of three verdicts it is: nothing was violated and everything was seen,
something was violated, or a bound was hit, and which.

Of a state is kept: its entry in the table of those known (packed, if there is a ``packing``), the number of the state that it
was first reached from, and the helping steps into it, as numbers of four bytes.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

from acpool_model.progress import Progress, Steps, judge

S = TypeVar("S", bound=Hashable)
A = TypeVar("A", bound=Hashable)

_NOWHERE = 0xFFFFFFFF


@dataclass(frozen=True)
class Counterexample(Generic[S, A]):
    """The names of all ``violated`` properties at the end of a shortest path, which can be replayed step by step.

    ``states`` is one longer than ``actions``: action n leads from state n to state n + 1.
    """

    violated: tuple[str, ...]
    states: tuple[S, ...]
    actions: tuple[A, ...]


class Account(NamedTuple):
    """How far an exploration is: distinct ``states``, those of them still to be expanded, ``transitions``, and the depth."""

    states: int
    frontier: int
    transitions: int
    depth: int


Watch = Callable[[Account], str | None]
"""Told how far an exploration is; returns the name of a bound that ran out, None while it may go on."""


class Packing(NamedTuple, Generic[S]):
    """How states are kept: ``pack`` gives each state a smaller value of its own, ``unpack`` gives it back."""

    pack: Callable[[S], Hashable]
    unpack: Callable[[Any], S]


@dataclass(frozen=True)
class Exploration(Generic[S, A]):
    """What was seen: ``verdict`` is ``"holds"``, ``"violated"`` or ``"undecided"``, which is so because of ``bound``.

    ``states``: distinct canonical states; ``transitions``: enabled actions tried in them; ``depth``: actions on the longest
    of the shortest paths; ``taken``: how often each label of an action was tried.
    """

    verdict: str
    states: int
    transitions: int
    depth: int
    taken: Mapping[Hashable, int]
    counterexample: Counterexample[S, A] | None = None
    bound: str | None = None


@dataclass
class _Search(Generic[S, A]):
    """What was found so far; states are numbered in the order in which they were."""

    packing: Packing[S]
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    queue: deque[Hashable] = field(default_factory=deque[Hashable])
    came: array[int] = field(default_factory=lambda: array("I"))
    steps: Steps = field(default_factory=Steps)
    waiting: bytearray = field(default_factory=bytearray)
    taken: Counter[Hashable] = field(default_factory=Counter[Hashable])
    transitions: int = 0
    depth: int = 0  # of the states that are expanded
    layer: int = 0  # how many states there are down to that depth

    def add(self, kept: Hashable, came: int) -> int:
        """The number of a new state, as it is kept."""
        number = self.numbers[kept] = len(self.came)
        self.came.append(came)
        self.queue.append(kept)
        return number

    def account(self) -> Account:
        """How far it is."""
        return Account(len(self.came), len(self.queue), self.transitions, self.depth)

    def path(self, number: int) -> list[S]:
        """The canonical states on a shortest path to ``number``."""
        wanted = [number]
        while self.came[wanted[-1]] != _NOWHERE:
            wanted.append(self.came[wanted[-1]])
        on_it = set(wanted)
        # The table is in the order of the numbers; it is read once, for one path.
        found = {number: packed for packed, number in self.numbers.items() if number in on_it}
        return [self.packing.unpack(found[number]) for number in reversed(wanted)]

    def result(
        self,
        verdict: str,
        counterexample: Counterexample[S, A] | None = None,
        *,
        bound: str | None = None,
    ) -> Exploration[S, A]:
        depth = self.depth + (len(self.came) > self.layer > 0)
        return Exploration(
            verdict, len(self.came), self.transitions, depth, self.taken, counterexample, bound
        )


@dataclass(frozen=True)
class _Machine(Generic[S, A]):
    initial: tuple[S, ...]
    enabled: Callable[[S], Iterable[A]]
    step: Callable[[S, A], S]
    invariants: Mapping[str, Callable[[S], bool]]
    step_invariants: Mapping[str, Callable[[S, A, S], bool]]
    canonical: Callable[[S], S]

    def broken_in(self, state: S) -> list[str]:
        return [name for name, holds in self.invariants.items() if not holds(state)]

    def broken_by(self, before: S, action: A, after: S, *, new: bool = True) -> list[str]:
        names = self.broken_in(after) if new else []
        for name, keeps in self.step_invariants.items():
            if name not in names and not keeps(before, action, after):
                names.append(name)
        return names

    def reaching(self, targets: list[S], violated: str) -> Counterexample[S, A]:
        """A path past all ``targets``, the last of which violates what is no invariant."""
        return replace(self.replay(targets, []), violated=(violated,))

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
    deadlock: str | None = None,
    progress: Progress[S, A] | None = None,
    canonical: Callable[[S], S] | None = None,
    packing: Packing[S] | None = None,
    label: Callable[[A], Hashable] | None = hash,
    max_states: int | None = None,
    watch: Watch | None = None,
    every: int = 1000,
) -> Exploration[S, A]:
    """Visit every state that can be reached, nearest first, and stop at the first violation.

    ``deadlock``: the name of the property that a state without enabled actions violates; None: such states may be.
    ``progress`` is judged at the end. ``canonical`` gives states that behave alike one representative. ``label`` says what
    ``taken`` counts; None: nothing. ``max_states`` bounds the search in distinct states; None: until there are no more.
    ``watch`` is asked each ``every`` states whether to go on. Raises ``ValueError`` where a counterexample shows that
    ``canonical`` identified states that do not behave alike.
    """
    steps: Mapping[str, Callable[[S, A, S], bool]] = {} if step_invariants is None else step_invariants
    machine = _Machine(tuple(initial), enabled, step, invariants, steps, canonical or _itself)
    search = _Search[S, A](packing or Packing[S](_itself, _itself))
    keep = _both(canonical, None if packing is None else packing.pack)
    numbers, queue = search.numbers, search.queue
    wrong = _begin(search, machine, keep)
    if wrong is not None:
        return search.result("violated", wrong)
    at, search.layer = 0, len(numbers)
    while queue:
        if at == search.layer:
            search.depth, search.layer = search.depth + 1, len(numbers)
        ran_out = watch(search.account()) if watch is not None and at % every == 0 else None
        if ran_out is not None:
            return search.result("undecided", bound=ran_out)
        before = search.packing.unpack(queue.popleft())
        if progress is not None:
            search.waiting.append(progress.waiting(before))
        until_here = search.transitions
        # All the time goes into this loop, so what was not asked for is not even called.
        for action in enabled(before):
            after = step(before, action)
            search.transitions += 1
            if label is not None:
                search.taken[label(action)] += 1
            kept = after if keep is None else keep(after)
            number = numbers.get(kept, -1)
            new = number < 0
            if new:
                number = search.add(kept, at)
            broken = machine.broken_by(before, action, after, new=new) if new or steps else None
            if broken:
                path = [*search.path(at), machine.canonical(after)]
                return search.result("violated", machine.replay(path, broken))
            if progress is not None and progress.helping(action):
                search.steps.add(at, number)
            if max_states is not None and new and len(numbers) > max_states:
                return search.result("undecided", bound=f"max_states={max_states}")
        if deadlock is not None and search.transitions == until_here:
            return search.result("violated", machine.reaching(search.path(at), deadlock))
        at += 1
    found = None if progress is None else judge(progress, search.waiting, search.steps)
    if found is None:
        return search.result("holds")
    number, name = found
    return search.result("violated", machine.reaching(search.path(number), name))


def _begin(
    search: _Search[S, A], machine: _Machine[S, A], keep: Callable[[S], Hashable] | None
) -> Counterexample[S, A] | None:
    """Note the initial states, up to the first that is wrong."""
    for state in machine.initial:
        kept = state if keep is None else keep(state)
        if kept not in search.numbers:
            search.add(kept, _NOWHERE)
        violated = machine.broken_in(state)
        if violated:
            return Counterexample(tuple(violated), (state,), ())
    return None


def _both(
    first: Callable[[S], S] | None, second: Callable[[S], Hashable] | None
) -> Callable[[S], Hashable] | None:
    """One after the other; None: nothing to do."""
    if first is None or second is None:
        return first or second
    return lambda state: second(first(state))


def _itself(state: S) -> S:
    return state
