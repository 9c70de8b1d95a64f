"""Operations and states as small integers: what a specification says is asked once for each kind of operation and state.

States are interned, so that each is hashed once, and ``step`` becomes a table. Operations of one kind (see
:class:`~acpool_spec.sequential.Hints`) share a row of it. Without hints every operation is a kind of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic

from acpool_spec.sequential import Operation, SequentialSpec, State, hints_of


class Numbering(Generic[State]):
    """The states met so far, and where each of ``operations`` leads from them.

    ``states``: by number; 0 is the first that was given a number. ``kinds``: of each operation. ``observers``: whether it
    leaves every state as it is. ``rows``: for each operation, what is known of it already, shared by its kind.
    """

    def __init__(self, operations: Sequence[Operation], spec: SequentialSpec[State]) -> None:
        hints = hints_of(spec)
        self.states: list[State] = []
        self._ids: dict[State, int] = {}
        self._spec = spec
        self._operations = operations
        if hints is None:
            self.kinds = list(range(len(operations)))
            self.observers = [False] * len(operations)
            self.rows: list[dict[int, tuple[int, ...]]] = [{} for _ in operations]
            return
        known: dict[Hashable, int] = {}
        self.kinds = [known.setdefault(hints.kind(op), len(known)) for op in operations]
        self.observers = [hints.observes(op) for op in operations]
        by_kind: list[dict[int, tuple[int, ...]]] = [{} for _ in known]
        self.rows = [by_kind[kind] for kind in self.kinds]

    def number(self, state: State) -> int:
        """The number of ``state``, which is new or not."""
        found = self._ids.setdefault(state, len(self.states))
        if found == len(self.states):
            self.states.append(state)
        return found

    def step(self, op: int, state: int) -> tuple[int, ...]:
        """Ask the specification, and remember what it says."""
        found = [self.number(s) for s in self._spec.step(self.states[state], self._operations[op])]
        self.rows[op][state] = targets = tuple(found)
        return targets
