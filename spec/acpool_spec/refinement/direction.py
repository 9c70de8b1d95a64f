"""A directed run as a schedule: the real pool taken through actions of the model one by one, each a decision that is a text.

    suspended KEY                     the pool begins with a session of KEY to resume
    impatient                         its creations do not wait for capacity
    take ACTION KEY|- CLIENT|- ARG    the pool is made to take this action of the model

The first two come before any other. What runs is a :class:`~acpool_spec.refinement.puppet.Puppet`: a pool of the class that the
factory makes, with bounds that end when they are told to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, Self

from acpool import SessionPool
from acpool_model import Action, Kind, State, describe, enabled, initial
from acpool_model import Scope as Size
from acpool_spec.events import PoolFacts
from acpool_spec.making import Unusable
from acpool_spec.properties import REFINEMENT
from acpool_spec.properties.judgement import Judgement
from acpool_spec.recorder import Recorder
from acpool_spec.refinement.actions import KINDS
from acpool_spec.refinement.normal import normal
from acpool_spec.refinement.puppet import KEYS, CannotTake, Puppet
from acpool_spec.refinement.transition import take
from acpool_spec.world import DIRECTED, Moment, NotEnabled, PoolFactory, Scope, World

_NAMES: Final = {kind: name for name, kind in KINDS.items()} | {Kind.DIE: "die"}
_KINDS: Final = {name: kind for kind, name in _NAMES.items()}


class DirectedWorld:
    """What a :class:`~acpool_spec.world.World` is to other schedules, for those of the mode ``directed``; used once.

    Nothing is recorded in it but where the pool parts with the model. After an action that the pool could not be brought to
    take, though the model enables it, nothing is enabled any more.
    """

    def __init__(
        self, factory: PoolFactory, scope: Scope, *, watch: Callable[[Moment], object] | None = None
    ) -> None:
        self.scope = scope
        self.decisions: list[str] = []
        self.judgement = Judgement(
            scope.max_sessions, reclaims=scope.reclaims, agents_load=scope.agents_load, sees_rest=True
        )
        self._factory = factory
        self._watch = watch
        self._suspended: set[str] = set()
        self._queueing = 1
        self._stack = ExitStack()
        self._puppet: Puppet | None = None
        self._stopped = False
        self.recorder = Recorder(lambda: 0.0, PoolFacts(max_sessions=scope.max_sessions))

    def __enter__(self) -> Self:
        self._kind = kind_of(self._factory)
        if self.scope.keys != KEYS[: len(self.scope.keys)]:
            raise Unusable(f"keys {self.scope.keys}: expected the first of {KEYS}, as in every directed run")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def enabled(self) -> list[str]:
        """The decisions that can be made now."""
        if self._stopped:
            return []
        first = [] if self._puppet else [f"suspended {key}" for key in self.scope.keys]
        names, state = self._known()
        return [*first, *(decision(action, names) for action in enabled(state))]

    def apply(self, decision: str) -> None:
        """Make ``decision``. Raises :class:`NotEnabled` where it cannot be made."""
        verb, *words = decision.split(" ")
        if self._stopped:
            raise NotEnabled(decision, "the pool has left the model, or did not follow it")
        if verb == "take":
            self._take(decision, words)
        elif self._puppet is not None:
            raise NotEnabled(decision, "the run has begun, or there is no such decision")
        elif verb == "impatient" and not words:
            self._queueing = 0
        elif verb == "suspended" and len(words) == 1 and words[0] in self.scope.keys:
            self._suspended.add(words[0])
        else:
            raise NotEnabled(decision, "no such decision")
        self.decisions.append(decision)
        if self._watch is not None:
            time = 0.0 if self._puppet is None else self._puppet.loop.time()
            self._watch(Moment(decision, "", range(0), None, "", time))

    def finish(self, *, linearize: bool) -> None:
        """See whether the pool has moved without telling. ``linearize``: of no use, since nothing is recorded."""
        if not self._stopped:
            self._begun().follower.end()
            self._note()

    def _known(self) -> tuple[Sequence[str], State]:
        """The names of the model's keys, and its state: also before anything has begun."""
        if self._puppet is not None:
            return self._puppet.follower.names.keys, self._puppet.state
        # The sessions that the pool is given come first, as they do where a pool is followed.
        names = sorted(self.scope.keys, key=lambda name: name not in self._suspended)
        return names, self._start(names)

    def _start(self, names: Sequence[str]) -> State:
        """The state in which the model begins, its keys being called ``names``."""
        scope = self.scope
        size = Size(len(names), scope.clients, scope.max_sessions, self._queueing)
        wanted = [name in self._suspended for name in names]
        return next(
            normal(state) for state in initial(size) if [key.kept > 0 for key in state.keys] == wanted
        )

    def _begun(self) -> Puppet:
        if self._puppet is None:
            self._puppet = self._stack.enter_context(Puppet(self._start(self.scope.keys), self._kind))
        return self._puppet

    def _take(self, decision: str, words: Sequence[str]) -> None:
        names, state = self._known()
        action = _parsed(words, names)
        if action is None or take(state, action) is None:
            raise NotEnabled(decision, "the model does not enable it, or there is no such action")
        puppet = self._begun()
        self.judgement.tested[REFINEMENT.id] += 1
        try:
            puppet.take(action)
        except CannotTake as error:
            self._stopped = True
            if puppet.follower.difference is None:
                raise NotEnabled(decision, f"the pool could not be brought to take it: {error}") from error
        self._note()

    def _note(self) -> None:
        assert self._puppet is not None
        difference = self._puppet.follower.difference
        if difference is not None:
            self._stopped = True
            self.judgement.differs(difference.message)


def world_of(
    factory: PoolFactory, scope: Scope, *, watch: Callable[[Moment], object] | None = None
) -> World | DirectedWorld:
    """The world in which the decisions of a schedule of ``scope`` are made; a context manager, used once."""
    kind = DirectedWorld if scope.mode == DIRECTED else World
    return kind(factory, scope, watch=watch)


def kind_of(factory: PoolFactory) -> type[SessionPool]:
    """The class of the pool that ``factory`` makes. Raises :class:`Unusable` where it is none that tells of its steps."""
    with World(factory, Scope()) as world:
        pool: object = world.pool
    if not isinstance(pool, SessionPool):
        raise Unusable(
            "the pool does not tell of its steps; expected an acpool.SessionPool for directed runs"
        )
    return type(pool)


def decision(action: Action, keys: Sequence[str]) -> str:
    """``action`` as a decision; ``keys``: the names of the model's keys."""
    key = keys[action.key - 1] if action.key else "-"
    return f"take {_NAMES[action.kind]} {key} {action.client or '-'} {action.arg}"


def _parsed(words: Sequence[str], keys: Sequence[str]) -> Action | None:
    """The action that :func:`decision` wrote; None where there is none."""
    if len(words) != 4 or words[0] not in _KINDS or words[1] not in ("-", *keys):
        return None
    client, arg = words[2], words[3]
    if not (client == "-" or client.isdecimal()) or not arg.isdecimal():
        return None
    key = 0 if words[1] == "-" else list(keys).index(words[1]) + 1
    return Action(_KINDS[words[0]], key, 0 if client == "-" else int(client), int(arg))


def told(text: str) -> str:
    """A decision in words, for the timeline; keys are called as the model calls them, which is how they are called there."""
    verb, *words = text.split(" ")
    action = _parsed(words, KEYS) if verb == "take" else None
    return text if action is None else describe(action)
