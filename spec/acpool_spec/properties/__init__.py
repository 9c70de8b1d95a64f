"""The properties S1–S12 and L1–L5: what must hold of a session pool, judged from the outside; and R1, from the inside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its id, its name, and what it says."""

    id: str
    name: str
    statement: str


PROPERTIES: tuple[Property, ...] = (
    Property("S1", "capacity", "never more than max_sessions processes alive, those given up on aside"),
    Property("S2", "one process per key", "a key never has two live processes, the dying one included"),
    Property(
        "S3",
        "one owner per session",
        "no session id is created, loaded or prompted on one connection while another live one holds it",
    ),
    Property(
        "S4",
        "busy is not idle",
        "a leased session is never closed, but by reset, the deadline of shutdown or max_lease",
    ),
    Property("S5", "exclusive lease", "a session has one holder at a time"),
    Property(
        "S6",
        "no session lost",
        "an established id is live or suspended until reset, refusal or giving up drops it",
    ),
    Property(
        "S7",
        "honest reset flag",
        "session_reset is true exactly when an established session was lost and its caller had not reset it",
    ),
    Property(
        "S8", "honest exhaustion", "PoolExhausted only if at one instant of the call no slot was free or idle"
    ),
    Property("S9", "fair victim", "the victim is the least recently used session that is idle"),
    Property(
        "S10",
        "no leak",
        "at rest every process is idle in the pool or dead, and nothing is left behind for any key",
    ),
    Property(
        "S11",
        "no resurrection",
        "after reset or shutdown returns, nothing begun before it installs or prompts a session",
    ),
    Property("S12", "linearizable", "the history has a linearization in the sequential specification"),
    Property(
        "L1", "isolation", "no operation waits for another key's process, unless it needs that key's slot"
    ),
    Property(
        "L2",
        "bounded",
        "every operation answers within its bound, whatever hangs, and lets its cancellation through",
    ),
    Property("L3", "no deadlock", "whoever waits can still be woken by something"),
    Property("L4", "no starvation", "lease and capacity waiters are served first come, first served"),
    Property(
        "L5", "no lost wake-up", "cancelling or failing one waiter strands neither another waiter nor a slot"
    ),
)
REFINEMENT = Property(
    "R1",
    "refinement",
    "each atomic step of our pool is one of the model's, and leads to where the model's does",
)
"""Judged of pools that tell of their atomic steps; of any other it says nothing, neither good nor bad."""
EVERY = (*PROPERTIES, REFINEMENT)
BY_ID = {known.id: known for known in EVERY}


@dataclass(frozen=True, slots=True)
class Violation:
    """One property broken: ``message`` in words, after the event with index ``index`` of the history (-1: before any)."""

    property: str
    message: str
    index: int
