"""What one run did, told in lines that two equal runs share: the way to see that the same choices made the same run.

A line says which lane ran and where its task stood, what a local variable held there, or what could be chosen. Nothing in a
line depends on an address, and nothing in it on the order of a set, which code may own without ever looking at it; code that
does look leaves its mark in a variable, an alternative or the result. What a variable holds is looked into for a few levels,
since a trace has to be cheap and must never fail: it is no canonical state.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import os
import random
import types
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, cast
from weakref import WeakKeyDictionary

from acpool_spec.driven import ChoiceKind
from acpool_spec.lanes import Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import Choice, Oracle, PrunedRun, ReplayOracle, View
from acpool_spec.simulation import Outcome, Run
from acpool_spec.tasks import frames_of

LINES = 20_000
"""Lines of a trace that are kept to name a difference by; those beyond count in its digest."""
_DEPTH = 3
_KEPT = 400
_SHOWN = 120
_PLAIN = {
    *(bool, int, float, complex, str, bytes, bytearray, range, type(None)),
    *(
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        decimal.Decimal,
        fractions.Fraction,
    ),
}
_NAMED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
_MACHINERY = {"asyncio", "acpool_spec", "contextvars", "logging", "weakref"}
"""Packages whose objects are named only: they lead to the loop, or to everything that there is."""


class Trace:
    """The lines of one run. Equal ``digest``: equal traces, in whichever process they were made."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._sums = blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits."""
        return self._sums.hexdigest()

    def say(self, line: str) -> None:
        """Add a line."""
        data = line.encode("utf-8", "surrogatepass")
        self._sums.update(data + b"\0")
        if len(self.lines) < LINES:
            long = len(line) > _KEPT
            summed = f"… {blake2b(data, digest_size=8).hexdigest()}" if long else ""
            self.lines.append(line[:_KEPT] + summed)

    def conclude(self, run: Run) -> None:
        """Add how the run ended. A run that was cut at a known state is told up to there."""
        self.say(f"{run.steps} steps until {run.time!r} s: {run.outcome.value}")
        if run.outcome is not Outcome.PRUNED:
            self.say(f"result {told(run.result)}, exception {told(run.exception)}")
            for finding in run.findings:
                self.say(f"{finding.kind}: {finding.subject}")


def difference(then: Sequence[str], now: Sequence[str]) -> str:
    """Where two traces part, in words."""
    before = "at its beginning"
    for number, (one, other) in enumerate(zip(then, now, strict=False), start=1):
        if one != other:
            return f"{before}: {_clip(one)!r}, then {_clip(other)!r}"
        before = f"after line {number} of its trace ({_clip(one)!r})"
    return f"{before}: {len(then)} lines, then {len(now)}"


class Tracing:
    """An oracle that lets another choose and keeps the :class:`Trace` of the run that comes of it.

    It has no ``pause``: a run that is cut only at choice points can be made again from its choices alone.
    """

    def __init__(self, oracle: Oracle) -> None:
        self.trace = Trace()
        self._oracle = oracle
        self._view: View | None = None

    def begin(self, view: View) -> None:
        """A new trace."""
        self.trace = Trace()
        self._view = view
        self._oracle.begin(view)
        loop = cast("DeterministicLoop", view.loop)
        watching = loop.on_step

        def on_step(lane: Lane) -> None:
            self._step(loop, lane)
            if watching is not None:
                watching(lane)

        loop.on_step = on_step

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """As the other oracle says."""
        assert self._view is not None
        offered = ", ".join(self._view.labels()) if kind == "schedule" else f"{count} values"
        self.trace.say(f"choice among {offered}")
        return self._oracle.choose(count, kind)

    def end(self) -> None:
        """The other oracle's."""
        self._oracle.end()

    ASKING = frozenset(method.__code__ for method in (begin, choose, end))
    """What runs below these is the other oracle, and no part of the run."""

    def _step(self, loop: DeterministicLoop, lane: Lane) -> None:
        say = self.trace.say
        entry, task = lane.head, lane.task
        if task is None:
            say(f"{loop.time()!r} s: {lane.name} calls {told(entry[1]) if entry is not None else ''}")
            return
        say(f"{loop.time()!r} s: {lane.name} goes on")
        teller = _Teller()
        for frame in frames_of(task):
            code = frame.f_code
            where = f"{code.co_name}, {os.path.basename(code.co_filename)} line {frame.f_lineno}"
            say(f"{lane.name} stands in {where}, instruction {frame.f_lasti}")
            # A variable of an enclosing function is told where that function stands; one from outside the run tells of others.
            own = [(name, value) for name, value in frame.f_locals.items() if name not in code.co_freevars]
            for name, value in own:
                say(f"{lane.name} in {where}: {name} is {teller.tell(value, _DEPTH)}")


class Following(ReplayOracle):
    """The choices of a run again; one that was ``cut`` at a known state is cut there."""

    def __init__(self, choices: Sequence[Choice], *, cut: bool) -> None:
        super().__init__(choices)
        self._left = len(choices) if cut else -1

    def begin(self, view: View) -> None:
        """From the first choice."""
        super().begin(view)
        self._made = 0

    def choose(self, count: int, kind: ChoiceKind) -> int:
        """The choice made then. Raises :class:`ReplayDivergence` at the first that is not offered as it was."""
        if self._made == self._left and kind == "schedule":
            raise PrunedRun
        self._made += 1
        return super().choose(count, kind)


def told(value: object) -> str:
    """``value`` in words that are the same in every process where it is the same value, as far as a few levels show."""
    return _Teller().tell(value, _DEPTH)


class _Teller:
    """Tells values of one instant, each only once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def tell(self, value: object, depth: int) -> str:
        kind = type(value)
        if kind in _PLAIN:
            return f"{kind.__qualname__} {value!r}"
        at = id(value), depth
        known = self._known.get(at)
        if known is None:
            self._known[at] = known = self._inside(value, kind, depth)
        return known

    def _inside(self, value: Any, kind: type[Any], depth: int) -> str:
        name = kind.__qualname__
        if issubclass(kind, _NAMED):
            return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else name
        if issubclass(kind, enum.Enum):
            return f"{name}.{value.name}"
        if not depth or kind.__module__.partition(".")[0] in _MACHINERY:
            return name
        if issubclass(kind, set | frozenset):
            return f"{name} of {sorted(self.tell(member, depth - 1) for member in value)}"
        if issubclass(kind, list | tuple | deque):
            return f"{name} of {self._each(value, depth - 1)}"
        if issubclass(kind, dict):
            return (
                f"{name} of {self._each((part for pair in list(value.items()) for part in pair), depth - 1)}"
            )
        if issubclass(kind, BaseException):
            return f"{name} {self._each(value.args, depth - 1)}"
        if issubclass(kind, random.Random):
            return f"{name} {blake2b(repr(value.getstate()).encode(), digest_size=8).hexdigest()}"
        if issubclass(kind, types.MethodType):
            return f"{value.__func__.__qualname__} of {self.tell(value.__self__, depth - 1)}"
        return f"{name} ({self._attributes(value, kind, depth - 1)})"

    def _each(self, values: Iterable[object], depth: int) -> str:
        shown = [self.tell(value, depth) for value in values]
        return f"{len(shown)}: {', '.join(shown)}"

    def _attributes(self, value: object, kind: type[Any], depth: int) -> str:
        """What an object holds, by name. What it remembers of its own hash differs from process to process, and is its own."""
        found: dict[str, object] = dict(getattr(value, "__dict__", None) or {})
        for name, member in _slots(kind):
            try:
                found[name] = member.__get__(value)
            except AttributeError:  # not set
                continue
        return ", ".join(
            f"{name}={self.tell(each, depth)}" for name, each in found.items() if "hash" not in name
        )


_SLOTS: WeakKeyDictionary[type[Any], list[tuple[str, types.MemberDescriptorType]]] = WeakKeyDictionary()


def _slots(kind: type[Any]) -> list[tuple[str, types.MemberDescriptorType]]:
    found = _SLOTS.get(kind)
    if found is None:
        _SLOTS[kind] = found = [
            (name, member)
            for base in kind.__mro__
            for name, member in vars(base).items()
            if isinstance(member, types.MemberDescriptorType)
        ]
    return found


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
