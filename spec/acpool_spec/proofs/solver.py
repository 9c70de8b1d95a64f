"""One obligation given to CrossHair, through its API: a function with a contract, made for it.

*Proved* is CrossHair's CONFIRMED and nothing else, for every message, with as many messages as conditions. A refutation counts
only if the states that CrossHair names refute the obligation when it is evaluated on them. Everything else is undecided.
Its command line cannot gate: it exits with 0 also for what it could not confirm, and for a premise that nothing satisfies.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable
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


REFUTED = (MessageType.POST_FAIL, MessageType.POST_ERR, MessageType.EXEC_ERR)
"""What CrossHair says where it has values that refute a contract."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one obligation. ``seconds`` of CPU; ``paths`` through its code; ``states``: those that refute it.

    ``structures``: how many were visited, of an obligation that is about structures.
    """

    name: str
    outcome: Outcome
    seconds: float
    paths: int = 0
    why: str = ""
    states: tuple[Any, ...] = ()
    structures: int = 0


class Effort:
    """What is spent on one obligation, from now on, of so many ``seconds`` of CPU, in one call of CrossHair or in several."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.process_time()
        self._paths = 0

    @property
    def spent(self) -> float:
        """Seconds of CPU."""
        return time.process_time() - self._began

    def analyze(self, function: FunctionType) -> list[Any]:
        """What CrossHair says of the contract of ``function``, in the time that is left."""
        limits = AnalysisOptionSet(
            report_all=True,
            per_condition_timeout=max(self._seconds - self.spent, 0.001),
            # Half of it is z3's own limit, on the wall clock: an idle machine is not to be expected.
            per_path_timeout=4 * self._seconds,
        )
        analyze_function: Any = vars(core_and_libs)["analyze_function"]  # its annotations are incomplete
        paths = Counter[str]()
        messages = list[Any]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks at every member of every module, deprecated ones too
            for checkable in analyze_function(function, limits):
                checkable.options.stats = paths
                messages.extend(checkable.analyze())
        self._paths += paths["num_paths"]
        return messages

    def finding(self, name: str, outcome: Outcome, why: str = "", **besides: Any) -> Finding:
        """The finding, with what was spent on it."""
        spent = self.spent
        if outcome is Outcome.UNDECIDED and spent >= self._seconds:
            why = f"not within {self._seconds:g} s of CPU: {why}"  # whatever CrossHair made of that
        return Finding(name=name, outcome=outcome, seconds=spent, paths=self._paths, why=why, **besides)


def prove(obligation: Obligation, size: Size, seconds: float) -> Finding:
    """Have CrossHair try ``obligation`` for ``seconds`` of CPU."""
    effort = Effort(seconds)
    messages = effort.analyze(_with_contract(obligation, size))
    outcome, why, states = _judge(obligation, messages)
    return effort.finding(obligation.name, outcome, why, states=states)


def confirmed(messages: list[Any]) -> bool:
    """Whether that is a proof: one condition, one message."""
    return [message.state for message in messages] == [MessageType.CONFIRMED]


def said_in(messages: list[Any]) -> str:
    """All of it in one line."""
    said = [f"{message.state.name}: {message.message}" for message in messages]
    return "; ".join(said) or "no contract found"


def refuted(messages: list[Any]) -> bool:
    """Whether CrossHair says that it has values that refute the contract."""
    return any(message.state in REFUTED for message in messages)


def _judge(obligation: Obligation, messages: list[Any]) -> tuple[Outcome, str, tuple[Any, ...]]:
    """The outcome, why it is not *holds*, and the states that refute the obligation."""
    if confirmed(messages):
        return Outcome.HOLDS, "", ()
    if not refuted(messages):
        return Outcome.UNDECIDED, said_in(messages), ()
    try:
        found = read_arguments(messages[0].message)
        states = tuple(one if isinstance(one, Action) else obligation.arrange(one) for one in found)
    except ValueError as error:
        return Outcome.UNDECIDED, f"a refutation that cannot be read: {error}", ()
    if refutes(obligation, states):
        return Outcome.VIOLATED, "", states
    return Outcome.UNDECIDED, f"a refutation that is none when it is evaluated: {said_in(messages)}", ()


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
    template = of_one if obligation.whole else _parts
    names = template.__code__.co_varnames[: template.__code__.co_argcount]

    def arranged(argument: Any) -> Any:
        return argument if isinstance(argument, Action) else obligation.arrange(State(*argument))

    def premise(*arguments: Any) -> bool:
        return obligation.premise(*map(arranged, arguments))

    def conclusion(*arguments: Any) -> bool:
        return obligation.follows(*map(arranged, arguments))

    types = {name: Action if name == "action" else shape(size) for name in names}
    return with_contract(template, types, premise, conclusion)


def with_contract(
    template: Any, types: dict[str, type], premise: Callable[..., Any], conclusion: Callable[..., Any]
) -> FunctionType:
    """A function of arguments of these ``types`` with the contract of ``template``, a function that calls the other two."""
    made = FunctionType(
        template.__code__,
        {"premise": premise, "conclusion": conclusion, "__builtins__": __builtins__, "__name__": __name__},
        "obligation",
    )
    made.__doc__ = template.__doc__
    made.__module__ = template.__module__
    made.__qualname__ = template.__qualname__  # where CrossHair finds the source of the contract
    made.__annotations__ = types | {"return": bool}
    return made


def of_one(a: Any) -> Any:
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
