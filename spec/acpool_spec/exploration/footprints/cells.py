"""What a step reads and writes: cells, each a part of an object, and whether two steps can tell in which order they came.

Within one run an object is known by its identity, and kept alive, so that no address is used twice. From one run to the next
it is known by when it was first seen: the step, and the how manieth it was in that. Runs that begin with the same choices see the
same objects in the same order, so that the names from before they part mean the same in both. A name from after it says nothing:
the object was made since, and then nobody before has touched it, or it was only seen since, and then it may be any other of
that sort.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any, Final, cast

READ, WRITE, ADD = 1, 2, 4
"""How a cell is touched. ``ADD``: as one more on a count that is not looked at, so that two come out alike in either order."""

WHOLE: Final = ("whole",)
"""The key of all items of an object together; it overlaps with each."""
ATTRIBUTE, ITEM, RESULT, CONTROL, TAIL = "attribute", "item", "result", "control", "tail"
"""The parts of an object: its attributes, its items; how a future ended; what drives a task; the end of a lane."""

_ALWAYS = -1
_CLASH = {READ: WRITE | ADD, WRITE: READ | WRITE | ADD, ADD: READ | WRITE}


class Name:
    """The name of an object in one run: the ``ordinal``-th that was first seen in step number ``step``.

    ``step`` is -1 for what all runs share. ``born``: the object was made in that step.
    """

    __slots__ = ("born", "ordinal", "step")

    def __init__(self, step: int, ordinal: int) -> None:
        self.step = step
        self.ordinal = ordinal
        self.born = False

    def __repr__(self) -> str:
        return f"<{self.step}.{self.ordinal}{' new' if self.born else ''}>"


CLASSES = Name(_ALWAYS, 0)
"""All classes together: an attribute of one is a cell for its name alone."""
LOOP = Name(_ALWAYS, 1)
"""The loop's own records."""
OUTPUT = Name(_ALWAYS, 2)
"""What was printed."""


class Statics:
    """The dictionaries of modules: the same objects in every run of a process."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, Name]] = {}

    def name_of(self, value: Any) -> Name | None:
        """The name of a module's dictionary, None for anything else."""
        place = id(value)
        if type(value) is not dict:
            return None
        known = self._known.get(place)
        if known is not None:
            return known[1]
        called = cast("dict[str, object]", value).get("__name__")
        module = sys.modules.get(called) if type(called) is str else None
        if module is None or getattr(module, "__dict__", None) is not value:
            return None
        name = Name(_ALWAYS, 3 + len(self._known))
        self._known[place] = value, name
        return name


class Names:
    """The names of one run's objects, all of which it keeps alive."""

    def __init__(self, statics: Statics) -> None:
        self.step = 0
        self.alive: list[object] = []
        self._statics = statics
        self._known: dict[int, Name] = {}
        self._fresh: list[tuple[object, Name]] = []

    def of(self, value: object) -> Name:
        """The name of ``value``; from now on, if it has none yet."""
        known = self._known.get(id(value))
        return self._add(value) if known is None else known

    def _add(self, value: Any) -> Name:
        name = self._statics.name_of(value)
        if name is None:
            name = Name(self.step, len(self._fresh))
            self._fresh.append((value, name))
        self._known[id(value)] = name
        self.alive.append(value)
        return name

    def begin_step(self, step: int) -> None:
        """What is seen first from now on belongs to step number ``step``."""
        self.step = step
        self._fresh.clear()

    def seen(self) -> tuple[str, ...]:
        """The names of the types of what was seen first in this step, in that order: a run may make classes of its own."""
        return tuple([type(value).__qualname__ for value, _ in self._fresh])

    def end_step(self, young: Collection[int]) -> None:
        """``young``: the identities of what was certainly made in this step."""
        for value, name in self._fresh:
            # The collector learns of a dictionary when something is put in: late, perhaps.
            if id(value) in young and type(value) is not dict:
                name.born = True


Part = tuple[str, object]


class Footprint:
    """What one step touched. ``everything``: it is taken for dependent with every other step."""

    __slots__ = ("cells", "everything")

    def __init__(self) -> None:
        self.everything = False
        self.cells: dict[Name, dict[Part, int]] = {}

    def touch(self, name: Name, part: str, key: object, how: int) -> None:
        """Note that a cell was touched."""
        parts = self.cells.get(name)
        if parts is None:
            self.cells[name] = {(part, key): how}
        else:
            parts[part, key] = parts.get((part, key), 0) | how

    def told(self) -> dict[tuple[int, int], dict[Part, int]]:
        """The cells by what two runs that began alike have in common: equal steps of the two are equal in it."""
        return {(name.step, name.ordinal): parts for name, parts in self.cells.items()}

    def conflicts(self, other: Footprint) -> bool:
        """Whether the two, of one run, touch a cell in such a way that their order may matter."""
        if self.everything or other.everything:
            return True
        fewer, more = sorted((self.cells, other.cells), key=len)
        return any(name in more and _clash(parts, more[name]) for name, parts in fewer.items())

    def counts_with(self, other: Footprint) -> bool:
        """Whether both have added to one cell, as to a count that wakes somebody when it is complete."""
        return any(
            how & ADD and other.cells.get(name, {}).get(part, 0) & ADD
            for name, parts in self.cells.items()
            for part, how in parts.items()
        )

    def may_conflict(self, parted: int, other: Footprint) -> bool:
        """As :meth:`conflicts`, where this is step number ``parted`` of another run, which was the same before, and ``other`` is
        a step from there on. Where an object has no name that both runs share, the answer is yes."""
        if self.everything or other.everything:
            return True
        shared: dict[tuple[int, int], dict[Part, int]] = {}
        unknown = 0
        for name, parts in other.cells.items():
            if name.step < parted:
                shared[name.step, name.ordinal] = parts
            elif not name.born:
                unknown |= _any(parts)
        for name, parts in self.cells.items():
            if name.step < parted:
                theirs = shared.get((name.step, name.ordinal))
                if theirs is not None and _clash(parts, theirs):
                    return True
            elif not name.born and unknown and (_any(parts) | unknown) & ~READ:
                return True
        return False


def _any(parts: dict[Part, int]) -> int:
    how = 0
    for each in parts.values():
        how |= each
    return how


def _clash(one: dict[Part, int], other: dict[Part, int]) -> bool:
    for (part, key), how in one.items():
        if key is WHOLE:
            if any(theirs == part and _excludes(how, their) for (theirs, _), their in other.items()):
                return True
            continue
        for wanted in ((part, key), (part, WHOLE)):
            their = other.get(wanted, 0)
            if their and _excludes(how, their):
                return True
    return False


def _excludes(how: int, their: int) -> bool:
    return any(how & bit and their & clash for bit, clash in _CLASH.items())
