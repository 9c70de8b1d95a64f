"""The decisions as obligations, and the one that no state of the pool is left out of them."""

from __future__ import annotations

from functools import partial

from acpool_model import describe
from acpool_model.inductive import inductive
from acpool_model.state import State
from acpool_spec.proofs.decisions.catalogue import DECISIONS, Decision
from acpool_spec.proofs.decisions.cleanup import check_cleanup
from acpool_spec.proofs.decisions.embodiment import EmbodiedCore
from acpool_spec.proofs.decisions.run import differences, ranked
from acpool_spec.proofs.decisions.soundness import unsound
from acpool_spec.proofs.decisions.structure import Case, structured
from acpool_spec.proofs.obligations import Obligation
from acpool_spec.refinement.abstraction import abstract, comparable

EMBODIED = "core-embodied"
CLEANUP = "core-cleanup"


def core_obligations() -> dict[str, Obligation]:
    """All of them by name; a state that is not one of the decision's own has nothing to satisfy."""
    embodied = Obligation(
        name=EMBODIED,
        says="every state that satisfies the invariant is what some core looks like",
        premise=_any_state,
        conclusion=_embodied,
    )
    cleanup = Obligation(
        name=CLEANUP,
        says="each part of a cleanup is a step of the model, and leads to where the model's does",
        premise=_any_state,
        conclusion=_cleaned_up,
    )
    return {decision.name: _of(decision) for decision in DECISIONS} | {CLEANUP: cleanup, EMBODIED: embodied}


def _any_state(state: State) -> bool:
    return state.now == state.now


def _of(decision: Decision) -> Obligation:
    return Obligation(
        name=decision.name,
        says=f"what {decision.name} decides is a step of the model, and leads to where the model's does",
        premise=_any_state,
        conclusion=partial(_decided, decision),
        happens=describe(decision.action),
        after=partial(_after, decision),
        clients=decision.clients,
    )


def _decided(decision: Decision, state: State) -> dict[str, bool]:
    made = structured(state, decision.case)
    return {} if made is None or unsound(EmbodiedCore(made)) else decision.check(made)


def _cleaned_up(state: State) -> dict[str, bool]:
    made = structured(state, Case(open=(1,)))
    return {} if made is None or unsound(EmbodiedCore(made)) else check_cleanup(made)


def _after(decision: Decision, state: State) -> State:
    """What the pool looks like after the decision, in the model's fields."""
    made = structured(state, decision.case)
    if made is None:
        return state
    core = EmbodiedCore(made)
    decision.drive(core)
    return abstract(core, core.names).state(state.capacity, state.queueing)


def _embodied(state: State) -> dict[str, bool]:
    """A state that is left out breaks the invariant; any other is what its core looks like."""
    made = structured(state, Case())
    if made is None:
        return {"what is left out breaks the invariant": not inductive(state)}
    core = EmbodiedCore(made)
    return differences(abstract(core, core.names), comparable(made, ranked(made)))
