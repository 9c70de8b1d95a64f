"""What each instruction of CPython 3.11 reads and writes, told from what is on the stack before it."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, cast

from acpool_spec.exploration.footprints.calls import call
from acpool_spec.exploration.footprints.cells import ITEM
from acpool_spec.exploration.footprints.kinds import Kind, kind_of, written_in_python
from acpool_spec.exploration.footprints.notes import Notes
from acpool_spec.exploration.footprints.stack import Stack


class At(NamedTuple):
    """An instruction about to be executed: its argument, as a number and as what it stands for."""

    stack: Stack
    frame: types.FrameType
    number: int
    meaning: Any


Meaning: TypeAlias = Callable[[Notes, At], None]
_ABSENT = object()


def _global(notes: Notes, at: At) -> None:
    name, names = at.meaning, at.frame.f_globals
    notes.read(names, ITEM, name)
    if name not in names:
        notes.read(at.frame.f_builtins, ITEM, name)


def _set_global(notes: Notes, at: At) -> None:
    notes.write(at.frame.f_globals, ITEM, at.meaning)


def _name(notes: Notes, at: At) -> None:
    """In the body of a class, which has names of its own, or of a module."""
    own = at.frame.f_locals
    if own is at.frame.f_globals or at.meaning not in own:
        _global(notes, at)


def _set_name(notes: Notes, at: At) -> None:
    if at.frame.f_locals is at.frame.f_globals:
        _set_global(notes, at)


def _cell(notes: Notes, at: At) -> None:
    notes.read(at.stack.variable(at.number), ITEM)


def _set_cell(notes: Notes, at: At) -> None:
    notes.write(at.stack.variable(at.number), ITEM)


def _attribute(notes: Notes, at: At) -> None:
    notes.get_attribute(at.stack.peek(1), at.meaning)


def _set_attribute(notes: Notes, at: At) -> None:
    notes.set_attribute(at.stack.peek(1), at.meaning)


def _item(notes: Notes, at: At) -> None:
    notes.get_item(at.stack.peek(2), at.stack.peek(1))


def _set_item(notes: Notes, at: At) -> None:
    notes.set_item(at.stack.peek(2), at.stack.peek(1))


def _delete_item(notes: Notes, at: At) -> None:
    notes.delete_item(at.stack.peek(2), at.stack.peek(1))


def _contains(notes: Notes, at: At) -> None:
    notes.look_up(at.stack.peek(1), at.stack.peek(2))


def _compare(notes: Notes, at: At) -> None:
    notes.compare(at.stack.peek(1))
    notes.compare(at.stack.peek(2))


_FIRST_IN_PLACE = 13


def _binary(notes: Notes, at: At) -> None:
    left, right = at.stack.peek(2), at.stack.peek(1)
    notes.compare(left)
    notes.compare(right)
    if at.number >= _FIRST_IN_PLACE and kind_of(left) is Kind.CONTAINER:
        notes.write(left, ITEM)
    if kind_of(left) in (Kind.FUTURE, Kind.CONTEXT, Kind.RUNNING):
        notes.unknown("an operator on something that has none")


def _unary(notes: Notes, at: At) -> None:
    notes.compare(at.stack.peek(1))


def _test(notes: Notes, at: At) -> None:
    notes.test(at.stack.peek(1))


def _get_iterator(notes: Notes, at: At) -> None:
    notes.begin_iteration(at.stack.peek(1))


def _iterate(notes: Notes, at: At) -> None:
    notes.iterate(at.stack.peek(1))


def _exhaust(notes: Notes, at: At) -> None:
    notes.exhaust(at.stack.peek(1))


def _exhaust_mapping(notes: Notes, at: At) -> None:
    if kind_of(at.stack.peek(1)) is not Kind.CONTAINER:
        notes.unknown("a mapping that is no dictionary is unpacked")
    notes.compare(at.stack.peek(1))


def _member(notes: Notes, at: At) -> None:
    """One more in something that was just made: what matters is whether it can be compared."""
    notes.compare(at.stack.peek(1)) if kind_of(at.stack.peek(1)) in (Kind.SCALAR, Kind.TUPLE) else None


def _send(notes: Notes, at: At) -> None:
    notes.resume(at.stack.peek(2))


def _awaitable(notes: Notes, at: At) -> None:
    value = at.stack.peek(1)
    if kind_of(value) in (Kind.FUTURE, Kind.RUNNING) or written_in_python(type(value), "__await__"):
        return
    notes.unknown(f"{type(value).__qualname__} is awaited")


def _yield_from(notes: Notes, at: At) -> None:
    value = at.stack.peek(1)
    if kind_of(value) not in (Kind.FUTURE, Kind.RUNNING):
        notes.begin_iteration(value)


def _shown(notes: Notes, at: At) -> None:
    with_specification = at.number & 4
    notes.compare(at.stack.peek(2 if with_specification else 1))


def _length(notes: Notes, at: At) -> None:
    notes.test(at.stack.peek(1))


def _enter(enter: str, leave: str) -> Meaning:
    def effect(notes: Notes, at: At) -> None:
        value = at.stack.peek(1)
        for name in (enter, leave):
            if not written_in_python(type(value), name):
                if kind_of(value) is not Kind.LOCK:
                    notes.unknown(f"{type(value).__qualname__} is entered")
                return
            notes.get_attribute(value, name)

    return effect


def _leave(notes: Notes, at: At) -> None:
    call(notes, at.stack.peek(4), [])


def _call(notes: Notes, at: At) -> None:
    count = at.number
    stack = at.stack
    given = [stack.peek(place) for place in range(count, 0, -1)]
    called = stack.peek(count + 1)
    try:
        method = stack.peek(count + 2)
    except LookupError:
        method = _ABSENT
    if method is _ABSENT:
        call(notes, called, given)
    else:
        call(notes, method, [called, *given])


def _call_with_all(notes: Notes, at: At) -> None:
    with_names = at.number & 1
    stack = at.stack
    rest = stack.peek(1 + with_names)
    called = stack.peek(2 + with_names)
    if type(rest) is not tuple and type(rest) is not list:
        notes.exhaust(rest)
        if type(notes.unwrap(called, [])[0]) is not types.FunctionType:
            notes.unknown("the arguments of a call to C are made on the way")
        return
    given: list[object] = list(cast("list[object]", rest))
    if with_names:
        names = stack.peek(1)
        if type(names) is not dict:
            notes.unknown("the arguments of a call are made on the way")
            return
        given += cast("dict[object, object]", names).values()
    call(notes, called, given)


def _raise(notes: Notes, at: At) -> None:
    for place in range(at.number):
        raised = at.stack.peek(1 + place)
        if isinstance(raised, type):
            call(notes, raised, [])


def _split(notes: Notes, at: At) -> None:
    """A group of exceptions is taken apart, or put together again."""
    notes.compare(at.stack.peek(1))
    notes.compare(at.stack.peek(2))
    if isinstance(at.stack.peek(2), BaseException):
        notes.write(at.stack.peek(2), ITEM)


_SILENT = frozenset({
    *("NOP", "RESUME", "POP_TOP", "COPY", "SWAP", "PUSH_NULL", "LOAD_CONST", "LOAD_FAST"),
    *("STORE_FAST", "DELETE_FAST", "LOAD_CLOSURE", "MAKE_CELL", "COPY_FREE_VARS"),
    *("RETURN_GENERATOR", "RETURN_VALUE", "JUMP_FORWARD", "JUMP_BACKWARD"),
    *("JUMP_BACKWARD_NO_INTERRUPT", "KW_NAMES", "PRECALL", "MAKE_FUNCTION", "BUILD_TUPLE"),
    *("BUILD_LIST", "BUILD_STRING", "BUILD_SLICE", "BUILD_MAP", "BUILD_SET", "BUILD_CONST_KEY_MAP"),
    *("IS_OP", "PUSH_EXC_INFO", "POP_EXCEPT", "RERAISE", "CHECK_EXC_MATCH", "LOAD_ASSERTION_ERROR"),
    *("LOAD_BUILD_CLASS", "SETUP_ANNOTATIONS", "YIELD_VALUE", "CACHE", "LIST_TO_TUPLE"),
    *("LIST_APPEND", "END_ASYNC_FOR", "MATCH_MAPPING", "MATCH_SEQUENCE", "POP_JUMP_FORWARD_IF_NONE"),
    *("POP_JUMP_FORWARD_IF_NOT_NONE", "POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE"),
})  # fmt: skip
_EFFECTS: dict[str, Meaning] = {
    "LOAD_GLOBAL": _global,
    "STORE_GLOBAL": _set_global,
    "DELETE_GLOBAL": _set_global,
    "LOAD_NAME": _name,
    "STORE_NAME": _set_name,
    "DELETE_NAME": _set_name,
    "LOAD_DEREF": _cell,
    "LOAD_CLASSDEREF": _cell,
    "STORE_DEREF": _set_cell,
    "DELETE_DEREF": _set_cell,
    "LOAD_ATTR": _attribute,
    "LOAD_METHOD": _attribute,
    "STORE_ATTR": _set_attribute,
    "DELETE_ATTR": _set_attribute,
    "BINARY_SUBSCR": _item,
    "STORE_SUBSCR": _set_item,
    "DELETE_SUBSCR": _delete_item,
    "CONTAINS_OP": _contains,
    "COMPARE_OP": _compare,
    "BINARY_OP": _binary,
    **dict.fromkeys(("UNARY_POSITIVE", "UNARY_NEGATIVE", "UNARY_INVERT"), _unary),
    **dict.fromkeys(
        (
            *(
                "UNARY_NOT",
                "POP_JUMP_FORWARD_IF_TRUE",
                "POP_JUMP_FORWARD_IF_FALSE",
                "POP_JUMP_BACKWARD_IF_TRUE",
            ),
            *("POP_JUMP_BACKWARD_IF_FALSE", "JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP"),
        ),
        _test,
    ),
    "GET_ITER": _get_iterator,
    "FOR_ITER": _iterate,
    **dict.fromkeys(("UNPACK_SEQUENCE", "UNPACK_EX", "LIST_EXTEND", "SET_UPDATE"), _exhaust),
    **dict.fromkeys(("DICT_UPDATE", "DICT_MERGE"), _exhaust_mapping),
    **dict.fromkeys(("SET_ADD", "MAP_ADD"), _member),
    "SEND": _send,
    "GET_AWAITABLE": _awaitable,
    "GET_YIELD_FROM_ITER": _yield_from,
    "FORMAT_VALUE": _shown,
    "GET_LEN": _length,
    "BEFORE_WITH": _enter("__enter__", "__exit__"),
    "BEFORE_ASYNC_WITH": _enter("__aenter__", "__aexit__"),
    "WITH_EXCEPT_START": _leave,
    "CALL": _call,
    "CALL_FUNCTION_EX": _call_with_all,
    "RAISE_VARARGS": _raise,
    "CHECK_EG_MATCH": _split,
    "PREP_RERAISE_STAR": _split,
}
"""Every other instruction is not known, and neither is a step that has one."""


class Instruction(NamedTuple):
    """``meaning`` is None where nothing is touched."""

    effect: Meaning | None
    number: int
    meaning: Any


_TABLES: dict[int, tuple[types.CodeType, dict[int, Instruction]]] = {}
_MOST = 4096


def table_of(code: types.CodeType) -> dict[int, Instruction]:
    """The instructions of ``code`` by their offsets; an argument in several pieces is found at the first of them, too."""
    known = _TABLES.get(id(code))
    if known is None:
        if len(_TABLES) >= _MOST:
            _TABLES.clear()
        known = _TABLES[id(code)] = code, _read(code)
    return known[1]


def _read(code: types.CodeType) -> dict[int, Instruction]:
    table: dict[int, Instruction] = {}
    pieces: list[int] = []
    for each in dis.get_instructions(code):
        if each.opname == "EXTENDED_ARG":
            pieces.append(each.offset)
            continue
        effect = None if each.opname in _SILENT else _EFFECTS.get(each.opname, _unknown)
        meaning = each.opname if effect is _unknown else each.argval
        found = Instruction(effect, each.arg or 0, meaning)
        for offset in (*pieces, each.offset):
            table[offset] = found
        pieces.clear()
    return table


def _unknown(notes: Notes, at: At) -> None:
    notes.unknown(f"the instruction {at.meaning}")
