"""A history of a pool as atomic actions: what was seen, at its exact place, and what was decided, somewhere in an interval.

An operation of the history becomes one or more actions between its invocation and its answer (an ``acquire`` and a
``release``, an ``expire`` for each key of a cleanup); a process gets actions of its own (``commit``, ``evict``, ``give_up``).
Seen actions stand at twice the ordinal of their event, decided ones in an interval that ends one short of it, so
that nothing is decided at the very place of an event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from acpool_spec.calls import Call, calls_of
from acpool_spec.events import Event, History
from acpool_spec.pool_knowledge import (
    CANCELLED,
    CREATING,
    INDIFFERENT,
    LEASING,
    NEVER,
    Agent,
    Knowledge,
    know,
    member,
)
from acpool_spec.sequential import Operation

_FAILURES = {
    "get_or_create": {"PoolExhausted", "SessionStartError", "PoolClosed"},
    "with_connection": {"NoSession", "SessionBusy", "LeaseRevoked", "PoolClosed"},
    "session": {"PoolExhausted", "SessionStartError", "SessionBusy", "LeaseRevoked", "PoolClosed"},
    "cleanup_idle": {"PoolClosed"},
    "cancel": {"PoolClosed"},
    "reset": {"PoolClosed"},
    "shutdown": set[str](),
}
_POOL_ERRORS = set[str]().union(*_FAILURES.values())


RULES = {
    "opening": ": somebody must want the key, it must have no session or start of its own, and a slot must be free",
    "opened": ": no other process of its key may be running",
    "loading": ": the id must be the one that is suspended under its key",
    "closing": ": its session must have been removed, or be idle, the least recently used, and its slot needed",
    "acquire": ": the session must be live and held by nobody else",
    "down": ": no process may be left alive",
    "commit": ": the pool must be open, the start not defeated, and the id loaded the one that was suspended",
    "observe": ": the live session must have that id and reset flag, and the pool be open",
    "lease": ": the key must have that live session",
    "exhausted": ": every slot must be leased, creating or closing, and no start of the key be there to join",
    "no_session": ": the key must have neither a live session nor a start to join",
    "fail": ": the key must have no live session",
    "busy": ": another caller must hold the lease or wait for it",
    "revoked": ": the lease must have been taken back",
    "closed": ": a shutdown must have begun",
    "open": ": no shutdown may have begun",
    "impossible": ": this operation does not fail so",
    "cancel": ": the answer must say whether a prompt ran",
    "expire": ": the session must be idle and unused for the ttl, or dead, or its lease too old",
    "keep": ": the session was idle and unused for the ttl all along",
    "reset": ": the answer must say whether there was anything to forget, and the pool be open",
}
"""What each action needs, for messages."""


@dataclass(slots=True)
class Actions:
    """The actions of one history, what is known of it, and for each action what it is about, in words."""

    knowledge: Knowledge
    operations: list[Operation] = field(default_factory=list[Operation])
    words: list[str] = field(default_factory=list[str])

    def add(self, name: str, argument: Any, begin: int, end: int | None, words: str) -> None:
        """Append one action in the closed interval from ``begin`` to ``end`` (None: it need not happen)."""
        self.operations.append(
            Operation(
                process=len(self.operations),
                name=name,
                argument=argument,
                response=None,
                invoked_at=begin,
                returned_at=end,
            )
        )
        self.words.append(words)


def translate(history: History) -> Actions:
    """The actions of ``history``. Raises ``HistoryError`` where its events cannot follow each other."""
    history = _renumbered(history)
    calls = calls_of(history.events)
    ordinal = {event.index: place for place, event in enumerate(history.events)}
    actions = Actions(know(history, calls, ordinal))
    leases, ends = _Leases(history), _answers(history.events)
    _events(actions, history)
    for agent in actions.knowledge.agents:
        _agent(actions, agent)
    for call in calls:
        place = ordinal[call.invoked_at]
        _call(actions, call, place, ends.get(place), leases)
    return actions


def _renumbered(history: History) -> History:
    """Give a client that goes on after an operation of unknown outcome a number of its own, as a history has it.

    A client that was cancelled is free again, and a recorder that knows it may let it go on under its number.
    """
    spent: set[int] = set()
    number: dict[int, int] = {}
    fresh = max((e.process for e in history.events if e.process is not None), default=0)
    events: list[Event] = []
    for event in history.events:
        process = event.process
        if process is None:
            events.append(event)
            continue
        if process in spent and event.type == "invoke":
            spent.discard(process)
            fresh += 1
            number[process] = fresh
        events.append(replace(event, process=number[process]) if process in number else event)
        if event.type == "info":
            spent.add(process)
    return replace(history, events=tuple(events))


class _Leases:
    """Which client began and ended which lease, and when."""

    def __init__(self, history: History) -> None:
        self.acquired: dict[int, list[int]] = {}
        self.released: dict[int, list[int]] = {}
        self.recorded = False
        for place, event in enumerate(history.events):
            if event.type == "event" and event.process is not None and event.f in ("acquire", "release"):
                self.recorded = True
                (self.acquired if event.f == "acquire" else self.released).setdefault(
                    event.process, []
                ).append(place)

    def within(self, places: dict[int, list[int]], process: int, begin: int, end: int) -> int | None:
        """The first place of ``process`` between ``begin`` and ``end``."""
        return next((place for place in places.get(process, ()) if begin < place < end), None)


def _events(actions: Actions, history: History) -> None:
    """What was seen: every event moves the place on, and some change the state."""
    known = actions.knowledge
    agents = {agent.name: agent for agent in known.agents} if known.connected else {}
    for place, event in enumerate(history.events):
        agent = agents.get(event.connection or "") if event.type == "event" else None
        name: str = "note"
        argument: tuple[int, int, int | str | None] = (place, -1, -1)
        if agent is not None:
            found = _seen(event, agent, place)
            if found is not None:
                process = -1 if event.process is None else event.process
                name, argument = (
                    found,
                    (place, agent.number, event.session_id if found == "loading" else process),
                )
            elif event.f in INDIFFERENT and place != agent.opening:
                continue
        elif event.type == "ok" and event.f == "shutdown":
            name = "down"
        actions.add(name, argument, 2 * place, 2 * place, _said(event))


def _seen(event: Event, agent: Agent, place: int) -> str | None:
    if place == agent.opening and event.f in ("opening", "opened"):
        return "opening"
    match event.f:
        case "opened" if place == agent.opened:
            return "opened"
        case "closing" if place == agent.closing:
            return "closing"
        case "closed" | "open_failed" if place == agent.ended:
            return "closing"
        case "died" if place == agent.ended:
            return "died"
        case "loading":
            return "loading"
        case "acquire" if event.process is not None:
            return "acquire"
        case "prompt_end" if member(event.value, "answered") is not False:
            return "told"
        case "answered":
            return "answered"
        case _:
            return None


def _said(event: Event) -> str:
    if event.type == "event":
        return f"event {event.index} ({event.connection}: {event.f})"
    what = event.f if event.key is None else f"{event.f}({event.key!r})"
    return f"event {event.index} ({event.type} of {what})"


def _agent(actions: Actions, agent: Agent) -> None:
    """What the pool decides about one process: to install its session, to evict it, to give it up."""
    known, number = actions.knowledge, agent.number
    if agent.established < NEVER:
        end = min(agent.shown, agent.left)
        proven = agent.shown < NEVER
        words = f"the commit of {agent.session_id!r} on {agent.name}"
        actions.add("commit", number, 2 * agent.established + 1, 2 * end - 1 if proven else None, words)
        if agent.left < NEVER or not known.connected:
            actions.add("evict", number, 2 * agent.established + 1, None, f"an eviction of {agent.name}")
    if agent.given_up < NEVER:
        actions.add("give_up", number, 2 * agent.given_up + 1, None, f"giving up on {agent.name}")


def _call(actions: Actions, call: Call, place: int, answer: int | None, leases: _Leases) -> None:
    begin = 2 * place + 1
    end = None if answer is None else 2 * answer - 1
    key = -1 if call.key is None else actions.knowledge.keys[call.key]
    what = call.name if call.key is None else f"{call.name}({call.key!r})"
    until = NEVER if answer is None else answer
    began = leases.within(leases.acquired, call.process, place, until)
    if began is not None:
        finish = leases.within(leases.released, call.process, began, until)
        if finish is not None and call.error != "LeaseRevoked":
            actions.add(
                "release", (key, call.process), 2 * finish + 1, end, f"the end of the lease of {what}"
            )
    if call.status == "ok":
        _answered(actions, call, key, began, (begin, end), leases, what)
    elif call.status == "fail":
        _refused(actions, call, key, began, (begin, end), what)
    elif call.name in (*CREATING, *LEASING):
        if began is None:
            actions.add("perhaps_use", key, begin, end, f"a use by {what}, which was not answered")
    elif call.name == "reset":
        actions.add(
            "perhaps_reset" if end is not None else "reset", (key, None), begin, end, f"{what}, not answered"
        )
    elif call.name == "shutdown":
        actions.add("perhaps_shut" if end is not None else "shut", None, begin, end, f"{what}, not answered")


def _answers(events: Iterable[Event]) -> dict[int, int]:
    """Where each operation that ended did so, however it did, by the place of its invocation."""
    open_at: dict[int, int] = {}
    ends: dict[int, int] = {}
    for place, event in enumerate(events):
        if event.process is None or event.type == "event":
            continue
        if event.type == "invoke":
            open_at[event.process] = place
        elif event.type != "info" or event.error == CANCELLED:
            ends[open_at[event.process]] = place
    return ends


def _answered(
    actions: Actions,
    call: Call,
    key: int,
    began: int | None,
    interval: tuple[int, int | None],
    leases: _Leases,
    what: str,
) -> None:
    begin, end = interval
    value = call.response
    if call.name == "get_or_create":
        fields = tuple(member(value, name) for name in ("session_id", "resumed", "session_reset"))
        actions.add(
            "observe",
            (key, *fields),
            begin,
            end,
            f"{what} answering {fields[0]!r}, session_reset={fields[2]}",
        )
    elif call.name in LEASING:
        session_id = member(value, "session_id")
        if began is None:
            # Where other leases were recorded, this one was at a time that nobody knows.
            name, argument = ("perhaps_use", key) if leases.recorded else ("lease", (key, session_id))
            actions.add(name, argument, begin, end, f"the lease of {what}")
    elif call.name == "cleanup_idle":
        _swept(actions, call, interval)
    elif call.name in ("cancel", "reset"):
        told = value if isinstance(value, bool) else None
        actions.add(call.name, (key, told), begin, end, f"{what} answering {value}")
    else:
        actions.add("shut", None, begin, end, what)


def _swept(actions: Actions, call: Call, interval: tuple[int, int | None]) -> None:
    value: Any = call.response
    known, (begin, end) = actions.knowledge, interval
    if not isinstance(value, list):
        actions.add("open", None, begin, end, "cleanup_idle answering while the pool is open")
        return
    listed: list[Any] = value  # pyright: ignore[reportUnknownVariableType] - JSON has no element type
    ttl_ns = None if call.ttl is None else call.ttl * 1e9
    for name in listed:
        key = known.keys.get(name, -1) if isinstance(name, str) else -1
        actions.add("expire", (key, ttl_ns), begin, end, f"cleanup_idle listing {name!r}")
    for name, key in known.keys.items():
        agents = (a for a in known.agents if a.key == key and end is not None)
        if (
            name not in listed
            and end is not None
            and any(2 * a.established < end and 2 * a.left > begin for a in agents)
        ):
            actions.add("keep", (key, ttl_ns), begin, end, f"cleanup_idle leaving out {name!r}")
    if not listed:
        actions.add("open", None, begin, end, "cleanup_idle answering while the pool is open")


def _refused(
    actions: Actions, call: Call, key: int, began: int | None, interval: tuple[int, int | None], what: str
) -> None:
    begin, end = interval
    error = call.error or ""
    words = f"{what} failing with {error}"
    names = {
        "PoolExhausted": "exhausted",
        "SessionStartError": "fail",
        "PoolClosed": "closed",
        "NoSession": "no_session",
        "SessionBusy": "busy",
        "LeaseRevoked": "revoked",
    }
    if error in _FAILURES.get(call.name, ()):
        start = begin if began is None else 2 * began + 1
        actions.add(names[error], (key, call.process, began is not None), start, end, words)
    elif error in _POOL_ERRORS or call.name not in LEASING:
        actions.add("impossible", error, begin, end, words)
