"""What values consist of, for the comparison of states: one function a type, and a refusal for all types that have none."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import functools
import gc
import itertools
import random
import sys
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, cast

from acpool_spec.driven import DrivenLoop, Offer
from acpool_spec.exploration.module_state import (
    NONE,
    OPAQUE,
    Variables,
    is_state,
    variables_of,
    variables_of_class,
)
from acpool_spec.lanes import STEP_TYPE, Entry, Lane, LaneHandle
from acpool_spec.loop import DeterministicLoop
from acpool_spec.tasks import SimulatedFuture, SimulatedTask
from acpool_spec.timers import Timer

_FRAMES = {
    types.CoroutineType: "cr_frame",
    types.GeneratorType: "gi_frame",
    types.AsyncGeneratorType: "ag_frame",
}
_FRAME_PARTS = frozenset({types.CodeType, types.FrameType})
_UNSET = object()


class _Unset:
    """Stands for a variable that nobody has set."""


_HEAP_TYPE = 1 << 9
_STANDARD = frozenset(sys.stdlib_module_names)


class NotCanonical(Exception):
    """The state contains something whose content cannot be looked into; the message names its type."""


class Walk(Protocol):
    """What the functions below say what they found to."""

    @property
    def loop(self) -> DeterministicLoop:
        """The loop of the run."""
        ...

    @property
    def around(self) -> contextvars.Context:
        """The context in which the run was started."""
        ...

    def say(self, word: str) -> None:
        """Note a fact."""
        ...

    def note(self, words: tuple[object, ...]) -> None:
        """Note several facts in one, as ``marshal`` can write them down; the names of what is visited next, say."""
        ...

    def visit(self, value: object) -> None:
        """Note a value, and what it consists of when its turn comes."""
        ...

    def each(self, values: Iterable[object]) -> None:
        """Visit several values, in this order: as many as a fact noted before says, or as a handler always visits."""
        ...

    def all(self, values: Iterable[object]) -> None:
        """Visit several values, in this order, and note how many."""
        ...

    def number_of(self, entry: Entry) -> int | None:
        """Which of the ready callbacks ``entry`` is; None where it is none of them."""
        ...


Handler = Callable[[Walk, Any], None]


class Shape(NamedTuple):
    """Of a class written in Python: its name, how to look at the builtin type under it, what its methods can reach; whether its
    objects have a ``__dict__``; its slots, the attributes under which these are found, and what reads them all at once."""

    name: str
    besides: Handler | None
    reached: Variables
    has_members: bool
    slots: tuple[str, ...]
    attributes: tuple[str, ...]
    read: Callable[[object], Iterable[object]] | None


_SEEN: dict[type, tuple[tuple[str], Handler]] = {}
_SHAPES: dict[type, Shape] = {}
_PLACES: dict[int, tuple[types.CodeType, tuple[str]]] = {}
_MOST = 4096


def look_of(value: object) -> tuple[tuple[str], Handler]:
    """The name of the type of ``value``, and the function that tells what it consists of. Raises :class:`NotCanonical`."""
    kind = type(value)
    known = _SEEN.get(kind)
    if known is None:
        _make_room(_SEEN)
        known = _SEEN[kind] = (kind.__qualname__,), _KNOWN.get(kind) or _find_handler(kind, value)
    return known


def _find_handler(kind: type, value: object) -> Handler:
    for base, handler in _BASES:
        if isinstance(value, base):
            return handler
    if kind.__flags__ & _HEAP_TYPE:
        return _told if hasattr(kind, "canonical_state") else _object
    raise NotCanonical(f"{kind.__module__}.{kind.__qualname__}")


def _opaque(walk: Walk, value: Any) -> None:
    walk.say(_called(value))


def _called(value: Any) -> str:
    name = (
        getattr(value, "__qualname__", None)
        or getattr(value, "__name__", None)
        or getattr(value, "name", None)
    )
    return f"{getattr(value, '__module__', '')}.{name or repr(value)}"


def _builtin(walk: Walk, value: types.BuiltinMethodType) -> None:
    walk.say(value.__name__)
    if not isinstance(value.__self__, types.ModuleType):
        walk.visit(value.__self__)


def _class(walk: Walk, value: type) -> None:
    _opaque(walk, value)
    if value.__module__.partition(".")[0] in _STANDARD:
        return
    for name, member in list(vars(value).items()):
        if is_state(name, member) or (isinstance(member, types.FunctionType) and member.__closure__):
            walk.say(name)
            walk.visit(member)
    _reached(walk, variables_of_class(value))


def _sequence(walk: Walk, value: Iterable[object]) -> None:
    walk.all(value)


def _mapping(walk: Walk, value: dict[object, object]) -> None:
    walk.all(value)
    walk.each(value.values())
    if isinstance(value, defaultdict):
        walk.visit(value.default_factory)


def _deque(walk: Walk, value: deque[object]) -> None:
    walk.say(repr(value.maxlen))
    walk.all(value)


def _function(walk: Walk, value: types.FunctionType) -> None:
    code = value.__code__
    walk.note(_place(code))
    walk.each((value.__closure__, value.__defaults__, value.__kwdefaults__))
    _reached(walk, variables_of(code, value.__globals__))


def _reached(walk: Walk, variables: Variables) -> None:
    """The variables of modules and classes that code can reach."""
    if variables is NONE:
        return
    if variables.named:
        walk.each([names.get(name, _Unset) for names, name in variables.named])
    if variables.held:
        walk.each(variables.held)


def _make_room(known: dict[Any, Any]) -> None:
    """What is kept of classes and code is bounded: each run may make its own."""
    if len(known) >= _MOST:
        known.clear()


def _place(code: types.CodeType) -> tuple[str]:
    known = _PLACES.get(id(code))  # by identity: a code object's hash is that of all its contents
    if known is None:
        _make_room(_PLACES)
        known = _PLACES[id(code)] = code, (f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}",)
    return known[1]


def _cell(walk: Walk, value: types.CellType) -> None:
    try:
        walk.visit(value.cell_contents)
    except ValueError:
        walk.say("empty")


def _method(walk: Walk, value: types.MethodType) -> None:
    walk.each((value.__self__, value.__func__))


def _partial(walk: Walk, value: functools.partial[object]) -> None:
    walk.visit(value.func)
    walk.all(value.args)
    _mapping(walk, cast("dict[object, object]", value.keywords))


def _enum(walk: Walk, value: enum.Enum) -> None:
    walk.say(f"{type(value).__module__}.{type(value).__qualname__}.{value.name}")


def _reduced(walk: Walk, value: Any) -> None:
    walk.all(value.__reduce__()[1:])


def _random(walk: Walk, value: random.Random) -> None:
    walk.say(repr(value.getstate()))


def _weak(walk: Walk, value: weakref.ref[object]) -> None:
    walk.visit(value())


def _context(walk: Walk, value: contextvars.Context) -> None:
    for variable in sorted(value, key=lambda known: known.name):
        if value[variable] is not walk.around.get(variable):
            walk.say(variable.name)
            walk.visit(value[variable])


def _error(walk: Walk, value: BaseException) -> None:
    _opaque(walk, type(value))
    walk.visit(value.args)
    _mapping(walk, cast("dict[object, object]", value.__dict__))
    for other in (value.__cause__, value.__context__):
        walk.visit(other)


def _object(walk: Walk, value: object) -> None:
    """An object of a class written in Python: its attributes, and what it is besides."""
    shape = _shape(type(value))
    walk.say(shape.name)
    if shape.besides is not None:
        shape.besides(walk, value)
    _attributes(walk, value)
    if shape.reached is not NONE:
        _reached(walk, shape.reached)


def _told(walk: Walk, value: Any) -> None:
    """An object that says itself what of it the rest of the run can depend on: an observer, whose notes nobody acts on."""
    _opaque(walk, type(value))
    walk.visit(value.canonical_state())


def _attributes(walk: Walk, value: object) -> None:
    shape = _shape(type(value))
    if shape.has_members:
        members = value.__dict__
        walk.note(tuple(members))
        walk.each(members.values())
    read = shape.read
    if read is None:
        return
    try:
        found = read(value)
        walk.note(shape.slots)
    except AttributeError:  # some are not set
        members = {
            name: member
            for name, attribute in zip(shape.slots, shape.attributes, strict=True)
            if (member := getattr(value, attribute, _UNSET)) is not _UNSET
        }
        walk.note(tuple(members))
        found = members.values()
    walk.each(found)


def _shape(kind: type) -> Shape:
    known = _SHAPES.get(kind)
    if known is None:
        _make_room(_SHAPES)
        known = _SHAPES[kind] = _look_at(kind)
    return known


def _look_at(kind: type) -> Shape:
    besides: Handler | None = None
    for base in kind.__mro__[1:]:
        if not base.__flags__ & _HEAP_TYPE and base is not object:
            besides = _KNOWN.get(base)
            if besides is None and not issubclass(base, BaseException | asyncio.Future):
                raise NotCanonical(f"{kind.__module__}.{kind.__qualname__}, which is a {base.__qualname__}")
            break
    slots: list[str] = []
    attributes: list[str] = []
    for base in kind.__mro__:
        names: Any = base.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__"):
                hidden = name[:2] == "__" != name[-2:]
                slots.append(name)
                attributes.append(f"_{base.__name__.lstrip('_')}{name}" if hidden else name)
    return Shape(
        _called(kind),
        besides,
        variables_of_class(kind),
        _has_members(kind),
        tuple(slots),
        tuple(attributes),
        _reader(attributes),
    )


def _has_members(kind: type) -> bool:
    """Whether objects of the class show a ``__dict__``: those of asyncio's own classes have one, and do not show it."""
    return any(type(vars(base).get("__dict__")) is types.GetSetDescriptorType for base in kind.__mro__)


def _reader(attributes: Sequence[str]) -> Callable[[object], Iterable[object]] | None:
    """What reads ``attributes`` and raises ``AttributeError`` where one of them is not set; None where there are none."""
    if len(attributes) == 1:
        only = attrgetter(attributes[0])
        return lambda value: (only(value),)
    return attrgetter(*attributes) if attributes else None


def _future(walk: Walk, value: asyncio.Future[object]) -> None:
    future: Any = value
    state = future._state
    walk.note((state, repr(future._cancel_message), future._log_traceback))
    if state == "FINISHED":
        walk.visit(future._exception if future._exception is not None else future._result)
    for pair in future._callbacks or ():
        walk.each(pair)


def _foreign_future(walk: Walk, value: asyncio.Future[object]) -> None:
    """A future that the loop did not make, such as that of ``gather``."""
    _future(walk, value)
    _attributes(walk, value)


def _refuse(walk: Walk, value: object) -> None:
    raise NotCanonical(f"{type(value).__module__}.{type(value).__qualname__}")


def _task(walk: Walk, value: SimulatedTask) -> None:
    task: Any = value
    _future(walk, value)
    if value.done():
        return
    name = value.get_name()
    walk.say("" if name == f"Task-{value.serial}" else name)
    walk.each((task._must_cancel, value.cancelling(), task._fut_waiter, value.lane.context, value.get_coro()))


def _generator(walk: Walk, value: Any) -> None:
    """A suspended coroutine or generator. The collector knows what is on its stack, which Python shows nowhere else."""
    frame: types.FrameType | None = getattr(value, _FRAMES[type(value)])
    if frame is None:
        walk.say("ended")
        return
    code = frame.f_code
    bound, names = frame.f_locals, frame.f_globals
    walk.note((*_place(code), frame.f_lasti, *sorted(bound)))
    walk.all(
        [
            part
            for part in gc.get_referents(value)
            if part is not bound and part is not names and type(part) not in _FRAME_PARTS
        ]
    )
    _reached(walk, variables_of(code, names))


def _wrapper(walk: Walk, value: object) -> None:
    walk.all(gc.get_referents(value))


def _handle(walk: Walk, value: LaneHandle) -> None:
    number = None if value.entry is None else walk.number_of(value.entry)
    walk.say("cancelled" if value.cancelled() else "ran" if number is None else f"#{number}")


def _timer(walk: Walk, value: Timer) -> None:
    walk.say(f"{value.when()!r} {value.cancelled()}")
    walk.visit(value.handle)
    if not value.cancelled():
        walk.visit(value.function)
        walk.all(value.arguments)
        walk.visit(value.get_context())


def _offer(walk: Walk, value: Offer) -> None:
    walk.say(f"{value.name} {value in walk.loop.offers()}")
    walk.visit(value.callback)
    walk.all(value.arguments)


def _lane(walk: Walk, value: Lane) -> None:
    walk.say(value.name)


def _frozen(walk: Walk, value: object) -> None:
    walk.say(repr(value))


async def _nothing() -> None:
    """Only its types are of interest."""


async def _yields() -> AsyncGenerator[None, None]:
    """Only its types are of interest."""
    yield


def _awaitable_types() -> list[type]:
    """The types that stand between a coroutine and what it awaits; Python exports none of them."""
    coroutine, generator = _nothing(), _yields()
    future = asyncio.Future[None](loop=cast("asyncio.AbstractEventLoop", DeterministicLoop()))
    waiting: list[Any] = [
        coroutine.__await__(),
        future.__await__(),
        generator.asend(None),
        generator.aclose(),
    ]
    try:
        return [type(each) for each in waiting]
    finally:
        for each in waiting:
            each.close()  # one that nobody awaits would warn


_EMPTY: dict[object, object] = {}

_KNOWN: dict[type, Handler] = {
    tuple: _sequence,
    list: _sequence,
    set: _sequence,  # in the order in which it would be iterated over, which code can see
    frozenset: _sequence,
    dict: _mapping,
    defaultdict: _mapping,
    OrderedDict: _mapping,
    deque: _deque,
    bytearray: _frozen,
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinMethodType: _builtin,
    types.CellType: _cell,
    types.CoroutineType: _generator,
    types.GeneratorType: _generator,
    types.AsyncGeneratorType: _generator,
    functools.partial: _partial,
    random.Random: _random,
    contextvars.Context: _context,
    weakref.ref: _weak,
    LaneHandle: _handle,
    Timer: _timer,
    Offer: _offer,
    Lane: _lane,
    itertools.count: _reduced,
    type(iter([])): _reduced,
    type(iter(())): _reduced,
    type(iter(range(1))): _reduced,
    type(iter(_EMPTY)): _reduced,
    type(iter(_EMPTY.items())): _reduced,
    type(iter(_EMPTY.values())): _reduced,
    enumerate: _reduced,
    zip: _reduced,
    STEP_TYPE: _wrapper,
    **dict.fromkeys(_awaitable_types(), _wrapper),
}

_BASES: tuple[tuple[type | tuple[type, ...], Handler], ...] = (
    (SimulatedTask, _task),
    (SimulatedFuture, _future),
    (asyncio.Task, _refuse),
    (asyncio.Future, _foreign_future),
    (OPAQUE, _opaque),
    (type, _class),
    (enum.Enum, _enum),
    (BaseException, _error),
    (property, _opaque),
    (DrivenLoop, _opaque),
)
