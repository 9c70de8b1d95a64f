"""S6, S7 and S11: what becomes of session ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from acpool_spec.events import Event
from acpool_spec.properties.ledger import LEASING, Ledger, Pending, Process, answered

Found = Iterator[tuple[str, str]]


@dataclass(slots=True)
class Flag:
    """What ``session_reset`` must be for one session id: ``up`` None where that cannot be told.

    ``lowered``: the event at which it came down, -1 if it never was up or still is.
    """

    up: bool | None
    lowered: int = -1


@dataclass(slots=True)
class Sessions:
    """Follows every session id; ``agents_load``: whether the agents can load, None where that is not known."""

    agents_load: bool | None
    flags: dict[str, Flag] = field(default_factory=dict[str, Flag])
    dropped: set[str] = field(
        default_factory=set[str]
    )  # ids that the agent refused, or that were given up on
    _up: dict[str, set[str]] = field(
        default_factory=dict[str, set[str]]
    )  # by key: the sessions whose flag was up when a process of the key had them

    def judge(self, event: Event, ledger: Ledger, ended: Pending | None) -> Found:
        """S6, S7 and S11 at one event; ``ledger`` has seen it."""
        process = ledger.processes.get(event.connection or "")
        if event.type == "event" and process is not None:
            yield from self._no_resurrection(event, process, ledger)
            yield from self._follow(event, process, ledger)
        elif ended is not None:
            self._perhaps_told(ledger, ended)
            if event.type == "ok":
                yield from self._answers(event, ledger, ended)

    def _perhaps_told(self, ledger: Ledger, ended: Pending) -> None:
        """Where neither leases nor prompts were recorded, a prompt may have been answered during any call that leases."""
        if ledger.sees_prompts or ended.f not in LEASING or ended.holds is not None or ended.key is None:
            return
        for session_id in self._up.pop(ended.key, ()):
            if self.flags[session_id].up and ledger.with_session(session_id, ended.key) is not None:
                self.flags[session_id] = Flag(None)

    def _follow(self, event: Event, process: Process, ledger: Ledger) -> Found:
        session_id, now = event.session_id, event.index
        if event.f == "refused" and session_id is not None:
            self.dropped.add(session_id)
        elif event.f == "given_up":
            # It may own what it was asked to load, whether or not it answered.
            self.dropped.update(
                owned for owned in (process.session_id, process.claimed_id) if owned is not None
            )
        elif event.f == "loaded" and session_id is not None:
            self.agents_load = True
            self.flags.setdefault(session_id, Flag(None))
            self._remember_up(session_id, [process], ledger)
            yield "S6", ""
        elif event.f == "created" and session_id is not None:
            yield from self._created(session_id, process, ledger)
            self._remember_up(session_id, ledger.past.youngest_first(session_id), ledger)
        elif event.f == "prompt_end" and answered(event, "answered") and session_id in self.flags:
            flag = self.flags[session_id]
            if flag.up is not False:
                self.flags[session_id] = Flag(None)  # answered, but its caller may never hear of it
        elif event.f == "answered" and session_id is not None:
            self.flags[session_id] = Flag(False, now)

    def _remember_up(self, session_id: str, holders: Iterable[Process], ledger: Ledger) -> None:
        if self.flags[session_id].up and not ledger.sees_prompts:
            for process in holders:
                self._up.setdefault(process.key, set()).add(session_id)

    def _created(self, session_id: str, process: Process, ledger: Ledger) -> Found:
        known = ledger.key(process.key)
        if process.opening < known.reset_called:
            self.flags[session_id] = Flag(None)
            return
        lost = known.session_id
        holder = None if lost is None else ledger.with_session(lost, process.key)
        if holder is None or holder.opening < known.reset_called:
            lost = None  # what was established before the reset was dropped by it, not lost
        unseen = any(
            p.key == process.key
            and p.session_id is not None
            and not p.established
            and p.opening > known.reset_called
            for p in ledger.present.values()
            if p is not process
        ) or ledger.past.untold_since(process.key, known.reset_called)
        # A session that nobody was told of may have been established for all that, and lost.
        self.flags[session_id] = Flag(None if lost is None and unseen else lost is not None)
        if lost is None:
            return
        elsewhere = any(p.alive and p.session_id == lost for p in ledger.present.values())
        dropped = lost in self.dropped or lost in ledger.perhaps_dropped
        if self.agents_load and not dropped and not elsewhere:
            yield (
                "S6",
                f"{process.name} creates {session_id!r} for {process.key!r} though {lost!r} was neither refused nor reset",
            )
        yield "S6", ""

    def _answers(self, event: Event, ledger: Ledger, ended: Pending) -> Found:
        flag_up, session_id = answered(event, "session_reset"), answered(event, "session_id")
        if not isinstance(flag_up, bool) or not isinstance(session_id, str) or ended.key is None:
            return
        flag = self.flags.get(session_id)
        known = ledger.key(ended.key)
        if known.reset_called > ended.invoked or ledger.calls("reset", key=ended.key):
            return  # before the reset, or after it: both are possible
        process = ledger.with_session(session_id, ended.key)
        if process is not None and process.opening < known.reset_called < known.reset_returned:
            yield (
                "S11",
                f"get_or_create({ended.key!r}) answered {session_id!r}, which was opened before the reset that had returned",
            )
        if flag is None or flag.up is None or flag.lowered > ended.invoked:
            return
        if not ledger.sees_prompts and any(c.holds is None for c in ledger.calls(*LEASING, key=ended.key)):
            return  # it may just have been told
        if flag.up:
            yield "S7", ""
        if flag_up is not flag.up:
            was = (
                "an established session was lost and nobody was told"
                if flag.up
                else "no established session was lost"
            )
            yield (
                "S7",
                f"get_or_create({ended.key!r}) answered session_reset={flag_up} for {session_id!r}, though {was}",
            )

    def _no_resurrection(self, event: Event, process: Process, ledger: Ledger) -> Found:
        known, down = ledger.key(process.key), ledger.shutdown_returned
        if down is not None and event.f in ("opening", "opened", "created", "loaded", "prompt_begin"):
            yield "S11", f"{process.name} of {process.key!r}: {event.f} after shutdown had returned"
        if known.reset_returned < 0 or known.reset_returned < known.reset_called:
            return
        yield "S11", ""
        if event.f == "prompt_begin" and process.opening < known.reset_called:
            yield (
                "S11",
                f"{process.name}, opened before the reset of {process.key!r}, is prompted after the reset had returned",
            )
        if event.f == "loaded":
            before = next((p for p in ledger.past.youngest_first(event.session_id) if p is not process), None)
            if before is not None and before.opening < known.reset_called:
                yield (
                    "S11",
                    f"{process.name} loads {event.session_id!r} of {process.key!r}, which was reset before",
                )
