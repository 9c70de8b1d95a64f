"""The state of a run as one number: equal for states from which the same things can happen, or refused.

A state is what the rest of the run can depend on: virtual time, the ready callbacks, timers and offers, the continuation of
every coroutine (code, instruction, locals, and the values on its stack), all objects that these reach, and the variables of
modules and classes that their code can name (``module_state``, which says what it takes for granted). Objects are
numbered in the order in which they are met, so that addresses do not matter and sharing does. What ``contents`` does not
know how to look into is refused with :class:`NotCanonical`: such a state is never taken for another one.

What it takes for granted: modules, classes and functions that come with Python, and the values of context variables that were
set before the run, do not change while it lasts; the names that asyncio gives to unnamed tasks (``Task-7``) mean nothing to
the code.
"""

from __future__ import annotations

import contextvars
import marshal
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import cast

from acpool_spec.exploration.contents import look_of
from acpool_spec.lanes import Entry, Lane
from acpool_spec.loop import DeterministicLoop
from acpool_spec.oracles import View

# What is noted is a list that ``marshal`` writes down at once: atoms as they are, all else as tuples, so that no value can pass
# for a word. In its version 0 equal values are equal bytes, whichever of them are one object.
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_OTHER_ATOMS = frozenset({range, type(Ellipsis), type(NotImplemented)})
_NEW, _FROM, _TO = ("new",), ("[",), ("]",)
_MARSHAL = 0


def state_key(loop: DeterministicLoop, extra: object = None) -> bytes:
    """16 bytes, equal for equal states of the run on ``loop``; ``extra`` is part of the state. Raises :class:`NotCanonical`.

    Call it between two callbacks. It changes nothing.
    """
    walk = _StateWalk(loop)
    walk.visit(extra)
    walk.run()
    return walk.digest()


def state_at(view: View) -> bytes:
    """The :func:`state_key` of a run at the choice point that ``view`` shows: all that the rest of the run can depend on."""
    return state_key(cast("DeterministicLoop", view.loop), (view.cancellations_left, view.late))


class _StateWalk:
    """One pass over everything that a state consists of."""

    def __init__(self, loop: DeterministicLoop) -> None:
        self.loop = loop
        self.around = contextvars.copy_context()
        self._numbers: dict[int, int] = {id(loop): 0}
        # What was met, in the order in which it is looked into. It must not be freed, or its address could be met again.
        self._met: list[object] = [loop]
        self._looked_into = 1
        self._words: list[object] = []

    def digest(self) -> bytes:
        """The sum of all that was met."""
        return blake2b(marshal.dumps(self._words, _MARSHAL), digest_size=16).digest()

    def run(self) -> None:
        """Visit the loop, and what it holds, in an order that does not depend on addresses."""
        loop = self.loop
        self.say(f"time {loop.time()!r}")
        for lane in loop.ready_lanes():
            self.say("ready")
            for entry in _entries(lane):
                self._entry(lane, entry)
        self.each(loop.timers())
        self.each(loop.offers())
        self._drain()
        for task in loop.tasks:
            if not task.done():
                self.each((task,))
                self._drain()

    def visit(self, value: object) -> None:
        """Note ``value``, and what it consists of when its turn comes."""
        self.each((value,))

    def each(self, values: Iterable[object]) -> None:
        """Visit several values. All that is visited comes this way: a state has hundreds of values, so that each call counts."""
        words, numbers, met = self._words, self._numbers, self._met
        for value in values:
            kind = type(value)
            if kind in _ATOMS:
                words.append(value)
                continue
            if kind in _OTHER_ATOMS:
                words.append((repr(value),))
                continue
            following = len(numbers)
            number = numbers.setdefault(id(value), following)
            if number != following:
                words.append((number,))
            else:
                words.append(_NEW)  # it has the next number, which need not be noted
                met.append(value)

    def _drain(self) -> None:
        met, words = self._met, self._words
        for value in islice(met, self._looked_into, None):  # the list grows meanwhile
            name, handler = look_of(value)
            words.append(name)
            handler(self, value)
        self._looked_into = len(met)

    def say(self, word: str) -> None:
        self._words.append((word,))

    def note(self, words: tuple[object, ...]) -> None:
        self._words.append(words)

    def all(self, values: Iterable[object]) -> None:
        self._words.append(_FROM)
        self.each(values)
        self._words.append(_TO)

    def number_of(self, entry: Entry) -> int | None:
        """Which of the ready callbacks ``entry`` is; None where it is none of them."""
        return self._numbers.get(id(entry))

    def _entry(self, lane: Lane, entry: Entry) -> None:
        order, callback, arguments, context = entry
        self._numbers[id(entry)] = len(self._numbers)  # a handle that refers to it says which one it is
        # What of an iteration is left decides when due timers fire, and what still runs when the scenario is done.
        self.say("later" if self.loop.is_later(order) else "now")
        self.say(lane.name if lane.task is None else "")
        self.each((lane.task, callback))
        self.all(arguments)
        self.visit(context)


def _entries(lane: Lane) -> list[Entry]:
    return [] if lane.head is None else [lane.head, *(lane.rest or ())]
