"""S1–S5: what processes and leases may never do, seen at single events."""

from __future__ import annotations

from collections.abc import Iterator

from acpool_spec.events import Event
from acpool_spec.properties.ledger import LEASING, Ledger, Process

Found = Iterator[tuple[str, str]]  # property, message; an empty message: the property was put to the test


def judge_processes(event: Event, ledger: Ledger) -> Found:
    """S1, S2, S3, S4 and S5 at one event of a connection; ``ledger`` has seen it."""
    process = ledger.processes.get(event.connection or "")
    if event.type != "event" or process is None:
        return
    if event.f == "opened":
        yield from _capacity(process, ledger)
    if event.f in ("created", "loaded", "prompt_begin"):
        yield from _ownership(event, process, ledger)
    if event.f in ("closing", "closed") and process.ended in (None, event.index):
        yield from _busy(process, ledger, f"is {event.f}")
    if event.f == "opening":
        for other in ledger.of_key(process.key):
            if other is not process and other.alive:
                # A pool that opens another process for a key no longer counts the one it had as this key's session.
                yield from _busy(other, ledger, f"is replaced by {process.name}")


def judge_exclusion(event: Event, ledger: Ledger) -> Found:
    """S5 at an ``acquire``, or at a ``prompt_begin`` where no lease was recorded; ``ledger`` has *not* seen it."""
    process = ledger.processes.get(event.connection or "")
    if event.type == "event" and event.f == "prompt_begin" and process is not None:
        yield from _prompted_by_two(event, process, ledger)
    if event.f != "acquire" or process is None:
        return
    if process.holder is not None and process.holder != event.process:
        yield (
            "S5",
            f"client {event.process} holds {process.name} of {process.key!r} while client {process.holder} does",
        )
    if any(p.f in ("with_connection", "session") and p.key == process.key for p in ledger.pending.values()):
        yield "S5", ""


def _prompted_by_two(event: Event, process: Process, ledger: Ledger) -> Found:
    """A prompt is sent under a lease: whose prompt is in progress holds one."""
    mates = [call for call in ledger.calls(*LEASING, key=process.key) if call.holds is None]
    if event.process is None or len(mates) < 2 or event.process not in (call.process for call in mates):
        return  # nobody to share it with, or unknown: one holder may send two prompts
    yield "S5", ""
    for prompt in ledger.surely_prompted(process):
        if prompt.process not in (None, event.process):
            yield (
                "S5",
                f"client {event.process} prompts {process.name} of {process.key!r} while client {prompt.process} does",
            )


def _capacity(process: Process, ledger: Ledger) -> Found:
    alive = [p for p in ledger.present.values() if p.alive and not p.given_up]
    if ledger.max_sessions is not None:
        if len(alive) > ledger.max_sessions:
            names = ", ".join(f"{p.name} of {p.key!r}" for p in alive)
            yield "S1", f"{len(alive)} processes alive with max_sessions={ledger.max_sessions}: {names}"
        if len(alive) == ledger.max_sessions:
            yield "S1", ""
    same = [p for p in alive if p.key == process.key]
    if len(same) > 1:
        yield "S2", f"{process.key!r} has {len(same)} live processes: {', '.join(p.name for p in same)}"
    if ledger.past.of(process.key).begun > 1:
        yield "S2", ""


def _ownership(event: Event, process: Process, ledger: Ledger) -> Found:
    session_id = event.session_id
    if session_id is None:
        return
    for other in ledger.present.values():
        perhaps = (
            other.given_up and other.claimed_id == session_id
        )  # asked to load it, and never confirmed dead
        if other is not process and other.alive and (other.session_id == session_id or perhaps):
            yield (
                "S3",
                f"{event.f} of {session_id!r} on {process.name} while {other.name} is alive and holds it",
            )
    if event.f == "loaded":
        yield "S3", ""


def _busy(process: Process, ledger: Ledger, what: str) -> Found:
    leased = any(p.holder is not None or ledger.surely_prompted(p) for p in ledger.present.values())
    if leased or ledger.past.held:
        yield "S4", ""
    if process.holder is None:
        for prompt in ledger.surely_prompted(process):
            who = "a holder" if prompt.process is None else f"client {prompt.process}"
            yield "S4", f"{process.name} of {process.key!r} {what} while {who} prompts it"
        return
    reset = ledger.key(process.key).reset_called
    called = ledger.cleans_up or bool(ledger.calls("cleanup_idle"))
    reclaimed = ledger.reclaims and (
        called or (process.excused is not None and process.excused > process.leased)
    )
    if (
        reset > process.leased
        or ledger.calls("reset", key=process.key)
        or ledger.shutdown_called is not None
        or reclaimed
    ):
        return
    yield "S4", f"{process.name} of {process.key!r} {what} while client {process.holder} holds its lease"
