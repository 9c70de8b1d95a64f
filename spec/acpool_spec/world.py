"""One run of one pool in a world whose every decision is made by the caller of :meth:`World.apply`.

A *decision* is a line of text, so that a schedule can be read, cut and kept:

    start CLIENT OPERATION [KEY] [ARGUMENT]   a client that is free calls the pool
    turn                                      stock asyncio's next iteration: everything that is ready, in order (mode ``fifo``)
    step LANE                                 one ready callback, of the lane's choosing (mode ``reordered``)
    answer CALL ok|refuse|fail|hang           a pending call on a connection is answered, or never will be
    die CONNECTION                            a process dies of itself
    dead CONNECTION                           a killed process is confirmed dead
    outlive CONNECTION                        a killed process never will be
    cancel CLIENT                             the task of a client's operation is cancelled
    advance                                   virtual time moves to the next timer (once no killed process is left undecided)

``enabled`` lists what can be decided now, the least strange first. ``finish`` lets everything come to rest and audits the pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from acpool.contract import Connection, Connector
from acpool_spec.clients import Client, Program, Registry
from acpool_spec.events import Event, PoolFacts
from acpool_spec.fakes import FakeConnection, FakeConnector, Outside
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.making import Unusable, clip, make_pool, offered, said, stated
from acpool_spec.properties.judgement import Judgement, Remains
from acpool_spec.recorder import Recorder
from acpool_spec.refinement import Difference, Follower, follow
from acpool_spec.residue import residue
from acpool_spec.tasks import Location
from acpool_spec.whereabouts import whereabouts

DIRECTED: Final = "directed"
"""A mode of schedules that no :class:`World` runs: see :mod:`acpool_spec.refinement.direction`."""


class PoolUnderTest(Protocol):
    """What a pool must offer to be judged; ``cancel``, ``reset`` and ``session`` are exercised where present."""

    async def get_or_create(self, key: str) -> object:
        """Describe the session of ``key``, creating it where there is none."""
        ...

    async def with_connection(self, key: str, fn: Callable[[Connection], Awaitable[Any]]) -> Any:
        """Run ``fn`` with the connection of ``key`` under its lease."""
        ...

    async def cleanup_idle(self, ttl: float) -> object:
        """Suspend what was idle for ``ttl`` seconds."""
        ...

    async def shutdown(self) -> None:
        """Refuse new work and take everything down."""
        ...


class PoolFactory(Protocol):
    """Makes the pool under test."""

    def __call__(self, connector: Connector, *, max_sessions: int) -> PoolUnderTest:
        """Make a pool of ``max_sessions`` slots on ``connector``."""
        ...


class NotEnabled(Exception):
    """The decision cannot be made in this state of the world; ``why`` says so without repeating it."""

    def __init__(self, decision: str, why: str) -> None:
        super().__init__(decision, why)
        self.decision = decision
        self.why = why

    def __str__(self) -> str:
        return f"{clip(repr(self.decision))}: {self.why}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one run is about.

    ``mode``: ``fifo`` (stock asyncio's order of ready callbacks), ``reordered`` (any ready lane may go next) or ``directed``.
    ``agents_load``: whether the agents can load a session. ``reclaims``: whether the pool's ``cleanup_idle`` takes old leases
    back. ``operations``: those that clients may call.
    """

    max_sessions: int = 1
    clients: int = 3
    keys: tuple[str, ...] = ("a", "b")
    mode: str = "fifo"
    agents_load: bool = True
    reclaims: bool = False
    operations: tuple[str, ...] = (
        "get_or_create",
        "with_connection",
        "session",
        "cleanup_idle",
        "cancel",
        "reset",
        "shutdown",
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened in a run, for the timeline.

    ``decision`` made it happen; ``lane`` is the lane that ran, empty where nothing ran; ``events`` are the indices of what
    was seen meanwhile; ``where``: the line at which the task of the lane is suspended now; ``time``: virtual seconds.
    """

    decision: str
    lane: str
    events: range
    where: Location | None
    waits_for: str
    time: float


class World:
    """A pool, its clients, its outside and its loop; used as a context manager, once.

    ``watch``, where set, is told of every :class:`Moment` as it happens; it changes nothing.
    """

    #: Virtual seconds, and timers, after which an operation that has no answer yet is one that never will have one.
    HORIZON_S = 100_000.0
    TIMERS = 400
    #: Decisions of the calm at the end; a pool that needs more does not come to rest.
    CALM = 2_000

    def __init__(
        self, factory: PoolFactory, scope: Scope, *, watch: Callable[[Moment], object] | None = None
    ) -> None:
        self.scope = scope
        self.loop = DeterministicLoop()
        self._bounds = stated(factory)
        self.recorder = Recorder(self.loop.time, PoolFacts(scope.max_sessions, self._bounds))
        self.outside = Outside(self.recorder, agents_load=scope.agents_load)
        self.decisions: list[str] = []
        self._factory = factory
        self._watch = watch
        self._running = False
        self._fault: Exception | None = None
        self.follower: Follower | None = None

    def __enter__(self) -> Self:
        self.loop.enter()
        self._running = True
        try:
            self.pool: Any = make_pool(self._factory, FakeConnector(self.outside), self.scope.max_sessions)
            operations = offered(self.pool, self.scope.operations)
        except BaseException:
            self._leave()
            raise
        registry = Registry(self.outside.connections)
        *self.clients, self.auditor = (
            Client(number, self.pool, self.recorder, registry) for number in range(self.scope.clients + 1)
        )
        self.programs = tuple(Program.all(operations, self.scope.keys))
        self.judgement = Judgement(
            self.scope.max_sessions,
            reclaims=self.scope.reclaims,
            agents_load=self.scope.agents_load,
            sees_rest=True,
            cleans_up="idle_ttl" in self._bounds,
        )
        self.recorder.listeners.append(self._judge)
        self.follower = follow(self.pool, self._parted, self._note_fault, lambda: self.loop.inside_callback)
        return self

    def _parted(self, difference: Difference) -> None:
        self.judgement.differs(difference.message)

    def _judge(self, event: Event) -> None:
        # Called from inside the pool's own tasks: an error of the judgement must not be taken for one of the pool.
        try:
            self.judgement.see(event)
        except Exception as error:  # noqa: BLE001 - raised again by ``apply``
            self._note_fault(error)

    def _note_fault(self, error: Exception) -> None:
        self._fault = self._fault or error

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._running:
            self._running = False
            self.loop.dispose()
            self.loop.leave()

    # -- decisions ---------------------------------------------------------------------------------------------------

    def schedule(self) -> list[str]:
        """What may run or be answered now, without faults: the first is what a calm world would do."""
        return [*self.ready(), *self.answers(), *self.timer()]

    def ready(self) -> list[str]:
        """What the loop may run now."""
        if not self.loop.has_ready:
            return []
        return ["turn"] if self.scope.mode == "fifo" else [f"step {name}" for name in self._lanes()]

    def answers(self) -> list[str]:
        """What the outside may do now without a fault: answer a call, oldest first, or confirm a death."""
        return [*(f"answer {call.name} ok" for call in self.outside.pending()), *self._dead()]

    def timer(self) -> list[str]:
        """Whether time may pass now. A killed process is dead before that, or will never be: SIGKILL does not take seconds."""
        if self._dead():
            return []
        deadline = self.loop.next_deadline()
        return ["advance"] if deadline is not None and deadline <= self.HORIZON_S else []

    def faults(self) -> list[str]:
        """What may go wrong now, other than a cancellation."""
        found = [
            f"answer {call.name} {how}"
            for call in self.outside.pending()
            for how in call.answers
            if how != "ok"
        ]
        able = [c for c in self.outside.connections if c.alive and not c.stuck]
        return [*found, *(f"{'outlive' if c.killed else 'die'} {c.name}" for c in able)]

    def starts(self, client: int) -> list[str]:
        """The calls that ``client`` may make now."""
        return [] if self.clients[client].busy else [f"start {client} {program}" for program in self.programs]

    def cancellations(self) -> list[str]:
        """The clients that may be cancelled now: at most twice an operation."""
        return [f"cancel {c.number}" for c in self.clients if c.busy and c.cancellations < 2]

    def enabled(self) -> list[str]:
        """Every decision that can be made now, the least strange first."""
        starts = [start for client in range(len(self.clients)) for start in self.starts(client)]
        return [*self.schedule(), *starts, *self.cancellations(), *self.faults()]

    def apply(self, decision: str) -> None:
        """Make ``decision``. Raises :class:`NotEnabled` when it cannot be made now; then nothing has happened.

        Raises :class:`Unusable` when the pool tries to end the whole process, whose status would pass for a verdict.
        """
        verb, _, rest = decision.partition(" ")
        act = self._acts().get(verb)
        if act is None:
            raise NotEnabled(decision, "no such decision")
        first = len(self.recorder.events)
        try:
            act(decision, rest)
        except SystemExit as error:
            raise Unusable(
                f"the pool raised {said(error)} after {decision!r}; expected it to leave the process alone"
            ) from error
        self.decisions.append(decision)
        if self._watch is not None and verb not in ("turn", "step"):
            self._tell(decision, "", first, None)
        if self._fault is not None:
            raise self._fault
        if not self.loop.has_ready:
            self.recorder.rest()
            called = {call.connection.name for call in self.outside.calls.values()}
            self.judgement.stopped(called, round(self.loop.time() * 1e9))
        elif verb == "advance":  # past somebody who had still to hear of something
            self.judgement.ledger.note_late_endings(round(self.loop.time() * 1e9))

    def _acts(self) -> dict[str, Callable[[str, str], None]]:
        return {
            "turn": self._turn,
            "step": self._step,
            "answer": self._answer,
            "start": self._start,
            "cancel": self._cancel,
            "die": self._die,
            "dead": self._confirm,
            "outlive": self._outlive,
            "advance": self._advance,
        }

    def _lanes(self) -> dict[str, Lane]:
        named: dict[str, Lane] = {}
        for lane in self.loop.lanes():
            name, number = lane.name, 2
            while name in named:
                name, number = f"{lane.name}#{number}", number + 1
            named[name] = lane
        return named

    def _turn(self, decision: str, rest: str) -> None:
        if rest or self.scope.mode != "fifo" or not self.loop.has_ready:
            raise NotEnabled(decision, "nothing is ready, or the mode is not fifo")
        if self._watch is None:
            self.loop.run_iteration()
            return
        self.loop.begin_iteration()
        while not self.loop.at_boundary:
            self._run(decision, self.loop.lanes()[0])

    def _step(self, decision: str, rest: str) -> None:
        lane = self._lanes().get(rest) if self.scope.mode == "reordered" else None
        if lane is None:
            raise NotEnabled(decision, "no such lane is ready, or the mode is not reordered")
        self._run(decision, lane)

    def _run(self, decision: str, lane: Lane) -> None:
        first, task = len(self.recorder.events), lane.task
        self.loop.run_lane(lane)
        if self._watch is not None:
            self._tell(decision, lane.name, first, task)

    def _answer(self, decision: str, rest: str) -> None:
        name, _, how = rest.rpartition(" ")
        call = self.outside.calls.get(name)
        if call is None or how not in call.answers:
            raise NotEnabled(decision, "no such call is pending, or it cannot be answered so")
        self.outside.answer(call, how)

    def _start(self, decision: str, rest: str) -> None:
        number, *words = rest.split(" ")
        client = next((c for c in self.clients if str(c.number) == number), None)
        program = next((program for program in self.programs if str(program).split(" ") == words), None)
        if client is None or client.busy or program is None:
            raise NotEnabled(decision, "no such client is free, or there is no such call")
        client.start(program)

    def _cancel(self, decision: str, rest: str) -> None:
        client = next((c for c in self.clients if str(c.number) == rest), None)
        if client is None or not client.busy:
            raise NotEnabled(decision, "no such client has an operation in progress")
        client.cancel()

    def _connection(self, decision: str, name: str, *, killed: bool) -> FakeConnection:
        found = next((c for c in self.outside.connections if c.name == name), None)
        if found is None or not found.alive or found.stuck or found.killed is not killed:
            raise NotEnabled(
                decision, f"no such process is {'killed and not yet dead' if killed else 'alive'}"
            )
        return found

    def _die(self, decision: str, rest: str) -> None:
        self.outside.end(self._connection(decision, rest, killed=False), "died")

    def _confirm(self, decision: str, rest: str) -> None:
        self.outside.end(self._connection(decision, rest, killed=True), "closed")

    def _outlive(self, decision: str, rest: str) -> None:
        self.outside.outlive(self._connection(decision, rest, killed=True))

    def _dead(self) -> list[str]:
        return [f"dead {c.name}" for c in self.outside.connections if c.killed and c.alive and not c.stuck]

    def _advance(self, decision: str, rest: str) -> None:
        if rest or not self.timer():
            raise NotEnabled(decision, "no timer is set before the horizon")
        self.loop.advance()

    def _tell(self, decision: str, lane: str, first: int, task: asyncio.Task[Any] | None) -> None:
        assert self._watch is not None
        where, waits_for = None, ""
        if task is not None and not task.done():
            where, waits_for = whereabouts(task, self.outside, self.pool)
        events = range(first, len(self.recorder.events))
        self._watch(Moment(decision, lane, events, where, waits_for, self.loop.time()))

    # -- the end -----------------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Let everything that can happen without a fault happen, until nothing is left but what hangs for ever."""
        timers = 0
        for _ in range(self.CALM):
            possible = self.schedule()
            if not possible:
                return
            if possible[0] == "advance":
                timers += 1
                if timers > self.TIMERS:
                    return
            self.apply(possible[0])
        going = [
            task for task in self.loop.tasks if not task.done() and getattr(task, "_fut_waiter", None) is None
        ]
        self.judgement.restless(
            self.CALM, sorted({getattr(task.get_coro(), "__qualname__", "a task") for task in going})
        )

    def finish(self, *, linearize: bool) -> None:
        """Come to rest, look for what is left over, see whether the pool still works, and shut it down.

        ``linearize``: look for a linearization of the whole history too (S12), which costs more than all the rest.
        """
        self.calm()
        self.judgement.at_rest(self._remains())
        if self.judgement.ledger.shutdown_called is None:
            for program in self.judgement.audit(self.scope.keys):
                self._audit(program)
                if self.auditor.busy:
                    break
            self.judgement.at_rest(self._remains())
        if not self.auditor.busy:
            self._audit(Program("shutdown"))
        self.judgement.at_the_end(self._remains(), self.loop.findings())
        if self.follower is not None:
            self.follower.end()
            self.judgement.tested["R1"] += self.follower.steps
        if linearize:
            self.judgement.linearize(self.recorder.history())

    def _audit(self, program: Program) -> None:
        self.auditor.start(program)
        self.calm()

    def _remains(self) -> Remains:
        clients = [*self.clients, self.auditor]
        return Remains.of(clients, self.outside.calls.values(), residue(self.pool, self.scope.keys))
