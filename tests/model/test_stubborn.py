"""Partial-order reduction beside the search without it: the same verdicts and deadlocks; and each condition is needed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest

from acpool_model import stubborn as reduction
from acpool_model.composition import Composition, Edge, Move, Predicate, Process, Values
from acpool_model.packed import Packing, explore_packed
from acpool_model.stubborn import Footprints, stubborn
from acpool_model.textbook import exclusive, peterson, philosophers, taking_turns


def steps(name: str, count: int, *, variable: str | None = None) -> Process:
    """A process that goes straight on, adding one to a variable with each step."""

    def add(value: int) -> Values:
        return (value + 1,)

    touched = () if variable is None else (variable,)
    edges = [
        Edge(at, f"{name} {at}", at + 1, touched, touched, add if touched else reduction_free)
        for at in range(count)
    ]
    return Process(name, tuple(edges))


def reduction_free(*_: object) -> Values:
    return ()


def deadlocks(machine: Composition, *, reduced: bool, visible: Iterable[str] = ()) -> set[Values]:
    """All states in which nothing is enabled, of the graph that is searched."""
    packing = Packing(machine)
    chosen = stubborn(visible)(packing) if reduced else None
    seen: list[int] = [packing.pack(machine.initial()[0])]
    known, expanded = set(seen), set[int]()
    stopped: set[Values] = set()
    for here in seen:
        expanded.add(here)
        successors = packing.successors(here)
        if not successors:
            stopped.add(packing.unpack(here))
        for _, there in chosen(here, successors, expanded.__contains__) if chosen else successors:
            if there not in known:
                known.add(there)
                seen.append(there)
    return stopped


def test_independent_steps_are_taken_in_one_order() -> None:
    machine = Composition([steps(name, 3) for name in "abc"], {})
    # Each of the three is at one of four places; in one order there are the nine steps, one after another.
    assert explore_packed(machine, invariants={}).states == 4**3
    found = explore_packed(machine, invariants={}, reduce=stubborn(()))
    assert (found.states, found.transitions, found.depth) == (10, 9, 9)


def test_dependent_steps_are_taken_in_every_order() -> None:
    machine = Composition([steps(name, 2, variable="n") for name in "ab"], {"n": range(5)})
    assert explore_packed(machine, invariants={}, reduce=stubborn(())).states == 3**2


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("left_handed", [0, 1])
def test_the_deadlocks_are_the_same(count: int, left_handed: int) -> None:
    machine = philosophers(count, left_handed=left_handed)
    whole, part = deadlocks(machine, reduced=False), deadlocks(machine, reduced=True)
    assert whole == part
    assert len(whole) == (0 if left_handed else 1)
    all_of_it = explore_packed(machine, invariants={}, deadlock="no deadlock")
    reduced = explore_packed(machine, invariants={}, deadlock="no deadlock", reduce=stubborn(()))
    assert reduced.verdict == all_of_it.verdict
    assert count < 4 or reduced.states < all_of_it.states


def test_mutual_exclusion_is_seen_to_hold_and_to_break() -> None:
    holds = exclusive(3)
    for machine in (peterson(3), careless(3)):
        whole = explore_packed(machine, invariants={"exclusive": holds})
        part = explore_packed(machine, invariants={"exclusive": holds}, reduce=stubborn(holds.reads))
        assert whole.verdict == part.verdict
        if part.counterexample is not None and whole.counterexample is not None:
            assert part.counterexample.violated == whole.counterexample.violated
            assert not machine.predicate(holds)(part.counterexample.states[-1])


def careless(processes: int) -> Composition:
    """Peterson's algorithm with the wait of its last level left out."""
    whole = peterson(processes)
    last = ("waiting", processes - 1)
    graphs = [
        process._replace(
            edges=tuple(
                edge._replace(reads=(), effect=reduction_free) if edge.source == last else edge
                for edge in process.edges
            )
        )
        for process in whole.processes
    ]
    variables = dict(zip(whole.names[processes:], whole.domains[processes:], strict=True))
    return Composition(graphs, variables)


def put_off() -> tuple[Composition, dict[str, Predicate]]:
    """A process that goes round and round, independent of everything, beside one whose step is what the property is about."""
    spinner = Process("spinner", (Edge("a", "on", "b"), Edge("b", "off", "a")))
    other = Process("other", (Edge("calm", "break", "broken"),))
    return Composition([spinner, other], {}), {"calm": Predicate(("other",), _not_broken)}


def stepped_over() -> tuple[Composition, dict[str, Predicate]]:
    """Two independent processes and a property of both: only in one order of their steps is it violated."""
    machine = Composition([steps("a", 1), steps("b", 1)], {})
    return machine, {"b not before a": Predicate(("a", "b"), _not_b_alone)}


def _not_broken(place: str) -> bool:
    return place != "broken"


def _not_b_alone(a: int, b: int) -> bool:
    return not (a == 0 and b == 1)


def anything(*_: object) -> bool:
    return True


@pytest.mark.parametrize(("condition", "toy"), [("makes_headway", put_off), ("is_invisible", stepped_over)])
def test_without_a_condition_something_is_missed(
    monkeypatch: pytest.MonkeyPatch,
    condition: str,
    toy: Callable[[], tuple[Composition, dict[str, Predicate]]],
) -> None:
    machine, invariants = toy()
    visible = [name for predicate in invariants.values() for name in predicate.reads]
    assert explore_packed(machine, invariants=invariants).verdict == "violated"
    reduced = explore_packed(machine, invariants=invariants, reduce=stubborn(visible))
    assert reduced.verdict == "violated"
    monkeypatch.setattr(reduction, condition, anything)
    # This is what the condition is for: the wrong verdict, from a search that says it has seen enough.
    assert explore_packed(machine, invariants=invariants, reduce=stubborn(visible)).verdict == "holds"


def test_a_guard_that_another_process_makes_true_is_waited_for() -> None:
    # a may go on only after b has raised the flag. Were what could enable it left out of the set, the deadlock would be
    # found that the order "a first" has, which is none.
    def raised(flag: int) -> Values | None:
        return () if flag else None

    a = Process(
        "a", (Edge("waits", "go on", "done", ("flag",), (), raised), Edge("waits", "give up", "gone"))
    )
    b = Process("b", (Edge("lowered", "raise", "up", (), ("flag",), lambda: (1,)),))
    machine = Composition([a, b], {"flag": (0, 1)})
    whole = deadlocks(machine, reduced=False)
    assert whole == deadlocks(machine, reduced=True) == {("done", "up", 1), ("gone", "up", 1)}


def random_machine(chance: random.Random) -> Composition:
    """Three processes of up to four edges over three variables of two values, each edge with a footprint of its own."""
    names = ("x", "y", "z")

    def edge(number: int) -> Edge:
        reads = tuple(name for name in names if chance.random() < 0.4)
        writes = tuple(name for name in names if chance.random() < 0.3)
        table = {
            values: tuple(chance.randrange(2) for _ in writes) if chance.random() < 0.7 else None
            for values in [
                tuple(bits >> at & 1 for at in range(len(reads))) for bits in range(1 << len(reads))
            ]
        }

        def looked_up(*values: int) -> Values | None:
            return table[values]

        return Edge(chance.randrange(3), f"e{number}", chance.randrange(3), reads, writes, looked_up)

    processes = [
        Process(f"p{at}", tuple(edge(number) for number in range(chance.randrange(1, 5)))) for at in range(3)
    ]
    return Composition(processes, dict.fromkeys(names, (0, 1)))


def test_random_machines_have_the_same_deadlocks_and_violations() -> None:
    chance = random.Random(4)
    smaller = found = stopped = 0
    for _ in range(400):
        machine = random_machine(chance)
        whole = deadlocks(machine, reduced=False)
        assert deadlocks(machine, reduced=True) == whole
        stopped += bool(whole)
        # A property of one process and one variable, which is broken in some machines and not in others.
        place = chance.choice(machine.domains[0])

        def holds(at: object, x: int, place: object = place) -> bool:
            return not (at == place and x == 1)

        wrong = Predicate(("p0", "x"), holds)
        verdicts = [
            explore_packed(machine, invariants={"wrong": wrong}, reduce=reduce)
            for reduce in (None, stubborn(wrong.reads))
        ]
        assert verdicts[0].verdict == verdicts[1].verdict
        found += verdicts[0].verdict == "violated"
        smaller += verdicts[1].states < verdicts[0].states
    # Neither verdict is rare, and there is something to leave out.
    assert 100 < found < 300 and stopped > 100 and smaller > 40


def test_independent_means_that_the_order_is_all_one() -> None:
    chance = random.Random(7)
    pairs = 0
    for _ in range(60):
        machine = random_machine(chance)
        footprints = Footprints(machine)
        states: list[Values] = list(machine.initial())
        for state in states:
            enabled = machine.enabled(state)
            states.extend({machine.step(state, move) for move in enabled} - set(states))
            for one, other in [(a, b) for a in enabled for b in enabled if a < b]:
                if footprints.independent(one, other):
                    pairs += 1
                    assert _commute(machine, state, one, other)
    assert pairs > 200


def _commute(machine: Composition, state: Values, one: Move, other: Move) -> bool:
    first, second = machine.step(state, one), machine.step(state, other)
    return (
        other in machine.enabled(first)
        and one in machine.enabled(second)
        and machine.step(first, other) == machine.step(second, one)
    )


def test_taking_turns_is_preserved() -> None:
    for me, predicate in taking_turns(4).items():
        part = explore_packed(philosophers(4), invariants={me: predicate}, reduce=stubborn(predicate.reads))
        assert part.verdict == "holds"
