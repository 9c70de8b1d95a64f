"""The family of small scopes in which a pool is explored, as frozen values with names that read and parse back.

A scope is what its clients call, in which order, on which keys; how many slots there are; which callbacks may be reordered; how
many faults and cancellations the outside world has to spend. Two scopes that differ only in what their keys are called and in
which client is which are one: the family holds one of them, the least by :attr:`PoolScope.order`.

There are two kinds of faults, and a scope has one of them: something goes wrong (a call fails or hangs, a process dies or will
not), or something is slow: it comes later than a bound that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, permutations, product
from typing import NamedTuple, cast

from acpool_spec.simulation import Mode

OF_A_KEY = ("get_or_create", "with_connection", "session", "cancel", "reset")
OF_THE_POOL = ("cleanup_idle", "shutdown")
OPERATIONS = (*OF_A_KEY, *OF_THE_POOL)
KEYS = ("a", "b", "c")
MODES: tuple[Mode, ...] = ("fifo", "reordered")


class Operation(NamedTuple):
    """One call of a client: ``f`` of ``key``, which is empty where ``f`` takes none."""

    f: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.f}:{self.key}" if self.key else self.f


ClientProgram = tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class PoolScope:
    """One scope: ``programs``, one a client; ``max_sessions`` 1 or 2; ``faults`` and ``cancellations`` 0 or 1 a run; ``slow``:
    whether the fault is something late. One with a single client is in no profile, and can be named.

    Its keys are ``a``, ``b``, ``c``, as many as are used. Raises ``ValueError`` for one outside of the family.
    """

    programs: tuple[ClientProgram, ...]
    max_sessions: int = 1
    mode: Mode = "fifo"
    faults: int = 0
    cancellations: int = 0
    slow: bool = False

    def __post_init__(self) -> None:
        for number, program in enumerate(self.programs):
            for call in program:
                if call.f not in OPERATIONS or (call.key in KEYS) is not (call.f in OF_A_KEY):
                    raise ValueError(f"client {number} calls {str(call)!r}: expected one of {_EXPECTED}")
            if not 1 <= len(program) <= 3:
                raise ValueError(f"client {number} makes {len(program)} calls: expected 1 to 3")
        used = {call.key for program in self.programs for call in program if call.key}
        if used != set(KEYS[: len(used)]):
            raise ValueError(f"the keys are {', '.join(sorted(used))}: expected a, then b, then c")
        for name, value, allowed in (
            ("clients", len(self.programs), (1, 2, 3)),
            ("slots", self.max_sessions, (1, 2)),
            ("faults", self.faults, (0, 1)),
            ("cancellations", self.cancellations, (0, 1)),
        ):
            if value not in allowed:
                expected = ", ".join(map(str, allowed[:-1]))
                raise ValueError(f"{value} {name}: expected {expected} or {allowed[-1]}")
        if self.slow and not self.faults:
            raise ValueError("0 faults, one of them slow: expected 1")
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r}: expected fifo or reordered")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that its clients use."""
        return KEYS[: len({call.key for program in self.programs for call in program if call.key})]

    @property
    def name(self) -> str:
        """``session:a+reset:a,cleanup_idle@1.fifo.f0.c1``: two clients, one slot, no fault, one cancellation; ``s1`` in the place
        of ``f1``: the fault is something slow."""
        clients = ",".join("+".join(map(str, program)) for program in self.programs)
        kind = "s" if self.slow else "f"
        return f"{clients}@{self.max_sessions}.{self.mode}.{kind}{self.faults}.c{self.cancellations}"

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def parse(name: str) -> PoolScope:
        """The scope called ``name``. Raises ``ValueError`` with what was found and what was expected."""
        clients, at, rest = name.partition("@")
        parts = rest.split(".")
        digits = [part[-1:] for part in parts]
        if (
            not at
            or len(parts) != 4
            or parts[2][:-1] not in ("f", "s")
            or parts[3][:-1] != "c"
            or parts[0] != digits[0]
        ):
            raise ValueError(f"{name!r} is no scope: expected a name such as {_EXAMPLE}")
        numbers = [int(digit) if digit in "0123456789" and digit else -1 for digit in digits]
        programs = tuple(
            tuple(Operation(*text.partition(":")[::2]) for text in client.split("+"))
            for client in clients.split(",")
        )
        # What is no mode is refused where the scope is made.
        return PoolScope(
            programs, numbers[0], cast(Mode, parts[1]), numbers[2], numbers[3], parts[2][0] == "s"
        )

    @property
    def order(self) -> tuple[object, ...]:
        """By which scopes are compared: smaller ones first, then by their operations."""
        return (len(self.programs), tuple(_program_order(program) for program in self.programs), self.name)

    def canonical(self) -> PoolScope:
        """The one that stands for all scopes which differ from this in the names of keys and the numbers of clients only."""
        return min(
            (replace(self, programs=_renamed(clients)) for clients in permutations(self.programs)),
            key=lambda scope: scope.order,
        )


_EXPECTED = (
    "get_or_create:a, with_connection:a, session:a, cancel:a, reset:a (key a, b or c), cleanup_idle, shutdown"
)
_EXAMPLE = "session:a+reset:a,cleanup_idle@1.fifo.f0.c1"


def _program_order(program: ClientProgram) -> tuple[object, ...]:
    return (len(program), tuple((OPERATIONS.index(call.f), call.key) for call in program))


def _renamed(programs: Sequence[ClientProgram]) -> tuple[ClientProgram, ...]:
    """The keys as ``a``, ``b``, ``c`` in the order in which they are met."""
    names: dict[str, str] = {}
    for program in programs:
        for call in program:
            if call.key and call.key not in names:
                names[call.key] = KEYS[len(names)]
    return tuple(
        tuple(Operation(call.f, names.get(call.key, "")) for call in program) for program in programs
    )


def family(
    *,
    clients: Sequence[int] = (2, 3),
    keys: Sequence[int] = (1, 2, 3),
    slots: Sequence[int] = (1, 2),
    length: int = 3,
    operations: Sequence[str] = OPERATIONS,
    modes: Sequence[Mode] = MODES,
    faults: Sequence[int] = (0, 1),
    cancellations: Sequence[int] = (0, 1),
) -> Iterator[PoolScope]:
    """Every scope of ``clients`` × ``keys`` × ``slots`` × programs of 1 to ``length`` operations × modes × faults ×
    cancellations, one of each orbit under renaming of keys and clients; nothing is kept but the orbits of one number of clients.

    Scopes that use no key are none: nothing can happen in them.
    """
    for number in clients:
        for programs in _orbits(number, max(keys), length, operations):
            used = len({call.key for program in programs for call in program if call.key})
            if used in keys:
                for rest in product(slots, modes, faults, cancellations):
                    yield PoolScope(programs, *rest)


def _orbits(
    clients: int, keys: int, length: int, operations: Sequence[str]
) -> Iterator[tuple[ClientProgram, ...]]:
    calls = [Operation(f, key) for f in operations for key in (KEYS[:keys] if f in OF_A_KEY else ("",))]
    programs = [program for n in range(1, length + 1) for program in product(calls, repeat=n)]
    for chosen in combinations_with_replacement(programs, clients):
        # The representative is the least of its orbit, and every orbit passes by with its clients in this order.
        if any(call.key for program in chosen for call in program) and _is_least(chosen):
            yield chosen


def _is_least(programs: tuple[ClientProgram, ...]) -> bool:
    order = [_program_order(program) for program in programs]
    return all(
        order <= [_program_order(program) for program in _renamed(clients)]
        for clients in permutations(programs)
    )
