"""The histories that the model produces: what somebody outside could record of its runs.

The model takes its steps; the outside sees calls, answers and what the connections did, each at some later instant than the
step that it follows from, or earlier than the step that follows from it: a call begins, and is decided; a process has opened, and
the pool hears of it; a session is taken out, and its process begins to close. A *world* is a state of the model with what of it
has been seen so far. Many worlds have the same history; of a history all worlds are kept, so that what can be seen next
is known exactly (the subset construction, by which an automaton with silent steps is made deterministic).

Seen are ``get_or_create``, ``reset`` and ``shutdown``, cancellations, and processes that open or do not, answer, refuse, close.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from acpool_model import Action, Answer, Kind, Phase, Scope, Stage, State, Want, enabled, initial, step
from acpool_spec.events import Event, EventType

KEYS: Final = "abc"


class Seen(NamedTuple):
    """One event as it is seen: everything of an ``Event`` but its place and time."""

    type: EventType
    f: str
    process: int | None = None
    key: str | None = None
    connection: str | None = None
    session_id: str | None = None
    value: tuple[tuple[str, str | bool], ...] | None = None
    error: str | None = None

    def event(self, index: int) -> Event:
        """The event at a place of a history."""
        value = None if self.value is None else dict(self.value)
        return Event(
            index=index,
            time=index,
            type=self.type,
            f=self.f,
            process=self.process,
            key=self.key,
            connection=self.connection,
            session_id=self.session_id,
            value=value,
            error=self.error,
        )


class Agent(NamedTuple):
    """A process, or the start of one: its number (0: nothing seen of it yet), and the last that was seen of it."""

    number: int = 0
    last: str = ""
    session: int = 0  # the model's id of what was created or loaded on it

    @property
    def name(self) -> str:
        """How the history calls it."""
        return f"c{self.number}"


class Call(NamedTuple):
    """An operation of a client: ``f`` of ``key``; whether it has been decided, and what is to be told."""

    f: str
    key: int
    asked: bool = False
    told: Seen | None = None


class World(NamedTuple):
    """A state of the model, and what has been seen of it."""

    state: State
    plans: tuple[tuple[tuple[str, int], ...], ...]  # of each client: what it is still to call
    calls: tuple[Call | None, ...]
    starts: tuple[Agent | None, ...]  # of each key: the process that starts or is in use
    dying: tuple[Agent | None, ...]
    sessions: tuple[
        int, ...
    ] = ()  # the model's ids in the order in which they were created; 0: never established
    agents: int = 0

    def session(self, number: int) -> str:
        """How the history calls a session id of the model."""
        return f"s{self.sessions.index(number) + 1}"


Plan = tuple[tuple[str, str], ...]
"""What one client calls, one after another: names of operations and keys."""


def worlds(scope: Scope, plans: tuple[Plan, ...]) -> frozenset[World]:
    """The worlds before anything was seen, without a suspended session."""
    state = initial(scope)[0]
    nothing = (None,) * scope.keys
    planned = tuple(tuple((f, KEYS.index(key) + 1 if key else 0) for f, key in plan) for plan in plans)
    return settled([World(state, planned, (None,) * len(plans), nothing, nothing)])


def settled(some: Iterable[World]) -> frozenset[World]:
    """``some`` and all worlds that they become without anything being seen."""
    found = dict.fromkeys(some)
    queue = list(found)
    for world in queue:
        for after in _silent(world):
            if after not in found:
                found[after] = None
                queue.append(after)
    return frozenset(found)


def seen_next(some: Iterable[World]) -> dict[Seen, frozenset[World]]:
    """All that can be seen next in any of ``some``, which are settled, and the worlds after it."""
    found: dict[Seen, set[World]] = {}
    for world in some:
        for seen, after in _visible(world):
            found.setdefault(seen, set()).add(after)
    return {seen: settled(found[seen]) for seen in sorted(found, key=repr)}


# -- what is not seen: the steps of the model ------------------------------------------------------------------------------


def _silent(world: World) -> Iterator[World]:
    for number, call in enumerate(world.calls, 1):
        if call is not None and not call.asked:
            yield from _asked(world, number, call)
    for action in enabled(world.state):
        if _is_due(world, action):
            yield _stepped(world, action)


_WAITED_FOR: Final = {
    Kind.OPENED: ("opened",),
    Kind.INITIALIZED: ("initialized",),
    Kind.REFUSED: ("refused",),
    Kind.COMMIT: ("created", "loaded"),
    Kind.STOPPED: ("", "open_failed"),
    Kind.CLOSED: ("closed",),
}
"""Steps that follow from something seen at the connection: the last that must have been seen there."""


def _is_due(world: World, action: Action) -> bool:
    """Whether what ``action`` follows from has been seen, and it is no call."""
    place = action.key - 1
    if action.kind == Kind.FAIL and world.state.keys[place].stage == Stage.OPENING:
        return (world.starts[place] or Agent()).last == "open_failed"
    if action.kind in (Kind.FAIL, Kind.EXHAUST):
        return True
    if action.kind == Kind.LEAVE:
        return world.calls[action.client - 1] is not None
    if action.kind not in _WAITED_FOR:
        return False
    key = world.state.keys[place]
    agent = world.dying[place] if key.dying else world.starts[place]
    return agent is not None and agent.last in _WAITED_FOR[action.kind]


def _asked(world: World, number: int, call: Call) -> Iterator[World]:
    """The worlds after the decision that ``call`` asks for."""
    state, waiting = world.state, call._replace(asked=True)
    if call.f == "get_or_create":
        yield _stepped(_with_call(world, number, waiting), Action(Kind.ASK, call.key, number, Want.ANSWER))
        return
    action = Action(Kind.RESET, call.key) if call.f == "reset" else Action(Kind.SHUT)
    if action.kind == Kind.SHUT and not state.open:
        return
    if state.open:
        told = Seen("ok", call.f, number, _key(call.key))
        yield _stepped(_with_call(world, number, waiting._replace(told=told)), action)
    else:
        told = Seen("fail", call.f, number, _key(call.key), error="PoolClosed")
        yield _with_call(world, number, waiting._replace(told=told))


_ERRORS: Final = {
    Answer.EXHAUSTED: "PoolExhausted",
    Answer.FAILED: "SessionStartError",
    Answer.CLOSED: "PoolClosed",
}


def _stepped(world: World, action: Action) -> World:
    """The world after a step of the model: answers are to be told, starts begin, processes become dying ones."""
    before, after = world.state, step(world.state, action)
    world = world._replace(state=after)
    for number, call in enumerate(world.calls, 1):
        if (
            call is not None
            and call.asked
            and call.told is None
            and after.clients[number - 1].phase == Phase.OUT
        ):
            told = _told(world, number, call, before, action)
            world = _with_call(world, number, call._replace(told=told))
    starts, dying = list(world.starts), list(world.dying)
    for place, (old, new) in enumerate(zip(before.keys, after.keys, strict=True)):
        if old.dying and not new.dying:
            dying[place] = None
        if old.stage >= Stage.OPENING > new.stage:
            dying[place] = starts[place] if new.dying else None
            starts[place] = None
        elif new.stage == Stage.OPENING > old.stage:
            starts[place] = Agent()
    return world._replace(starts=tuple(starts), dying=tuple(dying))


def _told(world: World, number: int, call: Call, before: State, action: Action) -> Seen:
    answer, key = world.state.clients[number - 1].answer, _key(call.key)
    if action.kind == Kind.LEAVE:
        return _cancelled(number, call)
    if answer != Answer.ANSWERED:
        return Seen("fail", call.f, number, key, error=_ERRORS[answer])
    old, new = before.keys[call.key - 1], world.state.keys[call.key - 1]
    resumed, flag = bool(new.resumed), bool(new.flag)
    if action.kind == Kind.COMMIT:  # the session may have been evicted in that very step
        resumed = old.stage == Stage.LOADING
        flag = bool(old.kept_flag or (old.kept and not resumed))
    value = (("session_id", world.session(new.established)), ("resumed", resumed), ("session_reset", flag))
    return Seen("ok", call.f, number, key, value=value)


def _cancelled(number: int, call: Call) -> Seen:
    return Seen("info", call.f, number, _key(call.key), error="CancelledError")


# -- what is seen ----------------------------------------------------------------------------------------------------------


def _visible(world: World) -> Iterator[tuple[Seen, World]]:
    for number, (plan, call) in enumerate(zip(world.plans, world.calls, strict=True), 1):
        if call is None and plan:
            (f, key), *rest = plan
            plans = (*world.plans[: number - 1], tuple(rest), *world.plans[number:])
            begun = _with_call(world._replace(plans=plans), number, Call(f, key))
            yield Seen("invoke", f, number, _key(key)), begun
        elif call is not None:
            if call.told is not None and _may_answer(world, call):
                yield call.told, _with_call(world, number, None)
            if call.f == "get_or_create" and (call.told is None) != call.asked:
                # Cancelled before it was decided, or when it was and had not been told.
                yield _cancelled(number, call), _with_call(world, number, None)
    for place in range(len(world.state.keys)):
        yield from _of_start(world, place)
        yield from _of_dying(world, place)


def _may_answer(world: World, call: Call) -> bool:
    """A shutdown answers when every process is gone; the others when it was decided what."""
    return call.f != "shutdown" or not any(key.dying for key in world.state.keys)


def _of_start(world: World, place: int) -> Iterator[tuple[Seen, World]]:
    agent, key = world.starts[place], world.state.keys[place]
    if agent is None:
        return
    match agent.last, key.stage:
        case (("" | "opening"), _):
            yield from _answers(world, place, agent)
        case "opened", Stage.INITIALIZING:
            yield from _answers(world, place, agent)
        case "initialized", Stage.LOADING:
            asked = agent._replace(last="loading", session=key.session)
            yield _at(asked, place, world.session(key.session)), _with_start(world, place, asked)
        case "loading", Stage.LOADING:
            yield from _answers(world, place, agent)
        case (("initialized" | "refused"), Stage.NEW):
            yield from _created(world, place, agent, world.state.fresh)
        case _:
            pass


_ANSWERS: Final = {
    "": ("opening",),
    "opening": ("opened", "open_failed"),
    "opened": ("initialized",),
    "loading": ("loaded", "refused"),
}


def _answers(world: World, place: int, agent: Agent, *, dying: bool = False) -> Iterator[tuple[Seen, World]]:
    """What may come next from outside, the pool having asked for it."""
    for last in _ANSWERS.get(agent.last, ()):
        after = agent._replace(last=last)
        if last == "opening":
            after = after._replace(number=world.agents + 1)
        counted = world._replace(agents=max(world.agents, after.number))
        session = world.session(after.session) if last in ("loaded", "refused") else None
        put = _with_dying if dying else _with_start
        yield _at(after, place, session), put(counted, place, after)


def _created(world: World, place: int, agent: Agent, fresh: int) -> Iterator[tuple[Seen, World]]:
    after = agent._replace(last="created", session=fresh)
    # What was created before under this number was never established, so the model has not counted it.
    sessions = (*[0 if known == fresh else known for known in world.sessions], fresh)
    named = world._replace(sessions=sessions)
    yield _at(after, place, f"s{len(sessions)}"), _with_start(named, place, after)


def _of_dying(world: World, place: int) -> Iterator[tuple[Seen, World]]:
    """A defeated start may open and be answered for a while; what has opened is closed."""
    agent = world.dying[place]
    if agent is None:
        return
    if agent.last == "closing":
        closed = agent._replace(last="closed")
        yield _at(closed, place), _with_dying(world, place, closed)
        return
    if agent.last:  # what was defeated before it began to open never does
        yield from _answers(world, place, agent, dying=True)
    if agent.last not in ("", "opening", "open_failed", "closed"):
        closing = agent._replace(last="closing")
        yield _at(closing, place), _with_dying(world, place, closing)
    if agent.last in ("initialized", "refused"):
        after = agent._replace(last="created", session=0)
        named = world._replace(sessions=(*world.sessions, 0))
        yield _at(after, place, f"s{len(named.sessions)}"), _with_dying(named, place, after)


def _with_dying(world: World, place: int, agent: Agent) -> World:
    return world._replace(dying=(*world.dying[:place], agent, *world.dying[place + 1 :]))


def _at(agent: Agent, place: int, session: str | None = None) -> Seen:
    return Seen("event", agent.last, key=_key(place + 1), connection=agent.name, session_id=session)


def _with_call(world: World, number: int, call: Call | None) -> World:
    return world._replace(calls=(*world.calls[: number - 1], call, *world.calls[number:]))


def _with_start(world: World, place: int, agent: Agent) -> World:
    return world._replace(starts=(*world.starts[:place], agent, *world.starts[place + 1 :]))


def _key(number: int) -> str | None:
    return KEYS[number - 1] if number else None
