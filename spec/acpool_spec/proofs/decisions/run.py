"""One decision of an embodied core, with the model taken along: each step that the core tells of is taken by the model, too."""

from __future__ import annotations

from operator import is_
from typing import Any

from acpool import Step
from acpool_model import Action, State
from acpool_model.actions import SHAPES, Kind
from acpool_model.machine import guard, is_well_formed
from acpool_model.machine import step as model_step
from acpool_model.state import Client, Key, Prompt, Stage
from acpool_spec.proofs.decisions.embodiment import EmbodiedCore
from acpool_spec.proofs.decisions.soundness import unsound
from acpool_spec.refinement.abstraction import WANTS, View, abstract, comparable
from acpool_spec.refinement.actions import KINDS
from acpool_spec.refinement.names import AtOnce


class Run:
    """Listens to ``core`` while it decides; ``acting`` is the number of the client that acts, 0: none."""

    def __init__(self, core: EmbodiedCore, acting: int) -> None:
        self.core = core
        self.model = core.state
        self.told: list[str] = []
        self.actions: list[Action] = []
        self.found: dict[str, bool] = {}
        self._acting = acting
        self._shown: View | None = None  # of the model as it is
        core.trace = self.hear

    def hear(self, step: Step) -> None:
        """The core took a step: it has to be one of the model's, and to lead to where the model's does."""
        self.told.append(step.action)
        if step.action == "ask":
            seated = self.core.names.seat(step.caller if step.caller is not None else AtOnce())
            self.found["the caller"] = seated == self._acting
        kind = KINDS[step.action]
        if not (kind == Kind.PROMPT and step.prompts > 1) and not self._told_again(step):
            self._take(Action(kind, *self._arguments(step, kind)))
        self.compare()

    def compare(self) -> None:
        """Compare the core with the model, and look whether its own records fit together.

        At each step, and when all is decided: what is done after the last step that is told is a part of the decision.
        """
        pool = abstract(self.core, self.core.names)
        if self._shown is None:
            self._shown = comparable(self.model, ranked(self.model))
        for name, holds in differences(pool, self._shown).items():
            # What differed at one step does so for good, whatever comes after it.
            self.found[name] = self.found.get(name, True) & holds
        for what in unsound(self.core):
            self.found[what] = False

    def _arguments(self, step: Step, kind: int) -> tuple[int, int, int]:
        shape = SHAPES[kind]
        argument = WANTS[step.want] if step.want is not None else int(step.can_load)
        at = self.core.names.key(step.key) if shape.key else 0
        return at, self._acting if shape.client else 0, argument

    def _told_again(self, step: Step) -> bool:
        """Whether an agent is asked again to end its prompt: no step of the model."""
        if step.action != "cancel":
            return False
        holder = self.model.keys[self.core.names.key(step.key) - 1].holder
        return holder != 0 and self.model.clients[holder - 1].prompt == Prompt.CANCELLING

    def _take(self, action: Action) -> None:
        if not (is_well_formed(self.model, action) and guard(self.model, action)):
            self.found["the model enables it"] = False
            return
        self.actions.append(action)
        self.model = model_step(self.model, action)
        self._shown = None


def ranked(state: State) -> State:
    """``state`` with ranks for the ticks of its keys."""
    places = range(len(state.keys))
    keys = state.keys
    line = sorted(
        [n for n in places if keys[n].stage in (Stage.QUEUED, Stage.PROMISED)], key=lambda n: keys[n].arrival
    )
    idle = sorted([n for n in places if keys[n].stage == Stage.IDLE], key=lambda n: keys[n].used)
    dying = sorted([n for n in places if keys[n].dying and state.open], key=lambda n: keys[n].dying_since)
    made = [
        keys[n]._replace(arrival=_rank(line, n), used=_rank(idle, n), dying_since=_rank(dying, n))
        for n in places
    ]
    return state._replace(keys=tuple(made))


def _rank(order: list[int], number: int) -> int:
    return order.index(number) + 1 if number in order else 0


def differences(pool: View, model: View) -> dict[str, bool]:
    """What the two views agree on, by name; what is one and the same object on both sides is not mentioned."""
    found: dict[str, bool] = {}
    _same(found, "open", pool.open, model.open)
    _same(found, "processes", pool.processes, model.processes)
    for at, (mine, theirs) in enumerate(zip(pool.keys, model.keys, strict=True), 1):
        if all(map(is_, mine, theirs)):
            continue  # as most are: nothing is to be named
        for name, one, other in zip(Key._fields, mine, theirs, strict=False):
            _same(found, f"{name} of key {at}", one, other)
    for number, (mine, theirs) in enumerate(zip(pool.clients, model.clients, strict=True), 1):
        if all(map(is_, mine, theirs)):
            continue
        for name, one, other in zip(Client._fields, mine, theirs, strict=False):
            _same(found, f"{name} of client {number}", one, other)
    return found


def _same(found: dict[str, bool], name: str, one: Any, other: Any) -> None:
    if one is not other:
        found[name] = one == other
