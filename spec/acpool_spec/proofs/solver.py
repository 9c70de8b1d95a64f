"""One obligation given to CrossHair, through its API: a function with a contract, made for it.

*Proved* is CrossHair's CONFIRMED and nothing else, for every message, with as many messages as conditions. A refutation counts
only if the states that CrossHair names refute the obligation when it is evaluated on them. Everything else is undecided.
Its command line cannot gate: it exits with 0 also for what it could not confirm, and for a premise that nothing satisfies.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from crosshair import core_and_libs
from crosshair.core_and_libs import MessageType
from crosshair.options import AnalysisOptionSet

from acpool_model.actions import Action
from acpool_model.state import State
from acpool_spec.proofs.obligations import Obligation
from acpool_spec.proofs.shapes import Size, read_arguments, shape
from acpool_spec.verdict import Outcome

BROKEN = (LookupError, ValueError, TypeError, StopIteration)
"""What a transition raises that does not know what to do in a state that it may meet."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one obligation. ``seconds`` of CPU; ``paths`` through its code; ``states``: those that refute it."""

    name: str
    outcome: Outcome
    seconds: float
    paths: int = 0
    why: str = ""
    states: tuple[Any, ...] = ()


def prove(obligation: Obligation, size: Size, seconds: float) -> Finding:
    """Have CrossHair try ``obligation`` for ``seconds`` of CPU."""
    began = time.process_time()
    limits = AnalysisOptionSet(
        report_all=True,
        per_condition_timeout=seconds,
        # Half of it is z3's own limit, on the wall clock: an idle machine is not to be expected.
        per_path_timeout=4 * seconds,
    )
    analyze_function: Any = vars(core_and_libs)["analyze_function"]  # its annotations are incomplete
    checkables = analyze_function(_with_contract(obligation, size), limits)
    paths = Counter[str]()
    messages = list[Any]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks at every member of every module, deprecated ones too
        for checkable in checkables:
            checkable.options.stats = paths
            messages.extend(checkable.analyze())
    outcome, why, states = _judge(obligation, messages)
    spent = time.process_time() - began
    if outcome is Outcome.UNDECIDED and spent >= seconds:
        why = f"not within {seconds:g} s of CPU: {why}"  # whatever CrossHair made of that
    return Finding(
        name=obligation.name,
        outcome=outcome,
        seconds=spent,
        paths=paths["num_paths"],
        why=why,
        states=states,
    )


def _judge(obligation: Obligation, messages: list[Any]) -> tuple[Outcome, str, tuple[Any, ...]]:
    """The outcome, why it is not *holds*, and the states that refute the obligation."""
    kinds = [message.state for message in messages]
    if kinds == [MessageType.CONFIRMED]:  # one condition, one message
        return Outcome.HOLDS, "", ()
    said = (
        "; ".join(f"{message.state.name}: {message.message}" for message in messages) or "no contract found"
    )
    if not any(kind in (MessageType.POST_FAIL, MessageType.POST_ERR, MessageType.EXEC_ERR) for kind in kinds):
        return Outcome.UNDECIDED, said, ()
    try:
        found = read_arguments(messages[0].message)
        states = tuple(one if isinstance(one, Action) else obligation.arrange(one) for one in found)
    except ValueError as error:
        return Outcome.UNDECIDED, f"a refutation that cannot be read: {error}", ()
    if refutes(obligation, states):
        return Outcome.VIOLATED, "", states
    return Outcome.UNDECIDED, f"a refutation that is none when it is evaluated: {said}", ()


def refutes(obligation: Obligation, states: tuple[Any, ...]) -> bool:
    """Whether the premise holds of ``states``, and the conclusion does not, or cannot even be evaluated."""
    if not obligation.premise(*states):
        return False
    try:
        return not obligation.follows(*states)
    except BROKEN:
        return True


def _with_contract(obligation: Obligation, size: Size) -> FunctionType:
    """A function of symbolic states whose contract is ``obligation``."""
    template = _whole if obligation.whole else _parts
    names = template.__code__.co_varnames[: template.__code__.co_argcount]

    def arranged(argument: Any) -> Any:
        return argument if isinstance(argument, Action) else obligation.arrange(State(*argument))

    def premise(*arguments: Any) -> bool:
        return obligation.premise(*map(arranged, arguments))

    def conclusion(*arguments: Any) -> bool:
        return obligation.follows(*map(arranged, arguments))

    made = FunctionType(
        template.__code__,
        {"premise": premise, "conclusion": conclusion, "__builtins__": __builtins__, "__name__": __name__},
        "obligation",
    )
    made.__doc__ = template.__doc__
    made.__module__ = __name__
    made.__qualname__ = template.__qualname__  # where CrossHair finds the source of the contract
    made.__annotations__ = {name: Action if name == "action" else shape(size) for name in names} | {
        "return": bool
    }
    return made


def _whole(a: Any) -> Any:
    """
    pre: premise(a)
    post: __return__
    """
    return conclusion(a)  # type: ignore[name-defined]  # noqa: F821 - a global of the function made from it


def _parts(a: Any, b: Any, action: Any, c: Any) -> Any:
    """
    pre: premise(a, b, action, c)
    post: __return__
    """
    return conclusion(a, b, action, c)  # type: ignore[name-defined]  # noqa: F821 - as above
