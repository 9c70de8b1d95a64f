"""What is to be proved: a premise and a conclusion about one symbolic state, or about some, and a name.

*Steps.* A step is what an action does, and then rounds of serving (``transitions.perform``). With ``inductive`` between
steps and ``between`` inside them, it is enough that

1. the initial states are ``inductive``;
2. what an enabled action does to an ``inductive`` state is ``between``, for each kind of action and each of its arguments;
3. a round of serving keeps ``between``, and lowers ``ungiven`` or has nothing to give; then the state is ``inductive``.

*Symmetry.* Keys are numbered, and so are clients, but nothing depends on which number is whose: renumbering before a step or
after it is one, and the invariants do not see it. So an action on any key is looked at as one on key 1, that of any client
as one of client 1, who is at key 1; the other keys are in the order of their stages, the other clients in that of what they do
and of their arrival; and where a round serves, creations in line have come in the order of their keys.

*Properties.* Those of states are conjuncts of ``inductive``. Those of steps are proved of what the action does (2), of each
round (3), and where the two are put together; see ``serving.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from acpool_model import describe, machine, transitions
from acpool_model.actions import SHAPES, Action, Kind
from acpool_model.inductive import BETWEEN, INDUCTIVE, between, inductive, ungiven
from acpool_model.invariants import INVARIANTS, every, well_typed
from acpool_model.state import Scope, State, Want
from acpool_model.step_invariants import STEP_INVARIANTS
from acpool_spec.proofs.formulas import all_hold, as_formula
from acpool_spec.proofs.serving import given, steady
from acpool_spec.proofs.shapes import Size

NOBODY = Action(0)
"""Stands for an action in what is said of a round: nobody's, so it excuses nothing."""
KINDS = {kind: name.lower() for name, kind in vars(Kind).items() if not name.startswith("_")}
"""Kind of action → its name."""
CHOICES = {
    (Kind.ASK, Want.ANSWER): "-answer",
    (Kind.ASK, Want.LEASE): "-lease",
    (Kind.ASK, Want.BOTH): "-both",
    (Kind.INITIALIZED, 0): "-cannot-load",
    (Kind.INITIALIZED, 1): "-can-load",
}
"""Kind and ``arg`` of an action → what the choice adds to the name."""


def _as_it_is(state: State) -> State:
    return state


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """For all states, everything that ``conclusion`` names follows from ``premise``; ``says`` is that in words.

    Both take one state, or where the obligation is not about the ``whole`` of a step, a state, one after what an ``Action``
    did, that action, and one after the rounds of serving.

    ``arrange`` sets what is fixed by symmetry before anything is looked at. Where it is about something that happens,
    ``happens`` says what, in words, and ``after`` does it. With fewer than ``clients`` it would be about nothing.
    """

    name: str
    says: str
    premise: Callable[..., bool]
    conclusion: Callable[..., dict[str, bool]]
    arrange: Callable[[State], State] = _as_it_is
    whole: bool = True
    happens: str = ""
    after: Callable[[State], State] = _as_it_is
    clients: int = 1

    def follows(self, *states: Any) -> bool:
        """Whether the conclusion holds, premise or not."""
        return all_hold(tuple(self.conclusion(*states).values()))

    def broken(self, *states: Any) -> list[str]:
        """What of the conclusion does not hold."""
        return [name for name, holds in self.conclusion(*states).items() if not holds]


def obligations(size: Size) -> dict[str, Obligation]:
    """All of them for symbolic states of this ``size``, by name."""
    found = [
        _initial(size),
        *(_of_action(action) for action in actions()),
        _round(),
        *_composed(),
        *_of_states(),
    ]
    return {obligation.name: obligation for obligation in found}


def actions() -> list[Action]:
    """Every kind of action with every choice, at key 1 and by client 1."""
    return [
        Action(kind, int(shape.key), int(shape.client), arg)
        for kind, shape in SHAPES.items()
        for arg in shape.args
    ]


def _initial(size: Size) -> Obligation:
    def premise(state: State) -> bool:
        return (state.capacity >= 1) & (state.queueing >= 0) & (state.queueing <= 1)

    def conclusion(state: State) -> dict[str, bool]:
        started = machine.initial(Scope(size.keys, size.clients, state.capacity, state.queueing))
        return {name: every([holds(first) for first in started]) for name, holds in INDUCTIVE.items()}

    return Obligation(
        name="initial",
        says="every initial state satisfies the invariant",
        premise=premise,
        conclusion=conclusion,
    )


def _of_action(action: Action) -> Obligation:
    def premise(before: State) -> bool:
        return in_invariant(before) and machine.guard(before, action)

    @as_formula
    def in_invariant(before: State) -> bool:
        return inductive(before) & in_order(action, before)

    def effect(state: State) -> State:
        return transitions.EFFECTS[action.kind](state, action)

    def conclusion(before: State) -> dict[str, bool]:
        return claimed(before, effect(before))

    @as_formula
    def claimed(before: State, after: State) -> dict[str, bool]:
        found = {name: holds(after) for name, holds in BETWEEN.items()}
        return found | _of_the_step(before, action, after) | steady(before, after)

    name = name_of(action)
    return Obligation(
        name=name,
        says=f"what {name} does leads from the invariant to what holds within a step",
        premise=premise,
        conclusion=conclusion,
        arrange=arrangement(action),
        happens=describe(action),
        after=effect,
    )


def in_order(action: Action, state: State) -> bool:
    """Keys that the action does not name are numbered by their stages, clients so by what they do, and by their arrival."""
    keys = state.keys[1:] if action.key or action.client else state.keys
    clients = state.clients[1:] if action.client else state.clients
    return every([one.stage <= other.stage for one, other in pairwise(keys)]) & every(
        [
            (one.phase < other.phase) | ((one.phase == other.phase) & (one.arrival <= other.arrival))
            for one, other in pairwise(clients)
        ]
    )


def name_of(action: Action) -> str:
    """The name of an action with its choice."""
    return KINDS[action.kind] + CHOICES.get((action.kind, action.arg), "")


def arrangement(action: Action) -> Callable[[State], State]:
    """What is fixed by symmetry before an action is looked at."""
    shape = SHAPES[action.kind]
    return _at_key_1 if shape.client and not shape.key else _as_it_is


def _at_key_1(state: State) -> State:
    """Client 1 is at key 1."""
    return state._replace(clients=(state.clients[0]._replace(key=1), *state.clients[1:]))


def in_order_of_arrival(state: State) -> bool:
    """Keys are numbered as their creations have come."""
    return every([one.arrival <= other.arrival for one, other in pairwise(state.keys)])


def _round() -> Obligation:
    @as_formula
    def premise(before: State) -> bool:
        return between(before) & in_order_of_arrival(before)

    def conclusion(before: State) -> dict[str, bool]:
        after = transitions.serve_one(before)
        return at_rest(before) if after is before else served(before, after)

    @as_formula
    def at_rest(state: State) -> dict[str, bool]:
        return {name: holds(state) for name, holds in INDUCTIVE.items()}

    @as_formula
    def served(before: State, after: State) -> dict[str, bool]:
        less = (ungiven(after) < ungiven(before)) & (ungiven(after) >= 0)
        found = {name: holds(after) for name, holds in BETWEEN.items()} | {"rounds end": less}
        return found | _of_the_step(before, NOBODY, after) | given(before, after)

    return Obligation(
        name="serve",
        says="a round of serving keeps what holds within a step, and comes to an end with the invariant",
        premise=premise,
        conclusion=conclusion,
        happens="a round of serving",
        after=transitions.serve_one,
    )


def _of_the_step(before: State, action: Action, after: State) -> dict[str, bool]:
    return {f"{name} of the step": holds(before, action, after) for name, holds in STEP_INVARIANTS.items()}


def _composed() -> list[Obligation]:
    """That rounds put together are as one, and that the properties of a step follow from those of its parts."""

    @as_formula
    def rounds(a: State, b: State, action: Action, c: State) -> bool:
        return every([*given(a, b).values(), *given(b, c).values()])

    @as_formula
    def step(a: State, b: State, action: Action, c: State) -> bool:
        parts = [*_of_the_step(a, action, b).values(), *steady(a, b).values(), *given(b, c).values()]
        return every([*parts, well_typed(a), well_typed(b), well_typed(c)])

    @as_formula
    def whole_rounds(a: State, b: State, action: Action, c: State) -> dict[str, bool]:
        return given(a, c)

    @as_formula
    def whole_step(a: State, b: State, action: Action, c: State) -> dict[str, bool]:
        return _of_the_step(a, action, c)

    return [
        Obligation(
            name="rounds",
            says="what two rounds may change, each as proved of serve, is what one may",
            premise=rounds,
            conclusion=whole_rounds,
            whole=False,
        ),
        Obligation(
            name="step",
            says="the properties of a step follow from those of what the action does and of the rounds after it",
            premise=step,
            conclusion=whole_step,
            whole=False,
        ),
    ]


def _of_states() -> list[Obligation]:
    @as_formula
    def conclusion(name: str, state: State) -> dict[str, bool]:
        return {name: INVARIANTS[name](state)}

    return [
        Obligation(
            name=name,
            says=f"{name} follows from the invariant",
            premise=as_formula(inductive),
            conclusion=partial(conclusion, name),
        )
        for name in INVARIANTS
    ]
