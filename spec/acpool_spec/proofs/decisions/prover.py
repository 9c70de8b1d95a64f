"""An obligation about structures given to CrossHair: as many structures at once as make the time of a call worth it.

In one call of CrossHair the values are symbolic and the structures are gone through, so each path visits all of them, untraced
but for what is done to a value (``numbers``). *Proved* is CrossHair's CONFIRMED for every call, and every structure in one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from types import FunctionType
from typing import Any, Final

from acpool_model.state import State
from acpool_spec.proofs.decisions.numbers import conjunction, untraced
from acpool_spec.proofs.decisions.obligations import OfStructures
from acpool_spec.proofs.decisions.structure import Values, plausible, values_type
from acpool_spec.proofs.shapes import Size, read_numbers
from acpool_spec.proofs.solver import (
    BROKEN,
    Effort,
    Finding,
    confirmed,
    of_one,
    refuted,
    said_in,
    with_contract,
)
from acpool_spec.verdict import Outcome

AT_ONCE: Final = 2_000
"""Structures in one call."""
FAILS: Final = (*BROKEN, AssertionError)
"""What the core or the model raises that does not know what to do."""


def prove_structures(obligation: OfStructures, size: Size, seconds: float) -> Finding:
    """Have CrossHair try ``obligation`` for ``seconds`` of CPU."""
    effort = Effort(seconds)
    visited = 0
    templates = obligation.templates(size)
    while some := list(islice(templates, AT_ONCE)):
        messages = effort.analyze(_with_contract(obligation, some, size))
        if not confirmed(messages):
            outcome, why, states = _judge(obligation, some, size, messages)
            return effort.finding(obligation.name, outcome, why, states=states, structures=visited)
        visited += len(some)
    if not visited:
        return effort.finding(obligation.name, Outcome.UNDECIDED, "no state is of its case")
    return effort.finding(obligation.name, Outcome.HOLDS, structures=visited)


def _with_contract(obligation: OfStructures, templates: Sequence[State], size: Size) -> FunctionType:
    """A function of symbolic values whose contract is ``obligation`` of all ``templates``."""

    def each(values: Values) -> Iterator[Any]:
        for template in templates:
            yield from obligation.check(template, values).values()

    def conclusion(values: Values) -> Any:
        return untraced(lambda wrapped: conjunction(each(wrapped)), values)

    return with_contract(of_one, {"a": values_type(size)}, plausible, conclusion)


def _judge(
    obligation: OfStructures, templates: Sequence[State], size: Size, messages: list[Any]
) -> tuple[Outcome, str, tuple[Any, ...]]:
    """The outcome, why it is undecided, and the template and the values that refute the obligation."""
    said = said_in(messages)
    if not refuted(messages):
        return Outcome.UNDECIDED, said, ()
    try:
        values = values_type(size)(*read_numbers(messages[0].message))
    except (ValueError, TypeError) as error:
        return Outcome.UNDECIDED, f"a refutation that cannot be read: {error}", ()
    for template in templates:
        if plausible(values) and _refutes(obligation, template, values):
            return Outcome.VIOLATED, "", (template, values)
    return Outcome.UNDECIDED, f"a refutation that is none when it is evaluated: {said}", ()


def _refutes(obligation: OfStructures, template: State, values: Values) -> bool:
    try:
        return bool(obligation.broken(template, values))
    except FAILS:
        return True
