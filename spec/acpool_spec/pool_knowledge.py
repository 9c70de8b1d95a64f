"""What a history shows for certain at each of its events, before any hidden action is placed: calls, processes, times.

Sets of keys and of agent processes are bit masks, since the search asks for them at every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from acpool_spec.calls import Call
from acpool_spec.events import Event, History
from acpool_spec.pool_leases import CANCELLED, LEASING, NEVER, Leases

__all__ = ["CANCELLED", "CREATING", "INDIFFERENT", "LEASING", "NEVER", "Agent", "Knowledge", "know", "member"]

CREATING = ("get_or_create", "session")
INDIFFERENT = ("initialized", "created", "loaded", "refused")
"""Events on which no decision depends by itself: they bound the interval of one, or nothing."""


@dataclass(slots=True, eq=False)
class Agent:
    """One agent process, or, where no connection was recorded, one session that an answer names.

    Places are ordinals of events, NEVER where there was no such event. ``established``: created or loaded.
    ``shown``: the first event that proves it was installed. ``left``: it began to close, or ended.
    """

    number: int
    name: str
    key: int
    opening: int
    opened: int = NEVER
    established: int = NEVER
    session_id: str | None = None
    loaded: bool = False
    closing: int = NEVER
    ended: int = NEVER
    died: bool = False
    given_up: int = NEVER
    shown: int = NEVER

    @property
    def left(self) -> int:
        """Where it began to close, or ended without that."""
        return min(self.closing, self.ended)


@dataclass(slots=True)
class Knowledge:
    """The certain facts; every list has one item an event, the state of affairs after it.

    Masks of keys: ``creators`` (a call that may create is in progress, or was cancelled and may go on unseen),
    ``wanted`` (these, and those that somebody may have joined), ``arriving`` (a lease may have been granted that its
    holder has not begun), ``shared`` (two or more lease calls), ``resetting`` (two or more resets), ``prompting`` and
    ``perhaps_prompting``, ``housed`` (a process of the key may hold a slot).
    Masks of agents: ``running`` (from opening to the end, those given up on aside), ``holding`` (these, those given up
    on, and those whose death the pool may not have noticed), ``unheard_of`` (ended, which the pool may not have heard of).
    ``lapsing``: with this event a call that may have been promised a slot has ended without a session, or a slot has come free
    that may have changed who is promised which. ``leases``: since when they may have been held.
    ``sweeping``: a cleanup is in progress whose answer is not known. ``times``: nanoseconds; ``until``:
    those of the next event that is not :data:`INDIFFERENT`, the last instant of what happens after this one and before that.
    """

    keys: dict[str, int]
    agents: list[Agent]
    max_sessions: int | None
    max_lease_ns: float | None  # None: not known; infinite: leases are never taken back
    periodic: bool
    connected: bool
    prompts_seen: bool
    leases_seen: bool
    down: int = NEVER
    proven: int = 0  # mask of the agents that were certainly installed
    times: list[int] = field(default_factory=list[int])
    until: list[int] = field(default_factory=list[int])
    creators: list[int] = field(default_factory=list[int])
    wanted: list[int] = field(default_factory=list[int])
    arriving: list[int] = field(default_factory=list[int])
    shared: list[int] = field(default_factory=list[int])
    resetting: list[int] = field(default_factory=list[int])
    prompting: list[int] = field(default_factory=list[int])
    perhaps_prompting: list[int] = field(default_factory=list[int])
    housed: list[int] = field(default_factory=list[int])
    running: list[int] = field(default_factory=list[int])
    holding: list[int] = field(default_factory=list[int])
    unheard_of: list[int] = field(default_factory=list[int])
    closing: list[int] = field(default_factory=list[int])
    sweeping: list[bool] = field(default_factory=list[bool])
    lapsing: list[bool] = field(default_factory=list[bool])
    leases: Leases = field(default_factory=lambda: Leases((), {}))

    def agents_of(self, key: int) -> list[Agent]:
        """The agents of ``key``, in order of opening."""
        return [agent for agent in self.agents if agent.key == key]


def know(history: History, calls: Iterable[Call], ordinal: dict[int, int]) -> Knowledge:
    """Read ``history`` once; ``ordinal`` gives the place of each event by its index."""
    calls = tuple(calls)
    others: Any = {} if history.pool is None else history.pool.others
    keys: dict[str, int] = {}
    for event in history.events:
        if event.key is not None:
            keys.setdefault(event.key, len(keys))
    agents, connected = _agents(history, keys)
    knowledge = Knowledge(
        keys=keys,
        agents=agents,
        max_sessions=history.max_sessions if connected else None,
        max_lease_ns=_max_lease(others),
        periodic=others.get("idle_ttl") is not None,
        connected=connected,
        prompts_seen=any(e.type == "event" and e.f == "prompt_begin" for e in history.events),
        leases_seen=any(e.type == "event" and e.f == "acquire" for e in history.events),
    )
    if not connected:
        _sessions_in_answers(knowledge, calls, ordinal)
    _prove(knowledge, history, calls, ordinal)
    knowledge.leases = Leases(history.events, {agent.name: agent.number for agent in agents})
    _Reader(knowledge, calls, ordinal, history.rests).read(history.events)
    until = knowledge.times[-1] if knowledge.times else 0
    for event in reversed(history.events):
        knowledge.until.append(until)
        if not (event.type == "event" and event.f in INDIFFERENT):
            until = event.time
    knowledge.until.reverse()
    return knowledge


def member(value: Any, name: str) -> Any:
    """The member ``name`` of an answer, None where the recorder left it out."""
    return value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _max_lease(others: Any) -> float | None:
    if "max_lease" not in others:
        return None
    value = others["max_lease"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value * 1e9
    return float("inf") if value is None else None


def _agents(history: History, keys: dict[str, int]) -> tuple[list[Agent], bool]:
    agents: dict[str, Agent] = {}
    for place, event in enumerate(history.events):
        if event.type != "event" or event.connection is None or event.key is None:
            continue
        agent = agents.get(event.connection)
        if agent is None:
            agent = agents[event.connection] = Agent(len(agents), event.connection, keys[event.key], place)
        match event.f:
            case "opened":
                agent.opened = min(agent.opened, place)
            case "created" | "loaded":
                agent.established = min(agent.established, place)
                agent.session_id, agent.loaded = event.session_id, event.f == "loaded"
            case "closing":
                agent.closing = min(agent.closing, place)
            case "open_failed" | "died" | "closed":
                if event.f == "closed" and agent.established < NEVER and agent.ended == NEVER:
                    agent.closing = min(agent.closing, place)  # where its beginning was not recorded
                agent.ended = min(agent.ended, place)
                agent.died = agent.died or event.f == "died"
            case "given_up":
                agent.given_up = min(agent.given_up, place)
            case _:
                pass
    # Without the sessions there is nothing to hold the answers against, unless no answer names one.
    silent = not any(member(e.value, "session_id") for e in history.events if e.type == "ok")
    connected = bool(agents) and (silent or any(agent.established < NEVER for agent in agents.values()))
    return (list(agents.values()), True) if connected else ([], False)


def _sessions_in_answers(knowledge: Knowledge, calls: Iterable[Call], ordinal: dict[int, int]) -> None:
    """Where no connection was recorded: an agent for each session that an answer names, resumed or not."""
    agents: dict[tuple[int, str, bool], Agent] = {}
    first: dict[int, int] = {}
    for call in calls:
        if call.key is None or call.name not in CREATING:
            continue
        key, began = knowledge.keys[call.key], ordinal[call.invoked_at]
        first.setdefault(key, began)
        session_id, resumed = member(call.response, "session_id"), member(call.response, "resumed")
        if call.name == "get_or_create" and isinstance(session_id, str):
            name = (key, session_id, bool(resumed))
            if name not in agents:
                agents[name] = Agent(
                    len(agents), session_id, key, first[key], NEVER, first[key], session_id, name[2]
                )
    knowledge.agents.extend(agents.values())


def _prove(knowledge: Knowledge, history: History, calls: Iterable[Call], ordinal: dict[int, int]) -> None:
    by_name = {agent.name: agent for agent in knowledge.agents} if knowledge.connected else {}
    for place, event in enumerate(history.events):
        agent = by_name.get(event.connection or "")
        if agent is not None and event.type == "event" and event.f == "acquire":
            agent.shown = min(agent.shown, place)
    for call in calls:
        session_id = member(call.response, "session_id")
        if call.name != "get_or_create" or call.returned_at is None or session_id is None or call.key is None:
            continue
        began, ended = ordinal[call.invoked_at], ordinal[call.returned_at]
        resumed = member(call.response, "resumed")
        candidates = [
            agent
            for agent in knowledge.agents_of(knowledge.keys[call.key])
            if agent.session_id == session_id
            and agent.established < ended
            and agent.left > began
            and (resumed is None or agent.loaded is resumed)
        ]
        if len(candidates) == 1:
            candidates[0].shown = min(candidates[0].shown, ended)
    for agent in knowledge.agents:
        if agent.shown < NEVER and agent.established < NEVER:
            knowledge.proven |= 1 << agent.number


class _Reader:
    """Follows the events and writes down the facts after each."""

    def __init__(
        self,
        knowledge: Knowledge,
        calls: Iterable[Call],
        ordinal: dict[int, int],
        rests: frozenset[int] | None,
    ) -> None:
        self._known = knowledge
        self._rests = rests
        self._unheard: dict[int, int] = {}  # agent -> the place where it ended
        self._unseen_deaths: set[int] = (
            set()
        )  # those of the unheard that nobody has looked at since they died
        self._places = ordinal
        self._calls = {ordinal[call.invoked_at]: call for call in calls}
        self._agents = {agent.name: agent for agent in knowledge.agents} if knowledge.connected else {}
        self._open: dict[int, Call] = {}
        self._holds: dict[int, int] = {}  # process -> key of the lease that it has begun
        self._strays: set[int] = set()
        self._prompts: dict[int, int] = {}
        self._echo: dict[int, int] = {}  # process -> key whose prompt may not have ended for the pool
        self._unnoticed: dict[
            int, set[int]
        ] = {}  # agent -> processes whose calls may not have heard of its death
        self._seen: set[int] = set()
        self._running = self._holding = self._closing = 0

    def read(self, events: Iterable[Event]) -> None:
        for place, event in enumerate(events):
            if self._rests is not None and place in self._rests:
                self._hear()
            if event.type == "event":
                self._connection(event, place)
            elif event.type == "invoke":
                assert event.process is not None
                self._open[event.process] = self._calls[place]
                self._look(self._calls[place])
            else:
                self._answer(place, event)
            self._write(event)

    def _answer(self, place: int, event: Event) -> None:
        assert event.process is not None
        if event.type == "info" and event.error != CANCELLED:
            return  # it may have its effect at any time
        call = self._open.pop(event.process)
        if self._rests is None:
            # Nobody saw it rest: it is taken to have heard of what was over before a call began that has answered.
            self._hear(before=self._places[call.invoked_at])
        self._holds.pop(event.process, None)
        self._echo.pop(event.process, None)
        if event.type == "info" and call.name in CREATING and call.key is not None:
            self._strays.add(self._known.keys[call.key])
        if event.type == "ok" and call.name == "shutdown":
            self._known.down = min(self._known.down, place)
        for number, waiting in list(self._unnoticed.items()):
            waiting.discard(event.process)
            if not waiting:
                del self._unnoticed[number]

    def _connection(self, event: Event, place: int) -> None:
        agent = self._agents.get(event.connection or "")
        if agent is None:
            return
        bit = 1 << agent.number
        if agent.number not in self._seen:
            self._running |= bit
            self._holding |= bit
            self._seen.add(agent.number)
            self._strays.discard(agent.key)
        match event.f:
            case "closing":
                self._closing |= bit
            case "open_failed" | "died" | "closed":
                if event.f == "died" and not self._closing & bit:
                    mates = {
                        p
                        for p, c in self._open.items()
                        if c.key is not None and self._known.keys[c.key] == agent.key
                    }
                    if mates:
                        self._unnoticed[agent.number] = mates
                if agent.number not in self._unheard:
                    self._unheard[agent.number] = place
                    if not self._closing & bit and agent.closing != place:
                        self._unseen_deaths.add(agent.number)
                self._running &= ~bit
                self._holding &= ~bit
                self._closing &= ~bit
                self._prompts.pop(agent.number, None)
            case "given_up":
                self._running &= ~bit
            case "acquire" if event.process is not None:
                self._holds[event.process] = agent.key
            case "prompt_begin":
                self._prompts[agent.number] = agent.key
                self._echo.update({p: key for p, key in self._holds.items() if key == agent.key})
                self._echo.update(dict.fromkeys(self._unrecorded_holders(agent.key), agent.key))
            case "prompt_end":
                self._prompts.pop(agent.number, None)
            case "answered" | "release" if event.process is not None:
                self._echo.pop(event.process, None)
            case _:
                pass

    def _unrecorded_holders(self, key: int) -> list[int]:
        """The processes that may hold the lease of ``key``, where no lease was recorded."""
        if self._known.leases_seen:
            return []
        leasing = [(p, call.key) for p, call in self._open.items() if call.name in LEASING]
        return [p for p, name in leasing if name is not None and self._known.keys[name] == key]

    def _look(self, call: Call) -> None:
        """``call`` begins: a pool is not told when a process dies of itself, and finds it dead when it looks at it."""
        if call.name == "cleanup_idle" or call.key is not None:
            for number in list(self._unseen_deaths):
                if call.key is None or self._known.keys[call.key] == self._known.agents[number].key:
                    self._unseen_deaths.discard(number)

    def _hear(self, *, before: int = NEVER) -> None:
        """The pool has heard of every ending before place ``before`` that it was told of or has looked at."""
        deaths = self._unseen_deaths
        self._unheard = {n: end for n, end in self._unheard.items() if end > before or n in deaths}

    def _write(self, event: Event) -> None:
        known = self._known
        creators = joined = arriving = leasing = shared = resets = resetting = 0
        sweeping = False
        for process, call in self._open.items():
            if call.name == "cleanup_idle":
                sweeping = sweeping or not isinstance(call.response, list)
            if call.key is None:
                continue
            bit = 1 << known.keys[call.key]
            if call.name in CREATING:
                creators |= bit
            if call.name in LEASING:
                joined |= bit
                shared |= leasing & bit
                leasing |= bit
                if process not in self._holds:
                    arriving |= bit
            if call.name == "reset":
                resetting |= resets & bit
                resets |= bit
        for key in self._strays:
            creators |= 1 << key
        holding = self._holding
        for number in self._unnoticed:
            holding |= 1 << number
        prompting = 0
        for key in self._prompts.values():
            prompting |= 1 << key
        perhaps = prompting
        for key in self._echo.values():
            perhaps |= 1 << key
        housed = 0
        for agent in known.agents:
            if holding >> agent.number & 1:
                housed |= 1 << agent.key
        known.times.append(event.time)
        known.creators.append(creators)
        known.wanted.append(creators | joined)
        known.arriving.append(arriving)
        known.shared.append(shared)
        known.resetting.append(resetting)
        known.prompting.append(prompting)
        known.perhaps_prompting.append(perhaps)
        known.housed.append(housed)
        known.running.append(self._running)
        known.holding.append(holding)
        known.unheard_of.append(sum(1 << number for number in self._unheard))
        known.closing.append(self._closing)
        known.sweeping.append(sweeping)
        known.lapsing.append(
            (event.type in ("fail", "info") and event.f in CREATING)
            or (event.type == "event" and event.f == "given_up")
        )
