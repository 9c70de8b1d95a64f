"""A broken run in short: what happened to the sessions that its property is about, in a dozen sentences, each with its step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from acpool_spec.picture.story import Bar, Lane, Run

LINES = 14
"""Sentences at most: the last ones, since what is wrong comes at the end."""
_FEW = 5
_CALLS = ("operation", "failed", "unknown", "pending")


def in_short(run: Run) -> tuple[tuple[int, str], ...]:
    """Steps and sentences, in their order; of a run in which nothing is broken, none."""
    main = run.main
    if main is None:
        return ()
    told = _told(run, [lane for lane in run.lanes if lane.bad], main.step)
    if len(told) < _FEW:
        told = _told(run, run.lanes, main.step)  # who waits for another is not told by his own lane
    line = main.message.partition("\n")[0]
    return (*told[-LINES + 1 :], (main.step, f"✗ {main.property}: {line}"))


def _told(run: Run, lanes: Iterable[Lane], last: int) -> list[tuple[int, str]]:
    found = sorted(_Lanes(run, list(lanes)).sentences(), key=lambda each: each[0])
    return list(dict.fromkeys((int(at), words) for at, words in found if int(at) <= last))


class _Lanes:
    """What there is to be said of some lanes of a run, and of the leases of their connections."""

    def __init__(self, run: Run, bad: list[Lane]) -> None:
        self._run = run
        self._labels = {lane.id: lane.label for lane in run.lanes}
        self._lanes = {lane.id for lane in bad}
        self._connections = {lane.id.partition(" ")[2] for lane in bad if lane.group == "connection"}
        self._keys = {lane.id: repr(lane.id.partition(" ")[2]) for lane in bad if lane.group == "key"}

    def sentences(self) -> Iterator[tuple[float, str]]:
        """Each with its place on the axis, in no order."""
        for bar in self._run.bars:
            kind = bar.lane.partition(" ")[0]
            if bar.kind == "lease":
                yield from self._lease(bar)
            elif kind == "client" and bar.kind in _CALLS:
                yield from self._call(bar)
            elif kind == "client" and bar.kind == "wait" and bar.open and bar.lane in self._lanes:
                yield bar.begin, f"{self._labels[bar.lane]} waits for {bar.text}"
            elif kind == "connection" and bar.lane in self._lanes:
                yield from self._stage(bar)
            elif bar.kind == "memory" and bar.lane in self._keys:
                yield bar.begin, self._move(bar)
        for mark in self._run.marks:
            if mark.kind in ("fault", "cancel") and (mark.lane in self._lanes or mark.kind == "cancel"):
                yield mark.at, f"{self._labels.get(mark.lane, mark.lane)}: {mark.text}"

    def _lease(self, bar: Bar) -> Iterator[tuple[float, str]]:
        named = re.match(r"lease of ([^,]+)", bar.text)
        if named is not None and named[1] in self._connections:
            yield bar.begin, f"{self._labels[bar.lane]} takes the lease of {named[1]}"
            if not bar.open:
                yield bar.end, f"{self._labels[bar.lane]} gives back the lease of {named[1]}"

    def _call(self, bar: Bar) -> Iterator[tuple[float, str]]:
        call, arrow, answer = bar.text.partition(" → ")
        about = bar.lane in self._lanes or any(f"({key})" in call for key in self._keys.values())
        if about:
            yield bar.begin, f"{self._labels[bar.lane]} calls {call}"
            if arrow:
                yield bar.end, f"{call} of {self._labels[bar.lane]} ends: {answer}"

    def _stage(self, bar: Bar) -> Iterator[tuple[float, str]]:
        name = bar.lane.partition(" ")[2]
        words = {
            "opening": f"a process is started: {self._labels[bar.lane]}",
            "load": f"{name} is asked to load a session",
            "live": f"{name} has session {bar.text}",
            "prompt": f"a prompt begins on {name}",
            "closing": f"{name} is being closed",
        }
        before = next((b for b in self._run.bars if b.lane == bar.lane and b.end == bar.begin), None)
        if bar.kind == "live" and before is not None and before.kind == "prompt":
            yield bar.begin, f"the prompt on {name} ends"
        elif bar.kind in words:
            yield bar.begin, words[bar.kind]

    def _move(self, bar: Bar) -> str:
        """Where the pool has a key now, whose step it was, and who holds its lease meanwhile."""
        step = self._run.steps[int(bar.begin)]
        client = step.lane.startswith("client ")
        at, who = bar.begin, self._labels[step.lane] if client else "the pool"
        inside = next((other.text.partition(" → ")[0] for other in self._bars(step.lane, _CALLS, at)), "")
        words = f"{who}{f' in {inside}' if inside else ''} moves {self._keys[bar.lane]} in the {bar.text}"
        held = next((other for other in self._bars(bar.lane, ("leased",), at)), None)
        holder = re.search(r"leased by (client \d+)", held.text) if held is not None else None
        if holder is None or holder[1] == step.lane:
            return words
        return f"{words}, while {holder[1]} holds its lease"

    def _bars(self, lane: str, kinds: tuple[str, ...], at: float) -> Iterator[Bar]:
        return (
            b for b in self._run.bars if b.lane == lane and b.kind in kinds and b.begin < at <= b.end + 0.5
        )
