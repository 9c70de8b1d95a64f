"""What a call does that no instruction tells: functions and methods written in C. One that is in no table is not known."""

from __future__ import annotations

import _asyncio
import _bisect
import _heapq
import asyncio
import builtins
import contextvars
import sys
import types
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from acpool_spec.exploration.footprints.cells import CONTROL, ITEM, OUTPUT, RESULT, WHOLE, WRITE
from acpool_spec.exploration.footprints.kinds import HEAP_TYPE, Kind, base_of, found_in_class, kind_of
from acpool_spec.exploration.footprints.notes import Notes, holds

Given: TypeAlias = list[object]
Effect: TypeAlias = Callable[[Notes, Given], None]
"""Takes the arguments, the object itself first where it is a method."""


def call(notes: Notes, called: object, given: Given) -> None:
    """``called`` is called with ``given``, those by keyword last."""
    called, given = notes.unwrap(called, given)
    kind = type(called)
    if kind is types.FunctionType:
        return
    if isinstance(called, type):
        _make(notes, called, given)
    elif kind is types.BuiltinFunctionType:
        owner: object = cast("types.BuiltinFunctionType", called).__self__
        if owner is None or isinstance(owner, types.ModuleType):
            _apply(notes, _FUNCTIONS.get(_key(called)), called, given)
        elif isinstance(owner, type):
            _class_method(notes, owner, called, given)
        else:
            _method(notes, owner, called, given)
    elif kind is types.MethodWrapperType:
        _method(notes, cast("types.MethodWrapperType", called).__self__, called, given)
    elif kind in (types.MethodDescriptorType, types.WrapperDescriptorType) and given:
        _method(notes, given[0], called, given[1:])
    elif kind is types.ClassMethodDescriptorType and given and isinstance(given[0], type):
        _class_method(notes, given[0], called, given[1:])
    elif not isinstance(found_in_class(kind, "__call__"), types.FunctionType):
        notes.unknown(f"a call of {_named(called)}")


def _apply(notes: Notes, effect: Effect | None, called: object, given: Given) -> None:
    if effect is None:
        notes.unknown(f"a call of {_named(called)}")
    else:
        effect(notes, given)


def _key(called: object) -> tuple[str, str]:
    return str(getattr(called, "__module__", None)), str(getattr(called, "__name__", ""))


def _named(called: object) -> str:
    name = getattr(called, "__qualname__", None) or type(called).__qualname__
    return f"{getattr(called, '__module__', None) or type(called).__module__}.{name}"


# What leaves no trace but in what is made.


def _nothing(notes: Notes, given: Given) -> None:
    """It reads and writes nothing that changes."""


def _compares(notes: Notes, given: Given) -> None:
    for value in given:
        notes.compare(value)


def _exhausts(notes: Notes, given: Given) -> None:
    """It takes all that is in its first argument, or compares several."""
    for value in given[:1]:
        notes.compare(value) if kind_of(value) in (
            Kind.TUPLE,
            Kind.CONTAINER,
            Kind.SCALAR,
        ) else notes.exhaust(value)
    _compares(notes, [value for value in given[1:] if kind_of(value) is not Kind.CODE])


def _iterates_each(notes: Notes, given: Given) -> None:
    for value in given:
        if kind_of(value) not in (Kind.CODE, Kind.TYPE):
            notes.begin_iteration(value)


def _exhausts_each(notes: Notes, given: Given) -> None:
    for value in given:
        if kind_of(value) not in (Kind.CODE, Kind.TYPE, Kind.SCALAR):
            notes.exhaust(value)


def _tests(notes: Notes, given: Given) -> None:
    for value in given:
        notes.test(value)


def _length(notes: Notes, given: Given) -> None:
    if kind_of(given[0]) is Kind.PLAIN:
        if not isinstance(found_in_class(type(given[0]), "__len__"), types.FunctionType):
            notes.unknown("the length of something")
    else:
        notes.test(given[0])


def _next(notes: Notes, given: Given) -> None:
    notes.iterate(given[0])


def _iter(notes: Notes, given: Given) -> None:
    if len(given) != 1:
        notes.unknown("iter() of a function")
    notes.begin_iteration(given[0])


def _get_attribute(notes: Notes, given: Given) -> None:
    notes.get_attribute(given[0], cast("str", given[1]))


def _set_attribute(notes: Notes, given: Given) -> None:
    notes.set_attribute(given[0], cast("str", given[1]))


def _print(notes: Notes, given: Given) -> None:
    _compares(notes, given)
    notes.note(OUTPUT, ITEM, WHOLE, WRITE)


def _heap(notes: Notes, given: Given) -> None:
    _compares(notes, given)
    notes.write(given[0], ITEM)


_FUNCTIONS: dict[tuple[str, str], Effect] = {
    **{
        _key(function): _nothing
        for function in (
            *(isinstance, issubclass, id, callable, chr, ord, builtins.__build_class__),
            *(asyncio.get_running_loop, asyncio._get_running_loop, _asyncio.get_event_loop),
            *(contextvars.copy_context, sys.intern, sys.getrecursionlimit, sys.exc_info),
        )
    },
    **{_key(function): _compares for function in (repr, ascii, hash, abs, divmod, pow, round, bin, hex, oct, format)},
    **{_key(function): _exhausts for function in (min, max, sum, any, all, sorted)},
    **{_key(function): _heap for function in (
        *(_heapq.heappush, _heapq.heappop, _heapq.heapify, _heapq.heapreplace, _heapq.heappushpop),
        *(_bisect.insort_left, _bisect.insort_right),
    )},
    **{_key(function): _compares for function in (_bisect.bisect_left, _bisect.bisect_right)},
    # What they remember is what they would find again.
    **dict.fromkeys((("_abc", "_abc_instancecheck"), ("_abc", "_abc_subclasscheck")), _nothing),
    ("_asyncio", "_get_event_loop"): _nothing,
    ("_functools", "reduce"): lambda notes, given: _exhausts_each(notes, given[1:]),
    _key(len): _length,
    _key(next): _next,
    _key(iter): _iter,
    _key(getattr): _get_attribute,
    _key(hasattr): _get_attribute,
    _key(setattr): _set_attribute,
    _key(delattr): _set_attribute,
    _key(print): _print,
}  # fmt: skip


# Classes.

_MADE: dict[type, Effect] = {
    **dict.fromkeys(
        (object, slice, property, classmethod, staticmethod, asyncio.Future, asyncio.Task, types.CellType),
        _nothing,
    ),
    **dict.fromkeys((range, int, float, complex, str, bytes), _compares),
    **dict.fromkeys((list, tuple, set, frozenset, dict, deque), _exhausts_each),
    **dict.fromkeys((enumerate, zip, map, filter, reversed), _iterates_each),
    bool: _tests,
    super: _nothing,
    types.FunctionType: _nothing,
    types.MethodType: _nothing,
    contextvars.ContextVar: _nothing,
}


def _make(notes: Notes, kind: type, given: Given) -> None:
    """An instance of ``kind`` is made; ``type`` with one argument tells the class of it."""
    if kind is type:
        if len(given) != 1:
            notes.unknown("a class is made")
        return
    if not isinstance(found_in_class(type(kind), "__call__"), types.FunctionType):
        for name in ("__new__", "__init__"):
            if not isinstance(found_in_class(kind, name), types.FunctionType | staticmethod):
                _construct(notes, kind, given)
                return


def _construct(notes: Notes, kind: type, given: Given) -> None:
    sort, base = base_of(kind)
    if sort is Kind.ERROR:
        return
    if base is object and kind.__flags__ & HEAP_TYPE:
        return
    for made in base.__mro__:
        effect = _MADE.get(made)
        if effect is not None:
            if made is object and base is not object:
                break
            effect(notes, given)
            return
    if base.__name__ in ("OrderedDict", "defaultdict"):
        _exhausts_each(notes, given)
    elif sort is Kind.PARTIAL:
        return
    else:
        notes.unknown(f"{kind.__module__}.{kind.__qualname__} is made")


# Methods.

_READS: dict[type, str] = {
    list: "copy count index __len__ __getitem__ __contains__ __iter__ __reversed__ __eq__",
    dict: "copy keys values items __len__ __iter__ __reversed__ __eq__ __or__",
    set: "copy union intersection difference symmetric_difference issubset issuperset isdisjoint __len__ __iter__ __eq__",
    deque: "copy count index __len__ __iter__ __reversed__ __eq__",
}
_WRITES: dict[type, str] = {
    list: "append extend insert remove pop clear reverse sort __init__ __setitem__ __delitem__ __iadd__",
    dict: "pop popitem clear update __init__ __delitem__ move_to_end",
    set: "add discard remove pop clear update difference_update intersection_update symmetric_difference_update __init__",
    deque: "append appendleft pop popleft extend extendleft rotate clear remove insert reverse __init__",
}
_TAKES_ALL = frozenset({
    *("extend", "extendleft", "update", "union", "intersection", "difference"),
    *("symmetric_difference", "issubset", "issuperset", "isdisjoint", "join", "difference_update"),
    *("intersection_update", "symmetric_difference_update", "__init__"),
})  # fmt: skip
_COMPARES_ALL = frozenset(["remove", "count", "index", "__eq__", "__contains__", "sort"])
_ENDS = frozenset(["done", "result", "exception", "cancelled", "_make_cancelled_error"])
_CHANGES = frozenset(["set_result", "set_exception", "add_done_callback", "remove_done_callback"])
_DRIVES = frozenset(["uncancel", "set_name"])
_DRIVEN = frozenset(["cancelling", "get_name", "get_coro", "get_context", "get_stack"])
_WORDS = {
    (base, name): how
    for table, how in ((_READS, "r"), (_WRITES, "w"))
    for base, names in table.items()
    for name in names.split()
}


def _method(notes: Notes, owner: object, called: object, given: Given) -> None:
    """A method of ``owner`` that is written in C."""
    name = str(getattr(called, "__name__", ""))
    kind = kind_of(owner)
    if (
        name in ("__init__", "__new__", "__init_subclass__", "__subclasshook__")
        and _defined_by(called) is object
    ):
        return
    if name in ("__getattribute__", "__getattr__") and given:
        notes.get_attribute(owner, cast("str", given[0]))
    elif name in ("__setattr__", "__delattr__") and given:
        notes.set_attribute(owner, cast("str", given[0]))
    else:
        effect = _METHODS.get(kind)
        if effect is None or not effect(notes, owner, name, given):
            notes.unknown(f"a call of {_named(called)}")


def _of_container(notes: Notes, owner: object, name: str, given: Given) -> bool:
    _method_of_container(notes, owner, base_of(type(owner))[1], name, given)
    return True


def _of_future(notes: Notes, owner: object, name: str, given: Given) -> bool:
    _method_of_future(notes, owner, name)
    return True


def _of_constant(notes: Notes, owner: object, name: str, given: Given) -> bool:
    notes.compare(owner)
    for value in given:
        notes.exhaust(value) if name == "join" else notes.compare(value)
    return True


def _of_running(notes: Notes, owner: object, name: str, given: Given) -> bool:
    if name in ("send", "throw", "close", "__next__"):
        notes.resume(owner)
        return True
    return name in ("__iter__", "__await__")


def _of_view(notes: Notes, owner: object, name: str, given: Given) -> bool:
    if name in ("__next__", "__iter__", "__length_hint__"):
        notes.iterate(owner)
        return True
    return False


def _of_error(notes: Notes, owner: object, name: str, given: Given) -> bool:
    notes.write(owner, ITEM)
    return name in ("__init__", "with_traceback", "add_note", "__str__", "__repr__")


def _of_context(notes: Notes, owner: object, name: str, given: Given) -> bool:
    (notes.read if name == "get" else notes.write)(owner, ITEM)
    return type(owner) is contextvars.ContextVar and name in ("get", "set", "reset")


def _of_lock(notes: Notes, owner: object, name: str, given: Given) -> bool:
    notes.write(owner, ITEM)
    return name in ("acquire", "release", "locked", "__enter__", "__exit__")


def _of_plain(notes: Notes, owner: object, name: str, given: Given) -> bool:
    _compares(notes, given)
    return name in ("__eq__", "__ne__", "__hash__", "__repr__", "__str__", "__format__")


def _of_type(notes: Notes, owner: object, name: str, given: Given) -> bool:
    return name in ("mro", "__instancecheck__", "__subclasscheck__")


_METHODS: dict[Kind, Callable[[Notes, object, str, Given], bool]] = {
    Kind.CONTAINER: _of_container,
    Kind.FUTURE: _of_future,
    Kind.SCALAR: _of_constant,
    Kind.TUPLE: _of_constant,
    Kind.RUNNING: _of_running,
    Kind.AWAITS: _of_running,
    Kind.VIEW: _of_view,
    Kind.ERROR: _of_error,
    Kind.CONTEXT: _of_context,
    Kind.LOCK: _of_lock,
    Kind.PLAIN: _of_plain,
    Kind.TYPE: _of_type,
}
"""By the sort of the object: notes what a method does; False for one that is not known."""


def _defined_by(called: object) -> object:
    owner = getattr(called, "__objclass__", None)
    if owner is None and type(called) is types.MethodWrapperType:
        kind: type = called.__self__.__class__
        owner = getattr(found_in_class(kind, called.__name__), "__objclass__", None)
        if owner is None:  # of a class that has its own in Python, and asks what is above it
            owner = object if base_of(kind)[0] is Kind.PLAIN else None
    return owner


def _method_of_container(notes: Notes, owner: object, base: type, name: str, given: Given) -> None:
    sort = next((each for each in (list, dict, set, deque) if issubclass(base, each)), list)
    if sort is dict and name in ("get", "setdefault") and given:
        if name == "get" or holds(owner, given[0]):
            notes.look_up(owner, given[0])
        else:
            notes.set_item(owner, given[0])
        return
    if name in ("__getitem__", "__setitem__", "__delitem__") and given:
        {"__getitem__": notes.get_item, "__setitem__": notes.set_item, "__delitem__": notes.delete_item}[
            name
        ](owner, given[0])
        return
    if name == "__contains__" and given:
        notes.look_up(owner, given[0])
        return
    how = _WORDS.get((sort, name))
    if how is None:
        notes.unknown(f"the method {name} of {sort.__name__}")
        return
    if name in _TAKES_ALL:
        _exhausts_each(notes, given)
    elif sort is set or sort is dict or name in _COMPARES_ALL:
        _compares(notes, [value for value in given if kind_of(value) is not Kind.CODE])
    if name in _COMPARES_ALL:
        notes.compare(owner)
    (notes.read if how == "r" else notes.write)(owner, ITEM)


def _method_of_future(notes: Notes, owner: object, name: str) -> None:
    if name in _ENDS:
        notes.read(owner, RESULT)
    elif name in _CHANGES:
        notes.write(owner, RESULT)
    elif name == "cancel":
        cancel(notes, owner)
    elif name in _DRIVES:
        notes.write(owner, CONTROL)
    elif name in _DRIVEN:
        notes.read(owner, CONTROL)
    elif name == "__init__":
        notes.write(owner, RESULT)
        notes.write(owner, CONTROL)
    elif name not in ("get_loop", "__await__", "__iter__"):
        notes.unknown(f"the method {name} of a future")


def cancel(notes: Notes, owner: object) -> None:
    """A task that is cancelled cancels what it waits for, and that what it waits for."""
    seen: set[int] = set()
    waiting: Any = owner
    while waiting is not None and id(waiting) not in seen:
        seen.add(id(waiting))
        notes.write(waiting, RESULT)
        notes.write(waiting, CONTROL)
        waiting = getattr(waiting, "_fut_waiter", None) if kind_of(waiting) is Kind.FUTURE else None


def _class_method(notes: Notes, owner: type, called: object, given: Given) -> None:
    name = str(getattr(called, "__name__", ""))
    if name == "__new__" and given and isinstance(given[0], type):
        _construct(notes, owner, given[1:])
    elif name == "__init_subclass__":
        return
    elif name == "fromkeys":
        _exhausts_each(notes, given)
    else:
        notes.unknown(f"a call of {owner.__qualname__}.{name}")
