"""What is known of one scope: what is left to do in it, and what its parts come to when they are put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acpool_spec.campaign.results import Result, Unit
from acpool_spec.exploration import Certificate, merge
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """One scope in the table. ``seconds``: of work, on however many workers."""

    scope: str
    outcome: Outcome
    executions: int
    states: int
    seconds: float
    why: str = ""
    failure: Failure | None = None
    schedule: str | None = None


class Account:
    """The results of the units of ``scope``, whoever came by them and in whatever order.

    A scope that was divided is explored part by part; after the first violated part, in the order of the parts, the later ones
    do not count, whether they were explored or not. So the line of a scope depends on the scope alone.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._results: dict[Prefix, Result] = {}
        self._losses: dict[Prefix, str] = {}

    def take(self, unit: Unit, result: Result) -> None:
        """A unit is done. Raises ``ValueError`` for one that was done before, or that is no unit of this scope."""
        if unit.scope != self.scope or unit.prefix in self._results or unit not in [*self.units()]:
            raise ValueError(f"a result of {unit}, which nobody waits for")
        self._results[unit.prefix] = result

    def lose(self, unit: Unit, why: str) -> None:
        """A unit will not be done."""
        self._losses[unit.prefix] = why

    def units(self) -> Iterator[Unit]:
        """The units as far as they are known: the scope itself, or the parts that count."""
        whole = self._results.get(())
        if whole is None or whole.parts is None:
            yield Unit(self.scope)
            return
        for prefix in whole.parts:
            yield Unit(self.scope, prefix)
            result = self._results.get(prefix)
            if result is not None and result.certificate.violated:
                return

    def left(self) -> list[Unit]:
        """The units that are still to be done, in their order."""
        return [
            unit
            for unit in self.units()
            if unit.prefix not in self._results and unit.prefix not in self._losses
        ]

    @property
    def divided(self) -> bool:
        """Whether the scope is explored in parts."""
        whole = self._results.get(())
        return whole is not None and whole.parts is not None

    @property
    def results(self) -> list[Result]:
        """Of the units done so far."""
        return list(self._results.values())

    def line(self, ended: str) -> Line:
        """The scope in the table; ``ended`` says why units were left undone, where there are any."""
        whole = self._results.get(())
        units = [*self.units()]
        counted = [result for unit in units if (result := self._results.get(unit.prefix)) is not None]
        if self.divided:
            assert whole is not None and whole.parts is not None
            parts = {
                Unit(self.scope, prefix).part: self._part(prefix, units, ended) for prefix in whole.parts
            }
            certificate = merge(whole.certificate, parts)
            counted.append(whole)
        elif whole is not None:
            certificate = merge(whole.certificate)
        else:
            certificate = merge(Certificate(exhaustive=True))
            certificate.skip(self._losses.get((), ended))
        violated = next((result for result in counted if result.certificate.violated), None)
        failure = violated.failure if violated is not None else None
        return Line(
            self.scope,
            certificate.outcome(),
            certificate.executions,
            certificate.states,
            sum(result.seconds for result in counted),
            str(failure) if failure is not None else certificate.why(),
            failure,
            violated.schedule if violated is not None else None,
        )

    def _part(self, prefix: Prefix, units: list[Unit], ended: str) -> Certificate | str:
        if Unit(self.scope, prefix) not in units:
            return "not explored, since a part before it is violated"
        result = self._results.get(prefix)
        return result.certificate if result is not None else self._losses.get(prefix, ended)
