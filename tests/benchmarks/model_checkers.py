"""States per second of processor time: our explorers beside two model checkers for Python, on two machines that everybody knows.

Peterson's mutual exclusion for three processes (894 states, 2,196 transitions), and five dining philosophers of whom one is
left-handed (136 states, 400 transitions), each under its invariant, with deadlocks looked for. A figure is the number of
distinct states of one exploration, times explorations, by the seconds of CPU that they took; each exploration begins with
nothing known and takes every transition. The machines are small, so they are explored again and again for the time given,
three times, and the median counts. All of them must find the same number of states.

*packed* is ``explore_packed`` of the machines in ``acpool_model.textbook``: effects computed once per footprint. For the others
the machines are written by hand over plain tuples, in the form that each asks for: *three verbs* is ``explore`` by
``initial``, ``enabled`` and ``step``, as the pool's model is explored; *minicheck* gets a function that gives all successors,
*musil* an action for each place of each process.

    python tests/benchmarks/model_checkers.py [SECONDS]   (for each figure, default 2)

The peers come with the extra ``bench`` (musil needs Python 3.12); one that is missing is named and left out.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from acpool_model import explore
from acpool_model.composition import Composition, Predicate
from acpool_model.packed import explore_packed
from acpool_model.textbook import exclusive, peterson, philosophers, taking_turns

REPETITIONS = 3
PROCESSES, PHILOSOPHERS = 3, 5
STATES = {"Peterson, 3": 894, "philosophers, 5": 136}
Plain = tuple[int, ...]
Run = Callable[[], int]
"""One exploration; the number of states that it found."""


class Rule(NamedTuple):
    """A step over plain tuples: its name, when it can be taken, and what comes of it."""

    name: str
    enabled: Callable[[Plain], bool]
    apply: Callable[[Plain], Plain]


class Machine(NamedTuple):
    """A machine in the form that the peers ask for, and for ours."""

    composition: Composition
    invariants: dict[str, Predicate]
    begin: Plain
    enabled: Callable[[Plain], list[int]]
    step: Callable[[Plain, int], Plain]
    rules: list[Rule]
    holds: Callable[[Plain], bool]


# -- Peterson: three places of 0 idle, 1 2 3 rising, coming, waiting at level 1, 4 5 6 at level 2, 7 critical; three levels; the
# last at level 1 and 2 (3: nobody) --------------------------------------------------------------------------------------

_CRITICAL = 7


def _may_leave(state: Plain, me: int, level: int) -> bool:
    if state[5 + level] != me:
        return True
    return all(state[3 + other] < level for other in range(PROCESSES) if other != me)


def _climbed(state: Plain, me: int) -> Plain:
    """The state after the step of process ``me``, which must be enabled."""
    after, place = list(state), state[me]
    after[me] = (place + 1) % (_CRITICAL + 1)
    if place in (1, 4):
        after[3 + me] = 1 if place == 1 else 2
    elif place in (2, 5):
        after[6 if place == 2 else 7] = me
    elif place == _CRITICAL:
        after[3 + me] = 0
    return tuple(after)


def _climbers(state: Plain) -> list[int]:
    """The processes that can take a step."""
    return [me for me in range(PROCESSES) if state[me] not in (3, 6) or _may_leave(state, me, state[me] // 3)]


def _peterson_rule(me: int, place: int) -> Rule:
    def enabled(state: Plain) -> bool:
        return state[me] == place and (place not in (3, 6) or _may_leave(state, me, place // 3))

    def apply(state: Plain) -> Plain:
        return _climbed(state, me)

    return Rule(f"{me} at {place}", enabled, apply)


def _exclusive(state: Plain) -> bool:
    return state[:PROCESSES].count(_CRITICAL) <= 1


def peterson_machine() -> Machine:
    """Peterson's algorithm for three."""
    rules = [_peterson_rule(me, place) for me in range(PROCESSES) for place in range(_CRITICAL + 1)]
    return Machine(
        peterson(PROCESSES),
        {"exclusive": exclusive(PROCESSES)},
        (0, 0, 0, 0, 0, 0, 3, 3),
        _climbers,
        _climbed,
        rules,
        _exclusive,
    )


# -- Philosophers: five places of 0 thinks, 1 has one fork, 2 has both, 3 has eaten; five forks, 1: taken --------------------


def _forks(me: int) -> tuple[int, int]:
    first, second = PHILOSOPHERS + me, PHILOSOPHERS + (me + 1) % PHILOSOPHERS
    return (second, first) if me == PHILOSOPHERS - 1 else (first, second)


def _dined(state: Plain, me: int) -> Plain:
    after, place = list(state), state[me]
    first, second = _forks(me)
    after[me] = (place + 1) % 4
    if place == 0:
        after[first] = 1
    elif place == 1:
        after[second] = 1
    elif place == 3:
        after[first] = after[second] = 0
    return tuple(after)


def _can_dine(state: Plain, me: int) -> bool:
    place = state[me]
    return place >= 2 or not state[_forks(me)[place]]


def _diners(state: Plain) -> list[int]:
    """The philosophers that can take a step."""
    return [me for me in range(PHILOSOPHERS) if _can_dine(state, me)]


def _philosopher_rule(me: int, place: int) -> Rule:
    def enabled(state: Plain) -> bool:
        return state[me] == place and _can_dine(state, me)

    def apply(state: Plain) -> Plain:
        return _dined(state, me)

    return Rule(f"{me} at {place}", enabled, apply)


def _in_turn(state: Plain) -> bool:
    return not any(state[me] >= 2 and state[me - 1] >= 2 for me in range(PHILOSOPHERS))


def philosophers_machine() -> Machine:
    """Five philosophers, one of them left-handed."""
    return Machine(
        philosophers(PHILOSOPHERS, left_handed=1),
        taking_turns(PHILOSOPHERS),
        (0,) * (2 * PHILOSOPHERS),
        _diners,
        _dined,
        [_philosopher_rule(me, place) for me in range(PHILOSOPHERS) for place in range(4)],
        _in_turn,
    )


# -- the explorers -------------------------------------------------------------------------------------------------------


def packed(machine: Machine) -> Run:
    """Ours, by footprints."""

    def run() -> int:
        found = explore_packed(machine.composition, invariants=machine.invariants, deadlock="no deadlock")
        assert found.verdict == "holds"
        return found.states

    return run


def three_verbs(machine: Machine) -> Run:
    """Ours, by initial, enabled and step, of the machine written by hand."""

    def run() -> int:
        found = explore(
            [machine.begin],
            machine.enabled,
            machine.step,
            invariants={"holds": machine.holds},
            deadlock="no deadlock",
            label=None,
        )
        assert found.verdict == "holds"
        return found.states

    return run


def minicheck(machine: Machine) -> Run:
    """minicheck: ``check_safety`` of a ``Protocol``; it looks for no deadlocks."""
    peer: Any = importlib.import_module("minicheck")
    fields = tuple(f"f{at}" for at in range(len(machine.begin)))

    def transitions(state: Plain) -> list[tuple[int, Plain]]:
        return [(me, machine.step(state, me)) for me in machine.enabled(state)]

    def holds(state: dict[str, int]) -> bool:
        return machine.holds(tuple(state.values()))

    protocol = peer.Protocol(
        name="machine",
        candidate=False,
        fields=fields,
        initial=machine.begin,
        transitions=transitions,
        invariants={"holds": holds},
    )

    def run() -> int:
        found = peer.check_safety(protocol)
        assert found["properties"]["holds"]["holds"] is True
        return int(found["reachable_states"])

    return run


def musil(machine: Machine) -> Run:
    """musil: ``check`` of a ``Model``."""
    peer: Any = importlib.import_module("musil")
    model = peer.Model(
        init=[machine.begin],
        actions=[peer.Action(*rule) for rule in machine.rules],
        invariants={"holds": machine.holds},
    )

    def run() -> int:
        found = peer.check(model)
        assert found.ok
        return int(found.states_explored)

    return run


EXPLORERS: dict[str, Callable[[Machine], Run]] = {
    "packed": packed,
    "three verbs": three_verbs,
    "minicheck": minicheck,
    "musil": musil,
}


def rate(run: Run, seconds: float) -> float:
    """States per second of CPU: the median of three times ``seconds``."""
    rates: list[float] = []
    for _ in range(REPETITIONS):
        begun, states = time.process_time(), 0
        while (spent := time.process_time() - begun) < seconds / REPETITIONS:
            states += run()
        rates.append(states / spent)
    return statistics.median(rates)


def main(seconds: float) -> None:
    """Measure and print the table."""
    machines = dict(zip(STATES, (peterson_machine(), philosophers_machine()), strict=True))
    table: dict[str, list[float]] = {}
    for name, explorer in EXPLORERS.items():
        try:
            runs = {title: explorer(machine) for title, machine in machines.items()}
        except ModuleNotFoundError as error:
            print(f"{error.name} is not installed and left out")
            continue
        for title, run in runs.items():
            found = run()
            assert found == STATES[title], f"{name}: {found} states of {title}"
        table[name] = [rate(run, seconds) for run in runs.values()]
    print(f"{'states/s of CPU':16}" + "".join(f"{title:>24}" for title in STATES))
    for name, rates in table.items():
        figures = [f"{each:,.0f} ({table['packed'][at] / each:.1f}x)" for at, each in enumerate(rates)]
        print(f"{name:16}" + "".join(f"{figure:>24}" for figure in figures))
    print("in parentheses: how much faster packed is")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
