"""Judges one run as it happens: feeds every event to the properties and asks the questions that belong to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from acpool_spec.clients import Client, Program
from acpool_spec.events import Event, History
from acpool_spec.fakes import Call
from acpool_spec.findings import Finding
from acpool_spec.pool_spec import explain, judge_history
from acpool_spec.properties import Violation
from acpool_spec.properties.answers import judge_answer, judge_efforts
from acpool_spec.properties.capacity import judge_exhaustion, judge_victim, watch_capacity
from acpool_spec.properties.ledger import Ledger, Pending
from acpool_spec.properties.processes import judge_exclusion, judge_processes
from acpool_spec.properties.sessions import Sessions
from acpool_spec.properties.suspicions import judge_suspicions
from acpool_spec.properties.waiting import judge_isolation, judge_order, settle
from acpool_spec.verdict import Budget

LINEARIZATION_STATES = 50_000


@dataclass(frozen=True, slots=True)
class Remains:
    """What is there when nothing moves any more.

    ``busy``: the clients whose operation has not ended. ``holding``: those under a lease. ``swallowed`` and ``unexpected``:
    operations that outlived their cancellation, or raised what is no answer. ``hung``: the connections with a call that never
    is answered.
    ``known_keys``: keys that the pool still has in a container, and where.
    """

    busy: set[int]
    holding: set[int]
    swallowed: list[str]
    unexpected: list[str]
    hung: tuple[str, ...]
    known_keys: dict[str, str]

    @staticmethod
    def of(clients: Sequence[Client], calls: Iterable[Call], known_keys: dict[str, str]) -> Remains:
        """What is left of these ``clients``, and of the ``calls`` on the outside world that are still pending."""
        return Remains(
            busy={c.number for c in clients if c.busy},
            holding={c.number for c in clients if c.holding},
            swallowed=[f"{c.program} of client {c.number}" for c in clients if c.swallowed],
            unexpected=[text for c in clients for text in c.unexpected],
            hung=tuple(call.connection.name for call in calls if call.hung),
            known_keys=known_keys,
        )


class Judgement:
    """The properties of one run. ``violations``: the first of each property; ``tested``: how often each had a chance to break;
    ``undecided``: the bound at which the search for an answer ended. ``sees_rest``: :meth:`stopped` will be called;
    ``cleans_up``: the pool cleans up by itself, at any time."""

    def __init__(
        self,
        max_sessions: int | None,
        *,
        reclaims: bool,
        agents_load: bool | None,
        sees_rest: bool = False,
        cleans_up: bool = False,
    ) -> None:
        # Who sees it rest sees all that the connections do.
        self.ledger = Ledger(
            max_sessions, reclaims=reclaims, cleans_up=cleans_up, sees_rest=sees_rest, sees_closing=sees_rest
        )
        self.violations: dict[str, Violation] = {}
        self.tested: Counter[str] = Counter()
        self.undecided: dict[str, str] = {}
        self.sessions = Sessions(agents_load)
        self._last = -1
        self.disturbed = False

    def see(self, event: Event) -> None:
        """Judge one event."""
        self._last = event.index
        ledger = self.ledger
        self._note(judge_exclusion(event, ledger))
        self._note(judge_victim(event, ledger))
        self._note(judge_order(event, ledger))
        ended = ledger.see(event)
        self._note(judge_processes(event, ledger))
        self._note(self.sessions.judge(event, ledger, ended))
        self._note(judge_answer(event, ledger, ended))
        self._note(judge_exhaustion(event, ended))
        self._note(self._after_shutdown(event, ended))
        watch_capacity(ledger, event.index)
        if event.type in ("info", "fail") or event.f in ("died", "open_failed"):
            self.disturbed = True

    def stopped(self, called: Container[str] = (), now: int | None = None) -> None:
        """Nothing is ready: whatever happens next happens outside. ``called``: the connections with a call in progress; ``now``:
        nanoseconds, None where time passes only while nothing is ready, so that nobody hears of anything late."""
        if now is not None:
            self.ledger.note_late_endings(now)
        self._note(judge_suspicions(self.ledger))
        self._note(judge_isolation(self.ledger))
        self._note(judge_efforts(self.ledger, called))
        settle(self.ledger)
        if self.ledger.pending:
            self.tested["L3"] += 1

    def restless(self, decisions: int, who: Sequence[str] = ()) -> None:
        """The calm at the end did not end; ``who``: the functions that are about to go on."""
        still = " and ".join(f"{name}()" for name in who) or "something"
        self._broken(
            "L2", f"the pool does not come to rest: {still} still moves after {decisions} calm steps"
        )

    def at_rest(self, remains: Remains) -> None:
        """Nothing moves any more, and everything but what hangs has been answered."""
        self._note(self._still_waiting(remains))
        self._note(self._left_behind(remains))

    def at_the_end(self, remains: Remains, findings: Sequence[Finding]) -> None:
        """The pool is shut down, or cannot be."""
        self._note(self._still_waiting(remains))
        for text in remains.swallowed:
            self._broken("L2", f"{text} was cancelled and went on to answer")
        for text in remains.unexpected:
            self._broken("S12", text)
        if self.ledger.shutdown_returned is not None:
            self.tested["S10"] += 1
            for finding in findings:
                if not (finding.kind == "leftover task" and remains.busy):
                    self._broken("S10", f"after shutdown: {finding}")

    def differs(self, message: str) -> None:
        """R1: the pool took a step that the model lacks, or came to be elsewhere than the model."""
        self._broken("R1", message)

    def linearize(self, history: History) -> None:
        """S12: whether the whole history has a linearization, within a bound on the states of the search."""
        verdict = judge_history(history, budget=Budget(states=LINEARIZATION_STATES))
        self.tested["S12"] += any(event.type not in ("invoke", "info") for event in history.events)
        if verdict.violated:
            self._broken("S12", explain(history, verdict))
        elif verdict.undecided:
            self.undecided["S12"] = f"a search for a linearization ended at its bound {verdict.bound}"

    def audit(self, keys: Iterable[str]) -> Iterator[Program]:
        """Calls that a pool at rest must answer well: as many new keys as there are slots, then every old key again."""
        ledger = self.ledger
        stuck = [p for p in ledger.occupying() if p.holder is not None or p.given_up or p.closing is not None]
        self.disturbed = self.disturbed or bool(ledger.strays)
        slots = max(0, (ledger.max_sessions or 0) - len(stuck))
        yield from (Program("get_or_create", f"audit-{number}") for number in range(slots))
        if slots:
            yield from (Program("get_or_create", key) for key in keys if not any(p.key == key for p in stuck))

    # -- questions ---------------------------------------------------------------------------------------------------

    def _after_shutdown(self, event: Event, ended: Pending | None) -> Iterator[tuple[str, str]]:
        if ended is None or ended.f != "shutdown" or event.type != "ok":
            return
        yield "S11", ""
        for process in self.ledger.present.values():
            if process.alive and not process.given_up:
                yield "S10", f"{process.name} of {process.key!r} is alive when shutdown returns"

    def _still_waiting(self, remains: Remains) -> Iterator[tuple[str, str]]:
        ledger = self.ledger
        self.tested["L2"] += 1
        if self.disturbed:
            self.tested["L5"] += 1
        for call in ledger.pending.values():
            if (
                call.holds is not None
                and call.holds.alive
                and any(call.holds.name == name for name in remains.hung)
            ):
                continue  # its prompt hangs, and nobody asked for the lease back
            if call.holds is None and call.process in remains.holding and remains.hung:
                continue  # likewise, though it cannot be told on which connection
            text = f"{call.f}({call.key!r})" if call.key is not None else call.f
            if remains.hung:
                yield (
                    "L2",
                    f"{text} of client {call.process} is never answered, with {', '.join(remains.hung)} stuck",
                )
            elif self.disturbed:
                yield (
                    "L5",
                    f"{text} of client {call.process} waits for ever after another call was cancelled or failed",
                )
            else:
                yield (
                    "L3",
                    f"{text} of client {call.process} waits for ever, and nothing is left that could wake it",
                )

    def _left_behind(self, remains: Remains) -> Iterator[tuple[str, str]]:
        ledger = self.ledger
        if ledger.pending:
            return
        yield "S10", ""
        for process in ledger.processes.values():
            mates = ledger.of_key(process.key)
            if process.alive and not process.given_up and process.name not in remains.hung:
                if process.closing is None and process.session_id is None:
                    yield (
                        "S10",
                        f"{process.name} of {process.key!r} runs at rest, though its start was never finished",
                    )
                elif len(mates) > 1 and mates[-1] is not process and process.closing is None:
                    yield (
                        "S10",
                        f"{process.name} of {process.key!r} runs beside {mates[-1].name}: nobody will ever close it",
                    )
        for key, path in remains.known_keys.items():
            if not any(
                p.key == key and (p.session_id is not None or p.alive) for p in ledger.processes.values()
            ):
                yield "S10", f"the pool remembers {key!r}, which never had a session, in {path}"

    def _note(self, found: Iterable[tuple[str, str]]) -> None:
        for property_id, message in found:
            if message:
                self._broken(property_id, message)
            else:
                self.tested[property_id] += 1

    def _broken(self, property_id: str, message: str) -> None:
        self.tested[property_id] += 1
        self.violations.setdefault(property_id, Violation(property_id, message, self._last))
