"""What sort of thing a value is, as far as reading and writing it goes; ``UNKNOWN`` is what no table has."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import datetime
import decimal
import enum
import fractions
import functools
import itertools
import types
from collections import OrderedDict, defaultdict, deque
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from acpool_spec.loop import DeterministicLoop

HEAP_TYPE = 1 << 9


class Kind(Enum):
    """``PLAIN``: an instance of a class written in Python. ``VIEW``: an iterator, or a view, of something else."""

    SCALAR = "scalar"
    TUPLE = "tuple"
    CONTAINER = "container"
    FUTURE = "future"
    ERROR = "error"
    RUNNING = "running"
    AWAITS = "awaits"
    VIEW = "view"
    CODE = "code"
    PARTIAL = "partial"
    MODULE = "module"
    TYPE = "type"
    CELL = "cell"
    CONTEXT = "context"
    LOCK = "lock"
    PLAIN = "plain"
    UNKNOWN = "unknown"


async def _nothing() -> None:
    """Only its types are of interest."""


def _types_of_awaitables() -> tuple[type, type]:
    """Of ``coroutine.__await__()`` and ``future.__await__()``: Python exports neither."""
    coroutine = _nothing()
    future = asyncio.Future[None](loop=DeterministicLoop())
    waiting: list[Any] = [coroutine.__await__(), future.__await__()]
    try:
        return waiting[0].__class__, waiting[1].__class__
    finally:
        for each in waiting:
            each.close()  # one that nobody awaits would warn


COROUTINE_WRAPPER, FUTURE_ITERATOR = _types_of_awaitables()
_EMPTY: dict[object, object] = {}
_ORDERED: OrderedDict[object, object] = OrderedDict()
_LIST: list[object] = []

_BUILTIN: dict[type, Kind] = {
    **dict.fromkeys(
        (
            *(int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range, slice),
            *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
            *(decimal.Decimal, fractions.Fraction, types.CodeType, types.GenericAlias),
        ),
        Kind.SCALAR,
    ),
    **dict.fromkeys((tuple, frozenset), Kind.TUPLE),
    **dict.fromkeys((list, dict, set, deque, OrderedDict, defaultdict), Kind.CONTAINER),
    **dict.fromkeys((types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType), Kind.RUNNING),
    **dict.fromkeys((COROUTINE_WRAPPER, FUTURE_ITERATOR), Kind.AWAITS),
    **dict.fromkeys(
        (
            *(type(iter(_LIST)), type(reversed(_LIST)), type(iter(())), type(iter(range(0))), type(iter(set[int]()))),
            *(type(iter(deque[int]())), type(reversed(deque[int]())), type(iter("")), type(iter(b""))),
            *(type(iter(_EMPTY)), type(iter(_EMPTY.items())), type(iter(_EMPTY.values())), type(reversed(_EMPTY))),
            *(type(_EMPTY.keys()), type(_EMPTY.items()), type(_EMPTY.values()), type(iter(_ORDERED))),
            *(type(_ORDERED.keys()), type(_ORDERED.items()), type(_ORDERED.values())),
            *(enumerate, zip, map, filter, reversed, itertools.count, itertools.chain, itertools.repeat),
        ),
        Kind.VIEW,
    ),
    **dict.fromkeys(
        (
            *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType),
            *(types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType),
            *(types.GetSetDescriptorType, types.MemberDescriptorType, property, classmethod, staticmethod, super),
        ),
        Kind.CODE,
    ),
    functools.partial: Kind.PARTIAL,
    types.ModuleType: Kind.MODULE,
    type: Kind.TYPE,
    types.CellType: Kind.CELL,
    **dict.fromkeys((contextvars.ContextVar, contextvars.Context, contextvars.Token), Kind.CONTEXT),
    **dict.fromkeys((_thread.LockType, type(_thread.RLock())), Kind.LOCK),
    object: Kind.PLAIN,
}  # fmt: skip
_KNOWN: WeakKeyDictionary[type, tuple[Kind, type]] = WeakKeyDictionary()
_USUAL = {kind: (found, kind) for kind, found in _BUILTIN.items()}


def kind_of(value: object) -> Kind:
    """The sort of ``value``."""
    return base_of(type(value))[0]


def base_of(kind: type) -> tuple[Kind, type]:
    """The sort of the instances of a class, and the builtin class that they are made of."""
    known = _USUAL.get(kind) or _KNOWN.get(kind)
    if known is None:
        known = _KNOWN[kind] = _find(kind)
    return known


def _find(kind: type[Any]) -> tuple[Kind, type[Any]]:
    bases: tuple[type[Any], ...] = kind.__mro__
    for base in bases:
        if base in (asyncio.Future, asyncio.Task):
            return Kind.FUTURE, base
        if base is BaseException or (issubclass(base, BaseException) and not base.__flags__ & HEAP_TYPE):
            return Kind.ERROR, base
        if issubclass(kind, enum.Enum) and base in (int, str, object):
            return Kind.SCALAR, base  # the members of an enumeration are as constant as its class
        if base in _BUILTIN:
            return _BUILTIN[base], base
        if not base.__flags__ & HEAP_TYPE:
            break
    return Kind.UNKNOWN, object


_MISSING = object()


def found_in_class(kind: type, name: str) -> Any:
    """What the class or one of its bases has by that name; None for nothing."""
    for base in kind.__mro__:
        found = base.__dict__.get(name, _MISSING)
        if found is not _MISSING:
            return found
    return None


def written_in_python(kind: type, name: str) -> bool:
    """Whether a method of the class is a Python function, whose own instructions tell what it does."""
    return isinstance(
        found_in_class(kind, name), types.FunctionType | types.MethodType | staticmethod | classmethod
    )
