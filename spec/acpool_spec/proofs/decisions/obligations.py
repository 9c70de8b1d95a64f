"""The decisions as obligations, and the two that no state of the pool is left out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from acpool_model import Action, describe
from acpool_model.inductive import inductive
from acpool_model.state import State
from acpool_spec.proofs.decisions.catalogue import DECISIONS, Decision
from acpool_spec.proofs.decisions.cleanup import check_cleanup
from acpool_spec.proofs.decisions.coverage import covered
from acpool_spec.proofs.decisions.embodiment import EmbodiedCore
from acpool_spec.proofs.decisions.frames import frames, structures
from acpool_spec.proofs.decisions.numbers import conjunction, untraced
from acpool_spec.proofs.decisions.run import differences, ranked
from acpool_spec.proofs.decisions.soundness import unsound
from acpool_spec.proofs.decisions.structure import Case, Values
from acpool_spec.proofs.decisions.symmetry import stands_for_its_like
from acpool_spec.proofs.obligations import Obligation
from acpool_spec.proofs.shapes import Size
from acpool_spec.refinement.abstraction import abstract, comparable

COVERED = "core-covered"
EMBODIED = "core-embodied"
CLEANUP = "core-cleanup"

Check = Callable[[State, Values | None], dict[str, bool]]


@dataclass(frozen=True, kw_only=True)
class OfStructures:
    """For every structure of ``case``, and all values in its holes, everything that ``check`` names holds.

    ``happens`` says in words what happens, if something does, and ``after`` is what the pool looks like then. With fewer
    than ``clients`` it would be about nothing.
    """

    name: str
    says: str
    case: Case
    check: Check
    happens: str = ""
    decision: Decision | None = None
    clients: int = 1

    def templates(self, size: Size) -> Iterator[State]:
        """What it is about, up to the numbers of keys and clients (``symmetry``)."""
        # One that is about no key goes through all of them, in the order of their numbers.
        about = self.decision.action if self.decision is not None else Action(0)
        keys = 1 if about.key or about.client else size.keys
        for frame in frames(size):
            if not self.case.has(frame.open, frame.keys[0], frame.clients[0]):
                continue
            if not stands_for_its_like(frame, keys, about.client):
                continue
            yield from structures(frame)

    def is_about(self, state: State) -> bool:
        """Whether it says anything of ``state``, a state that satisfies the invariant."""
        return self.case.has(state.open, state.keys[0], state.clients[0])

    def broken(self, state: State, values: Values | None = None) -> list[str]:
        """What does not hold of a state without holes, or with ``values`` in them."""
        return [name for name, holds in self.check(state, values).items() if not holds]

    def after(self, state: State, values: Values | None = None) -> State:
        """What the pool looks like after the decision, in the model's fields."""
        core = EmbodiedCore(state, values)
        if self.decision is not None:
            self.decision.drive(core)
        return abstract(core, core.names).state(core.state.capacity, state.queueing)


CoreObligation = OfStructures | Obligation


def core_obligations() -> dict[str, CoreObligation]:
    """All of them by name."""
    found: list[CoreObligation] = [
        *map(_of, DECISIONS),
        OfStructures(
            name=CLEANUP,
            says="each part of a cleanup is a step of the model, and leads to where the model's does",
            case=Case(open=(1,)),
            check=check_cleanup,
        ),
        OfStructures(
            name=EMBODIED,
            says="every structure is what some core looks like, whose records fit together",
            case=Case(),
            check=_embodied,
            clients=2,
        ),
        Obligation(
            name=COVERED,
            says="every state that satisfies the invariant has one of the structures",
            premise=inductive,
            conclusion=_covered,
            clients=2,
        ),
    ]
    return {obligation.name: obligation for obligation in found}


def _of(decision: Decision) -> OfStructures:
    return OfStructures(
        name=decision.name,
        says=f"what {decision.name} decides is a step of the model, and leads to where the model's does",
        case=decision.case,
        check=decision.check,
        happens=describe(decision.action),
        decision=decision,
        clients=decision.clients,
    )


def _embodied(template: State, values: Values | None) -> dict[str, bool]:
    core = EmbodiedCore(template, values)
    found = differences(abstract(core, core.names), comparable(core.state, ranked(core.state)))
    return found | dict.fromkeys(unsound(core), False)


def _covered(state: State) -> dict[str, Any]:
    size = Size(len(state.keys), len(state.clients))

    def holds(state: State) -> Any:
        return conjunction(covered(size, state).values())

    return {"it has one of the structures": untraced(holds, state)}
