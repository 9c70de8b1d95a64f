"""What a judgement remembers of the past, without the past: equal where every future is judged alike.

A ledger keeps places in the history, and compares them: with the invocations of the operations in progress, some with others of
the same key, and (who was used longest ago?) the uses of what is alive with each other. A place that comes later is after all
of them. So the answers to these comparisons are all that a future can depend on, and not the places, which grow with every
event. What nobody asks again of a process that has ended is left out. The properties are judged with ``sees_rest``: nothing
here is asked about evictions whose closing was not recorded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any

from acpool_spec.properties.judgement import Judgement
from acpool_spec.properties.ledger import NEVER, Key, Ledger, Pending, Process


def normal_form(judgement: Judgement) -> str:
    """All of ``judgement`` that a future event can be judged by."""
    ledger, sessions = judgement.ledger, judgement.sessions
    assert ledger.sees_rest and not ledger.evictors
    calls = sorted(ledger.pending.values(), key=lambda call: call.invoked)
    invoked = [call.invoked for call in calls]
    facts: list[Any] = [
        judgement.disturbed,
        ledger.sees_leases,
        ledger.sees_prompts,
        ledger.shutdown_called is None,
        ledger.shutdown_returned is None,
        sessions.agents_load,
        sorted(sessions.dropped),
        [_call(call) for call in calls],
    ]
    uses: list[int] = []
    names = {process.key for process in ledger.processes.values()} | set(ledger.keys)
    facts += [_key(ledger, name, invoked, uses) for name in sorted(names)]
    for name, place in sorted(ledger.strays.items()):
        facts += (name, _among(invoked, place), ledger.strayed[name])
        uses.append(place)
    for suspicion in ledger.suspicions:
        waiting = None if suspicion.waiting is None else (suspicion.waiting.process, suspicion.waiting.failed)
        facts += (suspicion.property, waiting, [process.name for process in suspicion.idle])
    for session_id, flag in sorted(sessions.flags.items()):
        facts += (session_id, flag.up, _among(invoked, flag.lowered))
    return repr((facts, _ranks(uses)))


def _key(ledger: Ledger, name: str, invoked: list[int], uses: list[int]) -> list[Any]:
    """The processes of one key, oldest first; their uses go to ``uses``, to be compared with those of other keys."""
    known = ledger.keys.get(name) or Key()
    called, returned = known.reset_called, known.reset_returned
    facts: list[Any] = [
        name,
        known.session_id,
        _order(called, returned),
        _among(invoked, called),
        _among(invoked, returned),
    ]
    for process in ledger.processes.values():
        if process.key != name:
            continue
        opening, ended = process.opening, _place(process.ended)
        facts += (
            _facts(ledger, process),
            _order(opening, called),
            _order(opening, returned),
            _order(ended, process.released),
            _among(invoked, ended),
        )
        if process.ended is None or process.holder is not None:
            leased, excused, first = process.leased, _place(process.excused), process.first_use
            facts += (_order(leased, called), _order(leased, excused), _order(first, excused))
            used = (first, process.last_use, _place(process.idle_since))
            facts += [_among(invoked, place) for place in (leased, excused, *used)]
            uses += used
        if process.ended is None or process.prompts:
            facts.append(_among(invoked, process.removable))
        for prompt in process.prompts:
            facts += [_order(call.invoked, process.removable) for call in prompt.by]
    return facts


def _facts(ledger: Ledger, process: Process) -> list[Any]:
    return [
        process.name,
        process.opened is None,
        process.closing is None,
        process.ended is None,
        process.given_up,
        process.session_id,
        process.claimed_id,
        process.established,
        process.holder,
        process.excused is None,
        process.idle_since is None,
        process.heard_of,
        # Of the calls that may have sent a prompt it matters whether they are in progress still.
        [
            (prompt.process, [ledger.pending.get(call.process) is call for call in prompt.by])
            for prompt in process.prompts
        ],
    ]


def _call(call: Pending) -> list[Any]:
    holds = None if call.holds is None else call.holds.name
    return [
        call.process,
        call.f,
        call.key,
        holds,
        call.taken_back,
        call.short_of_slots,
        call.settled,
        call.claims,
    ]


def _place(place: int | None) -> int:
    return -1 if place is None else place


def _among(invoked: list[int], place: int) -> tuple[int, int]:
    """How many of the operations in progress were invoked before ``place``, and how many not after it."""
    return bisect_left(invoked, place), bisect_right(invoked, place)


def _order(one: int, other: int) -> int:
    """Which of two places was first."""
    return (one > other) - (one < other)


def _ranks(places: Iterable[int]) -> list[int]:
    known = list(places)
    ranks = {place: rank for rank, place in enumerate(sorted({*known, -1, NEVER}))}
    return [ranks[place] for place in known]
