"""What is to be proved for any number of keys and clients, and that what it is proved of is the model.

``any-...`` is *proved* on z3's *unsat* of its negation and nothing else. It is about one conjunct after another, so that what is
not proved has a name. That the encoding does what the model does is in ``sameness.py``, and ``differences``, which the tests
look at in every state of small scopes.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from acpool_model.actions import SHAPES, Action
from acpool_model.state import Client, Key, State
from acpool_spec.proofs.any_keys import capacity, claims, guards, step_claims, steps
from acpool_spec.proofs.any_keys.domain import Unbounded
from acpool_spec.proofs.any_keys.view import SCALARS, View, any_number, few
from acpool_spec.proofs.obligations import NOBODY, actions, name_of
from acpool_spec.proofs.solver import Finding
from acpool_spec.verdict import Outcome

z3: Any = importlib.import_module("z3")  # it comes without types


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
            name=f"any-{name_of(action)}",
            says=f"of any number of keys: what {name_of(action)} does keeps what holds within a step, and S4, S8, S9, L4",
            pose=partial(_pose_action, action),
        )
        for action in encoded()
    ]
    table += _composed()
    table.append(
        AnyNumber(
            name="any-initial",
            says="of any number of keys: an initial state satisfies what holds within a step",
            pose=_pose_initial,
        )
    )
    table.append(
        AnyNumber(
            name="any-serve",
            says="of any number of keys: a round of serving keeps what holds within a step, and comes to an end",
            pose=_pose_round,
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


def _pose_action(action: Action, view: View) -> tuple[list[Any], dict[str, Any]]:
    at, number = z3.Ints("at number")
    shape = SHAPES[action.kind]
    named = Action(action.kind, at if shape.key else 0, number if shape.client else 0, action.arg)
    after = steps.EFFECTS[action.kind](view, named)
    known = [at >= 1, number >= 1, guards.can(view, named), step_claims.nothing_to_give(view)]
    return known, claims.conjuncts(after) | _of_the_step(view, named, after) | step_claims.steady(view, after)


def _pose_round(view: View) -> tuple[list[Any], dict[str, Any]]:
    after = capacity.serve_one(view)
    found = claims.conjuncts(after) | _of_the_step(view, NOBODY, after)
    given = after.now != view.now  # whatever is changed takes a tick
    ends = {
        "rounds end": claims.implies(given, step_claims.lowers_ungiven(view, after)),
        "nothing is left where nothing is given": given | step_claims.nothing_to_give(view),
    }
    return [], found | step_claims.given(view, after) | ends


def _of_the_step(before: View, action: Action, after: View) -> dict[str, Any]:
    return {
        f"{name} of the step": holds for name, holds in step_claims.of_the_step(before, action, after).items()
    }


def _composed() -> list[AnyNumber]:
    """That rounds put together are as one, and that the properties of a step follow from those of its parts."""

    def rounds(a: View) -> tuple[list[Any], dict[str, Any]]:
        b, c = any_number("t"), any_number("u")
        both = [*step_claims.given(a, b).values(), *step_claims.given(b, c).values()]
        return both, step_claims.given(a, c)

    def step(a: View) -> tuple[list[Any], dict[str, Any]]:
        b, c = any_number("t"), any_number("u")
        action = Action(z3.Int("kind"), 0, z3.Int("number"))
        parts = _of_the_step(a, action, b) | step_claims.steady(a, b) | step_claims.given(b, c)
        typed = [claims.conjuncts(view)["well typed"] for view in (b, c)]
        return [*parts.values(), *typed], _of_the_step(a, action, c)

    return [
        AnyNumber(
            name="any-rounds",
            says="of any number of keys: what two rounds may change, each as proved of any-serve, is what one may",
            pose=rounds,
        ),
        AnyNumber(
            name="any-step",
            says="of any number of keys: the properties of a step follow from those of what the action does and of the rounds",
            pose=step,
        ),
    ]


def _pose_initial(view: View) -> tuple[list[Any], dict[str, Any]]:
    """An open pool in which nothing was done yet; a key may come with a suspended session, whose id is its number."""
    suspended = z3.Array("suspended", z3.IntSort(), z3.BoolSort())

    def key(at: Any) -> Key:
        kept = z3.If(z3.And(z3.Select(suspended, at), at >= 1, at < view.fresh), at, 0)
        return Key(*map(z3.IntVal, Key()))._replace(kept=kept, established=kept)

    def client(number: Any) -> Client:
        return Client(*map(z3.IntVal, Client()))

    first = replace(
        view,
        open=z3.IntVal(1),
        now=z3.IntVal(1),
        processes=z3.IntVal(0),
        taken=z3.IntVal(0),
        unseen=z3.IntVal(0),
        key=key,
        client=client,
    )
    return [], claims.conjuncts(first) | {"nothing is left to give": step_claims.nothing_to_give(first)}


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
