"""The family of scopes: names that read back, one scope of each orbit, and how many there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from math import comb

import pytest

from acpool_spec.scopes.grammar import KEYS, OF_A_KEY, OPERATIONS, Operation, PoolScope, family
from acpool_spec.simulation import Mode

FIFO: tuple[Mode, ...] = ("fifo",)


def programs_of(*, clients: int, keys: tuple[int, ...], length: int, operations: tuple[str, ...]) -> int:
    """How many scopes of this size the family has, by their programs alone."""
    found = family(
        clients=(clients,),
        keys=keys,
        slots=(1,),
        length=length,
        operations=operations,
        modes=FIFO,
        faults=(0,),
        cancellations=(0,),
    )
    return sum(1 for _ in found)


def test_a_name_reads_back() -> None:
    scopes = list(family(clients=(2,), length=1))
    assert [PoolScope.parse(scope.name) for scope in scopes] == scopes
    assert len({scope.name for scope in scopes}) == len(scopes)


def test_a_name_says_what_the_scope_is() -> None:
    scope = PoolScope.parse("session:a+reset:a,cleanup_idle@2.reordered.f1.c0")
    assert scope.programs == (
        (Operation("session", "a"), Operation("reset", "a")),
        (Operation("cleanup_idle"),),
    )
    assert (scope.max_sessions, scope.mode, scope.faults, scope.cancellations) == (2, "reordered", 1, 0)
    slow = replace(scope, slow=True)
    assert slow.name == scope.name.replace("f1", "s1")
    assert (PoolScope.parse(slow.name), slow.canonical().slow) == (slow, True)
    assert scope.keys == ("a",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is no scope"),
        ("session:a,session:a", "is no scope"),
        ("session:a,session:a@1.fifo.f0", "is no scope"),
        ("session:a,session:a@1.fifo.c0.f0", "is no scope"),
        ("session:a,session:a@12.fifo.f0.c0", "is no scope"),
        ("session:a,session:a@x.fifo.f0.c0", "-1 slots"),
        ("session:a,session:a@3.fifo.f0.c0", "3 slots: expected 1 or 2"),
        ("session:a,session:a@1.lifo.f0.c0", "mode 'lifo'"),
        ("session:a,session:a@1.fifo.f2.c0", "2 faults"),
        ("session:a,session:a@1.fifo.s0.c0", "0 faults, one of them slow: expected 1"),
        ("session:a,session:a@1.fifo.x1.c0", "is no scope"),
        ("session:a,session:a@1.fifo.f0.c7", "7 cancellations"),
        ("session:a,session:b,reset:a,reset:b@1.fifo.f0.c0", "4 clients: expected 1, 2 or 3"),
        ("session:a,session:c@1.fifo.f0.c0", "the keys are a, c"),
        ("session:a,session@1.fifo.f0.c0", "client 1 calls 'session'"),
        ("session:a,shutdown:a@1.fifo.f0.c0", "client 1 calls 'shutdown:a'"),
        ("session:a,evict:a@1.fifo.f0.c0", "client 1 calls 'evict:a'"),
        ("reset:a+reset:a+reset:a+reset:a,reset:a@1.fifo.f0.c0", "client 0 makes 4 calls"),
    ],
)
def test_a_name_of_no_scope_is_refused_in_words(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PoolScope.parse(name)


def test_one_call_each() -> None:
    """Two clients, one call each, of five operations on a key and two on the pool.

    One key: multisets of two out of seven calls, less those of two out of the two without a key: 28 - 3. Two keys: both calls
    have one, and which is a does not matter: multisets of two out of five. Three clients on three keys: of three out of five.
    """

    def multisets(kinds: int, size: int) -> int:
        return comb(kinds + size - 1, size)

    assert programs_of(clients=2, keys=(1,), length=1, operations=OPERATIONS) == 28 - 3 == 25
    assert programs_of(clients=2, keys=(2,), length=1, operations=OPERATIONS) == multisets(5, 2) == 15
    assert programs_of(clients=3, keys=(1,), length=1, operations=OPERATIONS) == multisets(7, 3) - 4 == 80
    assert programs_of(clients=3, keys=(3,), length=1, operations=OPERATIONS) == multisets(5, 3) == 35
    # Two keys: two of the three calls share one (a multiset of two, and a third call), or one of them has none.
    assert programs_of(clients=3, keys=(2,), length=1, operations=OPERATIONS) == 15 * 5 + 15 * 2 == 105


def test_the_rest_of_a_scope_multiplies() -> None:
    whole = list(family(clients=(2,), length=1))
    assert len(whole) == 40 * 2 * 2 * 2 * 2  # slots, modes, faults, cancellations
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize(
    ("clients", "length", "operations"),
    [
        (2, 1, OPERATIONS),
        (3, 1, OPERATIONS),
        (2, 2, ("session", "reset", "shutdown")),
        (2, 3, ("session",)),
        (3, 2, ("get_or_create",)),
    ],
)
def test_there_is_one_of_each_orbit(clients: int, length: int, operations: tuple[str, ...]) -> None:
    """Against brute force: every assignment of programs with any keys, sorted into orbits by all renamings."""
    calls = [Operation(f, key) for f in operations for key in (KEYS if f in OF_A_KEY else ("",))]
    programs = [program for n in range(1, length + 1) for program in product(calls, repeat=n)]
    orbits: set[frozenset[tuple[tuple[Operation, ...], ...]]] = set()
    seen: set[tuple[tuple[Operation, ...], ...]] = set()
    for chosen in product(programs, repeat=clients):
        if chosen in seen or not any(call.key for program in chosen for call in program):
            continue
        orbit = {
            tuple(tuple(Operation(call.f, names[call.key]) for call in program) for program in mixed)
            for mixed in permutations(chosen)
            for names in ({"": "", **dict(zip(KEYS, renamed, strict=True))} for renamed in permutations(KEYS))
        }
        seen |= orbit
        orbits.add(frozenset(orbit))
    found = [
        scope.programs
        for scope in family(
            clients=(clients,),
            slots=(1,),
            length=length,
            operations=operations,
            modes=FIFO,
            faults=(0,),
            cancellations=(0,),
        )
    ]
    assert len(found) == len(orbits)
    assert len({next(iter(o for o in orbits if each in o)) for each in found[:200]}) == len(found[:200])


def test_the_canonical_scope_is_that_of_the_family() -> None:
    some = ("get_or_create", "session", "reset")
    least = set(family(clients=(2,), length=2, keys=(2,), operations=some, slots=(1,), modes=FIFO))
    scope = PoolScope.parse("session:a+reset:b,get_or_create:b@1.fifo.f0.c0")
    assert scope.canonical() in least
    assert scope not in least
    swapped = replace(scope, programs=scope.programs[::-1]).canonical()
    assert swapped == scope.canonical()
