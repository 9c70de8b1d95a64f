"""Machines made of processes: the three verbs, the packed exploration beside the one that knows nothing, textbook counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import pytest

from acpool_model import explore
from acpool_model.composition import Composition, Edge, Move, Predicate, Process, Values
from acpool_model.explore import Exploration
from acpool_model.packed import Packing, explore_packed
from acpool_model.textbook import exclusive, peterson, philosophers, taking_turns


def unpacked(
    machine: Composition, invariants: Mapping[str, Predicate], deadlock: str | None = None
) -> Exploration[Values, Move]:
    """The same with the explorer that knows only the three verbs."""
    return explore(
        machine.initial(),
        machine.enabled,
        machine.step,
        invariants={name: machine.predicate(predicate) for name, predicate in invariants.items()},
        deadlock=deadlock,
        label=lambda move: move.label,
    )


def is_not(value: object) -> Callable[[object], bool]:
    return lambda found: found != value


def counter(limit: int) -> Process:
    def count(value: int) -> Values | None:
        return (value + 1,) if value < limit else None

    return Process(
        "counter",
        (
            Edge("here", "count", "here", ("n",), ("n",), count),
            Edge("here", "rest", "there"),
            Edge("there", "return", "here"),
        ),
    )


def test_the_verbs() -> None:
    machine = Composition([counter(2)], {"n": range(3)})
    (start,) = machine.initial()
    assert start == ("here", 0)
    count, rest, back = machine.moves[0]
    assert machine.enabled(start) == [count, rest]
    assert machine.step(start, count) == ("here", 1)
    assert machine.step(start, rest) == ("there", 0)
    assert machine.step(start, back) == start
    assert machine.enabled(("here", 2)) == [rest]


def test_small_enough_to_count() -> None:
    # Two places and three values; counting is possible at one place with two values, coming and going everywhere.
    machine = Composition([counter(2)], {"n": range(3)})
    found = explore_packed(machine, invariants={}, label=lambda move: move.label)
    assert (found.states, found.transitions, found.depth) == (2 * 3, 2 + 3 + 3, 3)
    assert found.taken == {"count": 2, "rest": 3, "return": 3}


@pytest.mark.parametrize(
    ("processes", "variables", "message"),
    [
        ([Process("n", (Edge("a", "go", "b"),))], {"n": (1,)}, "every name once"),
        ([Process("idle", ())], {}, "at least one"),
        ([], {"n": ()}, "at least one"),
        ([Process("p", (Edge("a", "go", "b", ("m",)),))], {"n": (1,)}, r"p, go: \['m'\]"),
    ],
)
def test_what_does_not_fit(
    processes: list[Process], variables: dict[str, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Composition(processes, variables)


def test_a_value_outside_its_variable_is_an_error_however_it_is_explored() -> None:
    machine = Composition([counter(3)], {"n": range(3)})
    with pytest.raises(ValueError, match="count: n cannot be 3"):
        explore_packed(machine, invariants={})
    with pytest.raises(ValueError, match="count: n cannot be 3"):
        unpacked(machine, {})


def test_packing_is_one_to_one() -> None:
    machine = Composition([counter(4)], {"n": range(5), "only": ("x",), "pair": ("a", "b")})
    packing = Packing(machine)
    states = list(product(*machine.domains))
    assert len({packing.pack(state) for state in states}) == len(states) == 2 * 5 * 1 * 2
    assert [packing.unpack(packing.pack(state)) for state in states] == states


def test_peterson_for_three() -> None:
    found = explore_packed(peterson(3), invariants={"exclusive": exclusive(3)}, deadlock="no deadlock")
    # Too many to count by hand; the explorer that packs nothing finds as many (below), and for two they can be counted.
    assert (found.verdict, found.states, found.transitions) == ("holds", 894, 2196)


def test_peterson_for_two_by_hand() -> None:
    # Each is idle, rising, coming, waiting or critical, which also says at which level it is; the last to come is nobody, 0
    # or 1. Nobody: then neither has come, and each is at one of three places.
    nobody_yet = 3 * 3
    # 0 was the last to come (for 1 it is as many). While it waits, 1 is anywhere: 5. While it is critical, 1 was idle or
    # rising when it was let in, and has not come since: 3. After it has left, 1 has not come either: 3 * 3.
    zero_last = 5 + 3 + 3 * 3
    found = explore_packed(peterson(2), invariants={}, label=None)
    met = unpacked(peterson(2), {})
    assert found.states == met.states == nobody_yet + 2 * zero_last


def test_the_dining_philosophers_stop_where_each_has_one_fork() -> None:
    found = explore_packed(philosophers(5), invariants=taking_turns(5), deadlock="no deadlock")
    assert found.verdict == "violated"
    assert found.counterexample is not None
    assert found.counterexample.violated == ("no deadlock",)
    # No shorter way to it: each of the five takes one step.
    assert [move.label for move in found.counterexample.actions] == [
        f"{me} takes fork {me}" for me in range(5)
    ]
    assert found.counterexample.states[-1] == ("hungry",) * 5 + ("taken",) * 5


def test_one_left_handed_philosopher_is_enough() -> None:
    found = explore_packed(philosophers(5, left_handed=1), invariants=taking_turns(5), deadlock="no deadlock")
    assert (found.verdict, found.states, found.transitions) == ("holds", 136, 400)


def test_two_philosophers_by_hand() -> None:
    # Nobody has a fork (1); one has one (2) or both, at two places (2 * 2); each has one (1).
    found = explore_packed(philosophers(2), invariants=taking_turns(2))
    assert (found.states, found.verdict) == (1 + 2 + 4 + 1, "holds")


@pytest.mark.parametrize(
    ("machine", "invariants", "deadlock"),
    [
        (peterson(2), {"exclusive": exclusive(2)}, None),
        (
            peterson(3),
            {
                "exclusive": exclusive(3),
                "0 waits": Predicate(("process 0",), is_not("critical")),
            },
            None,
        ),
        (philosophers(4), taking_turns(4), None),
        (philosophers(4), taking_turns(4), "no deadlock"),
        (
            philosophers(4, left_handed=2),
            {"2 thinks": Predicate(("philosopher 2",), is_not("has both"))},
            None,
        ),
    ],
)
def test_packed_and_not(machine: Composition, invariants: dict[str, Predicate], deadlock: str | None) -> None:
    packed = explore_packed(machine, invariants=invariants, deadlock=deadlock, label=lambda move: move.label)
    plain = unpacked(machine, invariants, deadlock)
    assert packed.verdict == plain.verdict
    if packed.verdict == "holds":
        assert packed == plain
        return
    assert packed.counterexample is not None
    assert plain.counterexample is not None
    assert packed.counterexample.violated == plain.counterexample.violated
    assert len(packed.counterexample.actions) == len(plain.counterexample.actions)
    state = packed.counterexample.states[0]
    for move, after in zip(packed.counterexample.actions, packed.counterexample.states[1:], strict=True):
        assert move in machine.enabled(state)
        state = machine.step(state, move)
        assert state == after


def test_a_bound_that_was_hit_is_named() -> None:
    found = explore_packed(peterson(3), invariants={}, max_states=100)
    assert (found.verdict, found.bound) == ("undecided", "max_states=100")
    assert 100 < found.states < 894


def test_an_initial_state_may_be_wrong() -> None:
    found = explore_packed(peterson(2), invariants={"busy": Predicate(("process 1",), is_not("idle"))})
    assert found.counterexample is not None
    assert (found.counterexample.violated, found.counterexample.actions) == (("busy",), ())
