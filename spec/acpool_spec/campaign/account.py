"""What is known of one scope: what is left to do in it, and what its parts come to when they are put together."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from acpool_spec.campaign.results import Counts, Result, Unit
from acpool_spec.exploration import Certificate, Estimate, merge
from acpool_spec.exploration.failures import Failure
from acpool_spec.exploration.subtree import Prefix
from acpool_spec.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """One scope in the table. ``executions`` and ``states``: those of units that came to no end included. ``seconds``: of
    work, on however many workers. ``behind``: the share of its tree that was explored, from 0 to 1;
    ``estimate``: of the executions, where it was cut short; ``lost``: whether some of it was given up on."""

    scope: str
    outcome: Outcome
    executions: int
    states: int
    seconds: float
    behind: float
    why: str = ""
    failure: Failure | None = None
    schedule: str | None = None
    estimate: Estimate | None = None
    lost: bool = False


class Account:
    """The results of the units of ``scope``, whoever came by them and in whatever order.

    A unit that was too large is gone on with part by part; after the first violated part, in the order of the parts, the later
    ones do not count, whether they were explored or not. So the line of a scope depends on the scope alone.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._results: dict[Prefix, Result] = {}
        self._losses: dict[Prefix, str] = {}
        self._cut: dict[Prefix, tuple[Counts, float]] = {}
        self._estimate: Estimate | None = None
        self._shares: dict[Prefix, float] = {(): 1.0}
        self._units: dict[Prefix, Unit] | None = None

    def take(self, unit: Unit, result: Result) -> None:
        """A unit is done. Raises ``ValueError`` for one that was done before, or that is no unit of this scope."""
        if unit.scope != self.scope or unit.prefix in self._results or unit not in self.units():
            raise ValueError(f"a result of {unit}, which nobody waits for")
        self._results[unit.prefix] = result
        self._units = None
        self._cut.pop(unit.prefix, None)
        self._estimate = result.estimate
        for part in result.parts or ():
            self._shares[part.prefix] = part.share * self._shares[unit.prefix]

    def cut(self, unit: Unit, counts: Counts, seconds: float, estimate: Estimate | None = None) -> None:
        """A unit was ended before its end: how far it was after so many seconds, and what that may be of the whole; it counts for
        nothing but the reader."""
        if unit.prefix in self._shares and unit.prefix not in self._results:
            self._cut[unit.prefix] = counts, seconds
            if estimate is not None and not unit.prefix:
                self._estimate = estimate

    def known(self, unit: Unit) -> bytes:
        """The states that the units above ``unit`` knew when they left it to others, one key after the other."""
        above = (self._results.get(unit.prefix[:length]) for length in range(len(unit.prefix)))
        return b"".join(result.known for result in above if result is not None)

    def share(self, unit: Unit) -> float:
        """Which share of the tree of the scope lies below ``unit``."""
        return self._shares.get(unit.prefix, 0.0)

    @property
    def behind(self) -> float:
        """The share of the tree of the scope that was explored, from 0 to 1: that of the units done, and of those cut."""
        open_ = [unit for unit in self.units() if unit.prefix not in self._results]
        if not open_:
            whole = self._results.get(())
            return 1.0 if whole is None else whole.behind
        cut = sum(self._shares[at] * counts.behind for at, (counts, _) in self._cut.items())
        return max(0.0, 1.0 - sum(self._shares[unit.prefix] for unit in open_) + cut)

    def lose(self, unit: Unit, why: str) -> None:
        """A unit will not be done."""
        self._losses[unit.prefix] = why

    def units(self) -> Collection[Unit]:
        """The units as far as they are known: the scope itself, or the parts that count, those of parts in their places."""
        if self._units is None:  # asked for far more often than it changes
            self._units = {
                prefix: Unit(self.scope, prefix)
                for prefix in self._walked()
                if prefix not in self._results or self._results[prefix].parts is None
            }
        return self._units.values()

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
        counted = {*self._walked()}
        certificate = self._certificate((), counted, ended)
        done = [result for prefix, result in self._results.items() if prefix in counted]
        cut = [each for prefix, each in self._cut.items() if prefix in counted]
        violated = next((result for result in done if result.certificate.violated), None)
        failure = violated.failure if violated is not None else None
        return Line(
            self.scope,
            certificate.outcome(),
            certificate.executions + sum(counts.executions for counts, _ in cut),
            certificate.states + sum(counts.states for counts, _ in cut),
            sum(result.seconds for result in done) + sum(seconds for _, seconds in cut),
            self.behind,
            str(failure) if failure is not None else certificate.why(),
            failure,
            violated.schedule if violated is not None else None,
            self._estimate,
            lost=bool(self._losses),
        )

    def _walked(self) -> Iterator[Prefix]:
        """The prefixes of all units that count, those that were gone on with part by part before their parts."""
        ahead: list[Prefix] = [()]
        while ahead:
            prefix = ahead.pop()
            yield prefix
            result = self._results.get(prefix)
            if result is None:
                continue
            if result.certificate.violated:
                return
            ahead.extend(part.prefix for part in reversed(result.parts or ()))

    def _certificate(self, prefix: Prefix, counted: Collection[Prefix], ended: str) -> Certificate:
        """The account of the unit at ``prefix``, its parts included; an empty one that says why where there is none."""
        result = self._results.get(prefix)
        if result is not None and prefix in counted:
            parts = {
                Unit(self.scope, part.prefix).part: self._certificate(part.prefix, counted, ended)
                for part in result.parts or ()
            }
            return merge(result.certificate, parts)
        nothing = Certificate(exhaustive=True)
        unit, lost = Unit(self.scope, prefix), self._losses.get(prefix)
        if prefix not in counted:
            nothing.skip("a part was not explored, since one before it is violated")
        elif lost is not None:
            nothing.skip(f"{unit.part}: {lost}" if prefix else lost)
        else:
            nothing.skip(f"a part was not explored to its end: {ended}" if prefix else ended)
        return nothing
