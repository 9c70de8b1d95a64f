"""What the parts of Python do to objects, noted for the step that runs: attributes, items, iteration, comparison.

Nothing here runs code of the scenario: no attribute of it is fetched, no method called, nothing compared. What a special method
written in Python does is told by its own instructions; what C does is told here, or not known, and said so.
"""

from __future__ import annotations

import functools
import gc
import types
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from acpool_spec.exploration.footprints.cells import (
    ADD,
    ATTRIBUTE,
    CLASSES,
    CONTROL,
    ITEM,
    READ,
    RESULT,
    WHOLE,
    WRITE,
    Footprint,
    Name,
    Names,
)
from acpool_spec.exploration.footprints.kinds import (
    HEAP_TYPE,
    Kind,
    base_of,
    found_in_class,
    kind_of,
    written_in_python,
)

_KEYS = frozenset({str, int, bool, bytes, type(None)})
_MOST = 1_000
"""Values that are looked at for one comparison."""
_CONSTANT = frozenset({Kind.SCALAR, Kind.TUPLE, Kind.CODE})
_ORDINARY = frozenset(
    {Kind.FUTURE, Kind.ERROR, Kind.CONTAINER, Kind.PARTIAL, Kind.CODE, Kind.CONTEXT, Kind.SCALAR, Kind.TUPLE}
)
"""Sorts with C of their own for attributes, which does nothing unusual."""
_CONTAINS: Any = vars(dict)["__contains__"]
_LENGTH: Any = vars(list)["__len__"]
_SELF_OF_SUPER: Any = vars(super)["__self__"].__get__
_GENERIC: object = object.__getattribute__
_SETTER: object = object.__setattr__


class _Pair(NamedTuple):
    """Only the type of what fetches its fields is of interest."""

    first: int


_METHODS: tuple[Any, ...] = (
    types.FunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.BuiltinFunctionType,
    types.MemberDescriptorType,
    vars(_Pair)["first"].__class__,
    property,
    classmethod,
    staticmethod,
)
_LOOKS_INSIDE = frozenset(
    {"__dict__", "f_locals", "f_globals", "f_builtins", "__globals__", "__builtins__", "__weakref__"}
)


class Notes:
    """Takes the notes of one step after another; ``unknown`` is told, in words, what it cannot judge."""

    def __init__(self, names: Names, unknown: Callable[[str], object]) -> None:
        self.footprint = Footprint()
        self.names = names
        self.unknown = unknown

    def read(self, value: object, part: str, key: object = WHOLE) -> None:
        """A part of ``value`` is read."""
        self.footprint.touch(self.names.of(value), part, key, READ)

    def write(self, value: object, part: str, key: object = WHOLE) -> None:
        """A part of ``value`` is written."""
        self.footprint.touch(self.names.of(value), part, key, WRITE)

    def add(self, value: object, part: str, key: object = WHOLE) -> None:
        """A part of ``value`` is changed in a way that comes out alike in any order with its like."""
        self.footprint.touch(self.names.of(value), part, key, ADD)

    def note(self, name: Name, part: str, key: object, how: int) -> None:
        """A part of what has a name of its own is touched."""
        self.footprint.touch(name, part, key, how)

    def see(self, value: object) -> None:
        """Something is at hand: give it a name now, while runs that began alike still see the same."""
        kind, _ = base_of(type(value))
        if kind in _CONSTANT or kind is Kind.MODULE or kind is Kind.TYPE:
            return
        if kind is Kind.UNKNOWN:
            return  # whatever is done to it is not known either
        if isinstance(found_in_class(type(value), "__del__"), types.FunctionType):
            self.unknown(f"{type(value).__qualname__} has a __del__: when it runs is not a matter of steps")
        self.names.of(value)

    # Attributes.

    def get_attribute(self, value: object, name: str) -> None:
        """``value.name`` is fetched."""
        if name in _LOOKS_INSIDE:
            self.unknown(f"the attribute {name}: a second way to what has a name")
            return
        kind, base = base_of(type(value))
        if kind is Kind.MODULE:
            self.read(vars(cast("types.ModuleType", value)), ITEM, name)
            return
        self.note(CLASSES, ATTRIBUTE, name, READ)
        if kind is Kind.TYPE or name == "__class__":
            return
        if base is super:
            self.get_attribute(_SELF_OF_SUPER(value), name)
            return
        if base is types.MethodType:  # it passes on what its function has
            self.get_attribute(cast("types.MethodType", value).__func__, name)
            return
        found = found_in_class(type(value), name)
        if kind in (Kind.SCALAR, Kind.TUPLE) and not type(value).__flags__ & HEAP_TYPE:
            return
        getter = found_in_class(type(value), "__getattribute__")
        generic = getter is _GENERIC or isinstance(getter, types.FunctionType)
        if not generic and kind not in _ORDINARY:
            self.unknown(f"an attribute of {_called(value)}")
            return
        if isinstance(found, property) and not isinstance(found.fget, types.FunctionType | None):
            self.unknown(f"the property {name} of {_called(value)}")
        elif isinstance(found, types.GetSetDescriptorType):
            self._member(value, kind, name, READ)
        elif found is None or isinstance(found, _METHODS) or _is_plain_value(found):
            if kind is not Kind.UNKNOWN or isinstance(found, types.MethodDescriptorType):
                self.read(value, ATTRIBUTE, name)
            else:
                self.unknown(f"the attribute {name} of {_called(value)}")
        else:
            self.unknown(f"the attribute {name} of {_called(value)}, a {_called(found)}")

    def set_attribute(self, value: object, name: str) -> None:
        """``value.name`` is set or deleted."""
        if name in _LOOKS_INSIDE or name in ("__class__", "__bases__", "__code__"):
            self.unknown(f"the attribute {name} is set")
            return
        kind, _ = base_of(type(value))
        if kind is Kind.MODULE:
            self.write(vars(cast("types.ModuleType", value)), ITEM, name)
            return
        if kind is Kind.TYPE:
            self.note(CLASSES, ATTRIBUTE, name, WRITE)
            return
        self.note(CLASSES, ATTRIBUTE, name, READ)
        setter = found_in_class(type(value), "__setattr__")
        generic = setter is _SETTER or isinstance(setter, types.FunctionType)
        if not generic and kind not in _ORDINARY:
            self.unknown(f"an attribute of {_called(value)} is set")
            return
        found = found_in_class(type(value), name)
        if isinstance(found, property) and not isinstance(
            found.fset or found.fdel, types.FunctionType | None
        ):
            self.unknown(f"the property {name} of {_called(value)} is set")
        elif isinstance(found, types.GetSetDescriptorType):
            self._member(value, kind, name, WRITE)
        elif kind is Kind.UNKNOWN or not (
            found is None or isinstance(found, _METHODS) or _is_plain_value(found)
        ):
            self.unknown(f"the attribute {name} of {_called(value)} is set")
        else:
            self.write(value, ATTRIBUTE, name)

    def _member(self, value: object, kind: Kind, name: str, how: int) -> None:
        """An attribute that C computes: of what is known to have nothing else behind it."""
        touched = self.names.of(value)
        if kind is Kind.FUTURE:
            self.note(touched, RESULT, WHOLE, how)
            self.note(touched, CONTROL, WHOLE, how)
        elif kind is Kind.ERROR or kind is Kind.CELL:
            self.note(touched, ITEM, WHOLE, how)
        elif kind in (Kind.CODE, Kind.CONTAINER, Kind.PARTIAL):
            self.note(touched, ATTRIBUTE, name, how)
        else:
            self.unknown(f"the attribute {name} of {_called(value)}")

    # Items.

    def get_item(self, value: object, key: object) -> None:
        """``value[key]`` is fetched."""
        kind, base = base_of(type(value))
        if kind is Kind.CONTAINER:
            if written_in_python(type(value), "__getitem__"):
                return
            if issubclass(base, dict) and not holds(value, key):
                # A default may be put in; that there is none is a fact about this key otherwise.
                making = type(value) is not dict
                self._item(value, key, WRITE if making else READ)
                if making:
                    self.write(value, ITEM)
                return
            self._item(value, key, READ)
        elif kind is Kind.TUPLE or kind is Kind.SCALAR or kind is Kind.TYPE:
            self.compare(key)
        elif kind is not Kind.PLAIN or not written_in_python(type(value), "__getitem__"):
            self.unknown(f"an item of {_called(value)}")

    def set_item(self, value: object, key: object) -> None:
        """``value[key]`` is set."""
        kind, base = base_of(type(value))
        if kind is Kind.CONTAINER:
            if written_in_python(type(value), "__setitem__"):
                return
            self._item(value, key, WRITE)
            if issubclass(base, dict) and not holds(value, key):
                self.write(value, ITEM)  # one more: the order and the number of all
        elif kind is not Kind.PLAIN or not written_in_python(type(value), "__setitem__"):
            self.unknown(f"an item of {_called(value)} is set")

    def delete_item(self, value: object, key: object) -> None:
        """``del value[key]``."""
        kind = kind_of(value)
        if kind is Kind.CONTAINER and not written_in_python(type(value), "__delitem__"):
            self.compare(key)
            self.write(value, ITEM)
        elif not written_in_python(type(value), "__delitem__"):
            self.unknown(f"an item of {_called(value)} is deleted")

    def _item(self, value: object, key: object, how: int) -> None:
        name = self.names.of(value)
        base = base_of(type(value))[1]
        if base is list:
            if type(key) is int:
                length = cast("int", _LENGTH(value))
                self.note(name, ITEM, key + length if key < 0 else key, how)
                if key < 0:
                    self.note(name, ITEM, WHOLE, READ)  # which one it is depends on how many there are
                return
        elif issubclass(base, dict) and type(key) in _KEYS:
            self.note(name, ITEM, key, how)
            return
        self.compare(key)
        self.note(name, ITEM, WHOLE, how)

    def look_up(self, value: object, key: object) -> None:
        """``key in value``."""
        kind, base = base_of(type(value))
        if kind is Kind.CONTAINER:
            if written_in_python(type(value), "__contains__"):
                return
            if issubclass(base, dict) and type(key) in _KEYS:
                self._item(value, key, READ)
                return
            self.compare(key)
            self.compare(value) if not issubclass(base, dict | set) else self.read(value, ITEM)
        elif kind in (Kind.TUPLE, Kind.SCALAR):
            self.compare(key)
            self.compare(value)
        elif kind is Kind.VIEW:
            self.compare(key)
            self.exhaust(value)
        elif not any(
            written_in_python(type(value), name) for name in ("__contains__", "__iter__", "__getitem__")
        ):
            self.unknown(f"whether something is in {_called(value)}")

    # Many at once.

    def compare(self, value: object) -> None:
        """``value`` is compared, hashed, ordered or shown: whatever it consists of is read."""
        todo = [value]
        for _ in range(_MOST):
            if not todo:
                return
            each = todo.pop()
            kind, base = base_of(type(each))
            if kind is Kind.TUPLE:
                todo.extend(cast("Any", base).__iter__(each))
            elif kind is Kind.CONTAINER:
                self.read(each, ITEM)
                if issubclass(base, dict):
                    for pair in cast("Any", dict).items(each):
                        todo.extend(pair)
                else:
                    todo.extend(cast("Any", base).__iter__(each))
            elif kind is Kind.ERROR:
                self.read(each, ITEM)
                todo.append(cast("BaseException", each).args)
            elif kind is Kind.FUTURE:
                self.read(each, RESULT)
            elif kind is Kind.VIEW:
                self.exhaust(each)
            elif kind is Kind.PARTIAL or kind is Kind.UNKNOWN:
                self.unknown(f"{_called(each)} is compared or shown")
        if todo:
            self.unknown("a comparison of more than a thousand values")

    def test(self, value: object) -> None:
        """Whether ``value`` is true."""
        kind = kind_of(value)
        if kind is Kind.CONTAINER:
            if not written_in_python(type(value), "__len__"):
                self.read(value, ITEM)
        elif kind is Kind.VIEW:
            self._behind(value, READ)
        elif kind is Kind.UNKNOWN:
            self.unknown(f"whether {_called(value)} is true")

    def begin_iteration(self, value: object) -> None:
        """``iter(value)``."""
        kind = kind_of(value)
        if kind is Kind.CONTAINER:
            if not written_in_python(type(value), "__iter__"):
                self.read(value, ITEM)
        elif kind is Kind.VIEW:
            self._behind(value, READ)
        elif kind in (Kind.UNKNOWN, Kind.CONTEXT) or (
            kind is Kind.PLAIN
            and not any(written_in_python(type(value), name) for name in ("__iter__", "__getitem__"))
        ):
            self.unknown(f"{_called(value)} is iterated over")

    def iterate(self, iterator: object) -> None:
        """The next of ``iterator`` is taken."""
        kind = kind_of(iterator)
        if kind is Kind.RUNNING or kind is Kind.AWAITS:
            self.resume(iterator)
        elif kind is Kind.VIEW:
            self._behind(iterator, WRITE)
        elif not written_in_python(type(iterator), "__next__"):
            self.unknown(f"the next of {_called(iterator)}")

    def exhaust(self, value: object) -> None:
        """C takes all that there is in ``value``."""
        kind = kind_of(value)
        if kind is Kind.PLAIN or (kind is Kind.CONTAINER and written_in_python(type(value), "__iter__")):
            # What its ``__iter__`` returns is not seen here.
            self.unknown(f"C iterates over {_called(value)}")
        elif kind is Kind.RUNNING or kind is Kind.VIEW:
            self.iterate(value)
        else:
            self.begin_iteration(value)

    def _behind(self, value: object, how: int) -> None:
        """An iterator moves on, or a view is looked at, and with it all that is behind it."""
        todo = [value]
        for _ in range(_MOST):
            if not todo:
                return
            each = todo.pop()
            kind = kind_of(each)
            if kind is Kind.VIEW:
                self.note(self.names.of(each), ITEM, WHOLE, how)
                todo.extend(gc.get_referents(each))
            elif kind is Kind.CONTAINER:
                self.read(each, ITEM)
            elif kind is Kind.RUNNING:
                self.resume(each)
            elif kind is Kind.TUPLE:
                todo.extend(gc.get_referents(each))
            elif kind is Kind.UNKNOWN or kind is Kind.PARTIAL:
                self.unknown(f"an iterator over {_called(each)}")
        if todo:
            self.unknown("an iterator over more than a thousand others")

    def resume(self, value: object) -> None:
        """Something that runs on its own frame goes on, or is looked at by whoever awaits it."""
        kind, base = base_of(type(value))
        if kind is Kind.AWAITS:
            for behind in gc.get_referents(value):
                if kind_of(behind) is Kind.FUTURE:
                    self.read(behind, RESULT)
                elif kind_of(behind) is Kind.RUNNING:
                    self.resume(behind)
            self.write(value, CONTROL)
        elif kind is Kind.RUNNING:
            if base is types.AsyncGeneratorType:
                self.unknown("an asynchronous generator")
            self.write(value, CONTROL)
        elif kind is Kind.FUTURE or kind is Kind.VIEW:
            self.iterate(value)
        elif not any(written_in_python(type(value), name) for name in ("__next__", "send")):
            self.unknown(f"{_called(value)} is awaited")

    def unwrap(self, called: object, given: list[object]) -> tuple[object, list[object]]:
        """What a method or a partial call calls in the end, and with what."""
        while True:
            if type(called) is types.MethodType:
                bound: Any = called
                called, given = bound.__func__, [bound.__self__, *given]
            elif type(called) is functools.partial:
                part = cast("functools.partial[object]", called)
                called, given = part.func, [*part.args, *given, *part.keywords.values()]
            elif type(called) is types.GenericAlias:
                called = cast("Any", called).__origin__  # ``dict[str, int]()``
            else:
                return called, given


def _is_plain_value(found: object) -> bool:
    """Whether something in a class is no descriptor, or one whose methods are written in Python."""
    getter = found_in_class(type(found), "__get__")
    setter = found_in_class(type(found), "__set__")
    return all(each is None or isinstance(each, types.FunctionType) for each in (getter, setter))


def holds(value: object, key: object) -> bool:
    """Whether a dictionary has a key of a sort that is compared without running anybody's code."""
    return type(key) in _KEYS and cast("bool", _CONTAINS(value, key))


def _called(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
