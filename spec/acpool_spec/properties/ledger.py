"""What is known from outside at each event of a history: processes, leases, calls, and how sure that knowledge is.

A pool decides inside; from outside a decision is known only to lie between two events. So the ledger says *surely idle*
only of a session about which no operation in progress could have decided anything else.

What is over is retired, so that a long history costs by the event what a short one does: nobody walks the retired, of whom
:mod:`acpool_spec.properties.past` keeps what can still be asked. An event that names one of them brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from acpool_spec.events import Event
from acpool_spec.properties.past import Past
from acpool_spec.properties.records import NEVER, Key, Pending, Process, Prompt, Suspicion

__all__ = [
    "CREATING",
    "LEASING",
    "NEVER",
    "REMOVING",
    "Key",
    "Ledger",
    "Pending",
    "Process",
    "Prompt",
    "Suspicion",
    "answered",
]

LEASING = ("with_connection", "session")
CREATING = ("get_or_create", "session")
REMOVING = ("cleanup_idle", "reset", "shutdown")


@dataclass(slots=True)
class Ledger:
    """The state of the knowledge after the events seen so far.

    ``processes``: every one there ever was; ``present``: those that are not retired. Nobody is retired where it is known
    when everything has come to a stop: such runs are short, and compared by all that is known of each process.
    """

    max_sessions: int | None
    processes: dict[str, Process] = field(default_factory=dict[str, Process])
    present: dict[str, Process] = field(default_factory=dict[str, Process])
    past: Past = field(default_factory=Past)
    pending: dict[int, Pending] = field(default_factory=dict[int, Pending])
    strays: dict[str, int] = field(
        default_factory=dict[str, int]
    )  # keys with cancelled creators that may go on unseen
    strayed: dict[str, int] = field(
        default_factory=dict[str, int]
    )  # how many for each: each may have evicted somebody
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    shutdown_called: int | None = None
    shutdown_returned: int | None = None
    reclaims: bool = False  # cleanup_idle may take leases back
    cleans_up: bool = False  # the pool does so by itself, at any time
    sees_rest: bool = False  # it is known when everything has come to a stop
    sees_leases: bool = False  # the beginning of a lease was recorded
    sees_prompts: bool = False
    sees_closing: bool = False  # the beginning of a closing was recorded, not its end alone
    evictors: dict[int, tuple[str, int]] = field(
        default_factory=dict[int, tuple[str, int]]
    )  # creators, by their invocation: key, and the last event at which they may have needed another key's slot; in the
    # order of these events
    perhaps_dropped: set[str] = field(
        default_factory=set[str]
    )  # ids of processes whose end the pool may have heard of too late to believe in it
    suspicions: list[Suspicion] = field(default_factory=list[Suspicion])
    evictors_looked_through: int = 0  # so many of them may there be before it is asked who can be forgotten

    def key(self, name: str) -> Key:
        """The record of ``name``."""
        return self.keys.setdefault(name, Key())

    def occupying(self) -> list[Process]:
        """The processes that may hold a slot, the retired aside: also those given up on, since nobody outside sees when the
        pool does that, and those that died under a lease, held or perhaps granted already, which keeps the slot until it
        ends."""
        leasing = {call.key for call in self.calls(*LEASING)}
        return [
            p
            for p in self.present.values()
            if p.ended is None
            or p.holder is not None
            or (p.session_id is not None and p.closing is None and p.key in leasing)
        ]

    def occupied(self) -> int:
        """How many processes may hold a slot."""
        return len(self.occupying()) + self.past.occupied({call.key for call in self.calls(*LEASING)})

    def unheard_of(self) -> list[Process]:
        """The processes that closed, or ended before they had a session, of which the pool may not have heard yet: to it they
        still hold their slots."""
        return [
            p
            for p in self.present.values()
            if p.ended is not None
            and (p.closing is not None or p.session_id is None)
            and p.holder is None
            and not p.heard_of
        ]

    def of_key(self, key: str) -> list[Process]:
        """The processes of ``key`` that hold a slot."""
        return [process for process in self.present.values() if process.key == key and process.running]

    def with_session(self, session_id: str, key: str) -> Process | None:
        """The youngest process of ``key`` that holds ``session_id``."""
        return next((p for p in self.past.youngest_first(session_id) if p.key == key), None)

    def calls(self, *names: str, key: str | None = None) -> list[Pending]:
        """The operations in progress among ``names``, on ``key`` if one is given."""
        return [p for p in self.pending.values() if p.f in names and (key is None or p.key == key)]

    def surely_prompted(self, process: Process) -> list[Prompt]:
        """The prompts in progress on ``process`` whose sender is under a lease that nobody may have taken back."""
        return [
            prompt
            for prompt in process.prompts
            if prompt.by
            and all(self.pending.get(call.process) is call for call in prompt.by)
            and not self._may_be_removed(process, since=min(call.invoked for call in prompt.by))
        ]

    def _may_be_removed(self, process: Process, *, since: int) -> bool:
        calls = [*self.calls("shutdown"), *self.calls("reset", key=process.key)]
        if self.reclaims:
            calls += self.calls("cleanup_idle")
        return bool(calls) or self.shutdown_called is not None or process.removable > since

    def surely_idle(self, process: Process) -> bool:
        """Whether the session of ``process`` is idle whatever the operations in progress have decided."""
        return (
            process.alive
            and process.established
            and not process.given_up
            and process.closing is None
            and process.holder is None
            and process.excused is None
            and self.shutdown_called is None
            and not any(
                call.key == process.key and call.f in (*LEASING, "reset") for call in self.pending.values()
            )
            and not self.calls("cleanup_idle")
            and len(self.of_key(process.key)) == 1
        )

    def creators_without_process(self, *, other_than: str | None) -> Iterator[str]:
        """Keys, ``other_than`` aside, that may hold a reservation which no process shows yet; each once."""
        running: set[str | None] = {process.key for process in self.present.values() if process.running}
        running.add(other_than)
        wanted = {call.key: None for call in self.calls(*CREATING)}
        yield from (key for key in wanted if key is not None and key not in running)
        yield from (key for key in self.strays if key not in wanted and key not in running)

    def see(self, event: Event) -> Pending | None:
        """Take note of ``event``; returns the operation that it ended, if it ended one."""
        ended: Pending | None = None
        if event.type == "event":
            self._see_connection(event)
        elif event.type == "invoke":
            self._see_call(event)
        elif event.process is not None:
            ended = self.pending.pop(event.process, None)
            if ended is not None:
                self._see_answer(event, ended)
                if not self.sees_rest:
                    self.hear_of_endings(before=ended.invoked)
        for process in self.present.values():
            if not self.surely_idle(process):
                process.idle_since = None
            elif process.idle_since is None:
                process.idle_since = event.index
        return ended

    def note_late_endings(self, now: int) -> None:
        """Everything has come to a stop at ``now``, in nanoseconds. Where time has passed since a process began to close, or
        since it died with nobody there to hear of it, the pool may have given up on it before it heard that it is dead."""
        for process in self.present.values():
            late = (process.closing is not None and process.closing_at_ns < now) or process.ended_at_ns < now
            if late and process.ended is not None and not process.heard_of:
                owned = (process.session_id, process.claimed_id)
                self.perhaps_dropped.update(session_id for session_id in owned if session_id is not None)

    def hear_of_endings(self, *, before: int = NEVER) -> None:
        """The pool has heard of every ending up to event ``before``. Where nobody sees it rest, it is taken to have heard of
        what was over before an operation began that has answered."""
        for process in self.present.values():
            if process.ended is not None and process.ended < before:
                process.heard_of = True
        if not self.sees_rest:
            for process in [p for p in self.present.values() if p.heard_of and not self._perhaps_prompted(p)]:
                del self.present[process.name]
                self.past.retire(process)

    def _perhaps_prompted(self, process: Process) -> bool:
        """Whether a prompt in progress on ``process`` counts for as long as the calls do of which one sent it."""
        return any(
            prompt.by and all(self.pending.get(call.process) is call for call in prompt.by)
            for prompt in process.prompts
        )

    def _recall(self, process: Process) -> None:
        """More is said of a process after its end."""
        if process.retired:
            self.past.recall(process)
            self.present[process.name] = process

    def _see_call(self, event: Event) -> None:
        assert event.process is not None
        call = self.pending[event.process] = Pending(event.process, event.f, event.key, event.index)
        if event.f in CREATING and event.key is not None:
            mates = self.of_key(event.key)
            call.claims = bool(mates) and all(process.closing is None for process in mates)
        if event.f == "reset" and event.key is not None:
            self.key(event.key).reset_called = event.index
        if event.f == "shutdown" and self.shutdown_called is None:
            self.shutdown_called = event.index
        if event.f in REMOVING:
            for process in self.present.values():
                if event.f != "reset" or process.key == event.key:
                    process.excused = event.index

    def _see_answer(self, event: Event, call: Pending) -> None:
        key, now = call.key, event.index
        call.failed = event.type != "ok"
        if call.f == "reset" or (call.f == "cleanup_idle" and self.reclaims):
            # Whoever was cancelled may go on unseen.
            until = NEVER if event.type == "info" else now
            for each in self.present.values():
                if call.f != "reset" or each.key == key:
                    each.removable = max(each.removable, until)
            self.past.removed(key if call.f == "reset" else None, now, until)
        # Whoever began a creation and was cancelled, or ran out of time, may have left it to those who joined it.
        left = event.type == "info" or (event.type == "fail" and self.calls(*CREATING, *LEASING, key=key))
        if left and call.f in CREATING and key is not None:
            self.strays[key] = now
            self.strayed[key] = self.strayed.get(key, 0) + 1
        if event.type != "info" and call.f == "reset" and key is not None:
            self.key(key).reset_returned = now
        if event.type == "ok" and call.f == "shutdown":
            self.shutdown_returned = now
        if key is None:
            return
        if event.type == "ok" and call.f == "get_or_create":
            session_id = answered(event, "session_id")
            process = self.with_session(session_id, key) if isinstance(session_id, str) else None
            if process is not None:
                self._recall(process)
                self._established(process, now)
                self._used(process, call.invoked, now)
                if process.opening < call.invoked:
                    self.evictors.pop(call.invoked, None)  # it found the session alive
        elif call.holds is not None:
            self._used(call.holds, call.holds.first_use, now)
        elif call.f in LEASING or (call.f in CREATING and event.type != "ok"):
            for process in self.of_key(key):  # a use, or a lease that was given and given back unseen
                process.last_use = now

    def _see_connection(self, event: Event) -> None:
        name, now = event.connection, event.index
        if name is None or event.key is None:
            return
        process = self.processes.get(name)
        if process is None:
            process = self.processes[name] = self.present[name] = Process(name, event.key, now)
            self.past.begins(process)
            self.strays.pop(event.key, None)
            self.strayed.pop(event.key, None)
            for call in self.calls(*CREATING, key=event.key):
                call.claims = True
        self._recall(process)
        match event.f:
            case "opened":
                process.opened = now
            case "created" | "loaded":
                self.past.holds(process, event.session_id)
                self.perhaps_dropped.discard(event.session_id or "")  # whoever has it loaded still knows it
                process.first_use = process.last_use = now
            case "loading":
                process.claimed_id = event.session_id
            case "refused":
                process.claimed_id = None
            case "closing":
                self.sees_closing = True
                self._closes(process, now, event.time)
            case "given_up":
                process.given_up = True
            case "open_failed" | "died" | "closed":
                if event.f == "closed" and process.session_id is not None:
                    self._closes(process, now, event.time)  # where its beginning was not recorded
                if process.ended is None:
                    process.ended = self.past.of(process.key).ended = now
                    process.ended_at_ns = event.time
            case _:
                self._see_use(event, process)

    def _see_use(self, event: Event, process: Process) -> None:
        now = event.index
        match event.f:
            case "prompt_begin":
                self.sees_prompts = True
                process.prompts.append(Prompt(event.process, self._senders(event, process)))
            case "prompt_end":
                self.sees_prompts = True
                # Of several, that of the same sender; where this cannot be told, none is in progress for certain.
                ended = [
                    p for p in process.prompts if event.process is not None and p.process == event.process
                ][:1]
                process.prompts = [p for p in process.prompts if ended and p is not ended[0]]
            case "acquire":
                self.sees_leases = True
                self._established(process, now)
                process.holder, process.leased = event.process, now
                self._used(process, now, now)
                if event.process in self.pending:
                    self.pending[event.process].holds = process
            case "release":
                process.released = now
                if process.holder == event.process:
                    process.holder = None
                self._used(process, now, NEVER)
            case _:
                pass

    def _closes(self, process: Process, now: int, time_ns: int) -> None:
        if process.closing is not None:
            return
        process.closing, process.closing_at_ns = now, time_ns
        if process.ended is None and process.holder in self.pending:
            self.pending[process.holder].taken_back = True

    def _senders(self, event: Event, process: Process) -> tuple[Pending, ...]:
        """The calls without a recorded lease that may have sent the prompt ``event``."""
        calls = [call for call in self.calls(*LEASING, key=process.key) if call.holds is None]
        if event.process is None:
            return () if self.sees_leases else tuple(calls)
        return tuple(call for call in calls if call.process == event.process)

    def _established(self, process: Process, now: int) -> None:
        process.established = True
        process.last_use = max(process.last_use, now)
        known = self.key(process.key)
        if process.opening > known.reset_called or known.reset_called < 0:
            known.session_id = process.session_id

    def _used(self, process: Process, earliest: int, latest: int) -> None:
        process.first_use = max(process.first_use, earliest)
        process.last_use = latest
        if process.excused is not None and earliest > process.excused and not self.calls(*REMOVING):
            process.excused = None


def answered(event: Event, name: str) -> Any:
    """The member ``name`` of the answer ``event``, None where the recorder left it out."""
    value: Any = event.value
    return value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
