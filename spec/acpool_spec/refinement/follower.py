"""Follows one pool through the model: at every atomic step it takes the model's, and compares where both have come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acpool import SessionPool, Step
from acpool.contract import Connection
from acpool.core import Core
from acpool_model import Action, Client, Key, Kind, Phase, State
from acpool_spec.refinement.abstraction import View, abstract, comparable
from acpool_spec.refinement.actions import Translator
from acpool_spec.refinement.difference import Difference
from acpool_spec.refinement.names import Names
from acpool_spec.refinement.normal import normal
from acpool_spec.refinement.transition import Transition, take


class Follower:
    """One pool under observation, from its making on. ``difference``: where it first left the model; then it is followed no more.

    ``broken`` is told of it, once. ``steps``: those of the pool so far. ``taken``: those of the model, death included, are given
    to whoever sets it. ``goals``: what they have exercised.
    """

    def __init__(self, core: Core, broken: Callable[[Difference], object]) -> None:
        self.names = Names()
        self.steps = 0
        self.difference: Difference | None = None
        self.goals: set[str] = set()
        self.taken: Callable[[Transition], object] | None = None
        self._core = core
        self._broken = broken
        self._translator = Translator(self.names)
        self._processes: list[Connection | None] = []
        self.state = self._begin()
        self._shown = comparable(self.state, self.state)

    def canonical_state(self) -> object:
        """Nothing: as long as no difference was found, what may be found is told by the pool's own state."""
        return None

    def expect(self, keys: Iterable[str], clients: int) -> None:
        """These keys and so many clients are part of the model's state from now on, whether or not anything becomes of them."""
        for key in keys:
            self.names.key(key)
        self.names.seats += [None] * (clients - len(self.names.seats))
        self._make_room()

    def hear(self, step: Step) -> None:
        """The pool took ``step``, and what it asked for has not been performed yet."""
        if self.difference is not None:
            return
        self.steps += 1
        self.hear_of_deaths()
        actions = self._translator.actions(step, self.state)
        self._make_room()
        if step.action == "commit":
            self._establish(step)
        for action in actions:
            if not self._take(action):
                self._part(step, action, comparable(self.state, self.state), enabled=False)
                return
        if step.action == "opened":
            self._find_process(step)
        self._compare(step, actions[-1] if actions else None)

    def end(self) -> None:
        """The run is over: whatever the pool did since its last step, it did without telling."""
        if self.difference is None:
            self.hear_of_deaths()
            self._compare(None, None)

    def hear_of_deaths(self) -> None:
        """Processes die when they like, and no step of the pool says so: the model hears of it before the next one."""
        for at, key in enumerate(self.state.keys, 1):
            if key.alive:
                process = self._processes[at - 1]
                if process is not None and not process.alive:
                    self._take(Action(Kind.DIE, at))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _begin(self) -> State:
        """The model's state of a pool that nobody has called yet: with the sessions that it was given to resume."""
        core, names = self._core, self.names
        keys: list[Key] = []
        for number, (name, kept) in enumerate(core.suspended.items(), 1):
            names.key(name)
            assert kept.session_id is not None
            names.establish(name, kept.session_id, number)
            keys.append(Key(kept=number, established=number))
            self._processes.append(None)
        queueing = int(core.waits_for_capacity)
        state = State(core.max_sessions, queueing, 1, 1, 1 + len(keys), 0, tuple(keys), ())
        return normal(state)

    def _make_room(self) -> None:
        """Keys and clients that were not met before: to the model they were there all the time, and nothing to do with them."""
        state = self.state
        keys = len(self.names.keys) - len(state.keys)
        clients = len(self.names.seats) - len(state.clients)
        if keys > 0 or clients > 0:
            self._processes += [None] * keys
            blank = normal(
                state._replace(
                    keys=state.keys + (Key(),) * keys, clients=state.clients + (Client(),) * clients
                )
            )
            self.state = blank

    def _establish(self, step: Step) -> None:
        entry = self._core.entries.get(step.entry)  # the session may have been evicted in this very step
        if entry is not None and entry.session_id is not None and not entry.resumed:
            self.names.establish(step.key, entry.session_id, self.state.fresh)

    def _find_process(self, step: Step) -> None:
        entry = self._core.entries.get(step.entry)
        at = self.names.key(step.key)
        if entry is not None and self.state.keys[at - 1].alive:
            self._processes[at - 1] = entry.connection
            self.hear_of_deaths()

    def _take(self, action: Action) -> bool:
        transition = take(self.state, action)
        if transition is None:
            return False
        self.state = transition.after
        self._shown = transition.shown
        self.goals |= transition.goals
        if self.taken is not None:
            self.taken(transition)
        return True

    def _compare(self, step: Step | None, action: Action | None) -> None:
        shown = comparable(self.state, self.state) if action is None else self._shown
        if abstract(self._core, self.names) != shown:
            self._part(step, action, shown, enabled=True)
            return
        for number, client in enumerate(self.state.clients, 1):
            if client.phase == Phase.OUT:
                self.names.stand_up(number)

    def _part(self, step: Step | None, action: Action | None, model: View, *, enabled: bool) -> None:
        pool = abstract(self._core, self.names)
        size = max(len(pool.keys), len(model.keys)), max(len(pool.clients), len(model.clients))
        states = [
            view.padded(*size).state(self.state.capacity, self.state.queueing) for view in (pool, model)
        ]
        self.difference = Difference(
            self.steps, step, action, enabled, states[0], states[1], tuple(self.names.keys)
        )
        self._broken(self.difference)


def follow(
    pool: object,
    broken: Callable[[Difference], object],
    failed: Callable[[Exception], object],
    active: Callable[[], bool],
) -> Follower | None:
    """Follow ``pool``, which was made just now, if it is one that tells of its steps; None otherwise.

    ``broken`` hears of the first difference, ``failed`` of an error in here, which the pool must not see. ``active``: whether
    the run goes on; what the pool does while a run is being abandoned is no part of it.
    """
    if not isinstance(pool, SessionPool):
        return None
    follower = Follower(pool.core, broken)
    pool.trace(Ear(follower, failed, active))
    return follower


class Ear:
    """What listens to the pool; no part of a run's state."""

    def __init__(
        self, follower: Follower, failed: Callable[[Exception], object], active: Callable[[], bool]
    ) -> None:
        self._follower = follower
        self._failed = failed
        self._active = active

    def __call__(self, step: Step) -> None:
        """The pool took a step."""
        if not self._active():
            return
        # It is called from inside the pool's decision: what goes wrong here must not be taken for an error of the pool.
        try:
            self._follower.hear(step)
        except Exception as error:  # noqa: BLE001 - it ends the run elsewhere
            self._failed(error)

    def canonical_state(self) -> object:
        """Nothing: see :meth:`Follower.canonical_state`."""
        return None
