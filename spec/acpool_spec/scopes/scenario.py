"""A scope of the family as a scenario for :func:`~acpool_spec.exploration.explore`, for any pool.

Each client makes its calls one after the other, and the outside world decides when each begins, when each call on an agent
ends and how, and whom it cancels. Virtual time passes only when nothing else can happen: an agent answers, or a process dies,
before a bound runs out, unless it is a fault that it never does. So bounds are finite, and states are few.

When nothing can happen any more, and no bound is left to run out, the outside is calm: every call on an agent ends well from
then on. The pool is asked for as many new sessions as it has slots, and for every old one again, and is shut down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from acpool_spec.clients import Client, Registry
from acpool_spec.clients import Program as Call
from acpool_spec.exploration import Failure, Report, explore
from acpool_spec.fakes import FakeConnector
from acpool_spec.findings import Finding
from acpool_spec.loop import DeterministicLoop, running_loop
from acpool_spec.making import make_pool, offered, stated
from acpool_spec.outside import happens
from acpool_spec.pool_spec import explain, judge_history
from acpool_spec.properties import Violation
from acpool_spec.properties.judgement import LINEARIZATION_STATES, Remains
from acpool_spec.quiet import quiet
from acpool_spec.refinement import Difference, follow
from acpool_spec.residue import residue
from acpool_spec.scopes.agents import Agents
from acpool_spec.scopes.features import listen
from acpool_spec.scopes.grammar import OPERATIONS, ClientProgram, PoolScope
from acpool_spec.scopes.monitor import Monitor, PropertyViolated, Signature, signature_of
from acpool_spec.verdict import Budget
from acpool_spec.world import PoolFactory

HORIZON_S = 1e6
"""Virtual seconds: a bound beyond that is none."""


class Histories:
    """S12 of every run made: whether its history, complete or cut, has a linearization. It lies beside the runs.

    Histories are many fewer than runs, so each is judged once. ``violated``: what is wrong with those that have none;
    ``undecided``: those at which the search ended at its bound.
    """

    def __init__(self) -> None:
        self.violated: dict[Signature, Violation] = {}
        self.undecided: set[Signature] = set()
        self._known: set[Signature] = set()

    def judge(self, monitor: Monitor) -> None:
        """Judge the history of a run that ended, or was cut."""
        history = monitor.history
        signature = signature_of(history)
        if signature in self._known:
            return
        self._known.add(signature)
        verdict = judge_history(history, budget=Budget(states=LINEARIZATION_STATES))
        if verdict.violated:
            last = history.events[-1].index if history.events else -1
            self.violated[signature] = Violation("S12", explain(history, verdict), last)
        elif verdict.undecided:
            self.undecided.add(signature)

    def __len__(self) -> int:
        return len(self._known)


class _Client(Client):
    """A client that makes the calls of its program when the outside lets it, in one task."""

    async def follow(self, program: ClientProgram, able: frozenset[str], task: asyncio.Task[Any]) -> None:
        name = task.get_name()
        for step in program:
            if step.f not in able:
                continue
            await happens(f"{name} calls {step}")
            self.program = Call(
                step.f, step.key or None, 1 if step.f in ("session", "with_connection") else 0
            )
            # From here on it may be cancelled, and so the name says that it is in an operation.
            task.set_name(f"{name} in {step}")
            await self.operate(self.program)
            task.set_name(name)
            if task.cancelling():
                self.swallowed = True
                return


def cancellable(task: asyncio.Task[Any]) -> bool:
    """The clients are, in an operation: before one and after it there is nothing that a pool could do wrong."""
    name = task.get_name()
    return name.startswith("client ") and " in " in name


class PoolScenario:
    """One scope on the pools of one factory: calling it is one run.

    Raises, out of the run, :class:`~acpool_spec.scopes.monitor.PropertyViolated`. ``histories``: those of all runs so far.
    ``forbidden``: histories at which a run ends as violated. ``on_begin``, where set, is told of each run before its first step.
    """

    def __init__(self, scope: PoolScope, factory: PoolFactory, only: Collection[str] | None) -> None:
        self.scope = scope
        self.factory = factory
        self.only = only
        self.histories = Histories()
        self.forbidden: dict[Signature, Violation] = {}
        self.on_begin: Callable[[ScopeRun], object] | None = None
        # A schedule names them, and has the digest of what the pool is made of.
        self.__module__ = factory.__module__
        self.__qualname__ = f"{getattr(factory, '__qualname__', type(factory).__qualname__)} in {scope.name}"

    def canonical_state(self) -> object:
        """Nothing: what is kept from run to run lies beside the runs."""
        return None

    def found_afterwards(self) -> Failure | None:
        """What is wrong with the history of a run that has ended well: S12 is judged of it when it is complete."""
        if self.only is not None and "S12" not in self.only:
            return None
        for violation in self.histories.violated.values():
            error = PropertyViolated(violation.property, violation.message)
            return Failure(error.failure_kind, str(error))
        return None

    async def __call__(self) -> None:
        """One run. Bounded by the bounds of the pool; a pool without any is found stuck at ``HORIZON_S``."""
        run = ScopeRun(self)
        if self.on_begin is not None:
            self.on_begin(run)
        try:
            await run.to_the_end()
        finally:
            # Also where the run was cut at a state known already: then its coroutine is closed, here.
            self.histories.judge(run.monitor)


class ScopeRun:
    """What one run is made of; to be looked at by whoever tells of it, and changed by nobody else."""

    def __init__(self, scenario: PoolScenario) -> None:
        scope = scenario.scope
        self.loop: DeterministicLoop = running_loop()
        self.over: asyncio.Future[None] = self.loop.create_future()
        reclaims = bool(getattr(scenario.factory, "reclaims_leases", False))
        self.monitor = Monitor(
            self.loop,
            self.over,
            max_sessions=scope.max_sessions,
            reclaims=reclaims,
            bounds=stated(scenario.factory),
            only=scenario.only,
            forbidden=scenario.forbidden,
        )
        self.agents = Agents(self.loop, self.monitor.notes, faults=scope.faults, slow=scope.slow)
        self.pool: Any = make_pool(scenario.factory, FakeConnector(self.agents), scope.max_sessions)
        self.able = frozenset(offered(self.pool, OPERATIONS))
        self.keys = scope.keys
        self.follower = follow(
            self.pool, self._parted, self.monitor.failed, lambda: self.loop.inside_callback
        )
        listen(self.follower)
        registry = Registry(self.agents.connections)
        count = len(scope.programs)
        self.clients = [_Client(number, self.pool, self.monitor.notes, registry) for number in range(count)]
        self.auditor = Client(count, self.pool, self.monitor.notes, registry)
        for client, program in zip(self.clients, scope.programs, strict=True):
            self._begin(client, program)
        self.loop.on_rest = self._rest

    def _parted(self, difference: Difference) -> None:
        self.monitor.differs(difference.message)

    def _begin(self, client: _Client, program: ClientProgram) -> None:
        async def follow() -> None:
            task = asyncio.current_task()
            assert task is not None
            await client.follow(program, self.able, task)

        client.task = self.loop.create_task(follow(), name=f"client {client.number}")

    def _rest(self) -> bool:
        self.monitor.stopped({call.connection.name for call in self.agents.calls.values()})
        return self.agents.quiet

    async def to_the_end(self) -> None:
        """The run, to the end of the audit. Raises the first violation."""
        await self._until_calm()
        self.agents.calm()
        judgement = self.monitor.judgement
        self.monitor.at_rest(self._remains())
        if judgement.ledger.shutdown_called is None:
            for call in judgement.audit(self.keys):
                await self._audit(call)
                if self.auditor.busy:
                    break
            self.monitor.at_rest(self._remains())
        if not self.auditor.busy:
            await self._audit(Call("shutdown"))
        self.monitor.at_the_end(self._remains(), self._findings())
        if self.follower is not None:
            self.follower.end()
        await self._until_calm()

    async def _until_calm(self) -> None:
        """Until nothing can happen any more. Raises the first violation."""
        await asyncio.wait([self.over], timeout=HORIZON_S)
        if self.over.done():
            self.over.result()

    async def _audit(self, call: Call) -> None:
        self.auditor.start(call)
        await self._until_calm()

    def _findings(self) -> list[Finding]:
        main = asyncio.current_task()
        assert main is not None
        return [found for found in self.loop.findings() if found.subject != main.get_name()]

    def _remains(self) -> Remains:
        clients = [*self.clients, self.auditor]
        return Remains.of(clients, self.agents.calls.values(), residue(self.pool, self.keys))


def scenario_of(
    scope: PoolScope, factory: PoolFactory, *, only: Collection[str] | None = None
) -> PoolScenario:
    """``scope`` on the pools that ``factory`` makes; operations that such a pool lacks are left out.

    ``only``: the ids of the properties to be judged, None: all.
    """
    return PoolScenario(scope, factory, only)


def explore_scope(
    scope: PoolScope,
    factory: PoolFactory,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    prune: bool = True,
    only: Collection[str] | None = None,
) -> Report:
    """Explore every run of ``scope`` on the pools of ``factory``, within ``budget``; ``only``: as for :func:`scenario_of`."""
    scenario = scenario_of(scope, factory, only=only)
    with quiet():
        report = _explore(scenario, budget, seed, prune)
        return conclude(scenario, report, lambda: _explore(scenario, budget, seed, prune))


def conclude(scenario: PoolScenario, report: Report, again: Callable[[], Report]) -> Report:
    """``report`` of an exploration of ``scenario``, with what is known of S12 after it.

    A violated S12 may show in a run that was cut: then the scope is explored ``again`` until that history comes by, to have its
    schedule. A search for a linearization that ended at its bound makes the report undecided.
    """
    only = scenario.only
    if report.failure is None and scenario.histories.violated and (only is None or "S12" in only):
        scenario.forbidden = scenario.histories.violated
        report = again()
        if report.failure is None:
            report.certificate.skip("a history without a linearization did not come by again")
    for _ in scenario.histories.undecided:
        report.certificate.skip(
            f"a search for a linearization ended at its bound of {LINEARIZATION_STATES} states"
        )
    return replace(report, verdict=report.certificate.outcome())


def _explore(scenario: PoolScenario, budget: Budget | None, seed: int, prune: bool) -> Report:
    scope = scenario.scope
    return explore(
        scenario,
        mode=scope.mode,
        cancellations=scope.cancellations,
        cancellable=cancellable,
        budget=budget,
        seed=seed,
        prune=prune,
        footprints=False,  # a pool sets timers, so that they could not be used after the first run
    )
