"""What holds of the core's records between decisions: links go both ways, and every record is where its stage says."""

from __future__ import annotations

from collections.abc import Iterator

from acpool.core import Core
from acpool.records import Creation, Entry, Outcome, Stage


def unsound(core: Core) -> list[str]:
    """What does not hold of ``core``, in words; empty: it is sound."""
    return [
        *_of_slots(core),
        *(what for name, entry in core.live.items() for what in _of_live(core, name, entry)),
        *(what for name, entry in core.dying.items() for what in _of_dying(core, name, entry)),
        *(what for name, creation in core.creations.items() for what in _of_creation(core, name, creation)),
    ]


def _of_slots(core: Core) -> Iterator[str]:
    starting = [creation.entry for creation in core.creations.values() if creation.entry is not None]
    holders = [*core.live.values(), *core.dying.values(), *starting]
    if sorted(core.entries) != sorted([entry.serial for entry in holders]):
        yield "a slot is taken by what the core does not know, or the reverse"
    if any(core.entries.get(entry.serial) is not entry for entry in holders):
        yield "a slot is another's"
    line = [creation.serial for creation in core.creations.values() if creation.entry is None]
    if sorted(core.waiting) != sorted(line):
        yield "the line is not that of the creations without a slot"
    blocked = False
    for creation in core.waiting.values():
        if blocked and creation.source is not None and creation.source.key != creation.key:
            yield "somebody is promised another's slot before who came earlier is"
        blocked = blocked or creation.source is None
    idle = [name for name, entry in core.live.items() if entry.stage is Stage.IDLE]
    if sorted(core.idle) != sorted(idle) or any(core.live.get(n) is not e for n, e in core.idle.items()):
        yield "the idle are not those of the live that are idle"


def _of_live(core: Core, name: str, entry: Entry) -> Iterator[str]:
    if entry.key != name or entry.creation is not None or entry.heir is not None or not entry.opened:
        yield "a live session is something else besides"
    if name in core.creations or name in core.suspended or name in core.dying:
        yield "a live session is beside something else of its key"
    if entry.stage is Stage.IDLE and (entry.lease is not None or entry.queue):
        yield "somebody is at an idle session"
    if entry.stage is Stage.LEASED and entry.lease is None:
        yield "a leased session has no holder"
    if entry.session_id is not entry.claimed_id or entry.session_id is None:
        yield "a live session has not the id that its process owns"
    handed = entry.granted
    if handed is not None and (
        handed.token is not entry.lease or handed.entry is not entry or handed.outcome is not Outcome.GRANTED
    ):
        yield "a lease was handed to another"
    for waiter in entry.queue:
        if waiter.entry is not entry or waiter.creation is not None or waiter.outcome is not Outcome.PENDING:
            yield "somebody in the queue of a lease waits for something else"


def _of_dying(core: Core, name: str, entry: Entry) -> Iterator[str]:
    if entry.key != name or entry.stage is not Stage.CLOSING or entry.creation is not None:
        yield "a dying process is something else besides"
    if entry.lease is not None or entry.granted is not None or entry.queue:
        yield "somebody is at a dying process"
    heir = entry.heir
    if heir is not None and (heir.source is not entry or core.creations.get(heir.key) is not heir):
        yield "a slot is promised to what does not know of it"


def _of_creation(core: Core, name: str, creation: Creation) -> Iterator[str]:
    entry, source = creation.entry, creation.source
    if creation.key != name or not creation.waiters:
        yield "a creation is nobody's"
    if source is not None and (entry is not None or source.heir is not creation):
        yield "a creation waits for what is not promised to it"
    if creation.queued is not (entry is None and source is None):
        yield "a creation in line is not bounded, or another is"
    if entry is not None:
        if entry.creation is not creation or entry.stage is not Stage.CREATING or entry.key != name:
            yield "a start is not that of its creation"
        if entry.opened is not (entry.start_stage != "open"):
            yield "a process is not at the stage of its start"
        if (entry.claimed_id is None) is (entry.start_stage == "load"):
            yield "a start owns an id that it does not load"
    for waiter in creation.waiters:
        pending = waiter.outcome is Outcome.PENDING
        if waiter.creation is not creation or waiter.entry is not None or not pending:
            yield "somebody who waits for a creation waits for something else"
