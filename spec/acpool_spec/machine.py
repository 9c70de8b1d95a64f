"""A Hypothesis state machine that owns the scheduler: its rules are the decisions of a world, its examples are schedules.

Hypothesis chooses, records and shrinks; what it shrank is a :class:`~acpool_spec.minimise.Failure` like any other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from acpool_spec.minimise import Failure
from acpool_spec.targets import Target
from acpool_spec.world import Scope, World

_SCOPES = st.builds(
    Scope,
    max_sessions=st.integers(1, 2),
    clients=st.integers(2, 3),
    keys=st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]),
    mode=st.sampled_from(["fifo", "reordered"]),
    agents_load=st.booleans().map(lambda drawn: not drawn),
)


class Broken(AssertionError):
    """A property broke in the machine's run; Hypothesis shrinks it like any assertion."""


class _EnoughError(BaseException):
    """Stops Hypothesis from outside; not an Exception, which it would take for another bug to shrink."""


class PoolMachine(RuleBasedStateMachine):
    """One run of a pool under test, decision by decision; subclassed by :func:`machine_for` with its ``target``."""

    target: Target
    on_failure: Callable[[Failure], object]
    on_run: Callable[[World], object]

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None
        self.reported: set[str] = set()

    @initialize(scope=_SCOPES)
    def begin(self, scope: Scope) -> None:
        """Make the pool and its world."""
        scope = replace(scope, reclaims=self.target.reclaims)
        world = World(self.target.factory, scope)
        world.__enter__()
        self.world = world

    @property
    def here(self) -> World:
        """The world, once there is one."""
        assert self.world is not None
        return self.world

    def _decide(self, data: st.DataObject, decisions: Sequence[str]) -> None:
        self.here.apply(data.draw(st.sampled_from(list(decisions)), label="decision"))

    @precondition(lambda self: any(not client.busy for client in self.here.clients))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """A free client calls the pool."""
        world = self.here
        free = [client.number for client in world.clients if not client.busy]
        self._decide(data, world.starts(data.draw(st.sampled_from(free), label="client")))

    @precondition(lambda self: self.here.loop.has_ready)
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """One task takes one step; in mode fifo, the loop one turn."""
        self._decide(data, self.here.ready())

    @precondition(lambda self: bool(self.here.answers()))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """A pending call is answered well, or a killed process is confirmed dead."""
        self._decide(data, self.here.answers())

    @precondition(lambda self: bool(self.here.faults()))
    @rule(data=st.data())
    def fault(self, data: st.DataObject) -> None:
        """A call fails, is refused or hangs; a process dies, or outlives its killing."""
        self._decide(data, self.here.faults())

    @precondition(lambda self: bool(self.here.cancellations()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A caller is cancelled, at whatever await it stands, also when its wake-up is queued already."""
        self._decide(data, self.here.cancellations())

    @precondition(lambda self: bool(self.here.timer()))
    @rule()
    def advance(self) -> None:
        """Virtual time passes until the next timer."""
        self.here.apply("advance")

    @invariant()
    def nothing_broken(self) -> None:
        """Every property that can be judged before the end holds so far."""
        if self.world is not None:
            self._require(tuple(self.world.decisions))

    def teardown(self) -> None:
        """The end of the run: rest, audit, shutdown, and the history as a whole."""
        world = self.world
        if world is None:
            return
        decisions = tuple(world.decisions)
        try:
            if not world.judgement.violations:
                world.finish(linearize=True)
                self.on_run(world)
        finally:
            world.__exit__()
        self._require(decisions)

    def _require(self, decisions: tuple[str, ...]) -> None:
        for violation in self.here.judgement.violations.values():
            self.on_failure(Failure(self.here.scope, decisions, violation))
            raise Broken(f"{violation.property}: {violation.message}")


def run_machine(
    target: Target,
    *,
    seed_: int,
    examples: int,
    steps: int = 30,
    shrinks: int = 300,
    on_run: Callable[[World], object] | None = None,
) -> Failure | None:
    """Let Hypothesis look for a failure of ``target`` in ``examples`` runs of at most ``steps`` decisions, and shrink it.

    Fully determined by ``seed_``; nothing is read from or written to an example database. Shrinking ends when Hypothesis
    knows nothing smaller, or after ``shrinks`` failing runs; the answer is the smallest failure seen.
    """
    failures: list[Failure] = []

    def note(failure: Failure) -> None:
        failures.append(failure)
        if len(failures) > shrinks:
            raise _EnoughError

    found = type(
        "PoolMachineUnderTest",
        (PoolMachine,),
        {
            "target": target,
            "on_failure": staticmethod(note),
            "on_run": staticmethod(on_run or (lambda _: None)),
        },
    )
    quietly = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        derandomize=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
        report_multiple_bugs=False,
        print_blob=False,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            run_state_machine_as_test(seed(seed_)(found), settings=quietly)
    except (Broken, _EnoughError):
        return min(failures, key=lambda failure: len(failure.decisions))
    return None
