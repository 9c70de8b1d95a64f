"""Random runs: which scope, which decisions. Every run draws its own habits first, so that rare mixtures come up too.

Drawing the habits per run (which operations, how many faults, who is slow) is swarm testing (Groce et al., ISSTA 2012); the
random priorities of calls on the outside, changed at few points, are those of PCT (Burckhardt et al., ASPLOS 2010), applied
to the outside world: one slow start or prompt is overtaken by everything else.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from acpool_spec.clients import Program
from acpool_spec.world import Scope, World

_KEYS = ("a", "b", "c")
_COMMON = ("get_or_create", "with_connection", "session")
_SLOW = (
    frozenset[str](),
    frozenset({"prompt"}),
    frozenset({"prompt"}),
    frozenset({"prompt", "close"}),
    frozenset({"open", "load"}),
)
_PATIENCE = 3  # attempts at a decision, some of which come to nothing, per decision made
_LEASING = ("with_connection", "session")
_RARE = ("cleanup_idle", "cancel", "reset")


@dataclass(frozen=True, slots=True)
class Habits:
    """The habits of one run: chances per decision, and the weights of the operations.

    ``warm``: how many keys have a session before anything else happens, since most races need a pool that is full.
    """

    warm: int
    length: int
    start: float
    cancel: float
    fault: float
    prompt_first: float  # chance that what is ready goes before what is outside
    change: float  # chance that a call's priority is drawn anew
    advance: float
    slow: frozenset[str]  # stages whose calls are answered after all others
    patience: float  # chance that a slow call is kept waiting though nothing else is pending
    refuse: float  # chance that a load is refused
    outlive: float  # chance that a killed process is never confirmed dead
    hot: float  # chance that a call is about the first key
    rush: float  # chance that a caller is cancelled while something that may have woken it is still ready
    weights: dict[str, float]


class Walk:
    """One random run, fully determined by ``seed`` and ``number``, and by ``scope`` where one is given."""

    def __init__(self, seed: int, number: int, *, reclaims: bool = False, scope: Scope | None = None) -> None:
        self._random = draw = random.Random(f"{seed}/{number}")
        slots = draw.choice((1, 1, 1, 2, 2, 3))
        drawn = Scope(
            max_sessions=slots,
            clients=draw.choice((2, 3, 3, 4)),
            keys=_KEYS[: draw.choice((1, 2, 2, 3, 3))],
            mode="fifo" if number % 2 == 0 else "reordered",
            agents_load=draw.random() < 0.85,
            reclaims=reclaims,
        )
        self.scope = drawn if scope is None else scope
        weights = {f: draw.choice((0.0, 1.0, 3.0)) for f in _COMMON} | {
            f: draw.choice((0.0, 0.0, 0.5, 1.0)) for f in _RARE
        }
        if not any(weights[f] for f in _COMMON):
            weights["session"] = 1.0
        weights["shutdown"] = draw.choice((0.0, 0.0, 0.0, 0.2))
        self.habits = Habits(
            warm=draw.choice((0, slots, slots, slots + 1)),
            length=draw.choice((24, 40, 60, 100)),
            start=draw.choice((0.15, 0.3, 0.5)),
            cancel=draw.choice((0.0, 0.0, 0.04, 0.12)),
            fault=draw.choice((0.0, 0.0, 0.03, 0.12)),
            prompt_first=draw.choice((0.3, 0.7, 0.95)),
            change=draw.choice((0.0, 0.1, 0.5)),
            advance=draw.choice((0.0, 0.02, 0.02, 0.2)),
            slow=draw.choice(_SLOW),
            patience=draw.choice((0.0, 0.8, 0.97)),
            refuse=draw.choice((0.0, 0.0, 0.5)),
            outlive=draw.choice((0.0, 0.0, 0.4)),
            hot=draw.choice((0.0, 0.0, 0.7)),
            rush=draw.choice((0.0, 0.0, 0.05)),
            weights=weights,
        )
        self._priorities: dict[str, float] = {}

    def run(self, world: World) -> None:
        """Make the decisions of this run in ``world``, without its end."""
        for key in world.scope.keys[: self.habits.warm]:
            world.apply(f"start 0 {Program('get_or_create', key)}")
            for _ in range(world.CALM):  # a pool that never rests lets nothing else happen
                calm = world.schedule()
                if not calm or not world.clients[0].busy:
                    break
                world.apply(calm[0])
        self.go_on(world)

    def go_on(self, world: World, more: int = 0) -> None:
        """Make decisions from wherever ``world`` is until there are as many as this run makes, and ``more`` at least."""
        length = max(self.habits.length, len(world.decisions) + more)
        for _ in range(_PATIENCE * length):
            decision = self._decide(world)
            if decision is not None:
                world.apply(decision)
            if len(world.decisions) >= length:
                return

    def _decide(self, world: World) -> str | None:
        draw, habits = self._random, self.habits
        dice = draw.random()
        if dice < habits.cancel:
            return self._one(world.cancellations())
        dice -= habits.cancel
        if dice < habits.fault:
            return self._one(world.faults())
        dice -= habits.fault
        if dice < habits.start:
            return self._start(world)
        return self._proceed(world)

    def _one(self, decisions: Sequence[str]) -> str | None:
        return self._random.choice(decisions) if decisions else None

    def _start(self, world: World) -> str | None:
        free = [client.number for client in world.clients if not client.busy]
        programs = [program for program in world.programs if self._weight(program)]
        if not free or not programs:
            return None
        hot = [program for program in programs if program.key in (None, world.scope.keys[0])]
        if hot and self._random.random() < self.habits.hot:
            programs = hot
        weights = [self._weight(program) for program in programs]
        return f"start {self._random.choice(free)} {self._random.choices(programs, weights)[0]}"

    def _weight(self, program: Program) -> float:
        weight = self.habits.weights.get(program.f, 0.0)
        # A lease without a prompt is over before anything else can happen.
        return weight / 4 if program.f in _LEASING and not program.argument else weight

    def _proceed(self, world: World) -> str | None:
        draw, habits = self._random, self.habits
        ready, outside = world.ready(), world.answers()
        if ready and draw.random() < habits.rush:
            return self._one(world.cancellations())
        if ready and (not outside or draw.random() < habits.prompt_first):
            return ready[0] if draw.random() < 0.5 else draw.choice(ready)
        if outside and draw.random() >= habits.advance:
            first = max(outside, key=self._priority)
            return None if self._slow(first) and draw.random() < habits.patience else self._turned(first)
        timer = world.timer()
        return self._one(timer or ready or outside)

    def _turned(self, decision: str) -> str:
        """``decision``, or what this run's habits make of it."""
        if decision.endswith(".load ok") and self._random.random() < self.habits.refuse:
            return decision.removesuffix("ok") + "refuse"
        if decision.startswith("dead ") and self._random.random() < self.habits.outlive:
            return "outlive " + decision.removeprefix("dead ")
        return decision

    def _priority(self, decision: str) -> float:
        if decision not in self._priorities or self._random.random() < self.habits.change:
            self._priorities[decision] = self._random.random() - self._slow(decision)
        return self._priorities[decision]

    def _slow(self, decision: str) -> bool:
        """Whether ``decision``, such as ``answer c1.open ok``, answers a call that this run is slow to answer."""
        return decision.rpartition(" ")[0].rpartition(".")[2].partition("#")[0] in self.habits.slow
