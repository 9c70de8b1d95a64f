"""What is to be proved for any number of keys and clients, and that what it is proved of is the model.

``any-...`` is *proved* on z3's *unsat* of its negation and nothing else. It is about one conjunct after another, so that what is
not proved has a name. That the encoding does what the model does is
``differences``, which the tests look at in every state of small scopes: tested there, not proved.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from acpool_model.actions import Action
from acpool_model.state import Client, Key, State
from acpool_spec.proofs.any_keys import claims, steps
from acpool_spec.proofs.any_keys.view import SCALARS, Unbounded, View, any_number, few
from acpool_spec.proofs.obligations import CHOICES, KINDS, actions
from acpool_spec.proofs.solver import Finding
from acpool_spec.verdict import Outcome

z3: Any = importlib.import_module("z3")  # it comes without types

LEFT_OUT = frozenset({"nobody queues where nobody may", "who is passed over is served"})
"""The conjuncts of the model's ``BETWEEN`` that are not said of any number of keys: they count who is in line."""


@dataclass(frozen=True, kw_only=True)
class AnyNumber:
    """From the invariant within a step, and what ``given`` adds, each claim follows; of any number of keys and clients.

    ``pose`` makes of a state what else is known of it, and the claims by name.
    """

    name: str
    says: str
    pose: Callable[[View], tuple[list[Any], dict[str, Any]]]


def prove_any(obligation: AnyNumber, seconds: float) -> Finding:
    """Have z3 try each claim for as long, in seconds on the wall clock, which is its own limit."""
    began = time.process_time()
    view = any_number("s")
    assert isinstance(view.domain, Unbounded)
    known, claimed = obligation.pose(view)
    premise = [*claims.conjuncts(view).values(), claims.of_sums(view), *known, *view.domain.known]
    outcome, why = Outcome.HOLDS, ""
    for name, claim in claimed.items():
        solver = z3.Solver()
        solver.set("timeout", int(seconds * 1000))
        solver.add(*premise, z3.Not(claim))
        answer = solver.check()
        if answer == z3.sat:
            outcome, why = Outcome.VIOLATED, f"{name}: {solver.model()}"
            break
        if answer != z3.unsat:
            outcome, why = Outcome.UNDECIDED, f"{name}: {solver.reason_unknown()}"
            break
    return Finding(
        name=obligation.name,
        outcome=outcome,
        seconds=time.process_time() - began,
        paths=len(claimed),
        why=why,
    )


def of_any_number() -> dict[str, AnyNumber]:
    """Those for z3, by name."""
    table = [
        AnyNumber(
            name=f"any-{_name(action)}",
            says=f"of any number of keys: what {_name(action)} does keeps what holds within a step",
            pose=partial(_pose_action, action),
        )
        for action in encoded()
    ]
    table.append(
        AnyNumber(
            name="any-serve",
            says="of any number of keys: a round of serving keeps what holds within a step",
            pose=lambda view: ([], claims.conjuncts(steps.serve_one(view))),
        )
    )
    table.append(
        AnyNumber(
            name="any-S3",
            says="of any number of keys: S3 follows from what holds within a step",
            pose=lambda view: ([], {"S3": claims.s3_one_owner_per_session(view)}),
        )
    )
    return {obligation.name: obligation for obligation in table}


def encoded() -> list[Action]:
    """The actions that are said of any number of keys, at key 1 and by client 1."""
    return [action for action in actions() if action.kind in steps.EFFECTS]


def _name(action: Action) -> str:
    return KINDS[action.kind] + CHOICES.get((action.kind, action.arg), "")


def _pose_action(action: Action, view: View) -> tuple[list[Any], dict[str, Any]]:
    at, number = z3.Ints("at number")
    named = Action(action.kind, at, number, action.arg)
    after = steps.EFFECTS[action.kind](view, named)
    return [at >= 1, number >= 1, steps.can(view, named)], claims.conjuncts(after)


def differences(view: View, state: State) -> dict[str, bool]:
    """Whether each field of the two is the same, by its name; the counts are held to the keys of ``state``."""
    told = few(state)
    found: dict[str, bool] = {name: getattr(view, name) == getattr(told, name) for name in SCALARS}
    for at, key in enumerate(state.keys, 1):
        mine = view.key(at)
        found |= {f"key {at} {part}": getattr(mine, part) == getattr(key, part) for part in Key._fields}
    for number, client in enumerate(state.clients, 1):
        his = view.client(number)
        found |= {
            f"client {number} {part}": getattr(his, part) == getattr(client, part) for part in Client._fields
        }
    return found
