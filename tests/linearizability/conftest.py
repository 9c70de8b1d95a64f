"""A brute-force oracle, generators of small histories, and specifications made for the tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from random import Random
from typing import Any

import pytest

from acpool_spec.linearizability import Operation, SequentialSpec
from acpool_spec.objects import CasRegister, KeyValue, Lock, Queue, Register
from acpool_spec.sequential import hints_of

AnySpec = SequentialSpec[Any]


class Oracle:
    """Tries every order that real time allows, without a memo, a partition or a reduction, on sets of states."""

    def __init__(self, operations: Sequence[Operation], spec: AnySpec) -> None:
        self._operations = operations
        self._spec = spec
        self.most_completed = 0
        self.explained = self._extend((), [spec.initial()])

    def _extend(self, placed: tuple[int, ...], states: list[Any]) -> bool:
        completed = sum(not self._operations[index].pending for index in placed)
        self.most_completed = max(self.most_completed, completed)
        if completed == sum(not operation.pending for operation in self._operations):
            return True
        rest = [index for index in range(len(self._operations)) if index not in placed]
        for index in rest:
            if any(precedes(self._operations[other], self._operations[index]) for other in rest):
                continue
            after = follow(states, self._operations[index], self._spec)
            if after and self._extend((*placed, index), after):
                return True
        return False

    @staticmethod
    def by_permutations(operations: Sequence[Operation], spec: AnySpec) -> bool:
        """The definition itself: any choice of pending operations, any permutation."""
        completed = {index for index, operation in enumerate(operations) if not operation.pending}
        for size in range(len(completed), len(operations) + 1):
            for order in permutations(range(len(operations)), size):
                if completed <= set(order) and explains(order, operations, spec):
                    return True
        return False


def precedes(earlier: Operation, later: Operation) -> bool:
    """Whether real time puts the one before the other."""
    return earlier.returned_at is not None and earlier.returned_at < later.invoked_at


def follow(states: Iterable[Any], operation: Operation, spec: AnySpec) -> list[Any]:
    """All states that the operation may lead to."""
    return list(dict.fromkeys(after for state in states for after in spec.step(state, operation)))


def explains(order: Sequence[int], operations: Sequence[Operation], spec: AnySpec) -> bool:
    """Whether ``order`` respects real time and the specification; what it leaves out is not looked at."""
    states: list[Any] = [spec.initial()]
    for place, index in enumerate(order):
        if any(precedes(operations[index], operations[before]) for before in order[:place]):
            return False
        states = follow(states, operations[index], spec)
    return bool(states) and len(set(order)) == len(order)


@dataclass(frozen=True)
class LossyRegister:
    """A register whose writes may be lost: a nondeterministic specification."""

    def initial(self) -> int:
        return 0

    def step(self, state: int, operation: Operation) -> Iterable[int]:
        if operation.name == "write":
            return [state, operation.argument]
        return [state] if operation.pending or operation.response == state else []

    def partition(self, operation: Operation) -> Hashable:
        return None


@dataclass(frozen=True)
class Bag:
    """A bag: ``take`` answers any value in it; nondeterministic for pending takes."""

    def initial(self) -> tuple[int, ...]:
        return ()

    def step(self, state: tuple[int, ...], operation: Operation) -> Iterable[tuple[int, ...]]:
        if operation.name == "put":
            return [tuple(sorted((*state, operation.argument)))]
        taken = state if operation.pending else [value for value in state if value == operation.response]
        return [(*state[: state.index(value)], *state[state.index(value) + 1 :]) for value in taken]

    def partition(self, operation: Operation) -> Hashable:
        return None


@dataclass(frozen=True)
class Unhinted:
    """A specification without what it may say besides."""

    spec: AnySpec

    def initial(self) -> Any:
        return self.spec.initial()

    def step(self, state: Any, operation: Operation) -> Iterable[Any]:
        return self.spec.step(state, operation)

    def partition(self, operation: Operation) -> Hashable:
        return self.spec.partition(operation)


@dataclass(frozen=True)
class Unforced(Unhinted):
    """A specification that does not say what a history forces, so that everything is searched."""

    def kind(self, operation: Operation) -> Hashable:
        hints = hints_of(self.spec)
        assert hints is not None
        return hints.kind(operation)

    def observes(self, operation: Operation) -> bool:
        hints = hints_of(self.spec)
        assert hints is not None
        return hints.observes(operation)


Ask = Callable[[Random], tuple[str, Any, Any]]


def _register(random: Random) -> tuple[str, Any, Any]:
    if random.random() < 0.5:
        return "write", random.randrange(3), None
    return "read", None, random.choice([None, 0, 1, 2])


def _lossy(random: Random) -> tuple[str, Any, Any]:
    if random.random() < 0.5:
        return "write", random.randrange(1, 3), None
    return "read", None, random.randrange(3)


def _cas(random: Random) -> tuple[str, Any, Any]:
    if random.random() < 0.5:
        return "cas", [random.choice([None, 0, 1]), random.randrange(2)], random.random() < 0.5
    return _register(random)


def _key_value(random: Random) -> tuple[str, Any, Any]:
    key = random.choice("xy")
    match random.randrange(4):
        case 0:
            return "put", [key, random.choice("ab")], None
        case 1:
            return "append", [key, random.choice("ab")], None
        case 2:
            return "delete", key, None
        case _:
            return "get", key, random.choice([None, "a", "b", "ab"])


def _lock(random: Random) -> tuple[str, Any, Any]:
    return random.choice(["acquire", "release"]), None, random.random() < 0.5


def _queue(random: Random) -> tuple[str, Any, Any]:
    if random.random() < 0.5:
        return "enqueue", random.randrange(2), None
    return "dequeue", None, random.choice([None, 0, 1])


def _bag(random: Random) -> tuple[str, Any, Any]:
    if random.random() < 0.6:
        return "put", random.randrange(2), None
    return "take", None, random.randrange(2)


ASKS: dict[str, Ask] = {
    "register": _register,
    "lossy": _lossy,
    "cas": _cas,
    "key_value": _key_value,
    "lock": _lock,
    "queue": _queue,
    "bag": _bag,
}


def small_history(random: Random, kind: str, *, pending: float) -> list[Operation]:
    """Two to four processes and up to eight operations, on a clock so coarse that many of them touch."""
    operations: list[Operation] = []
    for process in range(random.randint(2, 4)):
        now = random.randrange(3)
        for _ in range(random.randint(1, 2)):
            name, argument, response = ASKS[kind](random)
            invoked_at = now + random.randrange(2)
            now = invoked_at + 1 + random.randrange(4)
            lost = random.random() < pending
            operations.append(
                Operation(
                    process=process,
                    name=name,
                    argument=argument,
                    response=response,
                    invoked_at=invoked_at,
                    returned_at=None if lost else now,
                )
            )
            if lost:
                break
    random.shuffle(operations)
    return operations


def plausible_history(random: Random, kind: str, *, pending: float, most: int = 11) -> list[Operation]:
    """Operations on an object that works, each at one instant within its interval, many of their values used once.

    In three of five an answer is another one, two answers have changed places, or an interval is too short.
    """
    width, again = random.choice([15, 30, 60, 120]), random.choice([0.0, 0.0, 0.2, 0.5])
    source = _Working(kind, random, again)
    operations: list[Operation] = []
    for place in range(random.randint(4, most)):
        name, argument, response, process = source.next()
        operations.append(
            Operation(
                process=place if process is None else process,
                name=name,
                argument=argument,
                response=response,
                invoked_at=10 * place - random.randrange(width),
                returned_at=10 * place + 1 + random.randrange(width),
            )
        )
    if kind == "lock":
        operations = _one_by_one(operations, random)
    for n, op in enumerate(operations):
        if random.random() < pending * random.random():
            operations[n] = replace(op, returned_at=None)
    random.shuffle(operations)
    if random.random() < 0.6:
        _mistake(operations, random)
    return operations


class _Working:
    """An object that answers rightly; ``again``: how often a value is one that was used before."""

    def __init__(self, kind: str, random: Random, again: float) -> None:
        self._kind, self._random, self._again = kind, random, again
        self._writes = random.choice([0.3, 0.5, 0.7])
        self._value: Any = () if kind == "queue" else {} if kind == "key_value" else None
        self._fresh = 9

    def next(self) -> tuple[str, Any, Any, int | None]:
        """Name, argument, response, and the process where that matters."""
        changes = self._random.random() < self._writes
        if self._kind == "queue":
            return self._queue(changes)
        if self._kind == "lock":
            return self._lock(changes)
        if self._kind == "key_value":
            return self._entry(changes)
        if not changes:
            return "read", None, self._value, None
        if self._kind == "cas" and self._random.random() < 0.6:
            matches = self._random.random() < 0.7
            expected = self._value if matches else self._random.randrange(10, 16)
            argument, found = [expected, self._new()], self._value
            self._value = argument[1] if expected == found else found
            return "cas", argument, expected == found, None
        self._value = self._new()
        return "write", self._value, None, None

    def _new(self) -> int:
        self._fresh += 1
        return self._random.randrange(3) if self._random.random() < self._again else self._fresh

    def _queue(self, changes: bool) -> tuple[str, Any, Any, int | None]:
        if changes:
            self._value = (*self._value, value := self._new())
            return "enqueue", value, None, None
        taken = self._value[0] if self._value else None
        self._value = self._value[1:]
        return "dequeue", None, taken, None

    def _lock(self, changes: bool) -> tuple[str, Any, Any, int | None]:
        process = self._random.randrange(4)
        done = self._value is None if changes else self._value == process
        if done:
            self._value = process if changes else None
        return "acquire" if changes else "release", None, done, process

    def _entry(self, changes: bool) -> tuple[str, Any, Any, int | None]:
        key = self._random.choice("xy")
        if not changes:
            return "get", key, self._value.get(key), None
        if key == "x" and self._random.random() < 0.9:
            # Without the mark behind it a text may be the beginning of another.
            text = f"{self._new()}{';' if self._again < 0.4 else ''}"
            self._value[key] = self._value.get(key, "") + text
            return "append", [key, text], None, None
        if self._random.random() < 0.8:
            self._value[key] = str(self._new())
            return "put", [key, self._value[key]], None, None
        self._value.pop(key, None)
        return "delete", key, None, None


def _one_by_one(operations: Sequence[Operation], random: Random) -> list[Operation]:
    """The same, with what a process does one after the other, but for now and then."""
    found: list[Operation] = []
    ended: dict[int, int] = {}
    for place, op in enumerate(operations):
        point = 10 * place
        begin, end = min(point, max(op.invoked_at, ended.get(op.process, op.invoked_at))), op.returned_at or 0
        later = [10 * n for n in range(place + 1, len(operations)) if operations[n].process == op.process]
        if later and random.random() < 0.95:
            end = min(end, later[0] - random.randrange(1, 10))
        ended[op.process] = end + 1
        found.append(replace(op, invoked_at=begin, returned_at=max(end, point)))
    return found


def _mistake(operations: list[Operation], random: Random) -> None:
    answered = [n for n, op in enumerate(operations) if op.response is not None and not op.pending]
    if answered and random.random() < 0.6:
        one, other = random.choice(answered), random.choice(answered)
        first: Any = operations[one].response
        second: Any = operations[other].response
        if one == other:
            second = random.choice([None, 11, "11;", True, False])
        operations[other] = replace(operations[other], response=first)
        operations[one] = replace(operations[one], response=second)
        return
    n = random.randrange(len(operations))
    op = operations[n]
    if op.returned_at is not None:
        middle = random.randrange(op.invoked_at, op.returned_at + 1)
        early = random.random() < 0.5
        operations[n] = replace(op, returned_at=middle) if early else replace(op, invoked_at=middle)


def operation(
    process: int,
    name: str,
    argument: Any = None,
    response: Any = None,
    *,
    at: tuple[int, int | None],
) -> Operation:
    """One operation, written in one line."""
    return Operation(
        process=process,
        name=name,
        argument=argument,
        response=response,
        invoked_at=at[0],
        returned_at=at[1],
    )


def specification(kind: str) -> AnySpec:
    """The object of which ``small_history`` makes histories of this kind."""
    objects: dict[str, AnySpec] = {
        "register": Register(),
        "lossy": LossyRegister(),
        "cas": CasRegister(),
        "key_value": KeyValue(),
        "lock": Lock(),
        "queue": Queue(),
        "bag": Bag(),
    }
    return objects[kind]


class Toolbox:
    """What the tests of this folder share."""

    Oracle = Oracle
    LossyRegister = LossyRegister
    Bag = Bag
    Unhinted = Unhinted
    Unforced = Unforced
    explains = staticmethod(explains)
    follow = staticmethod(follow)
    precedes = staticmethod(precedes)
    specification = staticmethod(specification)
    small_history = staticmethod(small_history)
    plausible_history = staticmethod(plausible_history)
    operation = staticmethod(operation)


@pytest.fixture(scope="session")
def toolbox() -> type[Toolbox]:
    return Toolbox
